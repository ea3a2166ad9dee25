// Limits on a network's description. Descriptions come from files and peers, so all lengths and numbers are bounded before
// anything is computed from or allocated for them. Whether the network fits into memory is checked elsewhere. Pure.

/** Networks in today's literature have a few hundred layers; ResNet-152 has about 520 in Keras. */
export const MAX_LAYERS = 1000;

/** Inputs of one add or concatenate layer. */
export const MAX_INPUTS = 256;

/** In UTF-16 code units. A layer's name is part of its tensors' names in messages and checkpoints. */
export const MAX_NAME_LENGTH = 200;

/** Sides of one sample. With the batch that is four, the most that ops support. */
export const MAX_RANK = 3;

/** Height and width of images, windows, strides and borders: a product of two and a few channels stays within int32. */
export const MAX_SIDE = 4096;

/** Filters and units. For comparison, a dense layer that generates images of 224×224×3 has 150,528. */
export const MAX_UNITS = 2 ** 20;

/** Values of one sample in a layer's output: 256 MiB of float32, within the range of int32 indices. */
export const MAX_SAMPLE_VALUES = 2 ** 26;

/** Values of all parameters together: 2 GiB of float32, so that a 32-bit WebAssembly memory holds them and their gradients. */
export const MAX_PARAMETER_VALUES = 2 ** 29;

/** Magnitude of an initializer's numbers: much larger ones overflow float32 within a few layers. */
export const MAX_INITIAL_MAGNITUDE = 1e6;

/** Smaller values vanish beside a variance in float32. */
export const MIN_EPSILON = 1e-12;

/** Slope of leaky-relu or scale of elu below 0. */
export const MAX_ALPHA = 1000;

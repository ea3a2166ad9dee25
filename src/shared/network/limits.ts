// How large a network's description may be. Descriptions arrive in files and from peers, so every length and number in them
// is bounded before anything is computed from it or allocated for it. What fits into a machine's memory is checked where
// the memory is known. Pure.

/** Networks of today's literature have a few hundred layers; ResNet-152 has about 520 in Keras's count. */
export const MAX_LAYERS = 1000;

/** Inputs of one add or concatenate layer. */
export const MAX_INPUTS = 256;

/** UTF-16 code units; names are part of every tensor's name in messages and checkpoints. */
export const MAX_NAME_LENGTH = 200;

/** Sides of one sample, beside which a batch has one more: no op has more than four. */
export const MAX_RANK = 3;

/** Height and width of images, windows, strides and borders: products of two such and a few channels stay within int32. */
export const MAX_SIDE = 4096;

/** Filters and units: a dense layer that draws an image of 224×224×3 has 150,528. */
export const MAX_UNITS = 2 ** 20;

/** Of one sample behind one layer: 256 MiB of float32, and within what int32 can index. */
export const MAX_SAMPLE_VALUES = 2 ** 26;

/** Of all parameters together: 2 GiB of float32, what a 32-bit WebAssembly memory holds beside one gradient. */
export const MAX_PARAMETER_VALUES = 2 ** 29;

/** Magnitude of an initializer's numbers: far larger ones overflow float32 within a few layers. */
export const MAX_INITIAL_MAGNITUDE = 1e6;

/** Smaller ones vanish beside a variance in float32. */
export const MIN_EPSILON = 1e-12;

/** Slope of leaky-relu or scale of elu below 0. */
export const MAX_ALPHA = 1000;

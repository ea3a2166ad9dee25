"""Layers in float64 with JAX, whose autograd gives the gradients. Images are NHWC, padding is TensorFlow's."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import erf

from generator import Random

jax.config.update("jax_enable_x64", True)

# The standard deviation of a standard normal number that is redrawn outside ±2 (keras.initializers.VarianceScaling).
TRUNCATED_DEVIATION = 0.87962566103423978


def constant(value):
    return lambda random, shape: np.full(shape, value)


def truncated_normal(deviation):
    return lambda random, shape: deviation * draw(random.truncated_normal, shape)


def uniform(low, high):
    return lambda random, shape: low + (high - low) * draw(random.uniform, shape)


def scaled(scale, fan):
    """Variance scaling by a truncated normal: he_normal is scaled(2, fan_in), lecun_normal scaled(1, fan_in), and so on."""

    def initialise(random, shape):
        field = int(np.prod(shape[:-2]))
        fans = fan(field * shape[-2], field * shape[-1])
        return truncated_normal(np.sqrt(scale / fans) / TRUNCATED_DEVIATION)(random, shape)

    return initialise


he_normal = scaled(2, lambda fan_in, fan_out: fan_in)
lecun_normal = scaled(1, lambda fan_in, fan_out: fan_in)
glorot_normal = scaled(1, lambda fan_in, fan_out: (fan_in + fan_out) / 2)


def glorot_uniform(random, shape):
    limit = np.sqrt(3 / ((shape[-2] + shape[-1]) / 2))
    return uniform(-limit, limit)(random, shape)


def draw(following, shape):
    return np.array([following() for _ in range(int(np.prod(shape)))]).reshape(shape)


class Network:
    """One forward pass: it holds the layers' weights, and the layers store their batch moments in it."""

    def __init__(self, seed, parameters):
        self.seed = seed
        self.parameters = parameters  # by name; filled in the first pass
        self.moments = {}  # by layer: values per channel, mean, biased variance
        self.momenta = {}
        self.kernels = set()  # names of the parameters that decay

    def parameter(self, name, shape, initialise):
        if name not in self.parameters:
            values = initialise(Random(self.seed, f"weights/{name}"), shape)
            # Tandem's weights are float32; from the same start the comparison is of the steps, not of this rounding.
            self.parameters[name] = np.asarray(values, np.float32).astype(np.float64)
        return self.parameters[name]

    def kernel(self, layer, shape, initialise):
        self.kernels.add(f"{layer}/kernel")
        return self.parameter(f"{layer}/kernel", shape, initialise)

    def bias(self, layer, x, value):
        return x if value is None else x + self.parameter(f"{layer}/bias", x.shape[-1:], constant(value))

    def conv(self, layer, x, filters, size, initialise, strides=1, padding="same", bias=None):
        kernel = self.kernel(layer, (size, size, x.shape[-1], filters), initialise)
        return self.bias(layer, convolve(x, kernel, strides, padding, 1), bias)

    def depthwise(self, layer, x, multiplier, size, initialise, strides=1, padding="same", bias=None):
        channels = x.shape[-1]
        kernel = self.kernel(layer, (size, size, channels, multiplier), initialise)
        grouped = kernel.reshape(size, size, 1, channels * multiplier)
        return self.bias(layer, convolve(x, grouped, strides, padding, channels), bias)

    def dense(self, layer, x, units, initialise, bias=None):
        return self.bias(layer, x @ self.kernel(layer, (x.shape[-1], units), initialise), bias)

    def batch_norm(self, layer, x, momentum=0.99, epsilon=1e-3, scale=1.0, beta=0.0):
        """`scale`, `beta`: their first values; None: the layer has none."""
        axes = tuple(range(x.ndim - 1))
        mean = x.mean(axes)
        variance = ((x - mean) ** 2).mean(axes)
        self.moments[layer] = (x.size // x.shape[-1], mean, variance)
        self.momenta[layer] = momentum
        y = (x - mean) / jnp.sqrt(variance + epsilon)
        if scale is not None:
            y = y * self.parameter(f"{layer}/scale", x.shape[-1:], constant(scale))
        return y if beta is None else y + self.parameter(f"{layer}/beta", x.shape[-1:], constant(beta))


def pads(x, size, strides, padding):
    """Rows and columns of padding on each side (tensorflow.org/api_docs/python/tf/nn, "Notes on padding")."""
    if padding == "valid":
        return [(0, 0), (0, 0)]
    totals = [max(0, (-(-side // strides) - 1) * strides + size - side) for side in x.shape[1:3]]
    return [(total // 2, total - total // 2) for total in totals]


def convolve(x, kernel, strides, padding, groups):
    return lax.conv_general_dilated(
        x, kernel, (strides, strides), pads(x, kernel.shape[0], strides, padding),
        dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
    )


def reduce_windows(x, start, combine, size, strides, padding):
    sides = [(0, 0), *pads(x, size, strides, padding), (0, 0)]
    return lax.reduce_window(x, start, combine, (1, size, size, 1), (1, strides, strides, 1), sides)


def max_pool(x, size, strides, padding="same"):
    return reduce_windows(x, -np.inf, lax.max, size, strides, padding)


def average_pool(x, size, strides, padding="same"):
    """The mean of the values of each window that lie inside the image."""
    sums, counts = (reduce_windows(v, 0.0, lax.add, size, strides, padding) for v in (x, jnp.ones_like(x)))
    return sums / counts


def flatten(x):
    return x.reshape(len(x), -1)


def relu(x):
    return jnp.where(x > 0, x, 0.0)


def relu6(x):
    return jnp.where(x < 6, relu(x), 6.0)


def sigmoid(x):
    return 1 / (1 + jnp.exp(-x))


def gelu(x):
    """x·Φ(x)"""
    return x * (1 + erf(x / np.sqrt(2))) / 2

"""The network files beside this script, in Keras's own JSON (`model.to_json()`).

Run: python3 make.py   (keras 3 with any backend), then prettier --write .
"""

from pathlib import Path

import keras
from keras import initializers, layers


def residual():
    """A residual block: strides 2, a projection as shortcut, batch norms with and without scale and center."""
    inputs = keras.Input((12, 10, 3), name="images")
    x = layers.Conv2D(8, 3, use_bias=False, kernel_initializer="he_normal", name="stem")(inputs)
    x = layers.BatchNormalization(momentum=0.9, name="stem_bn")(x)
    trunk = layers.ReLU(name="stem_relu")(x)
    options = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
    x = layers.Conv2D(12, 3, strides=2, **options, name="block_conv1")(trunk)
    x = layers.BatchNormalization(momentum=0.9, scale=False, name="block_bn1")(x)
    x = layers.Activation("relu", name="block_relu1")(x)
    x = layers.Conv2D(12, 3, **options, name="block_conv2")(x)
    x = layers.BatchNormalization(momentum=0.5, center=False, name="block_bn2")(x)
    shortcut = layers.Conv2D(12, 1, strides=2, **options, name="block_project")(trunk)
    shortcut = layers.BatchNormalization(
        epsilon=1e-4, scale=False, center=False, name="block_project_bn"
    )(shortcut)
    x = layers.Add(name="block_add")([x, shortcut])
    x = layers.ReLU(name="block_relu2")(x)
    x = layers.AveragePooling2D(3, strides=2, padding="same", name="pool")(x)
    x = layers.Conv2D(
        10, 2, activation="relu", kernel_initializer="glorot_normal",
        bias_initializer=initializers.Constant(0.1), name="head"
    )(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    outputs = layers.Dense(5, activation="softmax", name="classes")(x)
    return keras.Model(inputs, outputs, name="residual")


def separable():
    """Depthwise separable convolutions, relu6 on both sides of its upper bound, a max-pool beside a strided depthwise one."""
    inputs = keras.Input((11, 9, 3), name="images")
    x = layers.Conv2D(
        6, 3, strides=2, padding="same", use_bias=False,
        kernel_initializer=initializers.TruncatedNormal(mean=0.0, stddev=0.3), name="entry"
    )(inputs)
    x = layers.BatchNormalization(
        gamma_initializer=initializers.Constant(4.0), beta_initializer=initializers.Constant(0.5), name="entry_bn"
    )(x)
    x = layers.Activation("relu6", name="entry_relu6")(x)
    x = layers.SeparableConv2D(
        10, 3, padding="same", depth_multiplier=2, use_bias=False, depthwise_initializer="he_normal",
        pointwise_initializer="glorot_normal", name="middle"
    )(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="middle_bn")(x)
    x = layers.ReLU(max_value=6.0, name="middle_relu6")(x)
    pooled = layers.MaxPooling2D(2, padding="same", name="exit_pool")(x)
    strided = layers.DepthwiseConv2D(
        3, strides=2, padding="same", activation="relu", depthwise_initializer="he_normal",
        bias_initializer=initializers.Constant(0.1), name="exit_depthwise"
    )(x)
    x = layers.Concatenate(name="exit")([pooled, strided])
    x = layers.SeparableConv2D(
        8, 2, activation="relu6", depthwise_initializer="he_normal", pointwise_initializer="he_normal",
        bias_initializer=initializers.Constant(0.2), name="head"
    )(x)
    x = layers.GlobalMaxPooling2D(name="largest")(x)
    outputs = layers.Dense(4, activation="softmax", name="classes")(x)
    return keras.Model(inputs, outputs, name="separable")


def table():
    """Two numbers from seven features."""
    return keras.Sequential(
        [
            keras.Input((7,), name="features"),
            layers.Dense(16, use_bias=False, kernel_initializer="lecun_normal", name="hidden1"),
            layers.BatchNormalization(momentum=0.8, name="hidden1_bn"),
            layers.Activation("tanh", name="hidden1_tanh"),
            layers.Dense(
                12, activation="gelu", kernel_initializer="glorot_normal",
                bias_initializer=initializers.Constant(0.1), name="hidden2"
            ),
            layers.BatchNormalization(momentum=0.9, center=False, name="hidden2_bn"),
            layers.Dense(
                2, kernel_initializer=initializers.RandomUniform(minval=-0.3, maxval=0.3), name="targets"
            ),
        ],
        name="table",
    )


if __name__ == "__main__":
    for build in (residual, separable, table):
        Path(__file__).with_name(f"{build.__name__}.json").write_text(build().to_json())

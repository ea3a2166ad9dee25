"""Losses of each sample in float64, and losses.json: small tables of predictions and targets, losses and gradients.

Run: python3 losses.py > losses.json   (jax, numpy), then prettier --write losses.json
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)


def softmax_cross_entropy(smoothing):
    def loss(logits, labels):
        classes = logits.shape[-1]
        shifted = logits - logits.max(-1, keepdims=True)
        log_probabilities = shifted - jnp.log(jnp.exp(shifted).sum(-1, keepdims=True))
        targets = jax.nn.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
        return -(targets * log_probabilities).sum(-1)

    return loss


def binary_cross_entropy(smoothing):
    def loss(logits, targets):
        targets = targets * (1 - smoothing) + smoothing / 2
        positive = jnp.where(logits > 0, logits, 0.0)
        return (positive - logits * targets + jnp.log1p(jnp.exp(-jnp.abs(logits)))).mean(-1)

    return loss


def mean_squared_error(predictions, targets):
    return ((predictions - targets) ** 2).mean(-1)


def mean_absolute_error(predictions, targets):
    return jnp.abs(predictions - targets).mean(-1)


def huber(delta):
    def loss(predictions, targets):
        d = jnp.abs(predictions - targets)
        return jnp.where(d <= delta, d * d / 2, delta * d - delta * delta / 2).mean(-1)

    return loss


LOGITS = [[0.5, -1.25, 2.0, 0.0625], [-3.0, 4.5, 4.25, -0.75], [100.0, -100.0, 0.5, 30.0], [-60.0, -61.0, -62.5, -90.0]]
LABELS = [2, 0, 1, 3]
BINARY_LOGITS = [[0.25, -1.5, 3.0], [-0.125, 8.0, -20.0], [100.0, -100.0, 100.0], [-100.0, 50.0, 0.75]]
BINARY_TARGETS = [[1.0, 0.0, 1.0], [0.25, 1.0, 0.5], [1.0, 0.0, 0.0], [1.0, 0.75, 0.0]]
PREDICTIONS = [[0.5, -1.0, 2.0], [-0.25, 0.125, 30.0], [1.5, -2.5, 0.0625], [0.0, 1000.0, -0.5]]
VALUES = [[0.25, 1.0, 1.5], [0.75, 0.0, -20.0], [1.0, -2.0, 0.0], [0.001, 999.75, 0.75]]

CASES = [
    ({"kind": "softmax-cross-entropy", "labelSmoothing": 0}, softmax_cross_entropy(0), LOGITS, LABELS),
    ({"kind": "softmax-cross-entropy", "labelSmoothing": 0.1}, softmax_cross_entropy(0.1), LOGITS, LABELS),
    ({"kind": "binary-cross-entropy", "labelSmoothing": 0}, binary_cross_entropy(0), BINARY_LOGITS, BINARY_TARGETS),
    ({"kind": "binary-cross-entropy", "labelSmoothing": 0.1}, binary_cross_entropy(0.1), BINARY_LOGITS, BINARY_TARGETS),
    ({"kind": "mean-squared-error"}, mean_squared_error, PREDICTIONS, VALUES),
    ({"kind": "mean-absolute-error"}, mean_absolute_error, PREDICTIONS, VALUES),
    ({"kind": "huber", "delta": 1}, huber(1), PREDICTIONS, VALUES),
    ({"kind": "huber", "delta": 0.5}, huber(0.5), PREDICTIONS, VALUES),
]


def case(spec, loss, predictions, targets):
    predictions, targets = np.array(predictions), np.array(targets)
    gradient = jax.grad(lambda p: loss(p, targets).sum())(predictions)
    return {
        "loss": spec,
        "predictions": predictions.tolist(),
        "targets": targets.tolist(),
        "losses": loss(predictions, targets).tolist(),
        "gradient": gradient.tolist(),
    }


if __name__ == "__main__":
    json.dump([case(*each) for each in CASES], sys.stdout)

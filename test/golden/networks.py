"""Three training steps of six networks, worked out independently of Tandem: float64, JAX's autograd, all from the seed.

The layers are written down here once more, from the network files in networks/ (made by networks/make.py) and from the
description of the presets; initial weights, optimizers and the merge of moments from theirs. Drawn with generator.py, all of
them one value after the other, for the 30 samples of three batches of 10 in order:

  stream golden/inputs   images [H,W,C]: uint32 & 255, as float32(value / 255); features: float32(2 · uniform − 1)
  stream golden/labels   uint32 mod classes
  stream golden/targets  float32(2 · uniform − 1)

Run: python3 networks.py > networks.json   (jax, numpy), then prettier --write networks.json
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np

from generator import Random
from layers import (
    Network, average_pool, flatten, gelu, glorot_normal, glorot_uniform, he_normal, lecun_normal, max_pool, relu, relu6,
    sigmoid, truncated_normal, uniform,
)
from losses import huber, mean_squared_error, softmax_cross_entropy

# With this seed no value before a ReLU or in a max-pool is so close to its bound, or to another value, that float32 decides
# otherwise than float64: then one of 1024 units normalised over 3 samples can change the next gradients by a tenth.
SEED, SHARDS, STEPS = 21, [4, 3, 3], 3
BATCH = sum(SHARDS)
SAMPLED = 8  # values kept of each tensor, evenly spread

ADAM = {"kind": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
OPTIMIZERS = {
    "sgd": {"kind": "sgd", "weightDecay": 0},
    "momentum": {"kind": "momentum", "momentum": 0.9, "weightDecay": 0},
    "momentum, clipped": {"kind": "momentum", "momentum": 0.9, "weightDecay": 0, "clipNorm": 0.125},
    "adam": {**ADAM, "weightDecay": 0},
    "adamw": {**ADAM, "weightDecay": 0.1},
    "rmsprop": {"kind": "rmsprop", "rho": 0.9, "epsilon": 1e-7, "weightDecay": 0},
}


def residual(net, x):
    trunk = net.conv("stem", x, 8, 3, he_normal, padding="valid")
    trunk = relu(net.batch_norm("stem_bn", trunk, momentum=0.9))
    x = net.conv("block_conv1", trunk, 12, 3, he_normal, strides=2)
    x = relu(net.batch_norm("block_bn1", x, momentum=0.9, scale=None))
    x = net.conv("block_conv2", x, 12, 3, he_normal)
    x = net.batch_norm("block_bn2", x, momentum=0.5, beta=None)
    shortcut = net.conv("block_project", trunk, 12, 1, he_normal, strides=2)
    x = relu(x + net.batch_norm("block_project_bn", shortcut, epsilon=1e-4, scale=None, beta=None))
    x = average_pool(x, 3, 2)
    x = relu(net.conv("head", x, 10, 2, glorot_normal, padding="valid", bias=0.1))
    return net.dense("classes", x.mean((1, 2)), 5, glorot_uniform, bias=0.0)


def separable(net, x):
    x = net.conv("entry", x, 6, 3, truncated_normal(0.3), strides=2)
    x = relu6(net.batch_norm("entry_bn", x, scale=4.0, beta=0.5))
    x = net.depthwise("middle/depthwise", x, 2, 3, he_normal)
    x = net.conv("middle", x, 10, 1, glorot_normal)
    x = relu6(net.batch_norm("middle_bn", x, momentum=0.9, epsilon=1e-5))
    strided = relu(net.depthwise("exit_depthwise", x, 1, 3, he_normal, strides=2, bias=0.1))
    x = jnp.concatenate([max_pool(x, 2, 2), strided], -1)
    x = net.depthwise("head/depthwise", x, 1, 2, he_normal, padding="valid")
    x = relu6(net.conv("head", x, 8, 1, he_normal, bias=0.2))
    return net.dense("classes", x.max((1, 2)), 4, glorot_uniform, bias=0.0)


def table(net, x):
    x = jnp.tanh(net.batch_norm("hidden1_bn", net.dense("hidden1", x, 16, lecun_normal), momentum=0.8))
    x = gelu(net.dense("hidden2", x, 12, glorot_normal, bias=0.1))
    x = net.batch_norm("hidden2_bn", x, momentum=0.9, beta=None)
    return net.dense("targets", x, 2, uniform(-0.3, 0.3), bias=0.0)


def cnn(net, x):
    for name, filters in (("conv1", 32), ("conv2", 64)):
        x = net.conv(name, x, filters, 5, truncated_normal(0.1))
        x = max_pool(relu(net.batch_norm(f"{name}/bn", x, epsilon=1e-5)), 2, 2)
    x = net.dense("fc1", flatten(x), 1024, truncated_normal(0.1))
    return net.dense("fc2", relu(net.batch_norm("fc1/bn", x, epsilon=1e-5)), 10, truncated_normal(0.1), bias=0.1)


def cnn_plain(net, x):
    for name, filters in (("conv1", 32), ("conv2", 64)):
        x = max_pool(relu(net.conv(name, x, filters, 5, truncated_normal(0.1), bias=0.1)), 2, 2)
    x = relu(net.dense("fc1", flatten(x), 1024, truncated_normal(0.1), bias=0.1))
    return net.dense("fc2", x, 10, truncated_normal(0.1), bias=0.1)


def sigmoids(net, x):
    x = flatten(x)
    for name in ("fc1", "fc2"):
        x = net.dense(name, x, 100, truncated_normal(0.1))
        x = sigmoid(net.batch_norm(f"{name}/bn", x, epsilon=1e-5))
    return net.dense("fc3", x, 10, truncated_normal(0.1), bias=0.1)


CROSS_ENTROPY = {"kind": "softmax-cross-entropy", "labelSmoothing": 0}
# Name, preset or file, input shape, outputs, forward pass, learning rate of (sgd, momentum | adam, rmsprop), loss.
CASES = [
    ("residual", "residual.json", (12, 10, 3), 5, residual, (0.05, 0.01), CROSS_ENTROPY, softmax_cross_entropy(0)),
    ("separable", "separable.json", (11, 9, 3), 4, separable, (0.05, 0.01),
     {**CROSS_ENTROPY, "labelSmoothing": 0.1}, softmax_cross_entropy(0.1)),
    ("table", "table.json", (7,), 2, table, (0.05, 0.01), {"kind": "mean-squared-error"}, mean_squared_error),
    ("table, huber", "table.json", (7,), 2, table, (0.05, 0.01), {"kind": "huber", "delta": 0.5}, huber(0.5)),
    ("cnn", "cnn", (12, 12, 1), 10, cnn, (0.001, 0.0001), CROSS_ENTROPY, softmax_cross_entropy(0)),
    ("cnn-plain", "cnn-plain", (12, 12, 1), 10, cnn_plain, (0.001, 0.0001), CROSS_ENTROPY, softmax_cross_entropy(0)),
    ("sigmoid", "sigmoid", (12, 12, 1), 10, sigmoids, (0.05, 0.01), CROSS_ENTROPY, softmax_cross_entropy(0)),
]


def draw_samples(shape, outputs, is_classes):
    count = STEPS * BATCH
    random, length = Random(SEED, "golden/inputs"), count * int(np.prod(shape))
    if len(shape) == 3:
        inputs = np.array([random.uint32() & 255 for _ in range(length)]) / 255
    else:
        inputs = np.array([2 * random.uniform() - 1 for _ in range(length)])
    if is_classes:
        random = Random(SEED, "golden/labels")
        targets = np.array([random.uint32() % outputs for _ in range(count)])
    else:
        random = Random(SEED, "golden/targets")
        targets = np.float32([2 * random.uniform() - 1 for _ in range(count * outputs)]).astype(np.float64).reshape(count, outputs)
    return inputs.astype(np.float32).astype(np.float64).reshape(count, *shape), targets


def merge(parts):
    """Moments of the pooled values: N = Σn, M = Σnμ/N, V = Σn(v + (μ − M)²)/N."""
    total = sum(count for count, _, _ in parts)
    mean = sum(count * mean for count, mean, _ in parts) / total
    return mean, sum(count * (variance + (part - mean) ** 2) for count, part, variance in parts) / total


class Optimizer:
    def __init__(self, spec, rate, kernels):
        self.spec, self.rate, self.kernels = spec, rate, kernels
        self.slots = {}
        self.t = 0

    def apply(self, parameters, gradients):
        self.t += 1
        factor = 1.0
        if "clipNorm" in self.spec:
            factor = min(1, self.spec["clipNorm"] / np.sqrt(sum((g**2).sum() for g in gradients.values())))
        updated = {}
        for name, value in parameters.items():
            if name in self.kernels:
                value = value * (1 - self.rate * self.spec["weightDecay"])
            updated[name] = value - self.update(name, gradients[name] * factor)
        return updated

    def update(self, name, g):
        spec, rate = self.spec, self.rate
        m, v = self.slots.get(name, (0.0, 0.0))
        match spec["kind"]:
            case "sgd":
                return rate * g
            case "momentum":
                m = spec["momentum"] * m + g
                self.slots[name] = m, v
                return rate * m
            case "rmsprop":
                v = v + (g**2 - v) * (1 - spec["rho"])
                self.slots[name] = m, v
                return rate * g / np.sqrt(v + spec["epsilon"])
            case "adam":  # tf.compat.v1.train.AdamOptimizer
                m = m + (g - m) * (1 - spec["beta1"])
                v = v + (g**2 - v) * (1 - spec["beta2"])
                self.slots[name] = m, v
                rate *= np.sqrt(1 - spec["beta2"] ** self.t) / (1 - spec["beta1"] ** self.t)
                return rate * m / (np.sqrt(v) + spec["epsilon"])


def places(length):
    count = min(SAMPLED, length)
    return [index * (length - 1) // max(1, count - 1) for index in range(count)]


def sample(tensor):
    """The Euclidean norm, and the values at `places`."""
    flat = np.asarray(tensor).reshape(-1)
    return [float(f"{x:.10g}") for x in (np.linalg.norm(flat), *flat[places(len(flat))])]


def samples(tensors):
    return {name: sample(tensor) for name, tensor in tensors.items()}


def shard_gradient(forward, loss):
    def part(parameters, inputs, targets):
        net = Network(SEED, parameters)
        return loss(forward(net, inputs), targets).sum() / BATCH, net.moments

    return jax.jit(jax.value_and_grad(part, has_aux=True))


def add_shards(gradient_of, parameters, inputs, targets):
    """The loss and its gradient over one batch, and the moments of its shards, each normalised with its own."""
    loss, gradients, parts = 0.0, {name: 0.0 for name in parameters}, []
    start = 0
    for size in SHARDS:
        shard = slice(start, start + size)
        (part, moments), gradient = gradient_of(parameters, inputs[shard], targets[shard])
        loss += float(part)
        gradients = {name: gradients[name] + np.asarray(gradient[name]) for name in parameters}
        parts.append({layer: (int(n), np.asarray(mean), np.asarray(v)) for layer, (n, mean, v) in moments.items()})
        start += size
    return loss, gradients, {layer: merge([each[layer] for each in parts]) for layer in parts[0]}


def train(gradient_of, first, optimizer, momenta, inputs, targets):
    parameters, out = first, []
    population = {layer: None for layer in momenta}
    for step in range(STEPS):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        loss, gradients, merged = add_shards(gradient_of, parameters, inputs[batch], targets[batch])
        parameters = optimizer.apply(parameters, gradients)
        for layer, momentum in momenta.items():
            means, variances = population[layer] or (np.zeros_like(merged[layer][0]), np.ones_like(merged[layer][1]))
            population[layer] = tuple(
                momentum * old + (1 - momentum) * new for old, new in zip((means, variances), merged[layer])
            )
        out.append({
            "loss": loss,
            "moments": {layer: [sample(each) for each in moments] for layer, moments in merged.items()},
            "population": {layer: [sample(each) for each in statistics] for layer, statistics in population.items()},
            "parameters": samples(parameters),
        })
    return out


def run_case(name, network, shape, outputs, forward, rates, spec, loss):
    inputs, targets = draw_samples(shape, outputs, spec["kind"] == "softmax-cross-entropy")
    first = Network(SEED, {})
    forward(first, inputs[:BATCH])
    gradient_of = shard_gradient(forward, loss)
    _, gradients, _ = add_shards(gradient_of, first.parameters, inputs[:BATCH], targets[:BATCH])
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    print(f"{name}: norm of the gradient {norm:.3g}", file=sys.stderr)
    runs = []
    for label, optimizer in OPTIMIZERS.items():
        rate = rates[optimizer["kind"] in ("adam", "rmsprop")]
        steps = train(gradient_of, first.parameters, Optimizer(optimizer, rate, first.kernels), first.momenta, inputs, targets)
        print(f"  {label}: losses {[step['loss'] for step in steps]}", file=sys.stderr)
        runs.append({"name": label, "optimizer": optimizer, "learningRate": rate, "steps": steps})
    return {
        "name": name,
        "network": network,
        "inputShape": shape,
        "outputs": outputs,
        "loss": spec,
        "shapes": {key: value.shape for key, value in first.parameters.items()},
        "initial": samples(first.parameters),
        "gradients": samples(gradients),
        "runs": runs,
    }


if __name__ == "__main__":
    cases = [run_case(*each) for each in CASES]
    json.dump({"seed": SEED, "shards": SHARDS, "steps": STEPS, "sampled": SAMPLED, "cases": cases}, sys.stdout)

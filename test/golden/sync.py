"""Three steps of three small networks with synchronised batch normalisation, worked out with PyTorch in float64.

torch.nn.SyncBatchNorm runs on GPUs only. Its arithmetic over several processes is that of torch.nn.functional.batch_norm over
the samples of all of them: one mean and biased variance per channel of the whole batch, through which the backward pass
differentiates. So the whole batch is computed at once here, whatever shards the test cuts it into. The population statistics
move with the biased variance, as Tandem defines them (PyTorch's own move with the unbiased one).

Drawn with generator.py, one value after the other:

  stream sync/NETWORK/inputs    float32(2 · uniform − 1), images [H,W,C], for STEPS batches in order
  stream sync/NETWORK/labels    uint32 mod CLASSES
  stream sync/NETWORK/TENSOR    kernels and biases float32(uniform − 0.5), scales and variances float32(0.5 + uniform),
                                betas and means float32(uniform − 0.5)

Run: python3 sync.py > sync.json   (torch, numpy), then prettier --write sync.json
"""

import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

from generator import Random

torch.set_default_dtype(torch.float64)

SEED, STEPS, BATCH, CLASSES, RATE = 7, 3, 7, 3, 0.25
SHAPE = (4, 4, 2)
MOMENTUM, EPSILON = 0.9, 1e-3


def draw(name, tensor, shape):
    random = Random(SEED, f"sync/{name}/{tensor}")
    low = {"scale": 0.5, "pop_var": 0.5, "inputs": -1}.get(tensor.rsplit("/", 1)[-1], -0.5)
    width = 2 if tensor == "inputs" else 1
    values = [low + width * random.uniform() for _ in range(int(np.prod(shape)))]
    return torch.tensor(np.float32(values).astype(np.float64).reshape(shape))


class Network:
    """Creates parameters where a layer first asks for them, and the batch's moments on the way."""

    def __init__(self, name):
        self.name = name
        self.parameters, self.population, self.moments = {}, {}, {}

    def parameter(self, name, *shape):
        if name not in self.parameters:
            self.parameters[name] = draw(self.name, name, shape).requires_grad_()
        return self.parameters[name]

    def conv(self, name, x, filters, size):
        kernel = self.parameter(f"{name}/kernel", size, size, x.shape[-1], filters)
        y = F.conv2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), padding=size // 2)
        return y.permute(0, 2, 3, 1)

    def dense(self, name, x, units, bias=False):
        y = x @ self.parameter(f"{name}/kernel", x.shape[-1], units)
        return y + self.parameter(f"{name}/bias", units) if bias else y

    def batch_norm(self, name, x, scale=True, center=True):
        channels = x.shape[-1]
        values = x.reshape(-1, channels)
        weight = self.parameter(f"{name}/scale", channels) if scale else None
        bias = self.parameter(f"{name}/beta", channels) if center else None
        self.population_of(name, channels)
        self.moments[name] = values.mean(0).detach(), values.var(0, unbiased=False).detach()
        return F.batch_norm(values, None, None, weight, bias, training=True, eps=EPSILON).reshape(x.shape)

    def frozen_batch_norm(self, name, x):
        channels = x.shape[-1]
        weight, bias = (draw(self.name, f"{name}/{role}", (channels,)) for role in ("scale", "beta"))
        mean, variance = self.population_of(name, channels)
        values = F.batch_norm(x.reshape(-1, channels), mean, variance, weight, bias, training=False, eps=EPSILON)
        return values.reshape(x.shape)

    def population_of(self, name, channels):
        if name not in self.population:
            self.population[name] = tuple(
                draw(self.name, f"{name}/{tensor}", (channels,)) for tensor in ("pop_mean", "pop_var")
            )
        return self.population[name]


def chain(net, x):
    x = torch.tanh(net.batch_norm("bn1", net.conv("conv1", x, 3, 3)))
    x = net.dense("fc1", x.reshape(len(x), -1), 5)
    x = torch.sigmoid(net.batch_norm("bn2", x, scale=False))
    return net.dense("fc2", x, CLASSES, bias=True)


def branches(net, x):
    trunk = torch.tanh(net.batch_norm("trunk_bn", net.conv("trunk", x, 4, 3)))
    left = net.batch_norm("left_bn", net.conv("left", trunk, 3, 3))
    right = net.batch_norm("right_bn", net.conv("right", trunk, 3, 1), center=False)
    return net.dense("fc", F.elu(left + right).mean((1, 2)), CLASSES, bias=True)


def partly_frozen(net, x):
    x = net.batch_norm("input_bn", x)  # the gradient of its input is needed by nobody
    x = torch.tanh(net.frozen_batch_norm("frozen_bn", net.conv("conv1", x, 3, 3)))
    x = net.batch_norm("last_bn", net.conv("conv2", x, 2, 3), scale=False, center=False)
    return net.dense("fc", x.reshape(len(x), -1), CLASSES, bias=True)


def rounded(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().reshape(-1).tolist()]


def run(name, forward):
    net = Network(name)
    inputs = draw(name, "inputs", (STEPS * BATCH, *SHAPE))
    random = Random(SEED, f"sync/{name}/labels")
    labels = torch.tensor([random.uint32() % CLASSES for _ in range(STEPS * BATCH)])
    steps = []
    for step in range(STEPS):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        loss = F.cross_entropy(forward(net, inputs[batch]), labels[batch])
        names = list(net.parameters)
        gradients = dict(zip(names, torch.autograd.grad(loss, [net.parameters[each] for each in names])))
        for each in names:
            net.parameters[each] = (net.parameters[each] - RATE * gradients[each]).detach().requires_grad_()
        for layer, moments in net.moments.items():
            net.population[layer] = tuple(
                MOMENTUM * old + (1 - MOMENTUM) * new for old, new in zip(net.population[layer], moments)
            )
        statistics = {f"{layer}/pop_mean": each[0] for layer, each in net.population.items()}
        statistics |= {f"{layer}/pop_var": each[1] for layer, each in net.population.items()}
        steps.append({
            "loss": loss.item(),
            "gradients": {each: rounded(value) for each, value in gradients.items()},
            "state": {each: rounded(value) for each, value in (net.parameters | statistics).items()},
        })
    print(f"{name}: losses {[step['loss'] for step in steps]}", file=sys.stderr)
    return {"name": name, "steps": steps}


if __name__ == "__main__":
    cases = [run("chain", chain), run("branches", branches), run("partly-frozen", partly_frozen)]
    numbers = {"seed": SEED, "batchSize": BATCH, "classes": CLASSES, "learningRate": RATE, "inputShape": SHAPE}
    json.dump({**numbers, "momentum": MOMENTUM, "epsilon": EPSILON, "cases": cases}, sys.stdout)

"""Three steps of training, worked out independently of Tandem: float64, PyTorch's autograd, and everything from the seed.

The generator (in generator.py), the sampler and the initial weights are written again here from their descriptions, the
network and Adam from design and TensorFlow's documentation.
Run: python3 reference.py MNIST_FOLDER > reference.json   (numpy, torch)
"""

import json
import sys

import numpy as np
import torch

from generator import Random

SEED, BATCH, STEPS, RATE, HELD_OUT = 11, 50, 3, 1e-4, 5000
SAMPLED = 24  # values kept of each tensor, evenly spread


def kernel(name, shape):
    random = Random(SEED, f"weights/{name}")
    values = [0.1 * random.truncated_normal() for _ in range(int(np.prod(shape)))]
    # Tandem's weights are float32; from the same start the comparison is of the steps, not of this rounding.
    return torch.tensor(np.array(values, np.float32).astype(np.float64).reshape(shape))


def initial():
    p = {"conv1/kernel": kernel("conv1/kernel", (5, 5, 1, 32)), "conv2/kernel": kernel("conv2/kernel", (5, 5, 32, 64)),
         "fc1/kernel": kernel("fc1/kernel", (3136, 1024)), "fc2/kernel": kernel("fc2/kernel", (1024, 10)),
         "fc2/bias": torch.full((10,), float(np.float32(0.1)), dtype=torch.float64)}
    for layer, channels in (("conv1", 32), ("conv2", 64), ("fc1", 1024)):
        p[f"{layer}/bn/scale"] = torch.ones(channels, dtype=torch.float64)
        p[f"{layer}/bn/beta"] = torch.zeros(channels, dtype=torch.float64)
    return p


def idx(path, header):
    return np.frombuffer(open(path, "rb").read(), np.uint8, offset=header)


def load(folder):
    images = idx(f"{folder}/train-images-idx3-ubyte", 16).reshape(-1, 28, 28)[HELD_OUT:]
    return images, idx(f"{folder}/train-labels-idx1-ubyte", 8)[HELD_OUT:]


def first_batches(count):
    random, order = Random(SEED, "epoch/0"), list(range(count))
    for last in range(count - 1, 0, -1):
        other = random.below(last + 1)
        order[last], order[other] = order[other], order[last]
    return [order[step * BATCH : (step + 1) * BATCH] for step in range(STEPS)]


def normalise(x, p, layer, moments):
    axes = tuple(range(x.dim() - 1))
    mean, variance = x.mean(axes), x.var(axes, unbiased=False)
    moments[layer] = (x.numel() // x.shape[-1], mean.detach(), variance.detach())
    return (x - mean) / torch.sqrt(variance + 1e-5) * p[f"{layer}/bn/scale"] + p[f"{layer}/bn/beta"]


def convolve(x, k):
    return torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), k.permute(3, 2, 0, 1), padding=2).permute(0, 2, 3, 1)


def pool(x):
    return torch.nn.functional.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


def shard_loss(p, images, labels):
    """The shard's part of the mean loss over the global batch, with the shard's own batch statistics."""
    moments = {}
    x = torch.tensor(images / 255.0).unsqueeze(-1)
    x = pool(torch.relu(normalise(convolve(x, p["conv1/kernel"]), p, "conv1", moments)))
    x = pool(torch.relu(normalise(convolve(x, p["conv2/kernel"]), p, "conv2", moments)))
    x = torch.relu(normalise(x.reshape(len(x), -1) @ p["fc1/kernel"], p, "fc1", moments))
    logits = x @ p["fc2/kernel"] + p["fc2/bias"]
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor(labels.astype(np.int64)), reduction="sum")
    return losses / BATCH, moments


def merged(parts):
    n = sum(c for c, _, _ in parts)
    mean = sum(c * m for c, m, _ in parts) / n
    return mean, sum(c * (v + (m - mean) ** 2) for c, m, v in parts) / n


def sample(tensor):
    flat = tensor.detach().reshape(-1)
    places = [int(i * (len(flat) - 1) / max(1, SAMPLED - 1)) for i in range(min(SAMPLED, len(flat)))]
    return {"norm": float(flat.norm()), "places": places, "values": [float(flat[i]) for i in places]}


def train(images, labels, sizes):
    p = initial()
    m = {k: torch.zeros_like(v) for k, v in p.items()}
    v = {k: torch.zeros_like(x) for k, x in p.items()}
    pop = {layer: [torch.zeros(c, dtype=torch.float64), torch.ones(c, dtype=torch.float64)]
           for layer, c in (("conv1", 32), ("conv2", 64), ("fc1", 1024))}
    out = {"sizes": sizes, "losses": [], "initial": {k: sample(x) for k, x in p.items()}}
    for step, batch in enumerate(first_batches(len(images))):
        for x in p.values():
            x.requires_grad_(True)
            x.grad = None
        parts, loss, start = [], 0.0, 0
        for size in sizes:
            take = batch[start : start + size]
            start += size
            part, moments = shard_loss(p, images[take], labels[take])
            part.backward()
            loss += part.item()
            parts.append(moments)
        out["losses"].append(loss)
        if step == 0:
            out["batch"] = batch
            out["gradients"] = {k: sample(x.grad) for k, x in p.items()}
        t = step + 1
        rate = RATE * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        for k in p:
            g = p[k].grad
            m[k] = 0.9 * m[k] + 0.1 * g
            v[k] = 0.999 * v[k] + 0.001 * g * g
            p[k] = (p[k] - rate * m[k] / (torch.sqrt(v[k]) + 1e-8)).detach()
        for layer in pop:
            merged_step = merged([moments[layer] for moments in parts])
            if step == 0:
                out.setdefault("moments", {})[layer] = [sample(x) for x in merged_step]
            pop[layer] = [0.99 * old + 0.01 * new for old, new in zip(pop[layer], merged_step)]
    state = {**p, **{f"adam/m/{k}": x for k, x in m.items()}, **{f"adam/v/{k}": x for k, x in v.items()}}
    for layer, (mean, variance) in pop.items():
        state[f"{layer}/bn/pop_mean"], state[f"{layer}/bn/pop_var"] = mean, variance
    out["state"] = {k: sample(x) for k, x in state.items()}
    return out


if __name__ == "__main__":
    torch.set_num_threads(2)
    images, labels = load(sys.argv[1])
    runs = [train(images, labels, sizes) for sizes in ([50], [17, 17, 16])]
    json.dump({"seed": SEED, "batchSize": BATCH, "learningRate": RATE, "steps": STEPS, "runs": runs}, sys.stdout)

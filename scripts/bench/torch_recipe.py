"""Tandem's recipe `fast` in PyTorch, as the peer that it is measured against. Prints JSON: the test accuracy.

python torch_recipe.py THREADS RANK WORLD MNIST_FOLDER
Where WORLD is more than 1 it is one process of several under DistributedDataParallel with Gloo (MASTER_ADDR, MASTER_PORT,
GLOO_SOCKET_IFNAME in the environment), and the one of rank 0 prints. Channels-last with fused AdamW, which is the faster one.
"""

import json
import sys

import numpy
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch_peer import network


def idx(folder, name, header):
    return torch.from_numpy(numpy.fromfile(f"{folder}/{name}", numpy.uint8, offset=header).astype(numpy.float32))


def mnist(folder, name):
    images = idx(folder, f"{name}-images-idx3-ubyte", 16).view(-1, 1, 28, 28) / 255
    labels = idx(folder, f"{name}-labels-idx1-ubyte", 8).long()
    return images.to(memory_format=torch.channels_last), labels


def draw_initial_weights(net):
    for module in net:
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.trunc_normal_(module.weight, std=0.1, a=-0.2, b=0.2)
            if module.bias is not None:
                nn.init.constant_(module.bias, 0.1)


@torch.no_grad()
def recompute_statistics(net, images, world):
    """Mean and variance of each normalised layer's input over the training set, layer by layer, in the inference network."""
    net.eval()
    for index, layer in enumerate(net):
        if not isinstance(layer, nn.modules.batchnorm._BatchNorm):
            continue
        sums = torch.zeros(3, layer.num_features, dtype=torch.float64)
        for some in images.split(500):
            x = net[:index](some)
            axes = [0, 2, 3] if x.ndim == 4 else [0]
            count = x.numel() / layer.num_features
            variance, mean = (each.double() for each in torch.var_mean(x, axes, correction=0))
            sums += count * torch.stack([torch.ones_like(mean), mean, variance + mean * mean])
        if world > 1:
            dist.all_reduce(sums)
        count, total, squares = sums
        layer.running_mean.copy_(total / count)
        layer.running_var.copy_(squares / count - (total / count) ** 2)


def train(threads, rank, world, folder, steps=200, batch=128, held_out=5_000):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net = network(is_fast=True)
    draw_initial_weights(net)
    if world > 1:
        dist.init_process_group("gloo", rank=rank, world_size=world)
    model = DistributedDataParallel(net) if world > 1 else net
    images, labels = mnist(folder, "train")
    order = held_out + torch.randperm(len(images) - held_out)
    decayed = [each.weight for each in net if isinstance(each, (nn.Conv2d, nn.Linear))]
    others = [each for each in net.parameters() if not any(each is weight for weight in decayed)]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0}]
    adamw = torch.optim.AdamW(groups, 0.02, betas=(0.7, 0.9), eps=1e-8, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adamw, 0.02, total_steps=steps, pct_start=0.2, cycle_momentum=False)
    for step in range(steps):
        chosen = order[step * batch : (step + 1) * batch][rank::world]
        adamw.zero_grad()
        logits = model(images[chosen])
        nn.functional.cross_entropy(logits, labels[chosen], label_smoothing=0.1).backward()
        adamw.step()
        schedule.step()
    recompute_statistics(net, images[held_out:][rank::world], world)
    images, labels = (each[rank::world] for each in mnist(folder, "t10k"))
    with torch.inference_mode():
        pairs = zip(images.split(500), labels.split(500))
        found = torch.stack([(net(some).argmax(1) == own).sum() for some, own in pairs]).sum()
    count = torch.tensor([found, len(labels)])
    if world > 1:
        dist.all_reduce(count)
        dist.destroy_process_group()
    return {"accuracy": (count[0] / count[1]).item()}


threads, rank, world = (int(number) for number in sys.argv[1:4])
result = train(threads, rank, world, sys.argv[4])
if rank == 0:
    print(json.dumps({**result, "version": torch.__version__}))

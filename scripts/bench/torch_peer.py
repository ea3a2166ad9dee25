"""The reference network in PyTorch, as the peer that Tandem is measured against. Prints JSON.

python torch_peer.py single THREADS BATCH STEPS        median ms per step
python torch_peer.py residual THREADS BATCH STEPS      the same for the network of residual.mjs
python torch_peer.py evaluate THREADS                  median ms to infer 10,000 images
python torch_peer.py ddp RANK WORLD BATCH_OF_EACH STEPS WARM_UP
                                                       median ms per step under DistributedDataParallel with Gloo, 1 thread
                                                       (MASTER_ADDR, MASTER_PORT, GLOO_SOCKET_IFNAME in the environment)
Each is tried in PyTorch's default layout and in channels-last with fused Adam; the faster one is printed.
"""

import json
import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

WARM_UP = 20


def network(is_fast):
    net = nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2, bias=False), nn.BatchNorm2d(32, momentum=0.01), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(32, 64, 5, padding=2, bias=False), nn.BatchNorm2d(64, momentum=0.01), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(3136, 1024, bias=False), nn.BatchNorm1d(1024, momentum=0.01), nn.ReLU(),
        nn.Linear(1024, 10))
    return net.to(memory_format=torch.channels_last) if is_fast else net


class Block(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters, momentum=0.01), nn.ReLU(),
            nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters, momentum=0.01))
        self.shortcut = nn.Identity() if stride == 1 else nn.Sequential(
            nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters, momentum=0.01))

    def forward(self, x):
        return torch.relu(self.inner(x) + self.shortcut(x))


def residual_network(is_fast):
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16, momentum=0.01), nn.ReLU(),
        Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return net.to(memory_format=torch.channels_last) if is_fast else net


def images(count, is_fast):
    batch = torch.rand(count, 1, 28, 28)
    return batch.to(memory_format=torch.channels_last) if is_fast else batch


def step_times(net, batch, steps, is_fast, warm_up=WARM_UP):
    x, y = images(batch, is_fast), torch.randint(0, 10, (batch,))
    adam = torch.optim.Adam(net.parameters(), 1e-4, fused=is_fast)
    times = []
    for _ in range(steps + warm_up):
        start = time.perf_counter()
        adam.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        adam.step()
        times.append(1000 * (time.perf_counter() - start))
    return times[warm_up:]


def median(values):
    return sorted(values)[len(values) // 2]


def evaluation_time(net, is_fast):
    net.eval()
    test, times = images(10_000, is_fast), []
    with torch.inference_mode():
        for _ in range(3):
            start = time.perf_counter()
            for piece in test.split(500):
                net(piece).argmax(1)
            times.append(1000 * (time.perf_counter() - start))
    return median(times)


def single(threads, batch, steps, make=network):
    torch.set_num_threads(threads)
    return {"step": min(median(step_times(make(is_fast), batch, steps, is_fast)) for is_fast in (False, True))}


def residual(threads, batch, steps):
    return single(threads, batch, steps, residual_network)


def evaluate(threads):
    torch.set_num_threads(threads)
    return {"evaluate": min(evaluation_time(network(is_fast), is_fast) for is_fast in (False, True))}


def ddp(rank, world, batch, steps, warm_up):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=world)
    medians = [
        median(step_times(DistributedDataParallel(network(is_fast)), batch, steps, is_fast, warm_up))
        for is_fast in (False, True)
    ]
    dist.barrier()
    dist.destroy_process_group()
    return {"step": min(medians)}


if __name__ == "__main__":
    mode, *numbers = sys.argv[1:]
    result = {"single": single, "residual": residual, "evaluate": evaluate, "ddp": ddp}[mode](*(int(number) for number in numbers))
    if mode != "ddp" or numbers[0] == "0":
        print(json.dumps({**result, "version": torch.__version__}))

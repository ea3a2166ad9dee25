"""Products and convolutions in PyTorch on one thread, for wasm-products.mjs.

Each line on standard input is a JSON object: an op of the graph, and the shapes of its inputs. Answers each with the
milliseconds that it took, once, on a line of standard output; convolutions in the layout that is named.
"""

import json
import sys
import time

import torch

torch.set_num_threads(1)
prepared = {}


def image(shape, layout):
    n, h, w, c = shape
    x = torch.rand(n, c, h, w) - 0.5
    return x.to(memory_format=torch.channels_last) if layout == "channels-last" else x


def kernel(shape, layout):
    h, w, c, f = shape
    k = torch.rand(f, c, h, w) - 0.5
    return k.to(memory_format=torch.channels_last) if layout == "channels-last" else k


def product(case):
    a, b = (torch.rand(*shape) - 0.5 for shape in case["inputs"])
    left = a.t() if case["transposeA"] else a
    right = b.t() if case["transposeB"] else b
    out = torch.empty(left.shape[0], right.shape[1])
    return lambda: torch.mm(left, right, out=out)


def convolution(case):
    layout = case["layout"]
    x, k, dy = image(case["x"], layout), kernel(case["kernel"], layout), image(case["y"], layout)
    padding = [side // 2 for side in case["kernel"][:2]]
    if case["kind"] == "conv2d":
        return lambda: torch.nn.functional.conv2d(x, k, padding=padding)
    wanted = [case["kind"] == "conv2d-input-gradient", case["kind"] == "conv2d-kernel-gradient", False]
    return lambda: torch.ops.aten.convolution_backward(
        dy, x, k, None, [1, 1], padding, [1, 1], False, [0, 0], 1, wanted)


print(json.dumps({"version": torch.__version__}), flush=True)
with torch.inference_mode():
    for line in sys.stdin:
        case = json.loads(line)
        clock = time.process_time if case["isCpuTime"] else time.perf_counter
        if line not in prepared:
            prepared[line] = product(case) if case["kind"] == "mat-mul" else convolution(case)
            prepared[line]()
        start = clock()
        prepared[line]()
        print(1000 * (clock() - start), flush=True)

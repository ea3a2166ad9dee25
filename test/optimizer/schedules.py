"""Rates that schedules must give, written to schedules.json beside this file. Needs NumPy: python3 schedules.py

The formulas are those of torch.optim.lr_scheduler: LinearLR with end_factor 0, CosineAnnealingLR with eta_min 0, and
OneCycleLR with its defaults (cosines, div_factor 25, final_div_factor 1e4, two phases); the warm-up before the first two
is a line to the full rate.
"""

import json
import pathlib

import numpy as np


def anneal(start, end, fraction):
    return end + (start - end) / 2.0 * (1 + np.cos(np.pi * fraction))


def one_cycle(steps, warmup, rate):
    initial = rate / 25.0
    peak, last = float(warmup) - 1, steps - 1
    for step in range(steps):
        if step <= peak:
            yield anneal(initial, rate, step / peak)
        else:
            yield anneal(rate, initial / 1e4, (step - peak) / (last - peak))


def falling(kind, steps, warmup, rate):
    for step in range(steps):
        if step < warmup:
            yield rate * np.linspace(0, 1, warmup + 1)[step + 1]
            continue
        done = (step - warmup) / (steps - warmup)
        factor = {"constant": 1, "linear": 1 - done, "cosine": anneal(1, 0, done)}[kind]
        yield rate * factor


def case(kind, steps, warmup, rate):
    rates = one_cycle(steps, warmup, rate) if kind == "one-cycle" else falling(kind, steps, warmup, rate)
    schedule = {"kind": kind, "warmupSteps": warmup}
    if kind != "constant":
        schedule["steps"] = steps
    return {"schedule": schedule, "learningRate": rate, "rates": [float(each) for each in rates]}


cases = [
    case("constant", 5, 0, 1e-4),
    case("constant", 9, 4, 0.1),
    case("linear", 10, 0, 0.1),
    case("linear", 12, 5, 3e-4),
    case("cosine", 17, 0, 0.01),
    case("cosine", 20, 6, 1.0),
    case("one-cycle", 30, 9, 0.01),
    case("one-cycle", 43, 13, 0.7),
    case("one-cycle", 10, 0, 0.01),
]
text = ",\n".join(json.dumps(each) for each in cases)
pathlib.Path(__file__).with_name("schedules.json").write_text(f"[\n{text}\n]\n")

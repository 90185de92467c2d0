#!/usr/bin/env python3
"""The WebGPU engine against the same step in PyTorch on the same NVIDIA GPU.

    pip install torch
    cargo build --release
    python3 tests/peers/gpu.py target/release/rhohat [--shapes ABC]

A step is the one of peers.py: forward, gradient by hand and an update by SGD with momentum, all in f32, without the cost and
with it; ours reads the cost back then, PyTorch's stays on the device. PyTorch runs it as it comes (eager), as a CUDA graph, and
both with TF32 products, which have a mantissa of ten bits; times are medians by CUDA events. `rhohat bench` checks its step
against f64 before it times it.
"""

import argparse
import json
import subprocess
from statistics import median

import torch

SHAPES = {
    "A": (64, 25, 10_000),
    "B": (64, 256, 1_000),
    "C": (784, 196, 1_000),
    "D": (784, 1_024, 512),
    "E": (784, 4_096, 512),
    "F": (3_072, 8_192, 256),
}
RHO, BETA, DECAY = 0.05, 3.0, 1e-4
RATE, MOMENTUM = 1e-4, 0.9
ROUNDS, STEPS = 30, 10


class Step:
    """Parameters, velocities and one update of them."""

    def __init__(self, shape, with_cost):
        n, h, m = shape
        self.with_cost = with_cost
        draw = torch.Generator(device="cuda").manual_seed(0)
        uniform = lambda *size: torch.rand(size, device="cuda", generator=draw)
        reach = (6 / (n + h + 1)) ** 0.5
        self.x = uniform(m, n) * 0.8 + 0.1
        weights = [(uniform(h, n) * 2 - 1) * reach, (uniform(n, h) * 2 - 1) * reach]
        self.parameters = [*weights, torch.zeros(h, device="cuda"), torch.zeros(n, device="cuda")]
        self.velocities = [torch.zeros_like(p) for p in self.parameters]
        self.cost = torch.zeros((), device="cuda")

    def __call__(self):
        (encoder, decoder, b1, b2), x, m = self.parameters, self.x, len(self.x)
        a2 = torch.sigmoid(torch.addmm(b1, x, encoder.t()))
        a3 = torch.sigmoid(torch.addmm(b2, a2, decoder.t()))
        rho_hat = a2.mean(0)
        error = a3 - x
        if self.with_cost:
            kl = RHO * torch.log(RHO / rho_hat) + (1 - RHO) * torch.log((1 - RHO) / (1 - rho_hat))
            squares = (encoder * encoder).sum() + (decoder * decoder).sum()
            self.cost.copy_((error * error).sum() / (2 * m) + DECAY / 2 * squares + BETA * kl.sum())

        d3 = error * a3 * (1 - a3) / m
        slope = BETA / m * ((1 - RHO) / (1 - rho_hat) - RHO / rho_hat)
        d2 = (d3 @ decoder + slope) * a2 * (1 - a2)
        gradients = [
            torch.addmm(encoder, d2.t(), x, beta=DECAY),
            torch.addmm(decoder, d3.t(), a2, beta=DECAY),
            d2.sum(0),
            d3.sum(0),
        ]
        for p, v, g in zip(self.parameters, self.velocities, gradients):
            v.mul_(MOMENTUM).add_(g)
            p.sub_(v, alpha=RATE)


def milliseconds(shape, with_cost, tf32, as_graph):
    torch.backends.cuda.matmul.allow_tf32 = tf32
    step = Step(shape, with_cost)
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(5):
            step()
    torch.cuda.synchronize()
    run = step
    if as_graph:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        run = graph.replay
    times = []
    for _ in range(ROUNDS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(STEPS):
            run()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / STEPS)
    assert all(torch.isfinite(p).all() for p in step.parameters), "PyTorch's step diverges"
    return median(times)


def ours(binary, shape):
    size = ":".join(map(str, shape))
    out = subprocess.run(
        [binary, "bench", "--device", "gpu", "--step", size, "--json", "-q"],
        check=True, capture_output=True, text=True,
    )
    return {row["what"]: row["median_ms"] for row in json.loads(out.stdout)["rows"]}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary", help="the rhohat that is measured")
    arguments.add_argument("--shapes", default="".join(SHAPES), help="letters of the shapes")
    wanted = arguments.parse_args()
    print(torch.cuda.get_device_name())
    print("visible:hidden:examples | cost | rhohat ms | PyTorch eager | graph | eager TF32 | graph TF32")
    for letter in wanted.shapes:
        shape = SHAPES[letter]
        measured = ours(wanted.binary, shape)
        for kind, with_cost in (("step", False), ("step_with_j", True)):
            forms = [(tf32, graph) for tf32 in (False, True) for graph in (False, True)]
            times = [measured[kind], *(milliseconds(shape, with_cost, *form) for form in forms)]
            row = [":".join(map(str, shape)), "yes" if with_cost else "no", *(f"{ms:.3f}" for ms in times)]
            print(" | ".join(row), flush=True)


if __name__ == "__main__":
    main()

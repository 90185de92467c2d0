#!/usr/bin/env python3
"""The CPU engine against careful hand-written steps in NumPy and PyTorch: the same mathematics, in turns.

    pip install numpy torch threadpoolctl
    cargo build --release
    python3 tests/peers/peers.py target/release/rhohat [--shapes ABC] [--rounds 3] [--json]

A step is forward, gradient and an update by SGD with momentum over all examples in f32, without the cost and with it, as
`rhohat bench` times both. The peers allocate nothing in the loop and use no autograd. Each turn of each library is a process of its own, so
that no pool of threads waits beside another. First both peers and `rhohat eval` have to agree on the cost of a small
model, and the peers with each other after ten updates.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

# n visible units, h hidden units, m examples, output activation.
SHAPES = {
    "A": (64, 25, 10_000, "sigmoid"),
    "B": (64, 256, 1_000, "sigmoid"),
    "C": (784, 196, 1_000, "sigmoid"),
    "D": (784, 1_024, 512, "sigmoid"),
    "E": (784, 4_096, 512, "sigmoid"),
    "F": (3_072, 8_192, 256, "sigmoid"),
    "G": (192, 400, 2_000, "linear"),
}
SMALL = {"sigmoid": (20, 9, 50, "sigmoid"), "linear": (20, 9, 50, "linear")}
RHO, BETA, DECAY = 0.05, 3.0, 1e-4
RATE, MOMENTUM = 1e-4, 0.9
# Largest relative difference of costs in f32.
AGREE = 1e-5


def start(shape):
    """Examples X [m,n], encoder [h,n] and decoder [n,h], the biases being 0."""
    n, h, m, _ = shape
    draw = np.random.default_rng(0)
    reach = np.sqrt(6 / (n + h + 1))
    x = draw.uniform(0.1, 0.9, (m, n))
    encoder, decoder = draw.uniform(-reach, reach, (h, n)), draw.uniform(-reach, reach, (n, h))
    return [a.astype(np.float32) for a in (x, encoder, decoder)]


class NumPy:
    """A step on preallocated arrays; every line that takes time writes into one of them."""

    def __init__(self, shape):
        n, h, m, output = shape
        self.linear = output == "linear"
        self.x, encoder, decoder = start(shape)
        self.weights = [encoder, decoder]
        self.biases = [np.zeros(h, np.float32), np.zeros(n, np.float32)]
        self.weight_velocity = [np.zeros_like(w) for w in self.weights]
        self.bias_velocity = [np.zeros_like(b) for b in self.biases]
        self.gradient = [np.empty_like(w) for w in self.weights]
        self.scratch = [np.empty_like(w) for w in self.weights]
        self.a2, self.d2 = np.empty((m, h), np.float32), np.empty((m, h), np.float32)
        self.a3, self.d3 = np.empty((m, n), np.float32), np.empty((m, n), np.float32)

    @staticmethod
    def sigmoid(z):
        np.negative(z, out=z)
        np.exp(z, out=z)
        z += np.float32(1)
        np.reciprocal(z, out=z)

    @staticmethod
    def times_slope(delta, a):
        """delta *= a (1 - a); a is used up."""
        delta *= a
        np.subtract(np.float32(1), a, out=a)
        delta *= a

    def step(self, with_cost):
        (encoder, decoder), (b1, b2) = self.weights, self.biases
        x, a2, a3, d2, d3 = self.x, self.a2, self.a3, self.d2, self.d3
        scale = np.float32(1 / len(x))
        np.matmul(x, encoder.T, out=a2)
        a2 += b1
        self.sigmoid(a2)
        np.matmul(a2, decoder.T, out=a3)
        a3 += b2
        if not self.linear:
            self.sigmoid(a3)

        rho_hat = a2.mean(axis=0)
        np.subtract(a3, x, out=d3)
        cost = None
        if with_cost:
            squares = [float(np.vdot(a, a)) for a in (d3, encoder, decoder)]
            kl = RHO * np.log(RHO / rho_hat) + (1 - RHO) * np.log((1 - RHO) / (1 - rho_hat))
            cost = squares[0] / (2 * len(x)) + DECAY / 2 * (squares[1] + squares[2]) + BETA * float(kl.sum())

        if not self.linear:
            self.times_slope(d3, a3)
        d3 *= scale
        np.matmul(d3.T, a2, out=self.gradient[1])
        np.matmul(d3, decoder, out=d2)
        d2 += (BETA * scale * ((1 - RHO) / (1 - rho_hat) - RHO / rho_hat)).astype(np.float32)
        self.times_slope(d2, a2)
        np.matmul(d2.T, x, out=self.gradient[0])

        for w, v, g, t in zip(self.weights, self.weight_velocity, self.gradient, self.scratch):
            np.multiply(w, np.float32(DECAY), out=t)
            g += t
            v *= np.float32(MOMENTUM)
            v += g
            np.multiply(v, np.float32(RATE), out=t)
            w -= t
        for b, v, g in zip(self.biases, self.bias_velocity, (d2.sum(0), d3.sum(0))):
            v *= np.float32(MOMENTUM)
            v += g
            b -= np.float32(RATE) * v
        return cost


class PyTorch:
    """The same on tensors, with the fused operations that PyTorch has."""

    def __init__(self, shape):
        import torch

        self.torch = torch
        torch.set_num_threads(os.cpu_count())
        n, h, m, output = shape
        self.linear = output == "linear"
        self.x, encoder, decoder = map(torch.from_numpy, start(shape))
        self.parameters = [encoder, decoder, torch.zeros(h), torch.zeros(n)]
        self.velocity = [torch.zeros_like(p) for p in self.parameters]
        self.gradient = [torch.empty_like(p) for p in self.parameters]
        self.a2, self.d2 = torch.empty(m, h), torch.empty(m, h)
        self.a3, self.d3 = torch.empty(m, n), torch.empty(m, n)
        self.rho_hat = torch.empty(h)
        self.times_slope = torch.ops.aten.sigmoid_backward.grad_input

    def step(self, with_cost):
        with self.torch.no_grad():
            return self.pass_and_update(with_cost)

    def pass_and_update(self, with_cost):
        torch, (encoder, decoder, b1, b2) = self.torch, self.parameters
        x, a2, a3, d2, d3, rho_hat = self.x, self.a2, self.a3, self.d2, self.d3, self.rho_hat
        scale = 1 / len(x)
        torch.addmm(b1, x, encoder.t(), out=a2)
        a2.sigmoid_()
        torch.addmm(b2, a2, decoder.t(), out=a3)
        if not self.linear:
            a3.sigmoid_()

        torch.mean(a2, 0, out=rho_hat)
        torch.sub(a3, x, out=d3)
        cost = None
        if with_cost:
            squares = [torch.dot(t.view(-1), t.view(-1)).item() for t in (d3, encoder, decoder)]
            kl = RHO * torch.log(RHO / rho_hat) + (1 - RHO) * torch.log((1 - RHO) / (1 - rho_hat))
            cost = scale / 2 * squares[0] + DECAY / 2 * (squares[1] + squares[2]) + BETA * kl.sum().item()

        if not self.linear:
            self.times_slope(d3, a3, grad_input=d3)
        d3.mul_(scale)
        torch.mm(d3.t(), a2, out=self.gradient[1])
        slope = ((1 - RHO) / (1 - rho_hat) - RHO / rho_hat).mul_(BETA * scale)
        torch.addmm(slope, d3, decoder, out=d2)
        self.times_slope(d2, a2, grad_input=d2)
        torch.mm(d2.t(), x, out=self.gradient[0])
        torch.sum(d2, 0, out=self.gradient[2])
        torch.sum(d3, 0, out=self.gradient[3])

        for weight, gradient in zip((encoder, decoder), self.gradient):
            gradient.add_(weight, alpha=DECAY)
        for parameter, velocity, gradient in zip(self.parameters, self.velocity, self.gradient):
            velocity.mul_(MOMENTUM).add_(gradient)
            parameter.sub_(velocity, alpha=RATE)
        return cost


PEERS = {"numpy": NumPy, "torch": PyTorch}
# Rows of `rhohat bench`, and whether they have the cost.
KINDS = {"step": False, "step_with_j": True}


def turn(peer, key, seconds):
    """Median and best of one peer's steps without cost and with it, in ms: what a process of its own prints."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(os.cpu_count()):
        step = PEERS[peer](SHAPES[key]).step
        found = {}
        for kind, with_cost in KINDS.items():
            for _ in range(3):
                step(with_cost)
            times, begun = [], time.perf_counter()
            while len(times) < 5 or time.perf_counter() - begun < seconds / 2:
                before = time.perf_counter()
                step(with_cost)
                times.append(1e3 * (time.perf_counter() - before))
            found[kind] = {"median_ms": median(times), "best_ms": min(times)}
    return found


def turn_apart(peer, key, seconds):
    """The same in a process whose BLAS chooses for itself what the processor is."""
    forced = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    environment = {name: value for name, value in os.environ.items() if name not in forced}
    command = [sys.executable, __file__, "--turn", peer, key, str(seconds)]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def ours(binary, key):
    n, h, m, output = SHAPES[key]
    command = [binary, "bench", "--device", "cpu", "--step", f"{n}:{h}:{m}", "--output", output, "--json", "--quiet"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows = {row["what"]: row for row in json.loads(done.stdout)["rows"]}
    return {kind: {name: rows[kind][name] for name in ("median_ms", "best_ms")} for kind in KINDS}


def safetensors(path, tensors):
    """Writes named f32 arrays."""
    header, data = {}, b""
    for name, array in tensors.items():
        end = len(data) + array.nbytes
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def check(binary):
    """Ends the program unless all three agree on the cost, and the peers on that after ten updates."""
    for output, shape in SMALL.items():
        n, h, _, _ = shape
        x, encoder, decoder = start(shape)
        with tempfile.TemporaryDirectory() as folder:
            model, rows = Path(folder) / "model.safetensors", Path(folder) / "rows.npy"
            zero = {"encoder.bias": np.zeros(h, np.float32), "decoder.bias": np.zeros(n, np.float32)}
            safetensors(model, {"encoder.weight": encoder, "decoder.weight": decoder, **zero})
            np.save(rows, x)
            settings = ["--output", output, "--rho", RHO, "--beta", BETA, "--lambda", DECAY, "--device", "cpu"]
            command = [binary, "eval", model, rows, *map(str, settings), "--json"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        costs = {"rhohat": [json.loads(done.stdout)["j"]]}
        for name, peer in PEERS.items():
            at_work = peer(shape)
            costs[name] = [at_work.step(True) for _ in range(11)]
        same = lambda a, b: abs(a - b) <= AGREE * abs(b)
        first = all(same(cost[0], costs["rhohat"][0]) for cost in costs.values())
        if not (first and same(costs["numpy"][-1], costs["torch"][-1])):
            sys.exit(f"error: the steps differ with {output} outputs, so their times mean nothing; costs: {costs}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", nargs="?", help="rhohat to be measured")
    parser.add_argument("--shapes", default="".join(SHAPES), help=f"letters out of {''.join(SHAPES)}")
    parser.add_argument("--rounds", type=int, default=3, help="turns of everyone at each shape")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a peer's turn")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    parser.add_argument("--turn", nargs=3, metavar=("PEER", "SHAPE", "SECONDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.turn:
        peer, key, seconds = arguments.turn
        print(json.dumps(turn(peer, key, float(seconds))))
        return
    if not arguments.binary:
        parser.error("which rhohat is to be measured? give its path, such as target/release/rhohat")
    if unknown := set(arguments.shapes) - set(SHAPES):
        parser.error(f"--shapes: there is no {', '.join(sorted(unknown))}; choose out of {''.join(SHAPES)}")
    binary = str(Path(arguments.binary).resolve())
    check(binary)
    rows = []
    if not arguments.json:
        print("shape           n:h:m        what  NumPy ms  PyTorch ms  rhohat ms  GFLOP/s  better peer / rhohat")
    for key in arguments.shapes:
        measured = measure(binary, key, arguments)
        rows.extend(measured)
        if not arguments.json:
            print("\n".join(map(line, measured)), flush=True)
    if arguments.json:
        print(json.dumps(rows))


def measure(binary, key, arguments):
    """Everyone in turns at one shape, a row a kind of step."""
    rounds = []
    for _ in range(arguments.rounds):
        times = {peer: turn_apart(peer, key, arguments.seconds) for peer in PEERS}
        rounds.append({**times, "rhohat": ours(binary, key)})
    return [row_of(key, kind, [{who: times[kind] for who, times in r.items()} for r in rounds]) for kind in KINDS]


def row_of(key, kind, rounds):
    """Medians over the rounds, and the ratio round by round."""
    ratios = [min(r[peer]["median_ms"] for peer in PEERS) / r["rhohat"]["median_ms"] for r in rounds]
    row = {"shape": key, "what": kind, "n_h_m": ":".join(map(str, SHAPES[key][:3])), "output": SHAPES[key][3]}
    for name in (*PEERS, "rhohat"):
        row[f"{name}_ms"] = median(r[name]["median_ms"] for r in rounds)
        row[f"{name}_best_ms"] = min(r[name]["best_ms"] for r in rounds)
    n, h, m, _ = SHAPES[key]
    row["gflops"] = 10 * n * h * m / row["rhohat_ms"] / 1e6
    row["ratio"], row["ratio_low"], row["ratio_high"] = median(ratios), min(ratios), max(ratios)
    return row


def line(row):
    return (
        f"{row['shape']:5} {row['n_h_m']:>15} {row['what']:>11}  {row['numpy_ms']:8.2f}  {row['torch_ms']:10.2f}  {row['rhohat_ms']:9.2f}"
        f"  {row['gflops']:7.1f}  {row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
    )


if __name__ == "__main__":
    main()

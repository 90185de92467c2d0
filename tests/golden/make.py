"""Writes the golden runs that tests/it/golden.rs replays: python tests/golden/make.py [--check]

With --check nothing is written, and the files that are there have to hold the same numbers.

An implementation of its own, in NumPy float64 from the formulas of the lecture, that shares nothing with the crate.
Its gradient is checked against central differences before anything is written, and against PyTorch's automatic
differentiation where that is installed. It also measures how far roundings carry in each run, on which the tolerances
of tests/it/golden.rs stand.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

N, H, M, STEPS = 13, 7, 50, 20

# Unit roundoff of f32 and of f64.
SINGLE, DOUBLE = 2.0**-24, 2.0**-53
# Central differences of numbers up to 4 with steps of 1e-5: roundings of 4·2⁻⁵³/1e-5 = 4e-11 a difference and a
# truncation of 1e-10 times a third derivative.
CENTRAL = 1e-8
# Automatic differentiation of the same formula in f64: some hundred roundings of numbers up to 10.
AUTOMATIC = 1000 * DOUBLE
# Another library of linear algebra sums in another order. What `carried` says of 2⁻²⁴ holds of 2⁻⁵³: 83·2⁻⁵³ = 9e-15.
# Seen between OpenBLAS's kernels for six processors: 9e-16.
REORDERED = 1e-14

HIDDEN = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh}
OUTPUT = {**HIDDEN, "linear": lambda z: z}
SLOPE = {"sigmoid": lambda a: a * (1 - a), "tanh": lambda a: 1 - a**2, "linear": np.ones_like}

# Every pair of what a run varies is met once: optimiser, batches, how the mean activation is taken, activations.
RUNS = {
    "sgd_full": dict(optimizer="sgd", lr=0.05, batch=None, decay=None, activation="sigmoid", output="sigmoid"),
    "adam_full": dict(optimizer="adam", lr=0.01, batch=None, decay=None, activation="tanh", output="sigmoid"),
    "adam_batches": dict(optimizer="adam", lr=0.01, batch=16, decay=None, activation="tanh", output="linear"),
    "sgd_average": dict(optimizer="sgd", lr=0.02, batch=16, decay=0.9, activation="sigmoid", output="linear"),
    "adam_average": dict(optimizer="adam", lr=0.01, batch=16, decay=0.9, activation="tanh", output="tanh"),
}


def objective(run):
    return dict(activation=run["activation"], output=run["output"], rho=0.1, beta=0.7, **{"lambda": 0.003})


def start(seed):
    """Parameters and data that f32 holds exactly."""
    draw = np.random.default_rng(seed).uniform
    single = lambda a: a.astype(np.float32).astype(np.float64)
    params = [single(draw(-0.5, 0.5, shape)) for shape in [(H, N), (H,), (H, N), (N,)]]
    return params, single(draw(0.1, 0.9, (M, N)))


def evaluate(obj, params, x, average=None, decay=None):
    """The three terms of J, the gradient, and the mean activations that the penalty is taken at."""
    w1, b1, d, b2 = params
    f, g, m = obj["activation"], obj["output"], len(x)
    a2 = HIDDEN[f](x @ w1.T + b1)
    a3 = OUTPUT[g](a2 @ d + b2)

    half = 0.5 if f == "tanh" else 1.0
    rho_hat = a2.mean(0) if f == "sigmoid" else (1 + a2.mean(0)) / 2
    if average is not None:
        rho_hat = decay * average + (1 - decay) * rho_hat

    rho, beta, lam = obj["rho"], obj["beta"], obj["lambda"]
    reconstruction = ((a3 - x) ** 2).sum() / (2 * m)
    weights = lam / 2 * ((w1**2).sum() + (d**2).sum())
    kl = beta * (rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat))).sum()

    delta3 = (a3 - x) * SLOPE[g](a3)
    slope = half * beta * ((1 - rho) / (1 - rho_hat) - rho / rho_hat)
    delta2 = (delta3 @ d.T + slope) * SLOPE[f](a2)
    gradient = [delta2.T @ x / m + lam * w1, delta2.mean(0), a2.T @ delta3 / m + lam * d, delta3.mean(0)]
    return (reconstruction, weights, kl), gradient, rho_hat


def check_gradient(obj):
    params, x = start(9)
    _, gradient, _ = evaluate(obj, params, x)
    errors = []
    for tensor, analytic in zip(params, gradient):
        for index in np.ndindex(tensor.shape):
            kept, sides = tensor[index], []
            for shift in (1e-5, -1e-5):
                tensor[index] = kept + shift
                sides.append(sum(evaluate(obj, params, x)[0]))
            tensor[index] = kept
            errors.append(abs((sides[0] - sides[1]) / 2e-5 - analytic[index]))
    return largest("the gradient against central differences", errors, CENTRAL)


def check_with_torch(obj):
    import torch

    arrays, x = start(9)
    w1, b1, d, b2 = params = [torch.tensor(a, requires_grad=True) for a in arrays]
    layers = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "linear": lambda z: z}
    data = torch.tensor(x)
    a2 = layers[obj["activation"]](data @ w1.T + b1)
    a3 = layers[obj["output"]](a2 @ d + b2)
    rho_hat = a2.mean(0) if obj["activation"] == "sigmoid" else (1 + a2.mean(0)) / 2
    rho = torch.tensor(obj["rho"], dtype=torch.float64)
    kl = rho * torch.log(rho / rho_hat) + (1 - rho) * torch.log((1 - rho) / (1 - rho_hat))
    decay = obj["lambda"] / 2 * ((w1**2).sum() + (d**2).sum())
    (((a3 - data) ** 2).sum() / (2 * M) + decay + obj["beta"] * kl.sum()).backward()
    _, gradient, _ = evaluate(obj, arrays, x)
    errors = [np.abs(p.grad.numpy() - g).max() for p, g in zip(params, gradient)]
    return largest("the gradient against automatic differentiation", errors, AUTOMATIC)


def largest(what, errors, bound):
    """The largest of the errors. NaN, which Python's own max may pass over, is never within the bound."""
    worst = np.max(errors)
    if not worst <= bound:
        sys.exit(f"{what}: off by {worst}, allowed {bound}")
    return worst


def replay(run, seed, jolt=lambda array: array):
    """The record of a run. `jolt` is done to every gradient, updated parameter and moving average."""
    obj = objective(run)
    params, x = start(seed)
    first = [np.zeros_like(p) for p in params]
    second = [np.zeros_like(p) for p in params]
    order = np.random.default_rng(seed + 100)
    average, batches, costs, rho_hats = None, [], [], []
    record = dict(run=run, objective=obj, visible=N, hidden=H, x=x.ravel().tolist(), start=flat(params))
    for step in range(1, STEPS + 1):
        rows = np.arange(M) if run["batch"] is None else order.choice(M, run["batch"], replace=False)
        terms, gradient, rho_hat = evaluate(obj, params, x[rows], average, run["decay"])
        if run["decay"] is not None:
            average = jolt(rho_hat)
        for w, m, v, g in zip(params, first, second, map(jolt, gradient)):
            if run["optimizer"] == "sgd":
                m[...] = 0.9 * m + g
                w -= run["lr"] * m
            else:
                m[...] = 0.9 * m + 0.1 * g
                v[...] = 0.999 * v + 0.001 * g**2
                w -= run["lr"] * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
            w[...] = jolt(w)
        batches.append(rows.tolist())
        costs.append(terms)
        rho_hats.append(rho_hat.tolist())
    return dict(record, batches=batches, costs=costs, rho_hats=rho_hats, end=flat(params))


def carried(run, seed, draws=100):
    """How far one rounding in each number of each update moves any of the results, in roundings."""
    sign = np.random.default_rng(seed + 200).choice
    jolt = lambda array: array + SINGLE * sign([-1.0, 1.0], array.shape)
    results = lambda record: np.concatenate([np.ravel(record[name]) for name in ["costs", "rho_hats", "end"]])
    undisturbed = results(replay(run, seed))
    moved = [np.abs(results(replay(run, seed, jolt)) - undisturbed).max() for _ in range(draws)]
    return np.max(moved) / SINGLE


def flat(params):
    return np.concatenate([p.ravel() for p in params]).tolist()


def same(found, wanted):
    """Equal but for the roundings of another library of linear algebra."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, (list, tuple)):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return abs(found - wanted) <= REORDERED if isinstance(wanted, float) else found == wanted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, compare with the files that are there")
    check = parser.parse_args().check
    for seed, (name, run) in enumerate(RUNS.items()):
        path = Path(__file__).with_name(f"{name}.json")
        print(f"{name}: gradient within {check_gradient(objective(run)):.1e} of central differences", end=", ")
        try:
            print(f"{check_with_torch(objective(run)):.1e} of automatic differentiation", end="; ")
        except ImportError:
            print("automatic differentiation SKIPPED: torch is not installed", end="; ")
        print(f"one rounding everywhere moves it by {carried(run, seed):.0f}")
        if not check:
            path.write_text(json.dumps(replay(run, seed)) + "\n")
        elif not same(json.loads(path.read_text()), replay(run, seed)):
            sys.exit(f"{path.name} holds other numbers than this script makes")


if __name__ == "__main__":
    main()

"""Compares the program with NumPy, SciPy and PyTorch: python tests/interop/check.py RHOHAT [CHECK ...]

RHOHAT is the binary. Checks are named like the functions below; without names all are run. A line a comparison says
what was measured and what was allowed; the exit status is 1 if anything was off. Needs numpy and safetensors, for
`photographs`, `whitening` and `images` scipy and scikit-image, for `formats` and `units` scipy and pandas, for `tensorboard`
tensorboard and pandas. Without torch, `pytorch` says that it was skipped, or fails with --require-torch.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Two threads that wait for each other on a busy machine take ten times as long as one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

LAYERS = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "linear": lambda z: z}
SLOPES = {"sigmoid": lambda a: a * (1 - a), "tanh": lambda a: 1 - a**2, "linear": np.ones_like}
PAIRS = [("sigmoid", "sigmoid"), ("tanh", "linear")]
RHO, BETA, LAMBDA = 0.05, 2.0, 0.001
LECTURE = dict(rho=0.01, beta=3.0, lam=1e-4)

# What the program promises; `rhohat verify` has the bounds that follow from the shapes, and tests/golden has f64.
# A step, relative to the gradient: weights up to 0.5 come back rounded by up to 2⁻²⁶, gradients are some 0.01 or more
# (1.5e-6), and sums over 20 inputs and 10 000 rows in panels bring as much again.
STEP = 1e-5
# Codes and outputs of numbers up to 3: 20 products with two roundings of 2⁻²³ each, sums of magnitudes up to 2.
CODE = 1e-5
# J and its terms: sums of squares in f32 over panels, each of whose roundings is shared by thousands of others.
COST = 1e-6
# J in f64: 60 000 terms, at worst 60 000·2⁻⁵³ = 7e-12, with roundings of either sign √60 000·2⁻⁵³ = 3e-14.
COST_DOUBLE = 1e-12
# J after 400 iterations, relative: searches that differ by roundings alone end in different minima. SciPy's own, with one
# thread or two, are 0.08 % apart; the program's and SciPy's up to 0.24 % as seen.
SEARCH = 0.01
# Features of 25 without a direction; of weights at random all 25 are.
UNORIENTED = {"median": 1, "worst": 3, "seed 0": 2}

# Whitened numbers, relative to the largest: two eigensolvers in f64, and f32 in the file.
WHITE = 1e-5
# Pixels of whitened numbers in f32, which are up to 1/√ε as large.
PIXELS = 1e-4

# Photographs that lie in scikit-image's own package.
PHOTOGRAPHS = ["astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png", "coffee.png",
               "coins.png", "grass.png", "motorcycle_left.png", "rocket.jpg"]


class Checks:
    """Where they are run, and what came of them."""

    def __init__(self, binary, folder, require_torch):
        self.binary, self.folder, self.require_torch = Path(binary).resolve(), Path(folder), require_torch
        self.failed, self.runs = 0, 0

    def rhohat(self, *arguments):
        """Standard output of a run that has to go well."""
        command = [str(self.binary), *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def train(self, *arguments):
        """The JSON of a run, and the parameters it left."""
        self.runs += 1
        summary = json.loads(self.rhohat("train", *arguments, "--json", "--out", f"run{self.runs}"))
        return summary, load_file(self.folder / f"run{self.runs}" / "model.safetensors")

    def within(self, what, measured, bound):
        passed = is_within(measured, bound)
        self.failed += not passed
        print(f"{'ok    ' if passed else 'FAILED'}  {what}: {measured:.3g}, allowed {bound:g}", flush=True)


def is_within(measured, bound):
    """Not a number is never within."""
    return bool(measured <= bound)


def farthest(found, wanted):
    """The largest difference; NaN if there is one on either side, infinite for another shape."""
    return np.abs(found - wanted).max() if found.shape == wanted.shape else np.inf


def off(found, wanted):
    """‖found − wanted‖ / ‖wanted‖ of the tensor that is farthest off."""
    norm = np.linalg.norm
    return np.max([norm(found[name] - wanted[name]) / norm(wanted[name]) for name in wanted])


def objective_flags(pair):
    return ["--activation", pair[0], "--output", pair[1], "--rho", RHO, "--beta", BETA, "--lambda", LAMBDA]


def evaluate(params, x, pair=PAIRS[0], rho=RHO, beta=BETA, lam=LAMBDA):
    """J in its terms and the gradient, in f64, from the formulas. Tensors have PyTorch's names and shapes."""
    p = {name: value.astype(np.float64) for name, value in params.items()}
    (f, g), m = pair, len(x)
    a2 = LAYERS[f](x @ p["encoder.weight"].T + p["encoder.bias"])
    a3 = LAYERS[g](a2 @ p["decoder.weight"].T + p["decoder.bias"])
    rho_hat = (1 + a2.mean(0)) / 2 if f == "tanh" else a2.mean(0)
    terms = dict(
        reconstruction=((a3 - x) ** 2).sum() / (2 * m),
        decay=lam / 2 * ((p["encoder.weight"] ** 2).sum() + (p["decoder.weight"] ** 2).sum()),
        kl=beta * (rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat))).sum())
    slope = beta * ((1 - rho) / (1 - rho_hat) - rho / rho_hat) * (0.5 if f == "tanh" else 1)
    delta3 = (a3 - x) * SLOPES[g](a3)
    delta2 = (delta3 @ p["decoder.weight"] + slope) * SLOPES[f](a2)
    gradient = {
        "encoder.weight": delta2.T @ x / m + lam * p["encoder.weight"], "encoder.bias": delta2.mean(0),
        "decoder.weight": delta3.T @ a2 / m + lam * p["decoder.weight"], "decoder.bias": delta3.mean(0)}
    return terms, gradient, a2, a3


def start(checks, name, n, h, rows, seed=0):
    """A file of start weights, a file of rows, and both as arrays that f32 holds exactly."""
    random = np.random.default_rng(seed)
    reach = np.sqrt(6 / (n + h + 1))
    draw = lambda *shape: random.uniform(-reach, reach, shape).astype(np.float32)
    params = {"encoder.weight": draw(h, n), "encoder.bias": draw(h),
              "decoder.weight": draw(n, h), "decoder.bias": draw(n)}
    x = random.uniform(0.1, 0.9, (rows, n)).astype(np.float32)
    save_file(params, checks.folder / f"{name}.safetensors")
    np.save(checks.folder / f"{name}.npy", x)
    return params, x.astype(np.float64)


def step_off(checks, name, old, gradient, *flags):
    """How far one step of gradient descent with rate 1 is from the gradient, relative to it."""
    new = checks.train(f"{name}.npy", "--init", f"{name}.safetensors", "--normalize", "none", "--optimizer", "sgd",
                       "--lr", 1, "--momentum", 0, "--batch", "full", "--steps", 1, *flags)[1]
    return off({tensor: old[tensor].astype(np.float64) - new[tensor] for tensor in old}, gradient)


def gradient_step(checks):
    """One step with rate 1: new weights = old − gradient."""
    old, x = start(checks, "step", 20, 9, 300)
    for pair in PAIRS:
        _, gradient, _, _ = evaluate(old, x, pair)
        for device in ["reference", "cpu", "software"]:
            error = step_off(checks, "step", old, gradient, "--device", device, *objective_flags(pair))
            checks.within(f"step of {device}, {' → '.join(pair)}, against the gradient", error, STEP)


def cost(checks):
    """eval gives J and each of its terms."""
    params, x = start(checks, "cost", 20, 9, 3000, seed=1)
    for pair in PAIRS:
        terms = evaluate(params, x, pair)[0]
        terms["j"] = sum(terms.values())
        for device, bound in [("reference", COST_DOUBLE), ("cpu", COST), ("software", COST)]:
            found = json.loads(checks.rhohat("eval", "cost.safetensors", "cost.npy", "--device", device, "--json",
                                             *objective_flags(pair)))
            worst = np.max([abs(found[name] - terms[name]) / terms[name] for name in terms])
            checks.within(f"cost of {device}, {' → '.join(pair)}, relative", worst, bound)


def codes(checks):
    """encode and reconstruct."""
    params, x = start(checks, "codes", 20, 9, 500, seed=2)
    for pair in PAIRS:
        _, _, a2, a3 = evaluate(params, x, pair)
        for device in ["reference", "cpu", "software"]:
            for command, wanted in [("encode", a2), ("reconstruct", a3)]:
                flags = ["--device", device, "--activation", pair[0], "--output", pair[1]]
                checks.rhohat(command, "codes.safetensors", "codes.npy", "-o", "out.npy", *flags)
                found = np.load(checks.folder / "out.npy")
                checks.within(f"{command} of {device}, {' → '.join(pair)}", farthest(found, wanted), CODE)


def pytorch(checks):
    """A model that the program has trained, loaded into two nn.Linear as the README shows."""
    try:
        import torch
        from safetensors.torch import load_file as load_torch
    except ImportError:
        print("SKIPPED: torch not installed", flush=True)
        checks.failed += checks.require_torch
        return

    start(checks, "codes", 20, 9, 500, seed=2)
    checks.train("codes.npy", "--hidden", 9, "--normalize", "none", "--steps", 20, "--device", "cpu")
    model = checks.folder / f"run{checks.runs}" / "model.safetensors"
    x = torch.tensor(np.load(checks.folder / "codes.npy"))

    def made(command, model):
        checks.rhohat(command, model, "codes.npy", "-o", "out.npy", "--device", "cpu")
        return np.load(checks.folder / "out.npy")

    def same(what, model, a2, a3):
        for command, wanted in [("encode", a2), ("reconstruct", a3)]:
            checks.within(f"{command} of {what}, against PyTorch", farthest(made(command, model), wanted.detach().numpy()), CODE)

    module = torch.nn.ModuleDict({"encoder": torch.nn.Linear(20, 9), "decoder": torch.nn.Linear(9, 20)})
    module.load_state_dict(load_torch(model))
    a2 = module["encoder"](x).sigmoid()
    same("a trained model", model, a2, module["decoder"](a2).sigmoid())

    sequential = torch.nn.Sequential(torch.nn.Linear(20, 9), torch.nn.Sigmoid(), torch.nn.Linear(9, 20), torch.nn.Sigmoid())
    converted = checks.folder / "sequential.safetensors"
    checks.rhohat("convert", model, "-o", converted, "--names", "sequential")
    sequential.load_state_dict(load_torch(converted))
    same("a model converted for nn.Sequential", model, sequential[:2](x), sequential(x))
    other_models(checks, torch, sequential, x, same)
    classifiers(checks, torch)


def classifiers(checks, torch):
    """Classifiers that the program has trained, loaded into nn.Sequential as the README shows."""
    from safetensors.torch import load_file as load_torch

    random = np.random.default_rng(7)
    labels = np.arange(300) % 3
    waves = np.sin(np.outer(labels + 1, np.arange(16)) * 0.4)
    rows = (0.5 + 0.2 * waves + 0.25 * random.uniform(-1, 1, (300, 16))).astype(np.float32)
    np.save(checks.folder / "classes.npy", rows)
    (checks.folder / "classes.txt").write_text("".join(f"{label}\n" for label in labels))
    nonlinear = {"sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}
    for activation, widths in [("sigmoid", [9]), ("tanh", [9]), ("sigmoid", [9, 5]), ("tanh", [9, 5])]:
        name = f"{activation}{len(widths)}"
        checks.rhohat("stack", "classes.npy", "--layers", ",".join(map(str, widths)), "--activation", activation, "--normalize", "none",
                      "--beta", 0, "--steps", 30, "--device", "cpu", "--out", f"stack-{name}")
        checks.rhohat("classify", "classes.npy", "--labels", "classes.txt", "--encoder", f"stack-{name}", "--fine-tune", 40,
                      "--device", "cpu", "--out", f"classifier-{name}")
        checks.rhohat("predict", f"classifier-{name}", "classes.npy", "-o", "probabilities.npy", "--device", "cpu")
        layers, inputs = [], rows.shape[1]
        for width in widths:
            layers += [torch.nn.Linear(inputs, width), nonlinear[activation]()]
            inputs = width
        network = torch.nn.Sequential(*layers, torch.nn.Linear(inputs, 3))
        network.load_state_dict(load_torch(checks.folder / f"classifier-{name}" / "model.safetensors"), strict=True)
        with torch.no_grad():
            wanted = torch.softmax(network(torch.tensor(rows)), dim=1).numpy()
        found = np.load(checks.folder / "probabilities.npy")
        checks.within(f"predict of {len(widths)} hidden layers of {activation}, against PyTorch", farthest(found, wanted), CODE)
        right = float((wanted.argmax(axis=1) == labels).mean())
        checks.within(f"what PyTorch takes for other classes, {len(widths)} of {activation}", 1 - right, 0.2)


def other_models(checks, torch, sequential, x, same):
    """Models of PyTorch under the names, layouts and precisions of other programs."""
    from safetensors.torch import save_file as save_torch

    path = checks.folder / "other.safetensors"
    w1, b1, w2, b2 = [tensor.clone() for tensor in sequential.state_dict().values()]
    b1, b2 = b1 + 0.25, b2 - 0.125
    turned = lambda tensor: tensor.T.contiguous()
    forward = lambda x, w1, b1, w2, b2: (a2 := (x @ w1.T + b1).sigmoid(), (a2 @ w2.T + b2).sigmoid())
    zero = torch.zeros(())
    cases = {
        "nn.Sequential": ({"0.weight": w1, "0.bias": b1, "2.weight": w2, "2.bias": b2}, (w1, b1, w2, b2)),
        "a wrapped module": ({f"module.{k}": v for k, v in {"fc1.weight": w1, "fc1.bias": b1, "fc2.weight": w2, "fc2.bias": b2}.items()}, (w1, b1, w2, b2)),
        "tied weights": ({"encoder.weight": w1, "encoder.bias": b1, "decoder.bias": b2}, (w1, b1, w1.T, b2)),
        "layers without biases": ({"encoder.weight": w1, "decoder.weight": w2}, (w1, zero, w2, zero)),
        "a transposed decoder": ({"encoder.weight": w1, "encoder.bias": b1, "decoder.weight": turned(w2), "decoder.bias": b2}, (w1, b1, w2, b2)),
        "W_enc and W_dec": ({"W_enc": turned(w1), "b_enc": b1, "W_dec": turned(w2), "b_dec": b2}, (w1, b1, w2, b2)),
        "dictionary_learning": ({"encoder.weight": w1, "encoder.bias": b1, "decoder.weight": w2, "bias": b2}, (w1, b1 - w1 @ b2, w2, b2)),
    }
    for kind in [torch.float16, torch.bfloat16, torch.float64]:
        state = {"encoder.weight": w1, "encoder.bias": b1, "decoder.weight": w2, "decoder.bias": b2}
        state = {name: tensor.to(kind) for name, tensor in state.items()}
        cases[str(kind)] = state, [tensor.to(torch.float32) for tensor in state.values()]
    for name, (tensors, parameters) in cases.items():
        save_torch(tensors, path)
        same(name, path, *forward(x, *parameters))

    # A file of torch.save is refused with the line that converts it, and the line does.
    for what, content in [("state_dict", sequential.state_dict()), ("checkpoint", {"state_dict": sequential.state_dict()})]:
        torch.save(content, checks.folder / "FILE")
        done = subprocess.run([str(checks.binary), "encode", "FILE", "codes.npy", "-o", "out.npy"], cwd=checks.folder, capture_output=True, text=True)
        line = done.stderr.strip().split("in Python: ")[-1]
        subprocess.run([sys.executable, "-c", line], cwd=checks.folder, check=True)
        same(f"torch.save's {what}, converted by the line of its refusal", "model.safetensors", sequential[:2](x), sequential(x))


def models(checks):
    """Converted models under SciPy and NumPy, unrolled as UFLDL does, and its θ under this program."""
    from scipy.io import loadmat, savemat

    n, h = 12, 5
    params, x = start(checks, "models", n, h, 200, seed=5)
    _, _, wanted, _ = evaluate(params, x)
    convert = lambda out, *flags: checks.rhohat("convert", "models.safetensors", "-o", out, *flags)

    def codes_of(w1, b1):
        return 1 / (1 + np.exp(-(x @ w1.T + b1.ravel())))

    convert("models.mat")
    found = loadmat(checks.folder / "models.mat")
    theta, n_of, h_of = found["theta"].ravel(), int(found["visibleSize"][0, 0]), int(found["hiddenSize"][0, 0])
    unrolled = {
        "W1": theta[:h_of * n_of].reshape(h_of, n_of, order="F"),
        "W2": theta[h_of * n_of:2 * h_of * n_of].reshape(n_of, h_of, order="F"),
        "b1": theta[2 * h_of * n_of:2 * h_of * n_of + h_of], "b2": theta[2 * h_of * n_of + h_of:],
    }
    checks.within("codes of θ, unrolled as UFLDL does", farthest(codes_of(unrolled["W1"], unrolled["b1"]), wanted), 1e-12)
    for name, value in unrolled.items():
        checks.within(f"{name} of .mat and of θ", farthest(value, found[name].reshape(value.shape)), 0)
    checks.within("W2 of θ", farthest(unrolled["W2"], params["decoder.weight"].astype(np.float64)), 0)
    convert("models.npz")
    found = np.load(checks.folder / "models.npz")
    for name, tensor in {"W1": "encoder.weight", "b1": "encoder.bias", "W2": "decoder.weight", "b2": "decoder.bias"}.items():
        checks.within(f"{name} of .npz", farthest(found[name], params[tensor]), 0)

    checks.rhohat("encode", "models.safetensors", "models.npy", "-o", "wanted.npy", "--device", "cpu")
    ours = np.load(checks.folder / "wanted.npy")
    sizes, arrays = {"visibleSize": n, "hiddenSize": h}, {name: unrolled[name] for name in ["W1", "W2"]}
    arrays |= {name: unrolled[name].reshape(-1, 1) for name in ["b1", "b2"]}
    files = [(f"{len(options)}{what}", content, options)
             for options in [{}, {"do_compression": True}, {"format": "4"}]
             for what, content in [("theta", {"opttheta": theta.reshape(-1, 1), **sizes}), ("arrays", arrays)]]
    for name, content, options in files:
        path = checks.folder / f"{name}{options.get('format', 5)}.mat"
        savemat(path, content, **options)
        checks.rhohat("encode", path, "models.npy", "-o", "out.npy", "--device", "cpu")
        checks.within(f"codes of SciPy's {path.name}", farthest(np.load(checks.folder / "out.npy"), ours), 0)
    for save in [np.savez, np.savez_compressed]:
        save(checks.folder / "theirs.npz", **arrays)
        checks.rhohat("encode", "theirs.npz", "models.npy", "-o", "out.npy", "--device", "cpu")
        checks.within(f"codes of {save.__name__}", farthest(np.load(checks.folder / "out.npy"), ours), 0)

    checks.rhohat("train", "models.npy", "--hidden", 4, "--output", "linear", "--normalize", "standard", "--whitening", "zca",
                  "--steps", 5, "--device", "cpu", "--out", "folded")
    checks.rhohat("convert", "folded", "-o", "folded.npz", "--fold")
    checks.rhohat("encode", "folded", "models.npy", "-o", "out.npy", "--device", "cpu")
    found = np.load(checks.folder / "folded.npz")
    checks.within("codes of a folded model on values as they are", farthest(codes_of(found["W1"], found["b1"]), np.load(checks.folder / "out.npy")), CODE)
    metadata = json.loads(bytes(found["rhohat"]))
    checks.within("metadata of .npz", int(metadata["output"] != "linear"), 0)


def chunks(checks):
    """The gradient over 10 000 rows does not depend on how many are computed at a time."""
    old, x = start(checks, "chunks", 64, 25, 10_000, seed=3)
    _, gradient, _, _ = evaluate(old, x)
    for device in ["cpu", "software"]:
        for chunk in [97, 1_000, 10_000]:
            flags = ["--device", device, "--chunk", chunk, *objective_flags(PAIRS[0])]
            error = step_off(checks, "chunks", old, gradient, *flags)
            checks.within(f"gradient of {device} in chunks of {chunk}", error, STEP)


def photographs(checks):
    """The lecture's settings on ten photographs, against SciPy's L-BFGS-B in f64 on the same patches."""
    import skimage.data
    from scipy.optimize import minimize

    folder = checks.folder / "photographs"
    folder.mkdir()
    for name in PHOTOGRAPHS:
        shutil.copy(Path(skimage.data.__file__).parent / name, folder / name)
    old, _ = start(checks, "photographs", 64, 25, 1, seed=4)
    for bias in ["encoder.bias", "decoder.bias"]:
        old[bias][:] = 0
    save_file(old, checks.folder / "photographs.safetensors")
    found = {}
    for device in ["cpu", "software"]:
        found[device], _ = checks.train("photographs", "--whiten", "--init", "photographs.safetensors", "--normalize",
                                        "lecture", "--device", device, "--save-patches", "patches.npy")
    x = np.load(checks.folder / "patches.npy").astype(np.float64)

    shapes = {name: old[name].shape for name in sorted(old)}
    ends = np.cumsum([0] + [np.prod(shape) for shape in shapes.values()])
    unflatten = lambda v: {name: v[a:b].reshape(shapes[name]) for name, a, b in zip(shapes, ends, ends[1:])}

    def fun(v):
        terms, gradient, _, _ = evaluate(unflatten(v), x, **LECTURE)
        return sum(terms.values()), np.concatenate([gradient[name].ravel() for name in shapes])

    began = time.monotonic()
    begin = np.concatenate([old[name].ravel() for name in shapes]).astype(np.float64)
    options = dict(maxiter=400, maxcor=10, maxfun=10_000, ftol=0, gtol=0)
    best = minimize(fun, begin, jac=True, method="L-BFGS-B", options=options)
    print(f"        SciPy: J {best.fun:.5f} in {time.monotonic() - began:.1f} s, {best.nit} iterations")
    for device, summary in found.items():
        print(f"        {device}: J {summary['j']:.5f} in {summary['seconds']:.1f} s, {summary['steps']} iterations")
        difference = abs(summary["j"] - best.fun) / best.fun
        checks.within(f"J of {device} on photographs, difference to SciPy", difference, SEARCH)


def features(checks):
    """How many features of the lecture's experiment have a direction."""
    counts = []
    for seed in range(10):
        _, params = checks.train("--device", "cpu", "--seed", seed)
        counts.append(sum(bool(oriented(row.reshape(8, 8))) for row in params["encoder.weight"]))
    print(f"        oriented features of 25 at seeds 0 to 9: {counts}")
    found = {"median": np.median(counts), "worst": min(counts), "seed 0": counts[0]}
    for name, most in UNORIENTED.items():
        checks.within(f"features without direction, {name}", 25 - found[name], most)


def oriented(feature):
    """Whether the power spectrum gathers around one direction."""
    power = np.abs(np.fft.fft2(feature - feature.mean(), (16, 16))) ** 2
    frequency = np.fft.fftfreq(16)
    angle = np.arctan2(frequency[:, None], frequency[None, :])
    return abs((power * np.exp(2j * angle)).sum()) / power.sum() > 0.5


def experiment(checks):
    """The lecture's experiment on the CPU engine and on the software adapter. Seconds are told and not judged: they are the machine's."""
    found = {device: checks.train("--device", device)[0] for device in ["cpu", "software"]}
    difference = abs(found["software"]["j"] - found["cpu"]["j"]) / found["cpu"]["j"]
    print("        " + ", ".join(f"J {run['j']:.5f} on {device} in {run['seconds']:.1f} s" for device, run in found.items()))
    checks.within("difference of J between both", difference, SEARCH)


def formats(checks):
    """Files of SciPy, NumPy and pandas are read to the same numbers, and results of every kind are read back by them."""
    import pandas as pd
    from scipy.io import loadmat, savemat

    random = np.random.default_rng(7)
    x = random.random((50, 9)).astype(np.float32)
    kinds = np.array(["b", "a", "ü, \"c\""])[random.integers(3, size=50)]
    at = checks.folder / "formats"
    at.mkdir(exist_ok=True)
    np.save(at / "x.npy", x)
    for options in [{}, {"do_compression": True}, {"format": "4"}]:
        savemat(at / f"{len(options)}{options.get('format', 5)}.mat", {"x": x}, **options)
    frame = pd.DataFrame(x.astype(np.float64), columns=[f"c{i}" for i in range(9)])
    frame.to_csv(at / "x.csv", index=False)
    frame.to_csv(at / "x.tsv", sep="\t")
    frame.assign(kind=kinds).to_csv(at / "kinds.csv", index=False)
    np.savetxt(at / "x.txt", x.astype(np.float64))
    model = at / "run" / "model.safetensors"
    checks.rhohat("train", at / "x.npy", "--hidden", 4, "--steps", 5, "--device", "cpu", "--out", at / "run")

    def made(command, out, *data):
        checks.rhohat(command, model, *data, "-o", at / out, *(["--device", "cpu"] if data else []))
        return at / out

    codes = np.load(made("encode", "codes.npy", at / "x.npy"))
    sources = sorted(path for path in at.iterdir() if path.suffix in {".mat", ".csv", ".tsv", ".txt"})
    for path in sources:
        flags = ["--label-column", "kind"] if path.name == "kinds.csv" else []
        checks.within(f"read {path.name}", farthest(np.load(made("encode", "again.npy", path, *flags)), codes), 0)

    readers = {
        "npy": lambda path, name: np.load(path),
        "npz": lambda path, name: np.load(path)[name],
        "csv": lambda path, name: pd.read_csv(path).to_numpy(np.float32),
        "tsv": lambda path, name: pd.read_csv(path, sep="\t").to_numpy(np.float32),
        "mat": lambda path, name: loadmat(path)[name],
        "safetensors": lambda path, name: load_file(path)[name],
    }
    results = {"encode": ("codes", [at / "x.npy"]), "reconstruct": ("reconstruction", [at / "x.npy"]), "features": ("features", [])}
    for command, (name, data) in results.items():
        wanted = np.load(made(command, "wanted.npy", *data))
        for ending, read in readers.items():
            found = read(made(command, f"{command}.{ending}", *data), name)
            checks.within(f"{command} .{ending}", farthest(found, wanted), 0)
    weights = load_file(model)["encoder.weight"].astype(np.float64)
    features = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    checks.within("features of norm 1", farthest(np.load(at / "wanted.npy"), features), 1e-7)

    names = sorted(set(kinds))
    labelled = lambda out: made("encode", out, at / "kinds.csv", "--label-column", "kind")
    npz = np.load(labelled("l.npz"))
    mat = loadmat(labelled("l.mat"))
    table = pd.read_csv(labelled("l.csv"))
    tensors = labelled("l.safetensors")
    with open(tensors, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    of_tensors = np.array(json.loads(header["__metadata__"]["label_names"]))[load_file(tensors)["labels"]]
    of_mat = np.array([cell[0] for cell in mat["label_names"][:, 0]])[mat["labels"][:, 0] - 1]
    for kind, found in [("npz", npz["label_names"][npz["labels"]]), ("mat", of_mat), ("csv", table["label"]), ("safetensors", of_tensors)]:
        checks.within(f"labels .{kind}", int((np.asarray(found) != kinds).sum()), 0)
    checks.within("names of labels", int(list(npz["label_names"]) != names), 0)


def units(checks):
    """The table of units against NumPy in f64 by way of pandas, sparse codes by way of SciPy, and the way back of both."""
    import pandas as pd
    from scipy import sparse

    n, h, rows, k = 20, 9, 2000, 3
    params, x = start(checks, "units", n, h, rows, seed=8)
    params["encoder.bias"][0] = -9
    params["encoder.weight"][4] = 2 * params["encoder.weight"][1]
    save_file(params, checks.folder / "units.safetensors")
    for pair in PAIRS:
        flags = ["--device", "cpu", "--activation", pair[0], "--output", pair[1]]
        _, _, a2, a3 = evaluate(params, x, pair)
        fraction = (1 + a2) / 2 if pair[0] == "tanh" else a2
        for ending, separator in [("csv", ","), ("tsv", "\t")]:
            checks.rhohat("units", "units.safetensors", "units.npy", "-o", f"units.{ending}", "--top-k", k, *flags)
            table = pd.read_csv(checks.folder / f"units.{ending}", sep=separator)
            active = fraction > 0.5
            wanted = {
                "unit": np.arange(h), "rho_hat": fraction.mean(0), "density": active.mean(0), "max": a2.max(0),
                "norm": np.linalg.norm(params["encoder.weight"].astype(np.float64), axis=1),
            }
            for name, value in wanted.items():
                checks.within(f"{name} of units.{ending}, {pair[0]}", farthest(table[name].to_numpy(), value), CODE)
            with np.errstate(invalid="ignore"):
                mean = np.where(active, a2, 0).sum(0) / active.sum(0)
            found = table["mean_active"].to_numpy()
            checks.within("where no example makes a unit active", int((np.isnan(found) != np.isnan(mean)).sum()), 0)
            checks.within("mean_active", farthest(np.nan_to_num(found), np.nan_to_num(mean)), CODE)
            top = table[[f"top_{i + 1}" for i in range(k)]].to_numpy()
            values = table[[f"activation_{i + 1}" for i in range(k)]].to_numpy()
            checks.within("activations of the top examples", farthest(values, np.sort(a2, 0)[::-1][:k].T), CODE)
            checks.within("their numbers", farthest(np.take_along_axis(a2, top.T, 0).T, values), CODE)
            # ρ is 0.01 where nothing says otherwise.
            faults = {"dead": fraction.mean(0) < 0.001, "saturated": fraction.mean(0) > 0.9, "compared": np.ones(h, bool)}
            for name, value in faults.items():
                checks.within(name, int((table[name].to_numpy() != value).sum()), 0)
            checks.within("duplicates", int(table["duplicate_of"].dropna().to_dict() != {4: 1.0}), 0)

        checks.rhohat("encode", "units.safetensors", "units.npy", "-o", "codes.npy", *flags)
        checks.rhohat("encode", "units.safetensors", "units.npy", "-o", "sparse.npz", "--top-k", k, *flags)
        codes = np.load(checks.folder / "codes.npy")
        rest = np.float32(-1 if pair[0] == "tanh" else 0)
        kept = codes >= np.sort(codes, 1)[:, -k, None]
        found = sparse.load_npz(checks.folder / "sparse.npz")
        checks.within(f"sparse codes of {pair[0]}, against SciPy", farthest(found.toarray(), np.where(kept, codes - rest, 0)), 0)
        regular = found.format == "csr" and found.has_canonical_format and found.dtype == np.float32 and found.indices.dtype == np.int32
        checks.within("their form", int(not regular or found.nnz != rows * k), 0)

        # A file of SciPy, packed and with other kinds of numbers, comes back as the dense codes do.
        dense = np.where(kept, codes, rest)
        np.save(checks.folder / "dense.npy", dense)
        checks.rhohat("decode", "units.safetensors", "dense.npy", "-o", "wanted.npy", *flags)
        wanted = np.load(checks.folder / "wanted.npy")
        wide = found.astype(np.float64)
        wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
        for name, matrix, packed in [("ours", None, None), ("theirs", found, True), ("stored", found, False), ("wide", wide, True),
                                     ("an array", sparse.csr_array(found), True)]:
            if matrix is not None:
                sparse.save_npz(checks.folder / "sparse.npz", matrix, compressed=packed)
            checks.rhohat("decode", "units.safetensors", "sparse.npz", "-o", "back.npy", *flags)
            # What tanh loses above rest, times weights up to 0.5.
            checks.within(f"decode of {name}, {pair[0]}", farthest(np.load(checks.folder / "back.npy"), wanted), 1e-6)
        checks.rhohat("decode", "units.safetensors", "codes.npy", "-o", "back.npy", *flags)
        checks.within(f"decode of {' → '.join(pair)}", farthest(np.load(checks.folder / "back.npy"), a3), CODE)


def tensorboard(checks):
    """TensorBoard and pandas read the course of a run that was broken off, without the steps that were cut."""
    import pandas as pd
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    run = checks.folder / "followed"
    flags = ["--optimizer", "adam", "--samples", 400, "--batch", 20, "--steps", 90, "--validation", 0.1, "--device", "cpu"]
    command = [checks.binary, "train", *flags, "--checkpoint-every", 40, "--out", run, "--tensorboard"]
    subprocess.run(list(map(str, command)), env=os.environ | {"RHOHAT_FAIL_POINT": "latest-written:1"}, capture_output=True)
    [first] = run.glob("events.out.tfevents.*")
    # What a sitting has written behind its last checkpoint, whether or not this one came so far.
    with open(first, "ab") as file:
        lost = Summary(value=[Summary.Value(tag=tag, simple_value=-1.0) for tag in ["j", "validation/j"]])
        RecordWriter(file).write(Event(wall_time=time.time(), step=89, summary=lost).SerializeToString())
    checks.rhohat("train", "--resume", run)
    files = len(list(run.glob("events.out.tfevents.*")))
    checks.within("event files beyond one a sitting", abs(files - 2), 0)

    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    found = EventAccumulator(str(run), size_guidance={"scalars": 0})
    found.Reload()
    steps = [line["step"] for line in lines]
    others = {"step", "seconds", "gradient_norm"}
    names = [name for name in lines[0] if name not in others and not name.startswith("validation")]
    for name in names:
        tag = name.replace("rho_hat_", "rho_hat/")
        scalars = found.Scalars(tag)
        values, wanted = (np.array(list(numbers), dtype=float) for numbers in ((s.value for s in scalars), (l[name] for l in lines)))
        off_steps = [s.step for s in scalars] != steps
        # Numbers of TensorBoard are f32.
        error = np.inf if off_steps else np.max(np.abs(values - wanted) / np.maximum(np.abs(wanted), 1e-30))
        checks.within(f"TensorBoard reads {tag}, relative", error, 1e-7)
    looks = {line["validation_step"]: line["validation"] for line in lines if "validation_step" in line}
    shown = {s.step: s.value for s in found.Scalars("validation/j")}
    # No line follows the last look.
    missing = set(shown) ^ (set(looks) | {90})
    checks.within("looks that TensorBoard lacks", len(missing), 0)
    checks.within("TensorBoard reads validation/j", farthest(np.array([shown[s] for s in looks]), np.array(list(looks.values()))), 1e-6)

    table = pd.read_csv(run / "metrics.csv")
    flat = pd.json_normalize(lines)
    checks.within("names of metrics.csv", len(set(table.columns) ^ set(flat.columns)), 0)
    for name in flat.columns.drop("gradient_norm"):
        values, wanted = table[name].to_numpy(float), flat[name].to_numpy(float)
        is_gap = np.isnan(wanted)
        error = np.inf if (np.isnan(values) != is_gap).any() else farthest(values[~is_gap], wanted[~is_gap])
        # pandas may round the last digit of a number in a text.
        checks.within(f"metrics.csv has {name}", error, 1e-15 * np.nanmax(np.abs(wanted)))


def signed(components):
    """Rows whose number of the largest absolute value is positive."""
    largest = np.abs(components).argmax(1)
    return components * np.sign(components[np.arange(len(components)), largest])[:, None]


def whitened(x, kind, epsilon, kept=1.0):
    """PCA or ZCA as UFLDL has them, in f64: the covariance is divided by the number of rows."""
    centred = x - x.mean(0)
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    variances, components = np.maximum(variances[::-1], 0), signed(vectors[:, ::-1].T)
    count = 1 + int((np.cumsum(variances)[:-1] < kept * variances.sum()).sum())
    components, variances = components[:count], variances[:count]
    z = centred @ (components / np.sqrt(variances + epsilon)[:, None]).T
    return z if kind == "pca" else z @ components


def whitening(checks):
    """Whitened rows and colour patches against NumPy in f64, and the way back through the tensors of the model."""
    from PIL import Image
    import skimage.data

    folder = checks.folder / "colour"
    folder.mkdir()
    for name in ["astronaut.png", "chelsea.png", "coffee.png"]:
        shutil.copy(Path(skimage.data.__file__).parent / name, folder / name)
    patches = ["--color", "--patch", 8, "--samples", 20_000, "--hidden", 3, "--steps", 1, "--device", "cpu"]
    checks.train("colour", *patches, "--normalize", "none", "--save-patches", "raw.npy")
    raw = np.load(checks.folder / "raw.npy").astype(np.float64)
    np.save(checks.folder / "rows.npy", raw)
    for kind, epsilon, kept in [("zca", 0.1, 1.0), ("pca", 0.1, 1.0), ("pca", 1e-3, 0.99)]:
        flags = ["--whitening", kind, "--epsilon", epsilon, *(["--variance", kept] if kept < 1 else [])]
        wanted = whitened(raw, kind, epsilon, kept)
        rows = ["rows.npy", "--hidden", 3, "--steps", 1, "--device", "cpu"]
        for name, data in [("colour patches", ["colour", *patches]), ("rows", rows)]:
            _, params = checks.train(*data, *flags, "--save-patches", "white.npy")
            white = np.load(checks.folder / "white.npy").astype(np.float64)
            error = farthest(white, wanted) / np.abs(wanted).max()
            checks.within(f"{kind} of {name}, {white.shape[1]} columns, against NumPy", error, WHITE)
            u, variances = params["preprocess.components"], params["preprocess.variances"]
            back = white @ u.T if kind == "zca" else white
            pixels = (back * np.sqrt(variances + epsilon)) @ u + params["preprocess.shift"]
            if kept == 1:
                checks.within(f"{kind} of {name} undone", farthest(pixels, raw), PIXELS)


def filtered(plane):
    """Olshausen's filter on a whole picture."""
    f = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in plane.shape), indexing="ij"))
    return np.fft.ifft2(np.fft.fft2(plane) * f * np.exp(-((f / 0.4) ** 4))).real


def convolved(checks):
    """Features of whole photographs against SciPy: a convolution with each unit's weights, as UFLDL's exercise has it, and means."""
    from PIL import Image
    from scipy.signal import convolve2d
    from scipy.special import expit
    import skimage.data
    from skimage.measure import block_reduce

    folder, side, p = checks.folder / "whole", 8, 13
    folder.mkdir()
    pictures = []
    for name in ["astronaut.png", "chelsea.png", "coffee.png"]:
        picture = Image.open(Path(skimage.data.__file__).parent / name).convert("RGB").resize((61, 52))
        picture.save(folder / name)
        pictures.append(np.asarray(picture, np.float64) / 255)

    def features(model, *flags):
        checks.rhohat("convolve", model, folder, "--pool", p, "-o", "features.npy", "-q", "--device", "cpu", *flags)
        return np.load(checks.folder / "features.npy").reshape(len(pictures), -1, (52 - side + 1) // p, (61 - side + 1) // p)

    def means(codes):
        """Of `[units, down, across]`, whole regions alone."""
        whole = codes[:, : codes.shape[1] // p * p, : codes.shape[2] // p * p]
        return block_reduce(whole, (1, p, p), np.mean)

    train = ["whole", "--patch", side, "--samples", 5000, "--hidden", 20, "--steps", 60, "--device", "cpu"]
    for kind in ["zca", "pca"]:
        _, params = checks.train(*train, "--color", "--whitening", kind, "--epsilon", 0.1, "--output", "linear", "--normalize", "none")
        u, variances = params["preprocess.components"], params["preprocess.variances"]
        matrix = u / np.sqrt(variances + 0.1)[:, None]
        w = params["encoder.weight"].astype(np.float64) @ (u.T @ matrix if kind == "zca" else matrix)
        b = params["encoder.bias"] - w @ params["preprocess.shift"]
        kernels = w.reshape(-1, side, side, 3)[:, ::-1, ::-1]
        sums = [np.stack([sum(convolve2d(picture[..., c], kernel[..., c], "valid") for c in range(3)) for kernel in kernels])
                for picture in pictures]
        wanted = np.stack([means(expit(z + b[:, None, None])) for z in sums])
        found = features(f"run{checks.runs}")
        checks.within(f"features after {kind} against SciPy, spread {wanted.std():.2f}", farthest(found, wanted), CODE)
    for flags in [[], ["--whiten"]]:
        _, params = checks.train(*train, *flags)
        with safe_open(checks.folder / f"run{checks.runs}" / "model.safetensors", "np") as file:
            low, high = json.loads(file.metadata()["rhohat"])["preprocess"]["limits"]
        codes = []
        for picture in pictures:
            grey = picture @ [0.299, 0.587, 0.114]
            plane = filtered(grey) if flags else grey
            patches = np.lib.stride_tricks.sliding_window_view(plane, (side, side))
            centred = patches - patches.mean((2, 3), keepdims=True)
            x = 0.1 + 0.8 * (np.clip(centred, low, high) - low) / (high - low)
            w = params["encoder.weight"].astype(np.float64).reshape(-1, side, side)
            codes.append(expit(np.einsum("yxij,hij->hyx", x, w) + params["encoder.bias"][:, None, None]))
        wanted = np.stack([means(code) for code in codes])
        name = "filtered photographs" if flags else "the lecture's normalisation"
        found = features(f"run{checks.runs}")
        checks.within(f"features of {name} against NumPy, spread {wanted.std():.2f}", farthest(found, wanted), CODE)


def images(checks):
    """UFLDL's IMAGES, ten pictures of 512×512 in one array, by either order of its axes, as .npy and .mat."""
    from PIL import Image
    from scipy.io import savemat
    import skimage.data

    def read(name):
        picture = Image.open(Path(skimage.data.__file__).parent / name).convert("L").resize((512, 512))
        return np.asarray(picture, np.float64) / 255

    stack = np.stack([read(name) for name in PHOTOGRAPHS])
    at = checks.folder
    np.save(at / "first.npy", stack.astype(np.float32))
    np.save(at / "last.npy", np.moveaxis(stack, 0, -1).astype(np.float32))
    savemat(at / "last.mat", {"IMAGES": np.moveaxis(stack, 0, -1)})
    savemat(at / "first.mat", {"IMAGES": stack}, do_compression=True)
    wanted = [np.corrcoef(stack[:, 1:].ravel(), stack[:, :-1].ravel())[0, 1],
              np.corrcoef(stack[:, :, 1:].ravel(), stack[:, :, :-1].ravel())[0, 1]]
    counts = {}
    for name, axes in [("first.npy", []), ("last.npy", ["--axes", "h,w,count"]), ("last.mat", []),
                       ("first.mat", ["--axes", "count,h,w"])]:
        short = ["--hidden", 3, "--steps", 1, "--device", "cpu", "--normalize", "none", "--save-patches", "cut.npy"]
        checks.train(name, *axes, *short)
        cut = np.load(at / "cut.npy").reshape(-1, 8, 8)
        found = [np.corrcoef(cut[:, 1:].ravel(), cut[:, :-1].ravel())[0, 1],
                 np.corrcoef(cut[:, :, 1:].ravel(), cut[:, :, :-1].ravel())[0, 1]]
        print(f"        {name}: neighbours correlate {found[0]:.3f} down and {found[1]:.3f} across")
        # Two draws of 10 000 patches from ten pictures.
        checks.within(f"correlation of neighbours in {name}", farthest(np.array(found), np.array(wanted)), 0.02)
        _, params = checks.train(name, *axes, "--whiten", "--device", "cpu", "--steps", 800)
        counts[name] = sum(bool(oriented(row.reshape(8, 8))) for row in params["encoder.weight"])
    print(f"        oriented features of 25: {counts}")
    checks.within("features of IMAGES without direction, worst", 25 - min(counts.values()), UNORIENTED["worst"])


def check_the_checks():
    """What measures here has to see an error."""
    one, wrong = {"a": np.ones(2), "b": np.full(2, 1e-3)}, {"a": np.ones(2), "b": np.array([1e-3, 2e-3])}
    nan = {"a": np.ones(2), "b": np.array([np.nan, 1e-3])}
    assert is_within(off(one, one), 0) and not is_within(off(wrong, one), 0.5) and not is_within(off(nan, one), 1e9)
    assert is_within(farthest(one["a"], one["a"]), 0) and not is_within(farthest(nan["b"], one["b"]), 1e9)
    assert not is_within(farthest(np.ones((1, 2)), np.ones(2)), 1e9)
    stripe = np.outer([0, 0, 1, -1, 0, 0, 0, 0], np.ones(8))
    random = np.random.default_rng(0)
    assert oriented(stripe) and oriented(stripe.T) and not oriented(np.full((8, 8), np.nan))
    near = np.linspace(0, 1, 400).reshape(100, 4) ** np.arange(1, 5)
    white = whitened(near, "pca", 0.0)
    assert np.allclose(white.T @ white / 100, np.eye(4)) and not np.allclose(near, white)
    assert not any(oriented(random.uniform(-1, 1, (8, 8))) for _ in range(100))


ALL = [gradient_step, cost, codes, chunks, formats, units, models, tensorboard, whitening, convolved, images, pytorch, photographs, features, experiment]


def main():
    names = {check.__name__: check for check in ALL}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rhohat", help="the binary")
    parser.add_argument("check", nargs="*", help=", ".join(names))
    parser.add_argument("--require-torch", action="store_true", help="a missing torch is a failure")
    arguments = parser.parse_args()
    unknown = set(arguments.check) - set(names)
    if unknown:
        parser.error(f"no such check: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    check_the_checks()
    with tempfile.TemporaryDirectory(prefix="rhohat-interop-") as folder:
        checks = Checks(arguments.rhohat, folder, arguments.require_torch)
        for name in arguments.check or names:
            names[name](checks)
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()

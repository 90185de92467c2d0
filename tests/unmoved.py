"""Hashes of what short runs compute, to show that a refactoring moves no bit: python3 tests/unmoved.py BINARY [--against FILE] > FILE.

Tensors of model.safetensors and of the codes of `encode`, metadata apart, of runs over engines, optimisers, activations,
streaming, chunks, blocks, validation, resampling and resuming.
"""
import hashlib, json, os, struct, subprocess, sys, tempfile

binary = os.path.abspath(sys.argv[1])
against = sys.argv[sys.argv.index("--against") + 1] if "--against" in sys.argv else None
work = tempfile.mkdtemp()
env = dict(os.environ, XDG_CACHE_HOME=work + "/cache")

def run(*args, ok=(0,)):
    done = subprocess.run([binary, *args], cwd=work, env=env, capture_output=True, text=True)
    assert done.returncode in ok, (args, done.returncode, done.stderr)
    return done.stdout

def tensors(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    hash = hashlib.sha256()
    for name, info in sorted(header.items()):
        begin, end = info["data_offsets"]
        hash.update(f"{name}{info['dtype']}{info['shape']}".encode())
        hash.update(data[8 + size + begin:8 + size + end])
    return hash.hexdigest()[:16]

def rows(path, m, n, kind="f4"):
    state, numbers = 12345, bytearray()
    for i in range(m * n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        x = (state >> 40) / 2**24
        numbers += struct.pack("<f", 0.1 + 0.8 * x * ((i % n) / n)) if kind == "f4" else bytes([state >> 56])
    descr = {"f4": "<f4", "u1": "|u1"}[kind]
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({m}, {n}), }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    open(path, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + numbers)

rows(work + "/rows.npy", 700, 29)
rows(work + "/bytes.npy", 900, 30, "u1")
BUILT_IN = ["--samples", "600", "--steps", "25"]
ROWS = ["rows.npy", "--hidden", "21", "--rho", "0.1"]
BATCHES = ["--optimizer", "adam", "--batch", "96", "--epochs", "3", "--lr", "0.01"]
CPU, REF, SOFT = ["--device", "cpu", "--threads", "2"], ["--device", "reference"], ["--device", "software"]
cases = {
    "lecture-cpu": BUILT_IN + CPU,
    "lecture-reference": ["--samples", "200", "--steps", "10"] + REF,
    "lecture-software": BUILT_IN + SOFT,
    "adam-cpu": ROWS + BATCHES + CPU,
    "adam-reference": ROWS + BATCHES + REF,
    "adam-software": ROWS + BATCHES + SOFT,
    "sgd-ema-cpu": ROWS + ["--optimizer", "sgd", "--batch", "100", "--epochs", "2", "--rho-hat", "ema", "--momentum", "0.8"] + CPU,
    "sgd-ema-reference": ROWS + ["--optimizer", "sgd", "--batch", "100", "--epochs", "2", "--rho-hat", "ema"] + REF,
    "sgd-ema-software": ROWS + ["--optimizer", "sgd", "--batch", "100", "--epochs", "2", "--rho-hat", "ema"] + SOFT,
    "tanh-linear-cpu": ROWS + BATCHES + ["--activation", "tanh", "--output", "linear"] + CPU,
    "tanh-tanh-software": ROWS + BATCHES + ["--activation", "tanh", "--output", "tanh"] + SOFT,
    "tanh-linear-reference": ROWS + ["--activation", "tanh", "--output", "linear", "--steps", "8"] + REF,
    "sigmoid-linear-lbfgs-cpu": ROWS + ["--output", "linear", "--steps", "20"] + CPU,
    "chunks-blocks-cpu": ROWS + ["--steps", "12", "--chunk", "100", "--block", "16"] + CPU,
    "chunks-blocks-software": ROWS + ["--steps", "6", "--chunk", "100", "--block", "8"] + SOFT,
    "streamed-cpu": ["bytes.npy", "--divide", "255", "--hidden", "20", "--stream", "--shuffle-block", "50"] + BATCHES + CPU,
    "streamed-software": ["bytes.npy", "--divide", "255", "--hidden", "20", "--stream", "--shuffle-block", "50"] + BATCHES + SOFT,
    "schedules-cpu": ROWS + BATCHES + ["--schedule", "cosine", "--warmup", "5", "--beta-warmup", "9"] + CPU,
    "validation-cpu": ROWS + BATCHES + ["--validation", "0.2", "--patience", "2"] + CPU,
    "resampling-cpu": ROWS + ["--optimizer", "adam", "--batch", "96", "--epochs", "4", "--lr", "0.3", "--hidden", "40", "--resample", "7"] + CPU,
    "resampling-software": ROWS + ["--optimizer", "adam", "--batch", "96", "--epochs", "4", "--lr", "0.3", "--hidden", "40", "--resample", "7"] + SOFT,
    "normalised-cpu": ROWS + BATCHES + ["--normalize", "unit", "--fit-rows", "300"] + CPU,
}
for variant in ["direct/buffers", "broadcast/textures", "tiled/buffers"]:
    cases["variant-" + variant.replace("/", "-")] = ROWS + BATCHES + SOFT + ["--force-variant", variant]

found = {}
def keep(name, run_dir, data):
    model = f"{run_dir}/model.safetensors"
    found[name] = [tensors(f"{work}/{model}")]
    if data:
        run("encode", model, data, "-o", f"{run_dir}/codes.npy", "--force", "--device", "cpu", "-q")
        found[name].append(hashlib.sha256(open(f"{work}/{run_dir}/codes.npy", "rb").read()).hexdigest()[:16])

for name, args in cases.items():
    run("train", *args, "--out", name, "-q")
    keep(name, name, args[0] if args[0].endswith(".npy") else None)
# A run that is broken off by its steps and gone on with is the whole run.
for device in ["cpu", "software"]:
    name = "resumed-" + device
    settings = ROWS + ["--optimizer", "adam", "--batch", "96", "--steps", "9", "--device", device]
    run("train", *settings, "--out", name, "-q")
    run("train", "--resume", name, "--steps", "24", "-q")
    keep(name, name, "rows.npy")
    name = "resumed-search-" + device
    run("train", *ROWS, "--steps", "7", "--device", device, "--out", name, "-q")
    run("train", "--resume", name, "--steps", "15", "-q")
    keep(name, name, "rows.npy")

text = json.dumps(found, indent=1, sort_keys=True)
print(text)
if against:
    before = json.load(open(against))
    moved = sorted(name for name in before.keys() | found.keys() if before.get(name) != found.get(name))
    print(f"{len(found)} runs, {len(moved)} moved {moved}", file=sys.stderr)
    sys.exit(bool(moved))

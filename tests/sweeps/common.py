"""What the checks of sweeps share: a folder with the examples as they lie, waiting, runs compared by their bytes."""

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples/sweeps"
# Trials long enough to be broken off, of some seconds each. A build without optimisation wants fewer of both.
EPOCHS = os.environ.get("SWEEPS_EPOCHS", "4000")
ROWS = int(os.environ.get("SWEEPS_ROWS", "600"))
# For what comes of itself, on a machine that does other things: no result depends on it.
PATIENCE = 1200


@contextlib.contextmanager
def folder(rhohat):
    """A folder with the examples to work in, whose `rhohat` is the one that is tried; it is removed if all is well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    work = Path(tempfile.mkdtemp(prefix="sweep-"))
    for example in EXAMPLES.iterdir():
        shutil.copy(example, work)
    (work / "bin").mkdir()
    (work / "bin/rhohat").symlink_to(Path(rhohat).resolve(strict=True))
    os.environ["PATH"] = f"{work}/bin:{os.environ['PATH']}"
    os.environ["RHOHAT_CACHE_DIR"] = str(work / "cache")
    os.chdir(work)
    try:
        yield work
    finally:
        for process, _ in processes(work):
            os.kill(process, signal.SIGKILL)
    os.chdir("/")
    shutil.rmtree(work)


def until(what, holds, every=0.05):
    """Waits until `holds` gives something, which is returned."""
    end = time.monotonic() + PATIENCE
    while not (found := holds()):
        if time.monotonic() > end:
            raise TimeoutError(f"not seen in {PATIENCE} s: {what}")
        time.sleep(every)
    return found


def lines(file):
    """The whole lines of a file of JSON lines that may grow."""
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def processes(within):
    """The processes of `rhohat` that work in a folder or in one below it, with their arguments."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            cwd = (process / "cwd").resolve(strict=True)
            if Path(words[0]).name == "rhohat" and cwd.is_relative_to(within.resolve()):
                yield int(process.name), [cwd / word.removeprefix("--run=") for word in words[1:]]


def process_of(run):
    """The process that trains a run, or none."""
    return next((process for process, paths in processes(Path.cwd()) if run.resolve() in paths), None)


def steps(run):
    """The step of the last line of the metrics of a run, 0 without one."""
    found = lines(run / "metrics.jsonl")
    return found[-1]["step"] if found else 0


def newest_checkpoint(run):
    """The step of the newest checkpoint of a run, 0 without one."""
    return max((int(kept.name.split("-")[1]) for kept in (run / "checkpoints").glob("step-*")), default=0)


def gone_on_from(run):
    """The steps at which the sittings of a run after its first have begun."""
    return [sitting["step"] for sitting in lines(run / "resumed.jsonl")]


def summary(run):
    return json.loads((run / "summary.json").read_text())


def same_models(runs, others):
    """Fails unless two folders hold the same runs, with the same bytes of models and the same result."""
    names = sorted(run.name for run in runs.iterdir())
    assert names == sorted(run.name for run in others.iterdir()), names
    for name in names:
        model, other = [(folder / name / "model.safetensors").read_bytes() for folder in (runs, others)]
        assert model == other, f"{name}: other bytes than a run that was not broken off"
        assert summary(runs / name)["validation"] == summary(others / name)["validation"], name
    return names


def write_rows(file, count, width):
    """Rows that something can be learned of: a few directions, and noise."""
    draw = random.Random(0)
    directions = [[draw.random() for _ in range(width)] for _ in range(6)]
    with open(file, "w") as table:
        for _ in range(count):
            shares = [draw.random() if draw.random() < 0.3 else 0.0 for _ in directions]
            total = sum(shares) or 1.0
            row = [sum(share * x[i] for share, x in zip(shares, directions)) / total for i in range(width)]
            table.write(",".join(f"{0.9 * value + 0.1 * draw.random():.5f}" for value in row) + "\n")

"""The sweep of docs/sweeps.md by W&B's agent, without an account: PYTHON check_wandb.py RHOHAT, a Python with wandb

The agent's own code starts trials from the settings that a server would send it; `rhohat` is given them in all spellings
that agents have.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import yaml
from wandb.proto import wandb_internal_pb2
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args
from wandb.wandb_agent import Agent

from common import folder, gone_on_from, lines, until

SETTINGS = {
    "hidden": 25,
    "beta": 2.5,
    "beta_warmup": 3,
    "optimizer": "adam",
    "validation": 0.1,
    "whiten": True,
    "samples": 200,
    "epochs": 3,
    "device": "cpu",
}


def write_picture():
    """A small picture, which is whitened in a moment."""
    side = 64
    pixels = bytes((x * x + 3 * y + x * y) % 251 for y in range(side) for x in range(side))
    Path("picture.pgm").write_bytes(b"P5 %d %d 255\n" % (side, side) + pixels)


def sent(settings):
    """Settings as a server sends them."""
    return {name: {"value": value} for name, value in settings.items()}


def spelled():
    """Every form of the arguments that an agent fills in, straight to the binary: the same model from each."""
    forms = create_sweep_command_args({"args": sent(SETTINGS)})
    Path("args.json").write_text(forms["args_json"][0])
    ways = {
        "args": forms["args"],
        "args_no_boolean_flags": forms["args_no_boolean_flags"],
        "args_json_file": ["--config", "args.json"],
    }
    assert "--whiten=True" in forms["args"] and "--beta_warmup=3" in forms["args"], forms
    models = set()
    for way, arguments in ways.items():
        subprocess.run(
            ["rhohat", "train", "picture.pgm", *arguments, "--run", f"spelled/{way}", "--json", "--quiet"],
            check=True,
            capture_output=True,
        )
        models.add((Path("spelled") / way / "model.safetensors").read_bytes())
    assert len(models) == 1, "other models by other spellings"
    refused = subprocess.run(["rhohat", "train", *forms["args_no_equals"]], capture_output=True, text=True)
    assert refused.returncode == 3 and "/True: no such file" in refused.stderr, refused
    return list(ways)


def agent(sweep):
    """An agent as `wandb agent` has it, but for the server."""
    # The `python3` of the sweep is the one that has wandb.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.environ.update(WANDB_MODE="offline", WANDB_SWEEP_ID="sweep1", WANDB_DIR=os.getcwd(), WANDB_SILENT="true")
    Path("wandb/sweep-sweep1").mkdir(parents=True)
    made = Agent(api=None, queue=None, sweep_id="sweep1")
    made._sweep_command = create_sweep_command(sweep["command"])
    return made


def drawn(sweep, **more):
    """Settings that a server might draw, and those that make the trial small."""
    parameters = sweep["parameters"].items()
    first = {name: kind.get("value", kind.get("min", kind.get("values", [None])[0])) for name, kind in parameters}
    return {**first, "data": "picture.pgm", "samples": 200, "device": "cpu", **more}


def start(agents, kind, sweep, run, settings):
    command = {"type": kind, "run_id": run, "program": sweep["program"], "args": sent(settings)}
    agents._command_run(command)


def end(agents, run):
    """The exit code of a trial, once it has ended."""
    until(f"{run} has ended", lambda: agents._run_processes[run].poll() is not None)
    return agents._run_processes[run].poll()


def stopped_and_resumed(agents, sweep):
    """A trial that the server stops has saved, and goes on under its number when the server resumes it."""
    endless = drawn(sweep, epochs=1_000_000, patience=1_000_000)
    run = Path("runs/trial1")
    start(agents, "run", sweep, "trial1", endless)
    until("the trial is under way", lambda: lines(run / "metrics.jsonl"))
    agents._command_stop({"run_id": "trial1"})
    assert end(agents, "trial1") == 143
    done = lines(run / "metrics.jsonl")[-1]["step"]
    start(agents, "resume", sweep, "trial1", endless)
    begun = until("the trial goes on", lambda: gone_on_from(run))
    agents._command_stop({"run_id": "trial1"})
    assert end(agents, "trial1") == 143
    assert begun[0] >= done > 0, (begun, done)
    return done, begun[0]


def records(file):
    """The records of W&B's file of a run, a log as LevelDB has it: pieces in blocks of 32 KiB, each behind seven bytes."""
    log, at, record = file.read_bytes(), 7, b""
    while at + 7 <= len(log):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = int.from_bytes(log[at + 4 : at + 6], "little"), log[at + 6]
        record += log[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            found = wandb_internal_pb2.Record()
            found.ParseFromString(record)
            record = b""
            yield found


def logged(run):
    """What W&B has of each step of a run."""
    [file] = Path("wandb").glob(f"offline-run-*-{run}/run-{run}.wandb")
    history = [record.history.item for record in records(file) if record.WhichOneof("record_type") == "history"]
    return [{item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items} for items in history]


def whole(agents, sweep):
    """A trial that comes to its end: every line of its metrics is with W&B."""
    start(agents, "run", sweep, "trial2", drawn(sweep, epochs=60))
    assert end(agents, "trial2") == 0
    run = Path("runs/trial2")
    goal = sweep["metric"]["name"]
    theirs = [(line["step"], line.get(goal)) for line in logged("trial2")]
    ours = [(line["step"], line.get(goal)) for line in lines(run / "metrics.jsonl")]
    assert theirs == ours and ours[-1][1] is not None, (theirs, ours)
    return len(ours)


def main():
    with folder(sys.argv[1]):
        started = time.monotonic()
        write_picture()
        ways = spelled()
        sweep = yaml.safe_load(Path("wandb.yaml").read_text())
        agents = agent(sweep)
        done, begun = stopped_and_resumed(agents, sweep)
        count = whole(agents, sweep)
        print(
            f"the same model by {', '.join(ways)}; a trial stopped at step {done} went on at {begun}; "
            f"{count} lines logged of another; {time.monotonic() - started:.0f} s"
        )


main()

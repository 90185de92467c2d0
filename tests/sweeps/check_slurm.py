"""The array of docs/sweeps.md in a real Slurm: python3 check_slurm.py RHOHAT [PART ...]

Preempted, signalled, out of time, killed, and queued again: the models have the bytes of an array that nobody broke off,
and no step was lost that a checkpoint had to hold.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from cluster import cluster, finish, job, no_wait_after_requeue, state, submit, told
from common import (
    EPOCHS,
    ROWS,
    folder,
    gone_on_from,
    lines,
    newest_checkpoint,
    process_of,
    same_models,
    steps,
    until,
    write_rows,
)

LAMBDAS = ["0.03", "0.01", "0.003", "0.001", "0.0003", "0.0001"]
# Long enough for what is done to the trials, which begins once a run has a twentieth of its hundred reports.
FLAGS = [
    "rows.csv",
    "--hidden",
    "100",
    "--optimizer",
    "adam",
    "--patience",
    "1000",
    "--device",
    "cpu",
    "--no-report",
    "--checkpoint-every",
    "0.5s",
]
REPORTS = 5
# What tells the trials that are broken off: preemption, `scancel`, nothing.
SENT = {0: "SIGTERM", 1: "SIGTERM", 2: "SIGUSR1", 3: None}


def run_of(task, at="broken"):
    return Path(at) / "runs" / f"lambda-{LAMBDAS[task]}"


def under_way(task, at="broken", reports=REPORTS):
    run = run_of(task, at)
    until(f"{run} is under way", lambda: len(lines(run / "metrics.jsonl")) >= reports)
    assert not (run / "summary.json").exists(), f"{run} is done before it could be broken off: raise EPOCHS"


def array(at, *more, epochs=EPOCHS):
    """The script as it lies, called from the folder `at`, with more for `sbatch`."""
    Path(at).mkdir()
    (Path(at) / "rows.csv").symlink_to(Path("rows.csv").resolve())
    script = Path("slurm.sh").resolve()
    return submit(f"--chdir={at}", *more, str(script), *FLAGS, "--epochs", epochs)


def restarts(name):
    return int(job(name)["Restarts"])


def saved(task, told_before, at="broken"):
    """The newest checkpoint of a trial that was asked to save: no step that its metrics tell of is behind it."""
    run = run_of(task, at)
    kept, done = newest_checkpoint(run), steps(run)
    assert kept >= done >= told_before > 0, f"{run}: {told_before} steps, then {done} told of, {kept} kept"
    return kept


def preempt(number):
    """Pushes out the two trials that run, by a job that wants the whole node."""
    running = [task for task in range(6) if state(f"{number}_{task}") == "RUNNING"]
    assert len(running) == 2, running
    for task in running:
        under_way(task)
    before = {task: steps(run_of(task)) for task in running}
    urgent = submit("--partition=high", "--ntasks=2", "--output=urgent.log", "--wrap=sleep 1")
    until("the urgent job is done", lambda: state(urgent) == "COMPLETED")
    for task in running:
        assert restarts(f"{number}_{task}") == 1, job(f"{number}_{task}")
    return {task: saved(task, before[task]) for task in running}


def signalled(number, task):
    """SIGUSR1 to a trial, as `--signal=USR1@120` sends it: to the trial and not to the script."""
    name = f"{number}_{task}"
    until(f"trial {task} begins", lambda: release(number) or state(name) == "RUNNING")
    under_way(task)
    before = steps(run_of(task))
    # It may complain that the job is gone, as it is once it was told: that it was stands in the trial's log.
    subprocess.run(["scancel", "--signal=USR1", f"{name}.0"], capture_output=True)
    until(f"trial {task} is queued again", lambda: restarts(name) == 1)
    return saved(task, before)


def release(number):
    no_wait_after_requeue([f"{number}_{task}" for task in range(6)])


def killed(number, task):
    """A process that dies without a word: the task has failed, and `scontrol requeue` goes on from the last checkpoint."""
    name = f"{number}_{task}"
    until(f"trial {task} begins", lambda: release(number) or state(name) == "RUNNING")
    run = run_of(task)
    under_way(task)
    kept = until("a checkpoint", lambda: newest_checkpoint(run))
    os.kill(process_of(run), signal.SIGKILL)
    until(f"trial {task} has failed", lambda: state(name) == "FAILED")
    assert job(name)["ExitCode"] == "137:0", job(name)
    told("scontrol", "requeue", name)
    return kept


def same_bytes():
    """An array that nobody breaks off, one that is broken off in every way, and their models."""
    started = time.monotonic()
    finish(array("whole"), range(6))
    whole = time.monotonic() - started
    broken_off()
    names = same_models(Path("broken/runs"), Path("whole/runs"))
    print(
        f"{len(names)} models with the same bytes; {whole:.0f} s, broken off {time.monotonic() - started - whole:.0f} s"
    )


def broken_off():
    number = array("broken")
    until("two trials run", lambda: sum(state(f"{number}_{task}") == "RUNNING" for task in range(6)) == 2)
    kept = preempt(number)
    kept[2] = signalled(number, 2)
    kept[3] = killed(number, 3)
    count = finish(number, range(6))
    assert count == [1, 1, 1, 1, 0, 0], count
    for task, step in kept.items():
        begun = gone_on_from(run_of(task))
        assert len(begun) == 1 and begun[0] >= step, f"trial {task}: kept {step}, gone on from {begun}"
        log = (Path("broken") / f"trial-{task}.log").read_text()
        assert f"going on from step-{begun[0]:09}" in log, log
        assert (SENT[task] is None) or f"{SENT[task]}: finishing this step" in log, log
    print(
        "went on at",
        {f"trial {task}": gone_on_from(run_of(task))[0] for task in kept},
        "of",
        json.loads((run_of(0) / "summary.json").read_text())["steps"],
        "steps",
    )


def out_of_time():
    """Slurm's own clock: a long trial with a limit of a minute is told before it, saves, and is queued again."""
    number = array("long", "--array=0", "--time=1", "--signal=USR1@20", epochs=str(40 * int(EPOCHS)))
    name = f"{number}_0"
    under_way(0, "long", reports=1)
    until("the time is up", lambda: restarts(name) == 1, every=0.5)
    assert "SIGUSR1: finishing this step" in Path("long/trial-0.log").read_text()
    kept = newest_checkpoint(run_of(0, "long"))
    assert kept >= steps(run_of(0, "long")) > 0
    no_wait_after_requeue([name])
    until("the trial goes on", lambda: no_wait_after_requeue([name]) or gone_on_from(run_of(0, "long")) == [kept])
    told("scancel", number)
    print(f"out of time: went on at step {kept}")


def number_of_the_last():
    """The last task of an array has the array's number as its job's; by it `scontrol requeue` takes all of them."""
    number = submit("--array=0-1", "--output=last.log", "--wrap=sleep 100000")
    names = [f"{number}_{task}" for task in range(2)]
    until("both run", lambda: [state(name) for name in names] == ["RUNNING"] * 2)
    assert [job(name)["JobId"] == number for name in names] == [False, True]
    told("scontrol", "requeue", number)
    until("both were queued again", lambda: [restarts(name) for name in names] == [1, 1])
    told("scancel", number)


def gpus():
    """What Slurm tells CUDA of a task's GPU is nothing that adapters are listed by."""
    wrapped = "echo $CUDA_VISIBLE_DEVICES $SLURM_JOB_GPUS; rhohat devices --json"
    number = submit("--gres=gpu:1", "--output=gpu.log", f"--wrap={wrapped}")
    until("the job is done", lambda: state(number) == "COMPLETED")
    first, listed = Path("gpu.log").read_text().splitlines()
    without = subprocess.run(["rhohat", "devices", "--json"], check=True, text=True, capture_output=True).stdout
    assert first == "0 0", first
    assert json.loads(listed) == json.loads(without), listed


def main():
    with folder(sys.argv[1]) as work, cluster(work):
        write_rows("rows.csv", ROWS, 16)
        # By name, some of them: all without one.
        parts = sys.argv[2:] or ["same_bytes", "out_of_time", "number_of_the_last", "gpus"]
        for part in parts:
            started = time.monotonic()
            globals()[part]()
            print(f"{part}: {time.monotonic() - started:.0f} s")


main()

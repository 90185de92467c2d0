"""The grid of docs/sweeps.md by GNU parallel: python3 check_parallel.py RHOHAT

A trial is killed, all are interrupted, and the same command goes on until the joblog has no failure left: the models
have the bytes of a grid that nobody broke off.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from common import (
    EPOCHS,
    ROWS,
    folder,
    gone_on_from,
    lines,
    newest_checkpoint,
    process_of,
    same_models,
    summary,
    until,
    write_rows,
)

FLAGS = [
    "rows of numbers.csv",
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
    "--epochs",
    EPOCHS,
]
GRID = {f"lambda-{a}-rho-{b}" for a in ["0.01", "0.001", "0.0001"] for b in ["0.01", "0.05"]}


def begin(at):
    """The script as it lies, called in the folder `at`, in a process group of its own as at a terminal."""
    Path(at).mkdir(exist_ok=True)
    link = Path(at) / FLAGS[0]
    if not link.is_symlink():
        link.symlink_to(Path("rows.csv").resolve())
    with (Path(at) / "results.jsonl").open("a") as results:
        return subprocess.Popen([Path("parallel.sh").resolve(), *FLAGS], cwd=at, stdout=results, start_new_session=True)


def joblog(at):
    """The last entry of each trial: exit code and signal."""
    with (Path(at) / "joblog.tsv").open() as table:
        return {row["Seq"]: (int(row["Exitval"]), int(row["Signal"])) for row in csv.DictReader(table, delimiter="\t")}


def running(at):
    """The runs that have begun to report and are not done."""
    runs = sorted((Path(at) / "runs").glob("*"))
    return [run for run in runs if lines(run / "metrics.jsonl") and not (run / "summary.json").exists()]


def killed():
    """kill -9 of one trial: parallel goes on with the others, and the joblog has the failure."""
    grid = begin("broken")
    until("two trials run", lambda: len(running("broken")) == 2)
    run = running("broken")[0]
    kept = until("a checkpoint", lambda: newest_checkpoint(run))
    os.kill(process_of(run), signal.SIGKILL)
    failed = lambda: (
        (Path("broken") / "joblog.tsv").exists() and [end for end in joblog("broken").values() if end != (0, 0)]
    )
    until("the failure is in the joblog", failed)
    return grid, run, kept


def interrupted(grid):
    """Ctrl-C: the trials that run save, and parallel ends."""
    until("two trials run", lambda: len(alive()) == 2 and all(lines(run / "metrics.jsonl") for run in alive()))
    runs = alive()
    os.killpg(grid.pid, signal.SIGINT)
    code = grid.wait()
    assert code != 0
    for run in runs:
        done = lines(run / "metrics.jsonl")[-1]["step"]
        assert (run / "summary.json").exists() or newest_checkpoint(run) >= done > 0, (
            f"{run}: {done} steps, nothing saved"
        )
    return runs


def alive():
    """The runs that a process trains now."""
    return [run for run in running("broken") if process_of(run)]


def resume_passes_over_failures():
    """Plain `--resume` takes a trial that has failed for done."""
    call = lambda *words: (
        subprocess.run(["parallel", "--joblog", "plain.tsv", "--resume", *words, ":::", "1"]).returncode
    )
    assert call("false {}") != 0 and call("touch again-{}") == 0
    assert not Path("again-1").exists()


def threads_are_the_cores_that_may_be_used():
    """A trial bound to one core has one thread, without being told."""
    command = ["rhohat", "train", "rows.csv", "--steps", "1", "--device", "cpu", "--json", "--quiet", "--run"]
    told = [
        json.loads(subprocess.check_output([*bound, *command, run]))
        for bound, run in [([], "all"), (["taskset", "--cpu-list", core()], "one")]
    ]
    cores = len(os.sched_getaffinity(0))
    assert told[0]["adapter"].endswith(f", {cores} threads" if cores > 1 else ", 1 thread"), told[0]["adapter"]
    assert told[1]["adapter"].endswith(", 1 thread"), told[1]["adapter"]


def core():
    return str(min(os.sched_getaffinity(0)))


def main():
    with folder(sys.argv[1]):
        write_rows("rows.csv", ROWS, 16)
        started = time.monotonic()
        assert begin("whole").wait() == 0
        whole = time.monotonic() - started
        grid, run, kept = killed()
        saved = interrupted(grid)
        assert begin("broken").wait() == 0, "the same command again"
        ends = joblog("broken")
        assert len(ends) == len(GRID) and set(ends.values()) == {(0, 0)}, ends
        assert set(same_models(Path("broken/runs"), Path("whole/runs"))) == GRID
        assert gone_on_from(run)[0] >= kept > 0, gone_on_from(run)
        went_on = {each.name: gone_on_from(each) for each in [run, *saved]}
        broken = time.monotonic() - started - whole
        print(f"{len(GRID)} models with the same bytes; {whole:.0f} s, broken off {broken:.0f} s;")
        print("went on at", went_on, "of", summary(run)["steps"], "steps")
        before = (Path("broken") / "joblog.tsv").read_text()
        assert begin("broken").wait() == 0
        assert (Path("broken") / "joblog.tsv").read_text() == before, "a grid that is done is done again"
        resume_passes_over_failures()
        threads_are_the_cores_that_may_be_used()


main()

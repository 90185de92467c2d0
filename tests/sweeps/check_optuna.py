"""The study of docs/sweeps.md: PYTHON check_optuna.py RHOHAT, with a Python that has optuna

The study is killed with two trials under way and called again: trials are pruned, those that were cut off go on from
their checkpoints, and the best is what the page says that it is.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
from optuna.trial import TrialState

from common import EPOCHS, ROWS, folder, gone_on_from, lines, process_of, summary, until, write_rows

TRIALS = 16
FLAGS = ["rows.csv", "--epochs", EPOCHS, "--patience", "1000", "--device", "cpu", "--no-report"]
RHO = 0.03
LIMIT = 1.5 * RHO


def begin():
    return subprocess.Popen([sys.executable, "study.py", str(TRIALS), *FLAGS], stdout=subprocess.PIPE, text=True)


def trials(*states):
    study = optuna.load_study(study_name="rhohat", storage="sqlite:///study.db")
    return study.get_trials(states=states or None)


def killed():
    """kill -9 of the study, and of one of the two trials: the other is left to itself."""
    driver = begin()
    until("some trials are done", lambda: Path("study.db").exists() and len(done()) >= 3)
    cut = until("two trials run", two_runs)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    os.kill(process_of(cut[0]), signal.SIGTERM)
    until("it has saved", lambda: (cut[0] / "checkpoints/latest").exists())
    return cut


def done():
    try:
        return trials(TrialState.COMPLETE, TrialState.PRUNED)
    except KeyError:
        return []  # no study yet


def two_runs():
    runs = [Path(trial.user_attrs["run"]) for trial in trials(TrialState.RUNNING) if "run" in trial.user_attrs]
    begun = [run for run in runs if len(lines(run / "metrics.jsonl")) > 2 and not (run / "summary.json").exists()]
    return begun if len(begun) == 2 else None


def check(cut, told):
    complete, pruned = trials(TrialState.COMPLETE), trials(TrialState.PRUNED)
    assert len(complete) + len(pruned) == TRIALS, (len(complete), len(pruned))
    assert complete and pruned, (len(complete), len(pruned))
    runs = [trial.user_attrs["run"] for trial in complete + pruned]
    assert len(set(runs)) == TRIALS, "a run stands for two trials"
    assert {str(run) for run in cut} <= set(runs), "a trial that was cut off was forgotten"
    for trial in complete:
        run = Path(trial.user_attrs["run"])
        assert trial.value == summary(run)["validation"]["reconstruction"], run
    for trial in pruned:
        run = Path(trial.user_attrs["run"])
        assert (run / "summary.json").exists() or (run / "checkpoints/latest").exists(), f"{run}: pruned, and not saved"
    allowed = [trial for trial in complete if summary(Path(trial.user_attrs["run"]))["rho_hat"]["mean"] <= LIMIT]
    best = min(allowed, key=lambda trial: trial.value)
    assert told["run"] == best.user_attrs["run"] and told["reconstruction"] == best.value, told
    least = min(complete, key=lambda trial: trial.params["beta"])
    assert best.number != least.number, f"the best trial is that of the smallest beta: {best.params}"
    by_j = min(complete, key=lambda trial: summary(Path(trial.user_attrs["run"]))["validation"]["j"])
    return complete, pruned, best, by_j


def smallest_beta_has_the_lowest_j():
    """Why trials are not compared by J, nor by reconstruction alone: runs that differ in nothing but beta."""
    found = []
    for beta in ["0.01", "0.1", "1", "10"]:
        command = [
            "rhohat",
            "train",
            *FLAGS,
            "--rho",
            str(RHO),
            "--optimizer",
            "adam",
            "--validation",
            "0.1",
            "--beta",
            beta,
        ]
        told = json.loads(subprocess.check_output([*command, "--run", f"beta-{beta}", "--json", "--quiet"]))
        found.append((told["validation"]["j"], told["validation"]["reconstruction"], told["rho_hat"]["mean"]))
        j, reconstruction, mean = found[-1]
        print(f"beta {beta}: held-out J {j:.3f}, reconstruction {reconstruction:.3f}, mean activation {mean:.3f}")
    assert [j for j, *_ in found] == sorted(j for j, *_ in found), "J does not rise with beta"
    assert found[0][1] == min(reconstruction for _, reconstruction, _ in found)
    assert found[0][2] > LIMIT > found[-1][2], "nothing to limit"


def main():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with folder(sys.argv[1]):
        write_rows("rows.csv", ROWS, 16)
        started = time.monotonic()
        cut = killed()
        driver = begin()
        told = json.loads(driver.communicate()[0])
        assert driver.returncode == 0
        complete, pruned, best, by_j = check(cut, told)
        went_on = {run.name: gone_on_from(run) for run in cut}
        seconds = time.monotonic() - started
        assert len(went_on[cut[0].name]) == 1, went_on
        cut_off = len(trials(TrialState.FAIL))
        print(f"{len(complete)} trials done, {len(pruned)} pruned, {cut_off} cut off; {seconds:.0f} s; went on at {went_on}")
        for name, trial in [("best", best), ("lowest J", by_j)]:
            result = summary(Path(trial.user_attrs["run"]))
            held_out, mean = result["validation"], result["rho_hat"]["mean"]
            print(f"{name}: beta {trial.params['beta']:.3f}, {held_out}, mean activation {mean:.3f}")
        again = begin()
        assert json.loads(again.communicate()[0]) == told, "a study that is done is gone on with"
        smallest_beta_has_the_lowest_j()


main()

"""A study of Optuna over `rhohat train`: python3 study.py TRIALS [DATA and flags of `rhohat train`]

Two trials at a time, pruned by what they reconstruct of held-out examples. Called again after whatever has ended it, it
goes on until TRIALS are done: trials that were cut off go on from their checkpoints. One such program at a time.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import optuna
from optuna.trial import TrialState

# How sparse the codes are to be. Reconstruction alone is best where none are: no trial wins whose mean activation is
# above LIMIT.
RHO = 0.03
LIMIT = 1.5 * RHO
DONE = (TrialState.COMPLETE, TrialState.PRUNED)


def looks(metrics, last):
    """Looks at held-out examples after step `last`, in a file that grows: (step, reconstruction)."""
    lines = metrics.read_text().splitlines(keepends=True) if metrics.exists() else []
    for line in lines:
        report = json.loads(line) if line.endswith("\n") else {}
        if report.get("validation_step", 0) > last:
            last = report["validation_step"]
            yield last, report["validation_reconstruction"]


def train(trial, command, run):
    """Runs the command, which is ended where Optuna wants to see no more of it: exit code and result."""
    last, is_pruned = 0, False
    while True:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        while process.poll() is None:
            time.sleep(0.2)
            for step, reconstruction in looks(run / "metrics.jsonl", last):
                trial.report(reconstruction, step)
                last = step
            if not is_pruned and trial.should_prune():
                process.terminate()  # It saves.
                is_pruned = True
        result = json.loads(process.stdout.read())
        if is_pruned:
            raise optuna.TrialPruned()
        if process.returncode != 2 or "another rhohat is training this run" not in result["error"]:
            return process.returncode, result
        time.sleep(1)  # Begun by a study that is no more: it will end by itself.


def objective(trial):
    # A trial that was cut off comes again under another number, with the run that it had.
    run = Path(trial.user_attrs.get("run", f"runs/{trial.number:03}"))
    trial.set_user_attr("run", str(run))
    settings = {
        "--hidden": trial.suggest_categorical("hidden", [25, 50, 100]),
        "--beta": trial.suggest_float("beta", 0.01, 10, log=True),
        "--lambda": trial.suggest_float("lambda", 1e-5, 1e-2, log=True),
        "--lr": trial.suggest_float("lr", 1e-3, 1e-1, log=True),
    }
    command = ["rhohat", "train", "--optimizer=adam", "--validation=0.1", *sys.argv[2:], f"--rho={RHO}", "--threads=1"]
    command += [f"{flag}={value}" for flag, value in settings.items()] + [f"--run={run}", "--quiet", "--json"]
    code, result = train(trial, command, run)
    if code == 4:  # diverged
        raise optuna.TrialPruned()
    if code != 0:
        raise RuntimeError(f"{run}: {result.get('error', 'ended by a signal')}")
    trial.set_constraint("rho_hat", result["rho_hat"]["mean"] - LIMIT)
    return result["validation"]["reconstruction"]


def queue_again(study):
    """Trials that were cut off, or failed, are tried again with their settings and their runs."""
    trials = study.get_trials(deepcopy=False)
    settled = {trial.user_attrs.get("run") for trial in trials if trial.state in (*DONE, TrialState.WAITING)}
    for trial in trials:
        if trial.state is TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        run = trial.user_attrs.get("run")
        if run not in settled and len(trial.params) == 4:
            settled.add(run)
            study.enqueue_trial(trial.params, user_attrs={"run": run})


def main():
    study = optuna.create_study(
        study_name="rhohat",
        storage="sqlite:///study.db",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=100),
    )
    queue_again(study)
    # Two threads that begin at once may be given the same trial of the queue: then one is still missing.
    while (left := int(sys.argv[1]) - len(study.get_trials(deepcopy=False, states=DONE))) > 0:
        study.optimize(objective, n_trials=left, n_jobs=2)
    best = study.best_trial
    print(json.dumps({"run": best.user_attrs["run"], "reconstruction": best.value, **best.params}))


main()

"""A trial of a W&B sweep, called by the agent: python3 wandb_trial.py FILE, with settings of `rhohat train` in JSON.

Lines of metrics.jsonl are logged as they come. A trial that is stopped saves, and goes on if the agent resumes it.
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import wandb


def main():
    logged = wandb.init()
    run = Path("runs") / logged.id
    command = ["rhohat", "train", "--config", sys.argv[1], "--threads=1", f"--run={run}", "--quiet", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    metrics, seen = run / "metrics.jsonl", 0
    is_running = True
    while is_running:
        is_running = process.poll() is None
        lines = metrics.read_text().splitlines(keepends=True) if metrics.exists() else []
        for line in lines[seen:]:
            if line.endswith("\n"):
                seen += 1
                report = json.loads(line)
                logged.log(report, step=report["step"])
        time.sleep(0.2)
    result = json.loads(process.stdout.read())
    logged.summary.update(result)
    if "validation" in result:  # that of the parameters that are kept, which need not be the last
        logged.summary["validation_reconstruction"] = result["validation"]["reconstruction"]
    logged.finish(exit_code=process.returncode)
    sys.exit(process.returncode)


main()

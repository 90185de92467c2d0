"""A Slurm of one node on this machine, with keys, ports and state of its own in a temporary folder."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from common import until

# Two tasks at a time, whatever the machine has. Jobs of `high` push out those of `low`, which are queued again.
CONFIGURATION = """
ClusterName=sweeps
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={work}/munge.socket
CryptoType=crypto/munge
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmctldPidFile={work}/slurmctld.pid
SlurmdPidFile={work}/slurmd.pid
SlurmctldLogFile={work}/slurmctld.log
SlurmdLogFile={work}/slurmd.log
StateSaveLocation={work}/state
SlurmdSpoolDir={work}/spool
SlurmdParameters=config_overrides
MpiDefault=none
ProctrackType=proctrack/pgid
SwitchType=switch/none
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=600
MinJobAge=100000
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 Gres=gpu:2 State=UNKNOWN
PartitionName=low Nodes={host} Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=600
PartitionName=high Nodes={host} MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""
# Files that are there on every machine stand for the devices of two GPUs.
DEVICES = "NodeName={host} Name=gpu File=/dev/zero\nNodeName={host} Name=gpu File=/dev/full\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def told(*command):
    """Stdout of a command of Slurm that goes well."""
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


@contextlib.contextmanager
def cluster(folder):
    """Starts the daemons, and ends them and the jobs whatever happens."""
    work = folder / "slurm"
    for name in ["", "state", "spool"]:
        (work / name).mkdir(mode=0o700)
    key = work / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    fill = dict(
        host=socket.gethostname().split(".")[0],
        user=getpass.getuser(),
        work=work,
        controller=free_port(),
        daemon=free_port(),
    )
    (work / "slurm.conf").write_text(CONFIGURATION.format(**fill))
    (work / "gres.conf").write_text(DEVICES.format(**fill))
    os.environ["SLURM_CONF"] = str(work / "slurm.conf")
    places = [
        f"--{name}={work}/munge.{name.split('-')[0]}"
        for name in ["socket", "key-file", "pid-file", "log-file", "seed-file"]
    ]
    daemons = [
        [program("munged"), "--foreground", "--force", *places],
        [program("slurmctld"), "-D", "-c"],
        [program("slurmd"), "-D"],
    ]
    started = []
    try:
        for daemon in daemons:
            with (work / f"{Path(daemon[0]).name}.out").open("w") as output:
                started.append(subprocess.Popen(daemon, stdout=output, stderr=output))
            if "munged" in daemon[0]:
                until("munged answers", (work / "munge.socket").exists)
        node = lambda: subprocess.run(["sinfo", "-h", "-o", "%t"], text=True, capture_output=True).stdout.split()
        until("the node is idle", lambda: node() and set(node()) == {"idle"})
        yield
        told("scancel", f"--user={getpass.getuser()}")
        until("the queue is empty", lambda: not told("squeue", "-h"))
    except BaseException:
        for log in [*work.glob("*.log"), *work.glob("*.out"), *folder.glob("*.log")]:
            print(f"== {log.name}", log.read_text()[-3000:], sep="\n")
        raise
    finally:
        for daemon in reversed(started):
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()


def program(name):
    """A daemon, which is not on everybody's path."""
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def submit(*arguments):
    """Submits a job: its number."""
    return told("sbatch", "--parsable", *arguments).strip().split(";")[0]


def job(number):
    """What Slurm knows of a job or of a task of an array."""
    text = told("scontrol", "show", "job", "-o", number)
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def state(number):
    return job(number)["JobState"]


def finish(number, tasks):
    """Waits for the tasks of an array, all of which have to end well: how often each was queued again."""
    names = [f"{number}_{task}" for task in tasks]
    ended = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE"}

    def all_ended():
        no_wait_after_requeue(names)
        return all(state(name) in ended for name in names)

    until(f"the end of the array {number}", all_ended, every=0.5)
    for name in names:
        assert state(name) == "COMPLETED", f"{name}: {job(name)}"
    return [int(job(name)["Restarts"]) for name in names]


def no_wait_after_requeue(names):
    """Slurm holds a job back for two minutes after it was queued again: here it may begin."""
    for name in names:
        if (found := job(name))["JobState"] == "PENDING" and found["Reason"] == "BeginTime":
            told("scontrol", "update", f"JobId={name}", f"StartTime={time.strftime('%FT%T')}")

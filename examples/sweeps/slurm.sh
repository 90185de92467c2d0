#!/bin/bash
# Six trials as an array of Slurm: sbatch slurm.sh [DATA and flags of `rhohat train`]. A trial that is preempted, or whose
# time is up, saves and is queued again; the same command then goes on with it.
#SBATCH --job-name=rhohat
#SBATCH --array=0-5
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=trial-%a.log

lambdas=(0.03 0.01 0.003 0.001 0.0003 0.0001)
lambda=${lambdas[SLURM_ARRAY_TASK_ID]}

# Slurm sends SIGTERM to this shell, too, which has to outlive its trial.
trap : TERM
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    rhohat train --validation 0.1 "$@" --lambda "$lambda" --threads "$SLURM_CPUS_PER_TASK" \
    --run "runs/lambda-$lambda" --json &
trial=$!
wait "$trial"
code=$?
while kill -0 "$trial" 2>/dev/null; do
    wait "$trial"
    code=$?
done

# Saved after SIGUSR1 or SIGTERM. The job's own number could stand for the whole array.
case $code in
138 | 143) scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" ;;
esac
exit "$code"

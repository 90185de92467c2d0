#!/bin/bash
# Six trials by GNU parallel, two at a time: ./parallel.sh [DATA and flags of `rhohat train`]. Called again it goes on with
# what failed or was broken off, and begins what is left. Ctrl-C ends all trials, each of which has a minute to save.
exec parallel --quote --jobs 2 --joblog joblog.tsv --resume-failed --termseq TERM,60000,KILL,1000 \
    rhohat train --validation 0.1 "$@" --lambda {1} --rho {2} --threads 1 --run runs/lambda-{1}-rho-{2} --quiet --json \
    ::: 0.01 0.001 0.0001 ::: 0.01 0.05

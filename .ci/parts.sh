# Parts of a script of this folder, and a table of what each has taken, which is printed at the end, a failure included.

parts=()

# part NAME COMMAND…: runs the command, which ends the script where it fails. `set -e` does not hold within a function that
# is such a command: its lines are joined by &&.
part() {
    local name=$1 started=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then
        parts+=("$(printf '%6d  %s' $((SECONDS - started)) "$name")")
    else
        local status=$?
        parts+=("$(printf '%6d  %s: FAILED' $((SECONDS - started)) "$name")")
        exit $status
    fi
}

table() {
    printf '\nseconds part\n'
    printf '%s\n' "${parts[@]}"
    printf '%6d  all\n' "$SECONDS"
}
trap table EXIT

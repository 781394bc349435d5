# A private daemon for the tests of the shell command: `load daemon`, then daemon_start in setup and daemon_stop in teardown.
#
# The command and the daemon are those of SLUICE and SLUICED, as ctest sets them, else those of the PATH. Nothing here waits for time to
# pass: a test that needs another process to have got somewhere asks the daemon, again and again, until it has.

bats_require_minimum_version 1.5.0
: "${SLUICED:=$(command -v sluiced)}" "${SLUICE:=$(command -v sluice)}"

export SLUICED SLUICE
sluice() { "$SLUICE" "$@"; }

# daemon_start [FLAG...]: start a daemon on a socket of this test's own, and wait until it answers.
daemon_start() {
    [[ $SLUICED && $SLUICE ]] || { echo 'neither on the PATH nor in SLUICED and SLUICE'; return 1; }
    export SLUICE_ADDR=$BATS_TEST_TMPDIR/sluice.sock SLUICE_AUTOSTART=0
    unset SLUICE_CTX
    "$SLUICED" --audit --socket "$SLUICE_ADDR" "$@" >"$BATS_TEST_TMPDIR/sluiced.log" 2>&1 3>&- &
    daemon=$!
    eventually sluice status
}

# Stop it, if it runs, and fail when it did not end well.
daemon_stop() {
    [[ ${daemon:-} ]] || return 0
    local status=0
    kill -TERM "$daemon" 2>/dev/null || :
    wait "$daemon" || status=$?
    daemon=
    ((status == 0)) || { echo "sluiced ended with $status:"; cat "$BATS_TEST_TMPDIR/sluiced.log"; return 1; }
}

# eventually CMD...: run it until it succeeds; fail when it has not after ten seconds.
eventually() {
    local deadline=$((SECONDS + 10))
    until "$@" >"$BATS_TEST_TMPDIR/eventually" 2>&1; do
        ((SECONDS < deadline)) || { echo "never: $*"; cat "$BATS_TEST_TMPDIR/eventually"; return 1; }
    done
}

# shows NAME TEXT: `sluice show NAME` has this text.
shows() { [[ $(sluice show "$1") == *"$2"* ]]; }

# parked OP [N]: so many requests of this operation wait (default: 1), on whatever. `show` has only who waits under no key.
parked() { [[ $(sluice dump | grep -c "^    $1 for ") == "${2:-1}" ]]; }

# background CMD...: run it in the background with default signals; its pid goes to $pid, its output to $BATS_TEST_TMPDIR/out and err.
background() {
    [[ $1 == sluice ]] && set -- "$SLUICE" "${@:2}"
    env --default-signal=INT,QUIT,PIPE "$@" <&0 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
}
out() { cat "$BATS_TEST_TMPDIR/out"; }
err() { cat "$BATS_TEST_TMPDIR/err"; }

# ended CODE: the background command ends with this exit code.
ended() {
    local status=0
    wait "$pid" || status=$?
    ((status == $1)) || { echo "ended with $status, not $1"; out; err; return 1; }
}

# alive PID: it runs; a zombie that nobody has reaped yet does not.
alive() { [[ -r /proc/$1/stat && $(cut -d')' -f2 "/proc/$1/stat" 2>/dev/null) != ' '[ZX]* && -e /proc/$1 ]]; }
dead() { ! alive "$1"; }

# besides FILE CMD...: like background, but its output of both kinds goes to $BATS_TEST_TMPDIR/FILE and its pid to $other.
besides() {
    local file=$BATS_TEST_TMPDIR/$1
    [[ $2 == sluice ]] && set -- "$1" "$SLUICE" "${@:3}"
    env --default-signal=INT,QUIT,PIPE "${@:2}" </dev/null >"$file" 2>&1 3>&- &
    other=$!
}
# printed FILE TEXT: what `besides` printed is this.
printed() { [[ $(cat "$BATS_TEST_TMPDIR/$1") == "$2" ]] || { cat "$BATS_TEST_TMPDIR/$1"; return 1; }; }

# For the command behind `--`: it ignores SIGTERM as its children do, writes its pid and a child's into the pipe, and runs on.
# shellcheck disable=SC2034 # for the tests
stubborn='trap "" TERM; sleep 1000 & echo $$ $! >"$0"; while :; do wait; done' # the child
# For the next one: which of the processes in the file it is given are still there, and whether it was told.
# shellcheck disable=SC2034
witness='echo "died=${SLUICE_OWNER_DIED:-}"; for p in $(cat "$0"); do
    [[ ! -r /proc/$p/stat || $(cut -d")" -f2 /proc/$p/stat) == " "[ZX]* ]] || echo "$p is alive"; done'

# exits CODE CMD...: the command's exit code is this; its stdout is left in $output, its stderr in $stderr.
exits() {
    local code=$1
    shift
    if ((code == 127)); then run -127 --separate-stderr "$@"; else run --separate-stderr "$@"; fi
    ((status == code)) || { echo "exit code $status, not $code: $*"; echo "$output"; echo "$stderr"; return 1; }
}

# is TEXT: the last `exits` printed exactly this.
is() { [[ $output == "$1" ]] || { printf 'printed: %s\nnot: %s\n' "$output" "$1"; return 1; }; }
# says TEXT: its stderr has this text.
says() { [[ $stderr == *"$1"* ]] || { printf 'said: %s\nnot: %s\n' "$stderr" "$1"; return 1; }; }
# quiet: it had nothing to say on stderr.
quiet() { [[ ! $stderr ]] || { printf 'said: %s\n' "$stderr"; return 1; }; }

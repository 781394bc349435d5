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

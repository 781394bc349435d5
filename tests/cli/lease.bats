#!/usr/bin/env bats
# What happens to an item whose receiver ends before it has acknowledged it: nothing is lost, whatever ends it.

load daemon
setup() {
    daemon_start
    head -c 300000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/large" # more than a pipe holds
}
teardown() { daemon_stop; }

# Start a receiver that writes into a pipe nobody reads: it stands between printing and acknowledging.
stuck() {
    sluice make jobs --cap 10
    sluice send jobs <"$BATS_TEST_TMPDIR/large"
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    exec {reader}<>"$BATS_TEST_TMPDIR/pipe"
    env --default-signal=INT "$SLUICE" recv jobs >&$reader 3>&- &
    pid=$!
    eventually shows jobs 'leased      1'
}

# The item is back, whole.
back() {
    eventually shows jobs 'items       1 '
    shows jobs 'leased      0'
    sluice recv jobs | cmp - "$BATS_TEST_TMPDIR/large"
}

@test "kill -9 between printing and acknowledging: the item is back" {
    stuck
    kill -KILL "$pid"
    ended 137
    back
}

@test "Ctrl-C in the middle of printing: the item is back" {
    stuck
    kill -INT "$pid"
    ended 130
    back
}

@test "a pipe that breaks: the item is back, and nothing is said" {
    sluice make jobs --cap 10
    sluice send jobs <"$BATS_TEST_TMPDIR/large"
    env --default-signal=PIPE "$SLUICE" recv jobs 2>"$BATS_TEST_TMPDIR/err" | head -c 1 >/dev/null || :
    [ -z "$(err)" ]
    back
}

@test "a broken pipe where SIGPIPE is ignored: the same, quietly, with the same code" {
    sluice make jobs --cap 10
    sluice send jobs <"$BATS_TEST_TMPDIR/large"
    exits 0 bash -c 'trap "" PIPE; "$SLUICE" recv jobs | head -c 1 >/dev/null; [ "${PIPESTATUS[0]}" = 141 ]'
    quiet
    back
}

@test "a batch that was not written goes back in order" {
    sluice make jobs --cap 100000
    seq 100000 | sluice send jobs --lines
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    exec {reader}<>"$BATS_TEST_TMPDIR/pipe"
    env "$SLUICE" recv jobs --all --lines >&$reader 3>&- &
    pid=$!
    IFS= read -r first <&$reader
    [ "$first" = 1 ]
    eventually bash -c '"$SLUICE" show jobs | grep -q "leased      [1-9]"'
    kill -KILL "$pid"
    ended 137
    eventually shows jobs 'leased      0'
    # What is left begins with some item and ends with the last, without a hole.
    sluice close jobs
    sluice recv jobs --all --lines >"$BATS_TEST_TMPDIR/rest"
    read -r first <"$BATS_TEST_TMPDIR/rest"
    [ "$first" -le 40000 ]
    seq "$first" 100000 | cmp - "$BATS_TEST_TMPDIR/rest"
}

@test "--auto-ack takes no lease" {
    sluice make jobs --cap 10
    sluice send jobs a
    exits 0 sluice recv jobs --auto-ack
    is a
    [ -e /dev/full ] || return 0
    sluice send jobs b
    exits 74 bash -c '"$SLUICE" recv jobs --auto-ack >/dev/full'
    shows jobs 'items       0 '
}

@test "a command that exits with 0 acknowledges, any other code gives back" {
    sluice make jobs --cap 10
    sluice send jobs hello
    exits 7 sluice recv jobs -- sh -c 'cat; echo " $SLUICE_DELIVERIES"; exit 7'
    is 'hello 1'
    exits 0 sluice recv jobs -- sh -c 'cat; echo " $SLUICE_DELIVERIES"'
    is 'hello 2'
    exits 4 sluice recv jobs --try
    sluice send jobs x
    exits 127 sluice recv jobs -- no-such-command
    says 'no-such-command: command not found'
    exits 126 sluice recv jobs -- /dev/null
    exits 64 sluice recv jobs --
    exits 137 sluice recv jobs -- sh -c 'kill -KILL $$'
    exits 0 sluice recv jobs
    is x
}

@test "a command may leave its input unread" {
    sluice make jobs --cap 10
    sluice send jobs <"$BATS_TEST_TMPDIR/large"
    exits 0 sluice recv jobs -- true
    exits 4 sluice recv jobs --try
}

@test "--all with a command stops at a failure, unless it is to keep going" {
    sluice make dead --cap 10
    sluice make jobs --cap 10 --dead-letter dead --max-deliveries 1
    sluice send jobs 1 bad 2
    sluice close jobs
    local script='read -r job || :; echo "$job"; [ "$job" != bad ] || exit 9'
    exits 9 sluice recv jobs --all -- sh -c "$script"
    is $'1\nbad'
    exits 0 sluice recv jobs --all -- sh -c "$script"
    is 2
    exits 0 sluice recv dead
    is bad
    sluice make more --cap 10 --dead-letter dead --max-deliveries 2
    sluice send more 1 bad 2
    sluice close more
    exits 9 sluice recv more --all -k -- sh -c "$script"
    is $'1\nbad\nbad\n2'
    exits 0 sluice recv dead
    is bad
}

@test "the lease is prolonged while the command runs" {
    sluice make jobs --cap 10
    sluice send jobs x
    mkfifo "$BATS_TEST_TMPDIR/go"
    background sluice recv jobs --lease 60ms -- sh -c 'read -r word <"$0"; cat' "$BATS_TEST_TMPDIR/go"
    eventually shows jobs 'leased      1'
    # Three times the lease on the daemon's own clock: still leased.
    sluice after 180ms
    shows jobs 'leased      1'
    echo >"$BATS_TEST_TMPDIR/go"
    ended 0
    [ "$(out)" = x ]
    shows jobs 'items       0 '
}

@test "a receiver that dies takes its command along, and the item is back" {
    sluice make jobs --cap 10
    sluice send jobs x
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    background sluice recv jobs -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$BATS_TEST_TMPDIR/pipe" # the child
    read -r child <"$BATS_TEST_TMPDIR/pipe"
    kill -KILL "$pid"
    ended 137
    eventually shows jobs 'items       1 '
    eventually bash -c "! kill -0 $child"
}

@test "a signal reaches the command, and the item goes back" {
    sluice make jobs --cap 10
    sluice send jobs x
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    background sluice recv jobs -- sh -c 'trap "exit 5" TERM; echo ready >"$0"; while :; do sleep 1000 & wait; done' "$BATS_TEST_TMPDIR/pipe" # the child
    read -r _ <"$BATS_TEST_TMPDIR/pipe"
    kill -TERM "$pid"
    ended 5
    eventually shows jobs 'items       1 '
}

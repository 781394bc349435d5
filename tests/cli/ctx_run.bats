#!/usr/bin/env bats
# sluice ctx run: a command that ends with a context, and what of it is left: nothing.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

@test "the exit code is the command's" {
    exits 0 sluice ctx run true
    exits 9 sluice ctx run -- sh -c 'exit 9'
    exits 143 sluice ctx run -- sh -c 'kill -TERM $$'
    exits 127 sluice ctx run -- no-such-command
    exits 126 sluice ctx run -- /dev/null
    exits 64 sluice ctx run --
    exits 0 sluice ctx run --timeout 1h -- echo --timeout -5
    is '--timeout -5'
    exits 0 sluice ctx run cat <<<hello
    is hello
}

@test "the end by time is code 124, by cancel 125; nothing is started in an ended context" {
    exits 124 sluice ctx run --timeout 20ms -- sleep 1000 # the child
    says 'context deadline exceeded'
    exits 124 sluice ctx run --timeout 0 -- touch "$BATS_TEST_TMPDIR/started"
    [ ! -e "$BATS_TEST_TMPDIR/started" ]
    background sluice ctx run --name mine -- sleep 1000 # the child
    eventually sluice show mine
    sluice ctx cancel mine --cause operator
    ended 125
    [[ $(err) == *'context canceled: operator'* ]]
    parent=$(sluice ctx cancelable)
    background sluice ctx run --parent "$parent" -- sleep 1000 # the child
    eventually shows "$parent" 'children    1'
    sluice ctx cancel "$parent"
    ended 125
}

@test "the command finds its context, and what it calls waits no longer" {
    sluice make jobs
    exits 0 sluice ctx run --timeout 100ms -- sh -c '"$SLUICE" recv jobs; [ $? = 124 ]' || [ "$status" = 124 ]
    exits 0 sluice ctx run -- sh -c '"$SLUICE" ctx err "$SLUICE_CTX"'
    exits 0 sluice ctx run -- sh -c 'echo "$SLUICE_CTX"'
    exits 66 sluice ctx err "$output"
}

@test "the whole process group ends, also what ignores SIGTERM" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    background sluice ctx run --name mine --kill-after 50ms -- \
        sh -c 'trap "" TERM; sleep 1000 & echo $$ $! >"$0"; wait' "$BATS_TEST_TMPDIR/pipe" # the child
    read -r shell sleeper <"$BATS_TEST_TMPDIR/pipe"
    sluice ctx cancel mine
    ended 125
    eventually bash -c "! kill -0 $shell"
    eventually bash -c "! kill -0 $sleeper"
}

@test "signals that are named cancel the context, others go to the command" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    script='trap "echo usr1" USR1; trap "echo term; exit 3" TERM; echo ready >"$0"; while :; do sleep 1000 & wait; done' # the child
    background sluice ctx run --signals INT,TERM -- sh -c "$script" "$BATS_TEST_TMPDIR/pipe"
    read -r _ <"$BATS_TEST_TMPDIR/pipe"
    kill -USR1 "$pid"
    eventually grep -q usr1 "$BATS_TEST_TMPDIR/out"
    kill -INT "$pid"
    ended 125
    [[ $(err) == *'Interrupt signal received'* ]]
    grep -q term "$BATS_TEST_TMPDIR/out"
    background sluice ctx run -- sh -c "$script" "$BATS_TEST_TMPDIR/pipe"
    read -r _ <"$BATS_TEST_TMPDIR/pipe"
    kill -TERM "$pid"
    ended 3
}

@test "when the wrapper is killed the command is told to end, and the context is cancelled" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    background sluice ctx run --name mine -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$BATS_TEST_TMPDIR/pipe" # the child
    read -r child <"$BATS_TEST_TMPDIR/pipe"
    derived=$(sluice ctx cancelable --parent mine)
    kill -KILL "$pid"
    ended 137
    eventually bash -c "! kill -0 $child"
    exits 0 sluice ctx wait "$derived" --timeout 10s
    exits 125 sluice ctx err "$derived"
    is 'context canceled: owner died'
}

@test "when the daemon leaves, the command ends" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    background sluice ctx run -- sh -c 'echo ready >"$0"; exec sleep 1000' "$BATS_TEST_TMPDIR/pipe" # the child
    read -r _ <"$BATS_TEST_TMPDIR/pipe"
    daemon_stop
    ended 69
}

@test "the command inherits nothing but its three descriptors" {
    [ "$(sluice ctx run -- ls /proc/self/fd)" = "$(ls /proc/self/fd)" ]
    sluice make jobs --cap 1
    sluice send jobs x
    [ "$(sluice recv jobs -- ls /proc/self/fd)" = "$(ls /proc/self/fd)" ]
}

@test "on a terminal the command is in the foreground, and Ctrl-C reaches it" {
    command -v script >/dev/null || skip 'no script(1)'
    mkfifo "$BATS_TEST_TMPDIR/keys"
    exec {keys}<>"$BATS_TEST_TMPDIR/keys"
    export DONE=$BATS_TEST_TMPDIR/done
    cat >"$BATS_TEST_TMPDIR/inside" <<'END'
trap 'echo interrupted >"$DONE"; exit 7' INT
: >"$DONE.ready"
while :; do sleep 1000 & wait; done # the child
END
    env --default-signal=INT script -qec "$SLUICE ctx run -- sh $BATS_TEST_TMPDIR/inside" /dev/null <&$keys >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    eventually test -e "$DONE.ready"
    printf '\003' >&$keys
    ended 7
    [ "$(cat "$DONE")" = interrupted ]
}

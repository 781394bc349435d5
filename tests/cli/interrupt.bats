#!/usr/bin/env bats
# Signals while the command waits: the request is withdrawn in the daemon, and a shell sees what ended it.

load daemon
setup() {
    daemon_start
    sluice make jobs
}
teardown() { daemon_stop; }

@test "Ctrl-C withdraws a receive, quietly, with code 130" {
    background sluice recv jobs
    eventually shows jobs '1 to receive'
    kill -INT "$pid"
    ended 130
    [ -z "$(err)" ]
    eventually shows jobs '0 to receive'
    exits 4 sluice send jobs x --try
}

@test "SIGTERM and SIGHUP as well" {
    background sluice send jobs x
    eventually shows jobs '1 to send'
    kill -TERM "$pid"
    ended 143
    eventually shows jobs '0 to send'
    background sluice select 'recv jobs' 'after 1h'
    eventually shows jobs '1 to receive'
    kill -HUP "$pid"
    ended 129
    eventually shows jobs '0 to receive'
}

@test "kill -9 withdraws too: the kernel tells the daemon" {
    background sluice recv jobs
    eventually shows jobs '1 to receive'
    kill -KILL "$pid"
    ended 137
    eventually shows jobs '0 to receive'
}

@test "each waiting verb: after, tick, ctx wait, recv --all, send --lines" {
    CTX=$(sluice ctx cancelable)
    seq 10 >"$BATS_TEST_TMPDIR/lines"
    for verb in 'after 1h' 'tick 1h' "ctx wait $CTX" 'recv jobs --all' "send jobs --lines" 'clock settle --parked 99'; do
        # shellcheck disable=SC2086
        background sluice $verb <"$BATS_TEST_TMPDIR/lines"
        eventually bash -c "\"\$SLUICE\" dump | grep -A1 ', pid $pid,' | grep -q ' for '"
        kill -INT "$pid"
        ended 130
        [ -z "$(err)" ]
    done
}

@test "a signal that was ignored stays ignored" {
    (trap '' HUP && exec "$SLUICE" recv jobs) >"$BATS_TEST_TMPDIR/out" 3>&- &
    pid=$!
    eventually shows jobs '1 to receive'
    kill -HUP "$pid"
    sluice send jobs hello
    ended 0
    [ "$(out)" = hello ]
}

@test "Ctrl-C while stdin is awaited" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    exec {writer}<>"$BATS_TEST_TMPDIR/pipe"
    background sluice send jobs --lines <&$writer
    eventually bash -c "\"\$SLUICE\" dump | grep -q ', pid $pid,'"
    kill -INT "$pid"
    ended 130
}

@test "an interrupted batch says how much went" {
    sluice make few --cap 3
    background sluice send few --lines < <(seq 10)
    eventually shows few '1 to send'
    kill -INT "$pid"
    ended 130
    shows few 'items       3 '
    [[ $(err) == *'3 sent before that'* ]]
}

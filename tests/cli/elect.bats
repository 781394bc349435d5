#!/usr/bin/env bats
# sluice elect: one leads, the others wait or look on.

load daemon
setup() {
    daemon_start
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
}
teardown() { daemon_stop; }

@test "the leader's command, its token and what it says of itself" {
    exits 9 sluice elect leader -- sh -c 'exit 9'
    exits 0 sluice elect leader -- sh -c 'echo $SLUICE_TOKEN; "$SLUICE" elect leader --observe'
    [[ ${lines[0]} =~ ^[0-9]+$ && ${lines[0]} == "${lines[1]}" ]]
    exits 0 sluice elect leader --value host:80 -- sh -c 'echo $SLUICE_TOKEN; "$SLUICE" elect leader --observe; "$SLUICE" elect leader --observe --json'
    token=${lines[0]}
    [ "${lines[1]}" = "$token host:80" ]
    [ "${lines[2]}" = "{\"token\":$token,\"value\":\"host:80\"}" ]
    exits 0 sluice elect leader -- sh -c 'echo $SLUICE_TOKEN; "$SLUICE" elect leader --observe --json'
    ((lines[0] > token))
    [ "${lines[1]}" = "{\"token\":${lines[0]},\"value\":null}" ]
    exits 127 sluice elect leader -- no-such-command
    shows leader 'kind        mutex'
    shows leader 'state       free'
}

@test "not had in time, or nobody to see: codes 4, 124 and 125" {
    local held='"$SLUICE" elect leader "$@"'
    exits 4 sluice elect leader -- sh -c "$held" sh --try -- true
    exits 124 sluice elect leader -- sh -c "$held" sh --timeout 20ms -- true
    CTX=$(sluice ctx cancelable)
    sluice ctx cancel "$CTX"
    exits 125 sluice elect leader -- sh -c "$held" sh --ctx "$CTX" -- true
    exits 4 sluice elect leader --observe --try
    exits 124 sluice elect leader --observe --timeout 20ms
    exits 0 sluice elect leader --try -- true
}

@test "wrong usage" {
    exits 64 sluice elect
    exits 64 sluice elect leader
    says 'expected a command behind --, or --hold-for-pid'
    exits 64 sluice elect leader --
    exits 64 sluice elect leader --observe -- true
    says '--observe looks on'
    exits 64 sluice elect leader --follow --value x
    exits 64 sluice elect leader --observe --hold-for-pid $$
    sluice make jobs
    exits 64 sluice elect jobs -- true
    exits 64 sluice elect jobs --observe
}

@test "who looks on sees each change" {
    background sluice elect leader --follow
    eventually shows leader 'waiter '
    besides first sluice elect leader --value ann -- sh -c 'echo ready >"$0"; read -r word <"$0"' "$pipe"
    read -r ready <"$pipe"
    eventually grep -q '^[0-9]* ann$' "$BATS_TEST_TMPDIR/out"
    echo go >"$pipe"
    wait "$other"
    eventually grep -q '^0$' "$BATS_TEST_TMPDIR/out"
    token=$(sluice elect leader --value bob --hold-for-pid $$)
    eventually grep -q "^$token bob\$" "$BATS_TEST_TMPDIR/out"
    exits 0 sluice unlock leader "$token"
    kill -INT "$pid"
    ended 130
}

@test "kill -9: the next leads when the whole group of the last is gone, and is told" {
    background sluice elect leader --value ann --kill-after 50ms -- sh -c "$stubborn" "$pipe"
    read -r shell sleeper <"$pipe"
    echo "$shell $sleeper" >"$BATS_TEST_TMPDIR/pids"
    before=$(sluice elect leader --observe | cut -d' ' -f1)
    besides next sluice elect leader --value bob -- bash -c "$witness; echo \$SLUICE_TOKEN" "$BATS_TEST_TMPDIR/pids"
    eventually shows leader 'waiter '
    kill -KILL "$pid"
    ended 137
    wait "$other"
    [[ $(cat "$BATS_TEST_TMPDIR/next") =~ ^died=1$'\n'([0-9]+)$ ]] || { cat "$BATS_TEST_TMPDIR/next"; return 1; }
    ((BASH_REMATCH[1] > before))
    dead "$shell"
    dead "$sleeper"
}

@test "the leadership is lost with the daemon: the command is stopped, code 75" {
    background sluice elect leader -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r child <"$pipe"
    daemon_stop
    ended 75
    [[ $(err) == *'leader: the leadership is lost'* ]]
    dead "$child"
}

@test "Ctrl-C while it waits leaves the queue" {
    token=$(sluice elect leader --hold-for-pid $$)
    background sluice elect leader -- touch "$BATS_TEST_TMPDIR/ran"
    eventually shows leader 'waiter '
    kill -INT "$pid"
    ended 130
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    sluice unlock leader "$token"
    shows leader 'state       free'
}

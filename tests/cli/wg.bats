#!/usr/bin/env bats
# sluice wg: a count of unfinished work.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

@test "add, done, wait, show" {
    exits 0 sluice wg wait batch
    exits 0 sluice wg add batch 3
    exits 0 sluice wg done batch
    exits 0 sluice wg show batch
    is 2
    exits 124 sluice wg wait batch --timeout 20ms
    exits 4 sluice wg wait batch --try
    exits 0 sluice wg done batch 2
    exits 0 sluice wg wait batch --try
    exits 64 sluice wg done batch
    says 'sync: negative WaitGroup counter'
    exits 66 sluice wg done none
    exits 66 sluice wg show none
    exits 64 sluice wg add batch 0
    exits 0 sluice wg show batch --json
    [[ $output == *'"value":0,"lost":0'* ]]
}

@test "who waits goes on when the last one is done" {
    sluice wg add batch 2
    background sluice wg wait batch
    eventually shows batch 'waiter '
    sluice wg done batch
    shows batch 'waiter '
    sluice wg done batch
    ended 0
}

@test "how much is left, on stderr" {
    sluice wg add batch 2
    background sluice wg wait batch --progress
    eventually shows batch 'waiter '
    eventually grep -q '2 left after' "$BATS_TEST_TMPDIR/err"
    sluice wg done batch 2
    ended 0
    [ -z "$(out)" ]
}

@test "Ctrl-C ends the wait, also with --progress" {
    sluice wg add batch
    background sluice wg wait batch --progress
    eventually shows batch 'waiter '
    kill -INT "$pid"
    ended 130
    background sluice wg wait batch
    eventually shows batch 'waiter '
    kill -INT "$pid"
    ended 130
}

@test "units of a process are lost with it, and not in silence" {
    sleep 1000 3>&- & # the child
    worker=$!
    exits 0 sluice wg add batch 2 --for-pid "$worker"
    sluice wg add batch
    background sluice wg wait batch
    eventually shows batch 'waiter '
    kill -KILL "$worker"
    eventually shows batch 'lost        2'
    sluice wg done batch
    ended 1
    [[ $(err) == *'owner died'* ]]
    exits 66 sluice wg add batch --for-pid "$worker"
    exits 0 sluice wg show batch
    is 0
}

@test "select" {
    sluice wg add batch
    exits 0 sluice select 'wait batch' 'after 20ms'
    is 1
    sluice wg done batch
    exits 0 sluice select 'wait batch' 'after 1h'
    is 0
}

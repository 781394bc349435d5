#!/usr/bin/env bats
# sluice flight: a command that runs once for all who want it at the same time.

load daemon
setup() {
    daemon_start
    ran=$BATS_TEST_TMPDIR/ran
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
}
teardown() { daemon_stop; }

# flies [OPTION...]: one runs under the key `report`, until a word is written into the pipe, which it prints.
flies() {
    background sluice flight cache report "$@" -- sh -c 'echo $$ >"$0"; read -r word <"$0"; echo "$word"; exit 3' "$pipe"
    read -r child <"$pipe"
}

@test "nothing is kept: who comes later runs again" {
    for _ in 1 2; do
        exits 3 sluice flight cache report -- sh -c 'echo ran >>"$0"; echo a; echo noise >&2; exit 3' "$ran"
        is a
        says noise
    done
    [ "$(wc -l <"$ran")" = 2 ]
    exits 0 sluice flight cache report --json -- echo hello
    is '{"ran":true,"exit":0,"cut":false,"value":"hello\n"}'
    shows cache 'kind        flight'
}

@test "who comes while it runs gets its stdout and its exit code" {
    flies
    besides joined sluice flight cache report --json -- touch "$ran"
    eventually parked begin
    exits 4 sluice flight cache report --try -- true
    exits 124 sluice flight cache report --timeout 20ms -- true
    exits 0 sluice flight cache other -- echo other
    is other
    echo outcome >"$pipe"
    ended 3
    [ "$(out)" = outcome ]
    wait "$other" || code=$?
    ((code == 3))
    printed joined '{"ran":false,"exit":3,"cut":false,"value":"outcome\n"}'
    [ ! -e "$ran" ]
}

@test "forget: who comes from now on runs again" {
    exits 0 sluice flight cache report --forget --json
    is '{"forgotten":false}'
    flies
    besides joined sluice flight cache report -- echo no
    eventually parked begin
    exits 0 sluice flight cache report --forget --json
    is '{"forgotten":true}'
    exits 0 sluice flight cache report -- echo again
    is again
    echo outcome >"$pipe"
    ended 3
    wait "$other" || :
    printed joined outcome
}

@test "kill -9 of the runner: one of those who wait runs, when the old command is gone" {
    background sluice flight cache report --kill-after 50ms -- sh -c "$stubborn" "$pipe"
    read -r shell sleeper <"$pipe"
    echo "$shell $sleeper" >"$BATS_TEST_TMPDIR/pids"
    besides next sluice flight cache report -- bash -c "$witness" "$BATS_TEST_TMPDIR/pids"
    next=$other
    eventually parked begin
    besides joined sluice flight cache report -- echo no
    eventually parked begin 2
    kill -KILL "$pid"
    ended 137
    wait "$next" "$other"
    printed next died=1
    printed joined died=1
    dead "$shell"
    dead "$sleeper"
}

@test "nor has a command that was killed, or could not be started, an outcome" {
    exits 127 sluice flight cache report -- no-such-command
    flies
    besides next sluice flight cache report -- sh -c 'echo "died=$SLUICE_OWNER_DIED"'
    eventually parked begin
    kill -TERM "$pid"
    ended 143
    wait "$other"
    printed next died=1
}

@test "with --poison all who wait fail, and who comes later runs" {
    background sluice flight cache report --poison -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r child <"$pipe"
    besides joined sluice flight cache report -- echo no
    eventually parked begin
    kill -KILL "$pid"
    ended 137
    wait "$other" || code=$?
    ((code == 1))
    [[ $(cat "$BATS_TEST_TMPDIR/joined") == *'owner died'* ]]
    exits 0 sluice flight cache report -- echo hello
    is hello
    sluice flight plain report -- true
    exits 64 sluice flight plain report --poison -- true
    says 'another rule for a runner that dies'
}

@test "Ctrl-C while it waits" {
    flies
    besides joined sluice flight cache report -- touch "$ran"
    eventually parked begin
    kill -INT "$other"
    wait "$other" || code=$?
    ((code == 130))
    echo outcome >"$pipe"
    ended 3
    [ ! -e "$ran" ]
}

@test "wrong usage" {
    exits 64 sluice flight cache
    exits 64 sluice flight cache -- true
    says 'NAME KEY [-- CMD [ARG...]]'
    exits 64 sluice flight cache report
    says 'expected a command behind --, or --forget'
    exits 64 sluice flight cache report --
    exits 64 sluice flight cache report --forget -- true
    says '--forget runs no command'
    sluice make jobs
    exits 64 sluice flight jobs report -- true
}

#!/usr/bin/env bats
# sluice group: tasks with a limit, and their first error.

load daemon
setup() {
    daemon_start
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
}
teardown() { daemon_stop; }

# task NAME [OPTION...]: a task that runs until a word is written into the pipe.
task() {
    background sluice group run "$@" -- sh -c 'echo $$ >"$0"; read -r word <"$0"; exit "$word"' "$pipe"
    read -r child <"$pipe"
}

@test "the first error stays, and all tasks run" {
    exits 0 sluice group wait build --try
    exits 0 sluice group run build -- echo one
    is one
    exits 0 sluice group wait build --json
    is '{"failed":false,"error":null}'
    exits 3 sluice group run build -- sh -c 'exit 3'
    exits 4 sluice group run build -- sh -c 'exit 4'
    exits 0 sluice group run build -- true
    for _ in 1 2; do
        exits 1 sluice group wait build
        says 'build: exit status 3'
        is ''
    done
    exits 1 sluice group wait build --json
    is '{"failed":true,"error":"exit status 3"}'
    quiet
    shows build 'kind        group'
}

@test "what a command that was killed or cannot be run leaves" {
    exits 137 sluice group run killed -- sh -c 'kill -KILL $$'
    exits 1 sluice group wait killed
    says 'killed: signal: killed'
    exits 143 sluice group run ended -- sh -c 'kill -TERM $$'
    exits 1 sluice group wait ended
    says 'ended: signal: terminated'
    exits 127 sluice group run missing -- no-such-command
    exits 1 sluice group wait missing
    says 'missing: the command could not be run'
    exits 137 sluice group run code -- sh -c 'exit 137'
    exits 1 sluice group wait code
    says 'code: exit status 137'
}

@test "wait ends with the last task; codes 4, 124, 125 and 130" {
    task build
    exits 4 sluice group wait build --try
    exits 124 sluice group wait build --timeout 20ms
    CTX=$(sluice ctx cancelable)
    sluice ctx cancel "$CTX"
    exits 125 sluice group wait build --ctx "$CTX"
    besides waiter sluice group wait build --progress
    eventually shows build 'waiter '
    eventually grep -q '1 left after' "$BATS_TEST_TMPDIR/waiter"
    kill -INT "$other"
    wait "$other" || code=$?
    ((code == 130))
    besides waiter sluice group wait build
    eventually shows build 'waiter '
    echo 0 >"$pipe"
    ended 0
    wait "$other"
}

@test "no more than --limit at a time" {
    task build --limit 1
    exits 4 sluice group run build --try -- true
    exits 124 sluice group run build --timeout 20ms -- true
    besides second sluice group run build --limit 1 -- echo second
    eventually shows build 'waiter '
    exits 64 sluice group run build --limit 2 -- true
    says 'exists with another limit'
    echo 0 >"$pipe"
    ended 0
    wait "$other"
    printed second second
    exits 4 sluice group run none --limit 0 --try -- true
}

@test "kill -9 of the runner: the command is stopped, and then the task has failed with owner died" {
    background sluice group run build --kill-after 50ms -- sh -c "$stubborn" "$pipe"
    read -r shell sleeper <"$pipe"
    besides waiter sluice group wait build
    eventually shows build 'waiter '
    kill -KILL "$pid"
    ended 137
    wait "$other" || code=$?
    ((code == 1))
    dead "$shell"
    dead "$sleeper"
    printed waiter 'sluice: build: owner died'
    exits 1 sluice group wait build --json
    is '{"failed":true,"error":"owner died"}'
}

@test "the first error cancels the context, with it as the cause" {
    CTX=$(sluice ctx cancelable)
    task build --cancels "$CTX"
    exits 7 sluice group run build -- sh -c 'exit 7'
    exits 125 sluice ctx err "$CTX"
    is 'context canceled: exit status 7'
    echo 0 >"$pipe"
    ended 0
    exits 1 sluice group wait build
    CTX=$(sluice ctx cancelable)
    exits 0 sluice group run well --cancels "$CTX" -- true
    exits 0 sluice ctx err "$CTX"
    exits 0 sluice group wait well
    exits 125 sluice ctx err "$CTX"
    is 'context canceled'
}

@test "a signal reaches the command; Ctrl-C while it waits starts nothing" {
    background sluice group run build --limit 1 -- sh -c 'trap "exit 3" TERM; echo ready >"$0"; while :; do sleep 1000 & wait; done' "$pipe" # the child
    read -r ready <"$pipe"
    besides second sluice group run build -- touch "$BATS_TEST_TMPDIR/ran"
    eventually shows build 'waiter '
    kill -INT "$other"
    wait "$other" || code=$?
    ((code == 130))
    kill -TERM "$pid"
    ended 3
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    exits 1 sluice group wait build
    says 'exit status 3'
}

@test "wrong usage" {
    exits 64 sluice group
    says 'group wait'
    exits 64 sluice group run build
    says 'expected a command behind --'
    exits 64 sluice group run build --
    exits 64 sluice group run build --limit -1 -- true
    exits 66 sluice group run build --cancels none -- true
    sluice make jobs
    exits 64 sluice group run jobs -- true
    exits 64 sluice group wait jobs
}

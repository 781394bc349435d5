#!/usr/bin/env bats
# sluice sem: as many at once as there are permits.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

@test "made on first use, with as many permits as were asked for" {
    exits 5 sluice sem build --permits 4 -- sh -c 'exit 5'
    shows build 'permits     4, 4 free'
    exits 0 sluice sem build -- true
    exits 64 sluice sem build --permits 3 -- true
    says 'another size'
    exits 0 sluice sem one -- true
    shows one 'permits     1, 1 free'
    exits 64 sluice sem build
    exits 64 sluice sem build --permits -1 -- true
    sluice make other --semaphore 7
    exits 0 sluice sem other --take 7 -- true
}

@test "as many as there are permits, and no more" {
    local inner='"$SLUICE" sem build --permits 2 "$@"'
    exits 0 sluice sem build --permits 2 -- sh -c "$inner" sh --try -- true
    exits 4 sluice sem build --permits 2 -- sh -c "$inner" sh -- "$SLUICE" sem build --try -- true
    exits 4 sluice sem build --permits 2 -- sh -c "$inner" sh --try --take 2 -- true
    exits 124 sluice sem build --take 3 --timeout 20ms -- true
    exits 0 sluice sem build --take 2 -- sh -c 'echo $SLUICE_TOKEN'
    ((output > 0))
    shows build 'permits     2, 2 free'
}

@test "never more than the permits at a time, by many" {
    sluice make running --counter 0 --min 0 --max 3
    local pids=()
    for _ in {1..12}; do
        "$SLUICE" sem build --permits 3 -- sh -c '"$SLUICE" counter add running 1 && "$SLUICE" counter add running -1' >/dev/null 3>&- &
        pids+=($!)
    done
    for p in "${pids[@]}"; do wait "$p"; done
    exits 0 sluice counter load running
    is 0
}

@test "killed, its permits are free, and its command is gone" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    background sluice sem build --permits 2 --take 2 -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$BATS_TEST_TMPDIR/pipe" # the child
    read -r child <"$BATS_TEST_TMPDIR/pipe"
    shows build 'permits     2, 0 free'
    kill -KILL "$pid"
    ended 137
    exits 0 sluice sem build --timeout 10s -- true
    eventually bash -c "! kill -0 $child"
}

@test "held for a process" {
    token=$(sluice sem build --permits 3 --take 2 --hold-for-pid $$)
    shows build 'permits     3, 1 free'
    exits 0 sluice unlock build "$token"
    shows build 'permits     3, 3 free'
    exits 75 sluice unlock build "$token"
}

@test "select: with a number of permits" {
    sluice make build --semaphore 3
    exits 0 sluice select 'acquire build=4' 'acquire build=3' --hold-for-pid $$
    [[ $output =~ ^1\ ([0-9]+)$ ]]
    shows build 'permits     3, 0 free'
    exits 0 sluice unlock build "${BASH_REMATCH[1]}"
    exits 0 sluice select 'acquire build' --json
    [[ $output == '{"index":0,"verb":"acquire","name":"build","status":"OK","token":'* ]]
    exits 64 sluice select 'acquire build=x'
    exits 64 sluice select 'acquire build='
}

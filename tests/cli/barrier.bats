#!/usr/bin/env bats
# sluice barrier: go on together.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

# waiters NAME N: so many wait there.
waiters() { [[ $(sluice show "$1" --json | jq .waiting) == "$2" ]]; }

# party FILE: one arrives, in the background; its pid goes to $other.
party() { besides "$1" sluice barrier step --parties 4 --json; }

@test "four parties, round after round" {
    for round in 1 2; do
        local pids=()
        for i in 1 2 3; do
            party "party$i"
            pids+=("$other")
            eventually waiters step "$i"
        done
        exits 0 sluice barrier step --parties 4 --json
        is "{\"cycle\":$round,\"last\":true}"
        for i in 1 2 3; do
            wait "${pids[i - 1]}"
            printed "party$i" "{\"cycle\":$round,\"last\":false}"
        done
    done
    shows step 'kind        barrier'
}

@test "without --parties it is as it is" {
    exits 66 sluice barrier step
    says 'say --parties, and it is made'
    exits 0 sluice barrier step --parties 1
    is ''
    exits 0 sluice barrier step
    exits 0 sluice barrier step --try
    exits 64 sluice barrier step --parties 2
    says 'exists with another number of parties'
}

@test "who is killed or gives up has not arrived" {
    party killed
    eventually waiters step 1
    kill -KILL "$other"
    wait "$other" || :
    eventually waiters step 0
    background sluice barrier step
    eventually waiters step 1
    kill -INT "$pid"
    ended 130
    eventually waiters step 0
    exits 124 sluice barrier step --timeout 20ms
    exits 4 sluice barrier step --try
    CTX=$(sluice ctx cancelable)
    sluice ctx cancel "$CTX"
    exits 125 sluice barrier step --ctx "$CTX"
    local pids=()
    for i in 1 2 3; do
        party "party$i"
        pids+=("$other")
    done
    eventually waiters step 3
    exits 0 sluice barrier step --json
    is '{"cycle":1,"last":true}'
    wait "${pids[@]}"
}

@test "a barrier that is removed lets nobody through" {
    background sluice barrier step --parties 2
    eventually waiters step 1
    sluice rm step
    ended 66
}

@test "wrong usage" {
    exits 64 sluice barrier
    exits 64 sluice barrier step --parties 0
    says '0 is not between 1 and'
    exits 64 sluice barrier step --parties many
    exits 64 sluice barrier step 4
    sluice make jobs
    exits 64 sluice barrier jobs
    exits 64 sluice barrier jobs --parties 2
    says 'exists with another kind'
}

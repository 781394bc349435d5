#!/usr/bin/env bats
# sluice counter: an atomic integer.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

# gives VALUE VERB...: the verb prints it.
gives() {
    exits 0 sluice counter "${@:2}"
    is "$1"
}

@test "each verb, and what it prints" {
    gives 5 add hits 5
    gives 3 add hits -2
    gives 3 load hits
    gives 3 swap hits 12
    gives 12 and hits 6
    gives 4 or hits 3
    gives 7 xor hits 1
    gives 6 max hits 10
    gives 10 max hits 9
    gives 10 min hits 2
    gives 2 load hits
    gives '' store hits 100
    gives '{"value":100}' load hits --json
    gives '{"value":101}' add hits 1 --json
    exits 66 sluice counter load none
    exits 64 sluice counter add hits x
    exits 64 sluice counter add hits
    exits 64 sluice counter
}

@test "it wraps as Go's does, unless it has bounds" {
    gives "" store hits 9223372036854775807
    gives -9223372036854775808 add hits 1
    sluice make seats --counter 2 --min 0 --max 3
    gives 0 add seats -2
    exits 64 sluice counter add seats -1
    gives 0 load seats
    exits 64 sluice make seats --counter 2 --min 1
    exits 64 sluice make jobs --min 1
}

@test "compare and swap" {
    sluice counter store version 3
    gives 3 cas version 3 4
    exits 1 sluice counter cas version 3 5
    is 4
    exits 1 sluice counter cas version 3 5 --json
    is '{"value":4,"swapped":false}'
    gives '{"value":4,"swapped":true}' cas version 4 4 --json
}

@test "waiting for a value" {
    gives 0 wait hits '==0'
    background sluice counter wait hits '>=3'
    eventually shows hits 'waiter '
    sluice counter add hits 2
    shows hits 'waiter '
    sluice counter add hits 2
    ended 0
    [ "$(out)" = 4 ]
    gives 4 wait hits '!=3'
    gives 4 wait hits '<5'
    gives 4 wait hits '<=4'
    gives 4 wait hits '>3'
    gives 4 wait hits =4
    exits 124 sluice counter wait hits '<0' --timeout 20ms
    exits 4 sluice counter wait hits '<0' --try
    exits 64 sluice counter wait hits 4
    exits 64 sluice counter wait hits '>=x'
    says "'>=100'"
}

@test "nothing is lost when many count" {
    local pids=()
    for _ in 1 2 3 4; do
        for _ in {1..10}; do "$SLUICE" counter add hits 1; done >/dev/null 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    gives 40 load hits
}

@test "a fenced counter refuses tokens that are too old" {
    sluice make balance --counter 10 --fenced
    exits 64 sluice counter add balance 1
    old=$(sluice lock account --hold-for-pid $$)
    gives 11 add balance 1 --fence "$old"
    sluice unlock account "$old"
    exits 0 sluice lock account -- sh -c '"$SLUICE" counter add balance 1 --fence $SLUICE_TOKEN'
    is 12
    exits 75 sluice counter add balance 1 --fence "$old"
    gives 12 load balance
}

@test "select" {
    sluice counter store hits 7
    exits 0 sluice select 'wait hits>=100' 'wait hits<8'
    is '1 7'
    exits 0 sluice select 'wait hits==7' --json
    is '{"index":0,"verb":"wait","name":"hits","status":"OK","number":7}'
    exits 64 sluice select 'wait hits>='
    exits 64 sluice select 'wait >=1'
}

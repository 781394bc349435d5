#!/usr/bin/env bats
# sluice cell: an atomic value.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

# gives VALUE VERB...: the verb prints it.
gives() {
    exits 0 sluice cell "${@:2}"
    is "$1"
}

@test "each verb, and what it prints" {
    exits 66 sluice cell get config
    gives '' swap config a
    gives a get config
    gives '' set config b
    gives b swap config c
    gives c cas config c d
    exits 1 sluice cell cas config c e
    is d
    quiet
    gives d get config
    gives '{"value":"d","type":"bytes","revision":4}' get config --json
    gives '{"revision":5}' set config e --json
    gives '{"value":"e","type":"bytes","revision":6}' swap config f --json
    gives '{"value":"f","type":"bytes","revision":7,"swapped":true}' cas config f g --json
    exits 1 sluice cell cas config f h --json
    is '{"value":"g","type":"bytes","revision":7,"swapped":false}'
    exits 64 sluice cell set config
    exits 64 sluice cell cas config g
    says 'OLD NEW'
    exits 64 sluice cell
}

@test "an empty cell" {
    sluice make config --cell
    exits 1 sluice cell get config
    is ''
    quiet
    exits 1 sluice cell get config --json
    is '{"value":null,"type":"none","revision":0}'
    exits 1 sluice cell cas config something x
    gives '' set config ''
    gives '' get config
    exits 64 sluice make other --cell --cap 3
    exits 64 sluice make config --counter 1
}

@test "by revision" {
    gives '' cas owner --revision 0 me
    exits 1 sluice cell cas owner --revision 0 you
    is me
    sluice cell set owner you
    sluice cell set owner me
    exits 1 sluice cell cas owner --revision 1 him
    gives '{"value":"me","type":"bytes","revision":4,"swapped":true}' cas owner --revision 3 him --json
    exits 64 sluice cell cas owner --revision 4 him her
    says 'one or the other'
    exits 64 sluice cell cas owner --revision x her
}

@test "stdin is a value, byte for byte" {
    printf 'a\0b\n\n' | sluice cell set blob -
    sluice cell get blob | cmp - <(printf 'a\0b\n\n')
    sluice cell get blob | sluice cell cas blob - small >"$BATS_TEST_TMPDIR/before"
    gives small get blob
    sluice cell cas blob small - <"$BATS_TEST_TMPDIR/before"
    sluice cell get blob | cmp - <(printf 'a\0b\n\n')
    head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/large"
    sluice cell set blob - <"$BATS_TEST_TMPDIR/large"
    sluice cell get blob | cmp - "$BATS_TEST_TMPDIR/large"
    shows blob '300000 bytes'
    sluice cell set blob - </dev/null
    gives '{"value":"","type":"bytes","revision":5}' get blob --json
    exits 64 sluice cell cas blob - -
    exits 64 bash -c 'head -c 2000000 /dev/zero | "$SLUICE" cell set blob -'
    says 'larger than a payload'
}

@test "the first value gives the type" {
    sluice cell set n -5 --type int64
    gives -5 get n
    gives -5 cas n -5 6
    gives '{"value":6,"type":"int64","revision":2}' get n --json
    exits 64 sluice cell set n six
    says "'six' is not a whole number"
    echo 7 | sluice cell set n -
    gives 7 get n
    exits 64 sluice cell set n 7 --type string
    says 'sync/atomic: store of inconsistently typed value into Value'
    exits 64 sluice cell swap n x --type bytes
    says 'sync/atomic: swap of inconsistently typed value into Value'
    exits 64 sluice cell cas n 7 8 --type double
    says 'sync/atomic: compare and swap of inconsistently typed value into Value'
    gives 7 get n
    sluice cell set config '{"a": [1, 2]}' --type json
    gives '{"value":{"a":[1,2]},"type":"json","revision":1}' get config --json
    exits 64 sluice cell set config '{'
    sluice cell set pi 3.25 --type double
    gives 3.25 get pi
    exits 64 sluice cell set it n --type handle
    says 'a cell holds no handles'
    exits 64 sluice cell set it n --type word
}

@test "watching" {
    background sluice cell watch config
    eventually shows config 'waiter '
    sluice cell set config one
    ended 0
    [ "$(out)" = one ]
    gives one watch config
    gives '{"value":"one","type":"bytes","revision":1}' watch config --json
    background sluice cell watch config --revision 1
    eventually shows config 'waiter '
    sluice cell set config one
    ended 0
    [ "$(out)" = one ]
    exits 124 sluice cell watch config --revision 2 --timeout 20ms
    exits 4 sluice cell watch config --revision 2 --try
    background sluice cell watch config --revision 2
    eventually shows config 'waiter '
    sluice rm config
    ended 66
}

@test "watching on and on" {
    sluice cell set config one
    background sluice cell watch config --follow
    for value in two three; do
        eventually shows config 'waiter '
        sluice cell set config "$value"
        eventually grep -qx "$value" "$BATS_TEST_TMPDIR/out"
    done
    eventually shows config 'waiter '
    kill -INT "$pid"
    ended 130
    [ "$(out)" = $'one\ntwo\nthree' ]
    exits 124 sluice cell watch config --follow --timeout 20ms --json
    is '{"value":"three","type":"bytes","revision":3}'
    exits 4 sluice cell watch config --follow --try
    is three
}

@test "nothing is lost when many change it" {
    sluice cell set n 0 --type int64
    add_ten() {
        for _ in {1..10}; do
            until old=$("$SLUICE" cell get n) && "$SLUICE" cell cas n "$old" $((old + 1)); do :; done
        done
    }
    local pids=()
    for _ in 1 2 3; do
        add_ten >/dev/null 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    gives 30 get n
}

@test "a fenced cell refuses tokens that are too old" {
    sluice make config --cell --fenced
    exits 64 sluice cell set config a
    old=$(sluice lock guard --hold-for-pid $$)
    gives '' set config a --fence "$old"
    sluice unlock guard "$old"
    exits 0 sluice lock guard -- sh -c '"$SLUICE" cell swap config b --fence $SLUICE_TOKEN'
    is a
    exits 75 sluice cell set config c --fence "$old"
    exits 75 sluice cell cas config b c --fence "$old"
    gives b get config
    exits 64 sluice make config --cell
}

@test "show, ls and select" {
    sluice make config --cell
    shows config 'value       none'
    sluice cell set config 'a "b"'
    shows config 'value       "a \"b\""'
    shows config 'revision    1'
    exits 0 sluice ls --json
    [[ $output == *'"type":"bytes","revision":1,"fence":0'* ]]
    exits 0 sluice ls --kind cell
    [[ $output == *config*cell*full*bytes* ]]
    sluice make other --cell
    exits 0 sluice select 'wait other' 'wait config'
    is '1 a "b"'
    exits 0 sluice select 'wait config!=0' --json
    is '{"index":0,"verb":"wait","name":"config","status":"OK","value":"a \"b\"","type":"bytes","deliveries":1,"revision":1}'
    exits 4 sluice select 'wait config!=1' --try
}

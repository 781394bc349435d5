#!/usr/bin/env bats
# sluice pool: making, seeing and changing pools of tasks.

load daemon
setup() {
    daemon_start
    worker=
}
teardown() {
    [[ ! $worker ]] || kill -KILL "$worker" 2>/dev/null || :
    daemon_stop
}

serve() {
    "$SLUICE" worker "$@" >"$BATS_TEST_TMPDIR/worker.log" 2>&1 3>&- &
    worker=$!
    eventually is_now "$1" .workers 1
}
# is_now POOL FILTER TEXT
is_now() { [[ $(sluice pool show "$1" --json | jq -c "$2") == "$3" ]]; }
state() { [[ $(sluice tasks --all --json | jq -r "select(.number == $1).state") == "$2" ]]; }
# hold NAME: a task that runs until `release NAME...`; prints its number.
hold() {
    mkfifo "$BATS_TEST_TMPDIR/$1"
    sluice go --pool build -- sh -c 'read -r _ <"$0"' "$BATS_TEST_TMPDIR/$1"
}
release() { for name in "$@"; do echo >"$BATS_TEST_TMPDIR/$name"; done; }

@test "a pool is made with its bounds, and again only with the same" {
    exits 0 sluice pool make build 4 --capacity 100
    is_now build '[.limit, .capacity]' '[4,100]'
    exits 0 sluice pool make build 4 --capacity 100
    exits 64 sluice pool make build 5 --capacity 100
    says 'the pool exists with another limit'
    exits 64 sluice pool make build 4 --exclusive --capacity 100
    exits 0 sluice pool make free
    is_now free '[.limit, .capacity]' '[null,null]'
    exits 0 sluice pool make other none --capacity none
    is_now other '[.limit, .capacity]' '[null,null]'
    exits 0 sluice pool show build
    [[ $output == *'limit       4'* ]]
    exits 64 sluice pool make x many
    says "'many' is not a whole number"
    exits 64 sluice pool make x -1
    exits 64 sluice pool make
}

@test "limit: how many run at a time, from now on" {
    serve build --slots 4
    exits 0 sluice pool limit build 1
    A=$(hold a)
    B=$(hold b)
    eventually state "$A" running
    state "$B" queued
    exits 0 sluice pool limit build 2
    eventually state "$B" running
    exits 0 sluice pool limit build 0
    C=$(hold c)
    release a b
    exits 0 sluice wait "$A" "$B"
    state "$C" queued
    exits 0 sluice pool limit build none
    eventually state "$C" running
    release c
    exits 0 sluice wait "$C"
    exits 64 sluice pool limit build
    exits 64 sluice pool limit build x
    exits 66 sluice pool limit nowhere 2
    says 'nowhere: no such pool'
}

@test "capacity: a full pool blocks, and a change lets in" {
    exits 0 sluice pool make build --capacity 1
    sluice go --pool build -- true
    background sluice go --pool build -- true
    eventually parked go
    exits 0 sluice pool capacity build 2
    ended 0
    exits 4 sluice go --pool build --try -- true
    exits 0 sluice pool capacity build none
    exits 0 sluice go --pool build --try -- true
    exits 66 sluice pool capacity nowhere 2
}

@test "pause and resume" {
    serve build --slots 4
    exits 0 sluice pool pause build
    is_now build .paused true
    T=$(hold t)
    state "$T" queued
    exits 0 sluice pool resume build
    eventually state "$T" running
    exits 0 sluice pool pause build
    release t
    exits 0 sluice wait "$T"
    exits 66 sluice pool pause nowhere
    exits 66 sluice pool resume nowhere
}

@test "close: no more come in, and the workers end with the last task" {
    serve build
    T=$(hold t)
    eventually state "$T" running
    exits 0 sluice pool close build
    exits 3 sluice go --pool build -- true
    says closed
    exits 3 sluice pool close build
    says 'close of closed pool'
    alive "$worker"
    release t
    wait "$worker"
    worker=
    exits 0 sluice wait "$T"
    exits 66 sluice pool close nowhere
}

@test "drain: closes, and waits for all" {
    serve build --slots 1
    T=$(hold t)
    U=$(hold u)
    eventually state "$T" running
    exits 124 sluice pool drain build --timeout 20ms
    is_now build .closed true
    background sluice pool drain build
    eventually parked wait
    release t
    exits 0 sluice wait "$T"
    eventually state "$U" running
    alive "$pid"
    release u
    ended 0
    wait "$worker"
    worker=
    exits 0 sluice pool drain build
    exits 66 sluice pool drain nowhere
}

@test "another kind of object is no pool" {
    sluice make ch
    exits 64 sluice pool show ch
    exits 64 sluice pool limit ch 1
    exits 66 sluice pool show none
    says 'make it with: sluice pool make none'
}

#!/usr/bin/env bats
# sluice cond: wait for a signal with a lock.

load daemon
setup() {
    daemon_start
    token=$(sluice lock door --hold-for-pid $$)
}
teardown() { daemon_stop; }

# waits [OPTION...]: one waits for `opened`, in the background, with the lock that this test holds.
waits() {
    background sluice cond wait opened --lock door --token "$token" --hold-for-pid $$ "$@"
    eventually shows opened 'waiter '
}

@test "the lock is given up while it waits, and had again" {
    waits
    shows door 'state       free'
    exits 0 sluice lock door --try -- "$SLUICE" cond signal opened --json
    is '{"woken":1}'
    ended 0
    [[ $(out) =~ ^[0-9]+$ ]]
    (($(out) > token))
    shows door "token $(out)"
    exits 75 sluice unlock door "$token"
    exits 0 sluice unlock door "$(out)"
}

@test "it goes on when it has the lock, not before" {
    waits
    mine=$(sluice lock door --hold-for-pid $$)
    exits 0 sluice cond signal opened
    is ''
    shows door "token $mine"
    sluice unlock door "$mine"
    ended 0
    shows door "token $(out)"
}

@test "a script's loop" {
    background bash -c 'token=$("$SLUICE" lock gate --hold-for-pid $$)
        until test -e "$0"; do token=$("$SLUICE" cond wait opened --lock gate --token $token); done
        "$SLUICE" unlock gate $token && echo seen' "$BATS_TEST_TMPDIR/ready"
    eventually shows opened 'waiter '
    sluice cond signal opened
    eventually shows opened 'waiter '
    touch "$BATS_TEST_TMPDIR/ready"
    sluice cond signal opened
    ended 0
    [ "$(out)" = seen ]
    shows gate 'state       free'
}

@test "nobody waits: the signal is lost" {
    exits 0 sluice cond signal opened --json
    is '{"woken":0}'
    exits 0 sluice cond broadcast opened --json
    is '{"woken":0}'
    exits 124 sluice cond wait opened --lock door --token "$token" --hold-for-pid $$ --timeout 20ms
    shows door 'state       free'
    exits 64 sluice cond wait opened --lock door --token "$token" --hold-for-pid $$
    says 'sync: unlock of unlocked mutex'
}

@test "one at a time, the oldest first; or all" {
    waits
    first=$pid
    token=$(sluice lock door --hold-for-pid $$)
    besides second sluice cond wait opened --lock door --token "$token" --hold-for-pid $$ --json
    both() { [[ $(sluice show opened --json | jq .waiting) == 2 ]]; }
    eventually both
    exits 0 sluice cond signal opened --json
    is '{"woken":1}'
    pid=$first
    ended 0
    token=$(out)
    shows opened 'waiter '
    waits
    eventually both
    exits 0 sluice cond broadcast opened --json
    is '{"woken":2}'
    wait "$other"
    [[ $(cat "$BATS_TEST_TMPDIR/second") =~ ^\{\"token\":([0-9]+),\"owner_died\":false\}$ ]]
    kill -0 "$pid"
    sluice unlock door "${BASH_REMATCH[1]}"
    ended 0
}

@test "kill -9: who waited is not woken, and holds nothing" {
    waits
    kill -KILL "$pid"
    ended 137
    nobody() { [[ $(sluice show opened --json | jq .waiting) == 0 ]]; }
    eventually nobody
    exits 0 sluice cond signal opened --json
    is '{"woken":0}'
    shows door 'state       free'
    # Woken, and killed while it waits for the lock.
    token=$(sluice lock door --hold-for-pid $$)
    waits
    mine=$(sluice lock door --hold-for-pid $$)
    sluice cond signal opened
    kill -KILL "$pid"
    ended 137
    eventually nobody
    sluice unlock door "$mine"
    exits 0 sluice lock door --timeout 10s -- true
    shows door 'state       free'
}

@test "the process it is held for dies: the next is told" {
    sleep 1000 3>&- & # the child
    holder=$!
    background sluice cond wait opened --lock door --token "$token" --hold-for-pid "$holder"
    eventually shows opened 'waiter '
    sluice cond signal opened
    ended 0
    shows door 'state       locked'
    kill -KILL "$holder"
    exits 0 sluice lock door -- sh -c 'echo "died=$SLUICE_OWNER_DIED"'
    is died=1
}

@test "Ctrl-C and a context end the wait, without the lock" {
    waits
    kill -INT "$pid"
    ended 130
    shows door 'state       free'
    token=$(sluice lock door --hold-for-pid $$)
    CTX=$(sluice ctx cancelable)
    waits --ctx "$CTX"
    sluice ctx cancel "$CTX"
    ended 125
    shows door 'state       free'
}

@test "wrong usage, and a token that is not the holder's" {
    exits 64 sluice cond
    says 'cond broadcast'
    exits 64 sluice cond wait opened
    says 'expected --lock, and the --token it is held by'
    exits 64 sluice cond wait opened --lock door
    exits 64 sluice cond wait opened --lock door --token 0
    exits 64 sluice cond signal
    exits 66 sluice cond wait opened --lock none --token 1
    exits 75 sluice cond wait opened --lock door --token $((token + 1))
    shows door "token $token"
    sluice make jobs
    exits 64 sluice cond wait jobs --lock door --token "$token"
    exits 64 sluice cond wait opened --lock jobs --token "$token"
    exits 64 sluice cond signal jobs
    shows door "token $token"
}

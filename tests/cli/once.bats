#!/usr/bin/env bats
# sluice once: a command that runs once, and its outcome for all.

load daemon
setup() {
    daemon_start
    ran=$BATS_TEST_TMPDIR/ran
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
}
teardown() { daemon_stop; }

@test "it runs once; all get its stdout and its exit code" {
    exits 3 sluice once migrate -- sh -c 'echo ran >>"$0"; printf "a\nb"; echo noise >&2; exit 3' "$ran"
    is $'a\nb'
    says noise
    exits 3 sluice once migrate -- sh -c 'echo ran >>"$0"' "$ran"
    is $'a\nb'
    quiet
    [ "$(cat "$ran")" = ran ]
    exits 3 sluice once migrate --json -- true
    is '{"ran":false,"exit":3,"cut":false,"value":"a\nb"}'
    exits 0 sluice once empty -- true
    exits 0 sluice once empty -- false
    is ''
    exits 0 sluice once other --json -- echo hello
    is '{"ran":true,"exit":0,"cut":false,"value":"hello\n"}'
    shows other 'state       done'
    exits 64 sluice once migrate
    sluice rm migrate
    exits 0 sluice once migrate -- echo again
    is again
}

@test "stdout is kept byte for byte" {
    head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    sluice once big -- cat "$BATS_TEST_TMPDIR/data" | cmp - "$BATS_TEST_TMPDIR/data"
    sluice once big -- false | cmp - "$BATS_TEST_TMPDIR/data"
}

@test "an output that is too long: the others get its beginning" {
    limit=$(sluice status --json | jq .limits.payload_size_max)
    head -c "$limit" /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/data"
    sluice once big -- cat "$BATS_TEST_TMPDIR/data" | cmp - "$BATS_TEST_TMPDIR/data"
    sluice once big -- false >"$BATS_TEST_TMPDIR/second" 2>"$BATS_TEST_TMPDIR/err"
    [[ $(err) == *'this is its beginning'* ]]
    cmp -n "$(stat -c %s "$BATS_TEST_TMPDIR/second")" "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/second"
    [ "$(stat -c %s "$BATS_TEST_TMPDIR/second")" -ge $((limit - 100)) ]
}

@test "the others wait for the one that runs" {
    "$SLUICE" once migrate -- sh -c 'echo ready >"$0"; read -r word <"$0"; echo "$word"' "$pipe" >"$BATS_TEST_TMPDIR/first" 3>&- &
    first=$!
    read -r ready <"$pipe"
    exits 4 sluice once migrate --try -- true
    exits 124 sluice once migrate --timeout 20ms -- true
    background sluice once migrate -- echo second
    eventually shows migrate 'waiter '
    echo outcome >"$pipe"
    wait "$first"
    ended 0
    [ "$(out)" = outcome ]
    [ "$(cat "$BATS_TEST_TMPDIR/first")" = outcome ]
}

# dies NAME [OPTION...]: a runner that is killed while its command runs.
dies() {
    background sluice once "$@" -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r child <"$pipe"
    kill -KILL "$pid"
    ended 137
    eventually shows "$1" 'owner died'
    eventually bash -c "! kill -0 $child"
}

@test "a runner that dies has not run: the next one runs" {
    dies migrate
    exits 0 sluice once migrate -- sh -c 'echo "died=$SLUICE_OWNER_DIED"'
    is died=1
    exits 0 sluice once migrate -- echo no
    is died=1
}

@test "nor has a command that was killed, or could not be started" {
    exits 143 sluice once migrate -- sh -c 'kill -TERM $$'
    exits 127 sluice once migrate -- no-such-command
    background sluice once migrate -- sh -c 'echo ready >"$0"; exec sleep 1000' "$pipe" # the child
    read -r ready <"$pipe"
    kill -TERM "$pid"
    ended 143
    exits 0 sluice once migrate -- echo done
    is done
}

@test "with --poison it has failed for good" {
    dies migrate --poison
    exits 1 sluice once migrate -- echo no
    says 'owner died'
    is ''
    exits 0 sluice once well -- true
    exits 64 sluice once well --poison -- true
}

@test "a right to run that is lost is not an outcome" {
    daemon_stop
    daemon_start --virtual-clock
    background sluice once migrate --ttl 300ms --kill-after 10ms -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r child <"$pipe"
    sluice clock advance 1h
    exits 0 sluice once migrate -- echo second
    is second
    ended 75
    exits 0 sluice once migrate -- echo third
    is second
}

#!/usr/bin/env bats
# sluice deadlock: circles of waits and waits in vain, with the commands of those in them, and whether all are asleep.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

# found TEXT: the report has this text.
found() { [[ $(sluice deadlock) == *"$1"* ]]; }

# crosswise: two commands, each with a lock that the other's waits for. Their pids are $first and $second.
crosswise() {
    mkfifo "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
    besides first sluice lock a -- sh -c 'read -r go <"$0" && exec "$SLUICE" lock b -- true' "$BATS_TEST_TMPDIR/a"
    first=$other
    besides second sluice lock b -- sh -c 'read -r go <"$0" && exec "$SLUICE" lock a -- true' "$BATS_TEST_TMPDIR/b"
    second=$other
    eventually shows a 'holder '
    eventually shows b 'holder '
    echo go >"$BATS_TEST_TMPDIR/a"
    echo go >"$BATS_TEST_TMPDIR/b"
    eventually parked lock 2
}

@test "without one it prints nothing, and the exit code is 0" {
    exits 0 sluice deadlock
    is ''
    exits 0 sluice deadlock --json
    [ "$(jq -c '[.asleep, .cycles, .stalled, .stalled_count]' <<<"$output")" = '[false,[],[],0]' ]
    exits 64 sluice deadlock a
}

@test "two commands that hold what the other waits for are told with their command lines" {
    crosswise
    exits 1 sluice deadlock
    [[ $output == *'4 wait in a circle'* ]]
    [[ $output == *"pid $first ($SLUICE lock a -- sh -c "*'waits for its command'* ]]
    [[ $output == *"pid $second ($SLUICE lock b -- sh -c "* ]]
    [[ $output == *" lock b -- true): lock mutex b for "* ]]
    [[ $output == *" lock a -- true): lock mutex a for "* ]]
    exits 1 sluice deadlock --json
    [ "$(jq '.cycles | length' <<<"$output")" = 1 ]
    [ "$(jq -c '[.cycles[0].links[] | select(.op != "") | .on.name] | sort' <<<"$output")" = '["a","b"]' ]
    kill -TERM "$first"
    wait "$first" || :
    wait "$second"
    exits 0 sluice deadlock
}

@test "a lock that a command asks for again within it is found; with a timeout it is no wait in vain" {
    besides out sluice lock a -- sh -c 'exec "$SLUICE" lock a --timeout 1000s -- true'
    eventually parked lock
    exits 1 sluice deadlock
    [[ $output == *'2 wait in a circle'*' left'* && $output != *'in vain'* ]]
    kill -TERM "$other"
    wait "$other" || :
}

@test "asleep: somebody waits and nobody acts" {
    exits 0 sluice deadlock --asleep
    sluice make ch
    besides out sluice recv ch
    eventually parked recv
    exits 0 sluice deadlock
    is ''
    exits 1 sluice deadlock --asleep
    is 'all goroutines are asleep - deadlock!'
    sluice send ch x
    wait "$other"
    exits 0 sluice deadlock --asleep
    is ''
}

@test "tasks that wait for each other are told by their numbers" {
    sluice make p --pool
    besides worker sluice worker p --slots 2
    worker=$other
    mkfifo "$BATS_TEST_TMPDIR/number"
    first=$(sluice go --pool p -- sh -c 'read -r other <"$0" && exec "$SLUICE" wait "$other"' "$BATS_TEST_TMPDIR/number")
    second=$(sluice go --pool p -- "$SLUICE" wait "$first")
    eventually parked wait
    echo "$second" >"$BATS_TEST_TMPDIR/number"
    eventually parked wait 2
    exits 1 sluice deadlock
    [[ $output == *'2 wait in a circle'* ]]
    [[ $output == *"task $first, pid "*"): wait task $second for "* ]]
    [[ $output == *"task $second, pid "*"): wait task $first for "* ]]
    sluice kill "$first"
    kill -TERM "$worker"
    wait "$worker" || :
}

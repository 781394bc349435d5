#!/usr/bin/env bats
# sluice limit and tune: how often, and how many at once. Time is the test's own.

load daemon
setup() {
    daemon_start --virtual-clock
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
}
teardown() { daemon_stop; }

@test "a burst, and then as often as the rate says" {
    exits 0 sluice limit api --rate 10/s --burst 20 -- echo hello
    is hello
    for _ in {1..19}; do sluice limit api --try; done
    exits 1 sluice limit api --try
    is 'retry after 100ms'
    quiet
    background sluice limit api --rate 10/s --burst 20 -- echo hello
    eventually shows api 'waiter '
    sluice clock advance 99999999ns
    shows api 'waiter '
    sluice clock advance 1ns
    ended 0
    [ "$(out)" = hello ]
    exits 1 sluice limit api --try
}

@test "the exit code is the command's" {
    sluice limit api --rate inf
    exits 9 sluice limit api -- sh -c 'exit 9'
    exits 127 sluice limit api -- no-such-command
    says 'no-such-command: command not found'
    exits 126 sluice limit api -- /dev/null
    exits 0 sluice limit api
    is ''
    background sluice limit api -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r child <"$pipe"
    ((child == pid))
    kill -TERM "$pid"
    ended 143
}

@test "each key has a limit of its own" {
    exits 0 sluice limit api --key ann --rate 1/s --try
    exits 1 sluice limit api --key ann --try
    is 'retry after 1s'
    exits 0 sluice limit api --key bob --try
    exits 0 sluice limit api --try
    exits 64 sluice limit api --key "$(printf 'x%.0s' {1..2000})" --try
    says 'key_size_max'
}

@test "--try, --dry-run and --json" {
    exits 0 sluice limit api --rate 2/s --burst 5 --cost 3 --try --json
    is '{"allowed":true,"remaining":2,"retry_after_ns":0}'
    for _ in 1 2; do
        exits 1 sluice limit api --cost 3 --dry-run --json
        is '{"allowed":false,"remaining":2,"retry_after_ns":500000000}'
        exits 0 sluice limit api --cost 2 --dry-run
        is ''
    done
    exits 1 sluice limit api --cost 3 --try
    is 'retry after 500ms'
    exits 0 sluice limit api --cost 2 --try
    exits 1 sluice limit api --try --json
    is '{"allowed":false,"remaining":0,"retry_after_ns":500000000}'
    exits 1 sluice limit api --cost 6 --try
    is never
    exits 1 sluice limit api --try -- echo hello
    is 'retry after 500ms'
}

@test "what can never be, or not in time, is refused at once" {
    sluice limit api --rate 1/s --burst 3 --cost 3
    exits 64 sluice limit api --cost 4
    says "rate: Wait(n=4) exceeds limiter's burst 3"
    exits 124 sluice limit api --cost 2 --timeout 1999ms
    says 'rate: Wait(n=2) would exceed context deadline'
    exits 1 sluice limit api --try
    is 'retry after 1s'
    background sluice limit api --cost 2 --timeout 2s
    eventually shows api 'waiter '
    sluice clock advance 2s
    ended 0
}

@test "who gives up gives back what was booked" {
    sluice limit api --rate 1/s
    background sluice limit api
    eventually shows api 'waiter '
    exits 1 sluice limit api --try
    is 'retry after 2s'
    kill -INT "$pid"
    ended 130
    exits 1 sluice limit api --try
    is 'retry after 1s'
    CTX=$(sluice ctx cancelable)
    background sluice limit api --ctx "$CTX"
    eventually shows api 'waiter '
    sluice ctx cancel "$CTX"
    ended 125
    background sluice limit api
    eventually shows api 'waiter '
    kill -KILL "$pid"
    ended 137
    again() { [[ $(sluice limit api --try) == 'retry after 1s' ]]; }
    eventually again
}

# after RATE TEXT: with one taken at this rate, the next has to wait so long.
after() {
    local name=${1//\//-per-}
    exits 0 sluice limit "$name" --rate "$1" --try
    exits 1 sluice limit "$name" --try
    is "$2"
}

@test "rates are read exactly" {
    after 10/s 'retry after 100ms'
    after 0.5/s 'retry after 2s'
    after .5/s 'retry after 2s'
    after 1/2s 'retry after 2s'
    after 100/m 'retry after 600ms'
    after 3/100ms 'retry after 33.333333ms'
    after 0.1/100ms 'retry after 1s'
    after 1/1.5s 'retry after 1.5s'
    after 0 never
    after 0/s never
    exits 0 sluice limit all --rate inf --cost 1000000 --try
    exits 0 sluice limit all --rate inf --cost 1000000 --try
    # The same rate otherwise written is the same.
    exits 0 sluice limit half --rate 0.5/s --try
    exits 1 sluice limit half --rate 0.50/s --try
    exits 1 sluice limit half --rate 1/2s --try
    exits 64 sluice limit half --rate 0.6/s --try
    says 'exists with another'
}

@test "what is no rate" {
    for rate in '' nonsense 10 10/ /s ./s -1/s +1/s ' 1/s' 1/0s 1/-1s 1e3/s 1..2/s 1/x 1/s/s 1099511627777/s \
        99999999999999999999/s 0.0000000000001/s 1/300000000h infinite; do
        exits 64 sluice limit api --rate "$rate" --try
        says "$rate is no rate: write 10/s, 0.5/s, 100/m, 3/100ms, inf or 0"
    done
    exits 66 sluice show api
}

@test "wrong usage" {
    exits 66 sluice limit api --try
    says 'no such limiter: give it a --rate'
    exits 64 sluice limit
    exits 64 sluice limit api --burst 3
    says 'a limiter needs --rate'
    exits 64 sluice limit api --rate 1/s --burst many
    exits 64 sluice limit api --rate 1/s --algorithm fair
    says 'fair is none: bucket, window, sliding, meter, queue or concurrency'
    exits 64 sluice limit api --algorithm concurrency
    says 'how many at once'
    exits 64 sluice limit api --rate 1/s --
    says 'no command'
    exits 64 sluice limit api --dry-run -- true
    says 'a command and --dry-run'
    exits 64 sluice limit api --algorithm window --rate 2/s --burst 5
    says 'a window has no burst'
    sluice make jobs
    exits 64 sluice limit jobs --try
    exits 64 sluice limit jobs --rate 1/s --try
}

@test "windows begin again, a sliding one weighs the last" {
    exits 0 sluice limit window --algorithm window --rate 2/s --cost 2 --try
    exits 0 sluice limit sliding --algorithm sliding --rate 2/s --cost 2 --try
    exits 1 sluice limit window --try
    is 'retry after 1s'
    sluice clock advance 1s
    exits 0 sluice limit window --cost 2 --try
    exits 1 sluice limit sliding --try
    is 'retry after 500ms'
    sluice clock advance 500ms
    exits 0 sluice limit sliding --try
}

@test "a meter leaks, a queue lets one through at a time and has an end" {
    exits 0 sluice limit meter --algorithm meter --rate 2/s --burst 3 --cost 3 --try
    exits 1 sluice limit meter --cost 2 --try
    is 'retry after 1s'
    exits 0 sluice limit queue --algorithm queue --rate 2/s --burst 1 --try
    background sluice limit queue -- echo hello
    eventually shows queue 'waiter '
    exits 75 sluice limit queue
    sluice clock advance 500ms
    ended 0
    [ "$(out)" = hello ]
}

@test "concurrency: so many at once, each for as long as its command runs" {
    local inner='"$SLUICE" limit render --try -- echo third; echo "exit code $?"'
    exits 0 sluice limit render --algorithm concurrency --burst 2 -- "$SLUICE" limit render -- sh -c "$inner"
    is $'retry when one has ended\nexit code 1'
    exits 0 sluice limit render --try -- sh -c 'echo $SLUICE_TOKEN'
    [[ $output =~ ^[0-9]+$ ]]
    exits 5 sluice limit render -- sh -c 'exit 5'
    token=$(sluice limit render --hold-for-pid $$)
    [[ $token =~ ^[0-9]+$ ]]
    exits 0 sluice limit render --hold-for-pid $$ --json
    [[ $output =~ ^\{\"token\":[0-9]+,\"owner_died\":false\}$ ]]
    exits 1 sluice limit render --try
    is 'retry when one has ended'
    exits 1 sluice limit render --try --cost 3
    is never
    exits 1 sluice limit render --dry-run --json
    is '{"allowed":false,"remaining":0,"retry_after_ns":null}'
    exits 0 sluice limit render --key other --try
    exits 64 sluice limit render --hold-for-pid $$ -- true
    exits 66 sluice limit render --hold-for-pid 999999999 --key third
    says 'no such process'
    exits 0 sluice limit render --key third --cost 2 --try
}

@test "kill -9: the place comes back when the whole group is gone" {
    background sluice limit render --algorithm concurrency --burst 1 --kill-after 50ms -- sh -c "$stubborn" "$pipe"
    read -r shell sleeper <"$pipe"
    echo "$shell $sleeper" >"$BATS_TEST_TMPDIR/pids"
    exits 1 sluice limit render --try
    besides next sluice limit render -- bash -c "$witness" "$BATS_TEST_TMPDIR/pids"
    eventually parked take
    kill -KILL "$pid"
    ended 137
    wait "$other"
    [[ $(cat "$BATS_TEST_TMPDIR/next") != *alive* ]] || { cat "$BATS_TEST_TMPDIR/next"; return 1; }
    dead "$shell"
    dead "$sleeper"
    exits 0 sluice limit render --try
}

@test "a process that dies gives back the place it was kept for" {
    sleep 1000 3>&- & # the child
    holder=$!
    sluice limit render --algorithm concurrency --burst 1 --hold-for-pid "$holder"
    besides next sluice limit render -- echo hello
    eventually parked take
    kill -KILL "$holder"
    wait "$other"
    printed next hello
}

@test "tune" {
    sluice limit api --rate 1/s
    exits 0 sluice tune api --rate 20/s
    exits 1 sluice limit api --try
    is 'retry after 50ms'
    exits 0 sluice tune api --rate 10/s --burst 40
    exits 1 sluice limit api --cost 2 --try
    is 'retry after 200ms'
    exits 1 sluice limit api --rate 10/s --burst 40 --cost 2 --try
    exits 64 sluice limit api --rate 1/s --try
    exits 64 sluice tune api
    says 'expected what to change'
    exits 64 sluice tune api --rate 1/s --permits 3
    exits 64 sluice tune api --permits 3
    says 'does not apply to this kind'
    exits 64 sluice tune api --limit 3
    exits 66 sluice tune none --rate 1/s
    exits 64 sluice tune api --rate nonsense
    exits 0 sluice limit render --algorithm concurrency --burst 1 -- sh -c '"$SLUICE" limit render --try; "$SLUICE" tune render --burst 2; exec "$SLUICE" limit render --try'
    is 'retry when one has ended'
    exits 64 sluice tune render --rate 1/s
    says 'a concurrency limit has no rate'
    sluice make cpu --semaphore 1
    exits 0 sluice sem cpu -- sh -c '"$SLUICE" tune cpu --permits 2; exec "$SLUICE" sem cpu --try -- echo second'
    is second
    exits 64 sluice tune cpu --rate 1/s
    sluice group run build --limit 1 -- true
    exits 0 sluice tune build --limit none
    exits 0 sluice group run build -- "$SLUICE" group run build --try -- true
    exits 64 sluice group run build -- "$SLUICE" tune build --limit 3
    says 'errgroup: modify limit while 1 goroutines in the group are still active'
}

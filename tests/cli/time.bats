#!/usr/bin/env bats
# The verbs of time, most of them on a virtual clock: it stands still until the test moves it.

load daemon
teardown() { daemon_stop; }

@test "after waits for its duration, on a real clock" {
    daemon_start
    local before after
    before=$(date +%s%N)
    exits 0 sluice after 250ms
    after=$(date +%s%N)
    ((after - before >= 250000000))
    exits 0 sluice after 0
    exits 0 sluice after -1s
    exits 124 sluice after 1h --timeout 10ms
    exits 64 sluice after soon
    says "'soon' is not a duration"
    exits 64 sluice after 1s value
}

@test "after on a virtual clock ends when the clock gets there" {
    daemon_start --virtual-clock
    background sluice after 1m30s
    sluice clock settle --parked 1
    sluice clock advance 89s
    shows_parked
    sluice clock advance 1s
    ended 0
}

shows_parked() { sluice dump | grep -q 'select for 1m29s\|recv for 1m29s'; }

@test "durations are Go's" {
    daemon_start --virtual-clock
    sluice make t --timer 1h
    while read -r text meaning; do
        sluice reset t "$text"
        [[ $(sluice show t --json) =~ '"due_ns":'([0-9]+) ]]
        due=${BASH_REMATCH[1]}
        [[ $(sluice clock --json) =~ '"now_ns":'([0-9]+) ]]
        [ $((due - BASH_REMATCH[1])) = "$meaning" ] || { echo "$text"; return 1; }
    done <<'END'
1ns 1
1us 1000
1µs 1000
1.5ms 1500000
2s 2000000000
1m30s 90000000000
1h15m30.918273645s 4530918273645
2 2000000000
0.25 250000000
.5s 500000000
+5s 5000000000
END
    for text in '' 5x 1h2 s . - 1d 99999999999h '1 s'; do
        exits 64 sluice reset t "$text"
    done
}

@test "tick prints when it was due, keeps its phase, and holds one tick for a slow reader" {
    daemon_start --virtual-clock
    background sluice tick 1s -n 3
    sluice clock settle --parked 1
    sluice clock advance 2s --settle
    sluice clock advance 1s
    ended 0
    [ "$(out | wc -l)" = 3 ]
    out | grep -qvE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$' && return 1
    first=$(date -d "$(out | sed -n 1p)" +%s%3N)
    last=$(date -d "$(out | sed -n 3p)" +%s%3N)
    [ $((last - first)) = 2000 ]
}

@test "tick in a pipe: a line each, quietly over when the reader leaves" {
    daemon_start
    env --default-signal=PIPE "$SLUICE" tick 10ms 2>"$BATS_TEST_TMPDIR/err" | { read -r one && read -r two && [ "$one" != "$two" ]; }
    [ -z "$(err)" ]
    exits 0 sluice tick 5ms -n 2 --unix
    [[ $output =~ ^[0-9]+\.[0-9]{3}$'\n'[0-9]+\.[0-9]{3}$ ]]
    exits 0 sluice tick 5ms -n 1 --ns
    [[ $output =~ ^[0-9]{19}$ ]]
    exits 124 sluice tick 1h --timeout 10ms
    exits 64 sluice tick 0
    says 'non-positive interval for NewTicker'
    exits 64 sluice tick -- -1s
    exits 64 sluice tick -1s
}

@test "timers and tickers: received, stopped, set again" {
    daemon_start --virtual-clock
    sluice make t --timer 10s
    sluice make t --timer 10s
    exits 4 sluice recv t --try
    sluice clock advance 10s
    exits 0 sluice recv t --try
    [[ $output == *Z ]]
    exits 1 sluice stop t
    sluice reset t 5s
    exits 0 sluice stop t
    sluice clock advance 1m
    exits 4 sluice recv t --try
    sluice make k --ticker 1s
    background sluice recv k -n 2
    eventually shows k 'waiter'
    sluice clock advance 3s --settle
    ended 0
    sluice reset k 10s
    shows k 'period      10s'
    exits 64 sluice reset k 0
    says 'non-positive interval for Ticker.Reset'
    exits 0 sluice recv k --try || [ "$status" = 4 ]
    exits 66 sluice stop nothing
    sluice make c
    exits 64 sluice stop c
}

@test "after --send leaves a send behind, which can be stopped and moved" {
    daemon_start --virtual-clock
    sluice make alarms --cap 10
    exits 0 sluice after 10m --send alarms 'tea is ready'
    trigger=$output
    [[ $trigger =~ ^after-[0-9a-f]{16}$ ]]
    exits 4 sluice recv alarms --try
    sluice clock advance 10m
    exits 0 sluice recv alarms
    is 'tea is ready'
    exits 0 sluice after 1m --send alarms never --name mine
    is mine
    exits 0 sluice stop mine
    exits 1 sluice stop mine
    sluice clock advance 1h
    exits 4 sluice recv alarms --try
    trigger=$(sluice after 1m --send alarms later)
    sluice reset "$trigger" 1h
    sluice clock advance 30m
    exits 4 sluice recv alarms --try
    sluice clock advance 30m
    exits 0 sluice recv alarms
    is later
    sluice make ints --type int64
    exits 64 sluice after 1s --send ints x
    exits 66 sluice after 1s --send nothing x
}

@test "the clock: shown, moved, and only when it is virtual" {
    daemon_start --virtual-clock
    exits 0 sluice clock
    [[ $output == *'kind  virtual'* ]]
    background sluice after 1h
    sluice clock settle --parked 1
    exits 0 sluice clock next --json
    [[ $output == *'"virtual":true,"next_deadline_ns":null'* ]]
    ended 0
    [[ $(sluice clock --json) =~ '"now_ns":'([0-9]+) ]]
    exits 0 sluice clock until $((BASH_REMATCH[1] / 1000000000 + 60))s
    exits 64 sluice clock until yesterday
    exits 64 sluice clock advance
    exits 64 sluice clock backwards
    exits 64 sluice clock advance x
    exits 124 sluice clock settle --parked 1 --timeout 0
    daemon_stop
    daemon_start
    exits 0 sluice clock
    [[ $output == *'kind  real'* ]]
    exits 64 sluice clock advance 1s
    says 'virtual'
}

#!/usr/bin/env bats
# select from the shell: each kind of arm, what is printed, and each exit code.

load daemon
setup() {
    daemon_start
    sluice make jobs --cap 10
    sluice make out --cap 10
}
teardown() { daemon_stop; }

@test "the arm that is ready is done, and only that" {
    sluice send jobs hello
    exits 0 sluice select 'recv jobs' 'after 1h'
    is '0 hello'
    exits 0 sluice select 'after 1h' 'send out=42 and more=x'
    is '1'
    exits 0 sluice recv out
    is '42 and more=x'
    exits 0 sluice select 'recv jobs' 'after 20ms'
    is '1'
    exits 0 sluice select 'recv jobs' 'recv out' 'default'
    is '2'
    exits 4 sluice select 'recv jobs' 'recv out' --try
    is ''
    quiet
    exits 124 sluice select 'recv jobs' --timeout 20ms
}

@test "the line of the manual" {
    CTX=$(sluice ctx timeout 1h)
    sluice make full --cap 0
    exits 0 sluice select 'recv jobs' 'send full=42' "done $CTX" 'after 20ms'
    is 3
    exits 0 sluice select 'recv jobs' 'send full=42' "done $CTX" 'after 2s' 'default'
    is 4
    sluice ctx cancel "$CTX"
    exits 0 sluice select 'recv jobs' 'send full=42' "done $CTX" 'after 2s'
    is 2
    exits 3 sluice select "recv $CTX"
    is 0
}

@test "closed channels are code 3" {
    sluice close jobs
    exits 3 sluice select 'recv jobs' 'after 1h'
    is 0
    exits 3 sluice select 'send jobs=x' 'after 1h'
    says 'send on closed channel'
    is ''
}

@test "a parked select wakes by any of its arms" {
    background sluice select 'recv jobs' 'recv out'
    eventually shows jobs '1 to receive'
    shows out '1 to receive'
    sluice send out late
    ended 0
    [ "$(out)" = '1 late' ]
    shows jobs '0 to receive'
}

@test "values are converted by the channel's type" {
    sluice make ints --type int64 --cap 3
    exits 0 sluice select 'send ints=-7'
    exits 0 sluice select 'recv ints'
    is '0 -7'
    exits 64 sluice select 'send ints=x'
    says "'x' is not a whole number"
}

@test "timers and tickers are received from" {
    sluice make t --timer 10ms
    exits 0 sluice select 'recv jobs' 'recv t'
    [[ $output =~ ^'1 '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$ ]]
}

@test "JSON tells the arm, its status and the value" {
    sluice send jobs hello
    exits 0 sluice select 'recv jobs' --json
    is '{"index":0,"verb":"recv","name":"jobs","status":"OK","value":"hello","type":"bytes","deliveries":1}'
    exits 0 sluice select 'after 1ms' --json
    is '{"index":0,"verb":"after","name":null,"status":"OK"}'
    sluice close jobs
    exits 3 sluice select 'recv jobs' --json
    is '{"index":0,"verb":"recv","name":"jobs","status":"CLOSED"}'
}

@test "what is no arm is refused" {
    for arm in 'take jobs' 'send jobs' 'recv' 'after soon' 'default x' 'done' ''; do
        exits 64 sluice select "$arm"
        says 'is no arm'
    done
    exits 66 sluice select 'recv nothing'
    exits 64 sluice select 'done jobs'
    exits 64 sluice select
    exits 64 sluice select default default
}

@test "an item whose answer was not written goes back" {
    [ -e /dev/full ] || skip 'no /dev/full'
    sluice send jobs hello
    exits 74 bash -c '"$SLUICE" select "recv jobs" >/dev/full'
    exits 0 sluice recv jobs
    is hello
}

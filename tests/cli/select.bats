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
    for arm in 'begin jobs' 'send jobs' 'recv' 'after soon' 'default x' 'done' ''; do
        exits 64 sluice select "$arm"
        says 'is no arm'
    done
    exits 66 sluice select 'recv nothing'
    exits 64 sluice select 'done jobs'
    exits 64 sluice select 'take jobs'
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

@test "take: what a limiter allows" {
    sluice make api --limiter --rate 1/h --burst 3
    exits 0 sluice select 'recv jobs' 'take api=2'
    is 1
    exits 0 sluice select 'take api' --json
    is '{"index":0,"verb":"take","name":"api","status":"OK","remaining":0}'
    exits 4 sluice select 'take api' --try
    exits 0 sluice select 'take api' 'after 20ms'
    is 1
    exits 0 sluice select 'take api' default
    is 1
    for arm in 'take' 'take api=' 'take api=x' 'take =1'; do
        exits 64 sluice select "$arm"
        says "'take NAME'"
    done
}

@test "take: a place of a concurrency limit, for a process" {
    sluice make seats --limiter --algorithm concurrency --burst 1
    exits 0 sluice select 'take seats' --hold-for-pid $$
    [[ $output =~ ^0\ ([0-9]+)$ ]]
    token=${BASH_REMATCH[1]}
    exits 4 sluice select 'take seats' --try
    exits 0 sluice unlock seats "$token"
    exits 0 sluice select 'take seats'
    eventually shows seats 'remaining   1'
}

@test "wait: a barrier's cycle, a group's first error" {
    sluice make b --barrier 2
    sluice make g --group
    background sluice barrier b
    eventually shows b '1 have arrived'
    exits 0 sluice select 'recv jobs' 'wait b'
    is '1 1'
    ended 0
    background sluice select 'wait b' 'recv jobs' --json
    eventually shows b '1 have arrived'
    sluice send jobs x
    ended 0
    [[ $(out) == '{"index":1,"verb":"recv"'* ]]
    shows b '0 have arrived'
    background sluice barrier b
    eventually shows b '1 have arrived'
    exits 0 sluice select 'wait b' --json
    is '{"index":0,"verb":"wait","name":"b","status":"OK","cycle":2,"last":true}'
    ended 0
    exits 0 sluice select 'wait g' --json
    is '{"index":0,"verb":"wait","name":"g","status":"OK","failed":false}'
    exits 3 sluice group run g -- sh -c 'exit 3'
    exits 0 sluice select 'wait g'
    is '0 exit status 3'
}

@test "wait: who holds a mutex, and the next change" {
    sluice make leader --mutex
    exits 0 sluice select 'wait leader' 'after 20ms'
    is 1
    token=$(sluice elect leader --value host:1 --hold-for-pid $$)
    exits 0 sluice select 'wait leader' --hold-for-pid $$
    is "0 $token host:1"
    exits 0 sluice select 'wait leader' --json
    is '{"index":0,"verb":"wait","name":"leader","status":"OK","value":"host:1","type":"bytes","deliveries":1,"token":'"$token}"
    background sluice select "wait leader!=$token"
    eventually shows leader 'waiter '
    sluice unlock leader "$token"
    ended 0
    [ "$(out)" = '0 0' ]
}

@test "take: under a key" {
    sluice make api --limiter --rate 1/h --burst 2
    exits 0 sluice select 'take api=2 ann'
    exits 0 sluice select 'take api ann' 'take api bob'
    is 1
    exits 1 sluice limit api --key ann --try
    exits 64 sluice select 'take api=2ann'
}

@test "cond: the lock is given up, and had again only when this is the arm" {
    sluice make opened --cond
    token=$(sluice lock door --hold-for-pid $$)
    exits 0 sluice select 'recv jobs' "cond opened door $token" 'after 20ms'
    is 2
    shows door 'state       free'
    exits 64 sluice select "cond opened door $token"
    says 'unlock of unlocked mutex'
    token=$(sluice lock door --hold-for-pid $$)
    exits 75 sluice select "cond opened door $((token + 1))"
    background sluice select 'recv jobs' "cond opened door $token" --hold-for-pid $$
    eventually shows opened 'waiter '
    exits 0 sluice lock door -- "$SLUICE" cond signal opened
    ended 0
    [[ $(out) =~ ^1\ ([0-9]+)$ ]]
    ((BASH_REMATCH[1] > token))
    exits 0 sluice unlock door "${BASH_REMATCH[1]}"
    for arm in 'cond' 'cond opened' 'cond opened door' 'cond opened door x' 'cond opened door 0' 'cond opened door 5 6'; do
        exits 64 sluice select "$arm"
        says "'cond NAME LOCK TOKEN'"
    done
}

@test "join: a task is waited for by its number" {
    background sluice worker p
    T=$(sluice go --pool p -- sh -c 'exit 3')
    sluice make none
    exits 0 sluice select 'recv none' "wait $T"
    is '1 3'
    exits 0 sluice select "wait $T" --json
    is "{\"index\":0,\"verb\":\"wait\",\"name\":\"$T\",\"status\":\"OK\",\"failed\":true,\"ending\":\"OK\",\"exit\":3}"
    exits 66 sluice select 'wait 99999999'
    kill -TERM "$pid"
    ended 0
}

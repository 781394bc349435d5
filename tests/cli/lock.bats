#!/usr/bin/env bats
# sluice lock and unlock: one at a time, whatever ends the holder, and nobody else before its command is gone.

load daemon
setup() {
    daemon_start
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
}
teardown() {
    daemon_stop
    [[ ! ${other:-} ]] || kill -KILL "$other" 2>/dev/null || :
}

# alive PID: it runs; a zombie that nobody has reaped yet does not.
alive() { [[ -r /proc/$1/stat && $(cut -d')' -f2 "/proc/$1/stat" 2>/dev/null) != ' '[ZX]* && -e /proc/$1 ]]; }
dead() { ! alive "$1"; }

# next NAME [OPTION...]: wait for the lock in the background; what its command finds goes to $BATS_TEST_TMPDIR/next.
next() {
    "$SLUICE" lock "$@" -- bash -c 'echo "died=${SLUICE_OWNER_DIED:-} token=$SLUICE_TOKEN"; for p in $(cat "$0.pids"); do
        [[ ! -r /proc/$p/stat || $(cut -d")" -f2 /proc/$p/stat) == " "[ZX]* ]] || echo "$p is alive"; done' \
        "$BATS_TEST_TMPDIR/next" >"$BATS_TEST_TMPDIR/next" 2>&1 3>&- &
    other=$!
    eventually shows "$1" 'waiter '
}

@test "the exit code is the command's, and the command finds its token" {
    exits 0 sluice lock deploy -- true
    exits 9 sluice lock deploy -- sh -c 'exit 9'
    exits 143 sluice lock deploy -- sh -c 'kill -TERM $$'
    exits 127 sluice lock deploy -- no-such-command
    exits 126 sluice lock deploy -- /dev/null
    exits 64 sluice lock deploy --
    exits 64 sluice lock deploy
    says '--hold-for-pid'
    exits 0 sluice lock deploy -- sh -c 'echo $SLUICE_TOKEN'
    first=$output
    SLUICE_OWNER_DIED=1 exits 0 sluice lock deploy -- sh -c 'echo $SLUICE_TOKEN$SLUICE_OWNER_DIED'
    ((output > first))
    shows deploy 'kind        mutex'
    shows deploy 'state       free'
    exits 64 sluice lock deploy --shared -- true
    says 'cannot be shared'
    sluice make jobs
    exits 64 sluice lock jobs -- true
    says 'is a channel'
}

@test "not had in time: codes 4, 124 and 125" {
    local held='"$SLUICE" lock deploy "$@" -- true'
    exits 4 sluice lock deploy -- sh -c "$held" sh --try
    quiet
    exits 124 sluice lock deploy -- sh -c "$held" sh --timeout 20ms
    CTX=$(sluice ctx cancelable)
    sluice ctx cancel "$CTX"
    exits 125 sluice lock deploy -- sh -c "$held" sh --ctx "$CTX"
    exits 0 sluice lock deploy --try -- true
}

@test "one at a time" {
    echo 0 >"$BATS_TEST_TMPDIR/count"
    local pids=()
    for _ in 1 2 3 4; do
        for _ in {1..5}; do
            "$SLUICE" lock count -- sh -c 'read -r n <"$0"; echo $((n + 1)) >"$0"' "$BATS_TEST_TMPDIR/count"
        done 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    [ "$(cat "$BATS_TEST_TMPDIR/count")" = 20 ]
    shows count 'state       free'
}

@test "Ctrl-C while it waits leaves the queue; a signal while it runs reaches the command" {
    token=$(sluice lock deploy --hold-for-pid $$)
    background sluice lock deploy -- touch "$BATS_TEST_TMPDIR/ran"
    eventually shows deploy 'waiter '
    kill -INT "$pid"
    ended 130
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    [ -z "$(err)" ]
    exits 0 sluice unlock deploy "$token"
    background sluice lock deploy -- sh -c 'trap "exit 3" TERM; echo ready >"$0"; while :; do sleep 1000 & wait; done' "$pipe" # the child
    read -r ready <"$pipe"
    kill -TERM "$pid"
    ended 3
    shows deploy 'state       free'
}

@test "kill -9: the whole group is gone before the next has the lock, and the next is told" {
    background sluice lock deploy --kill-after 50ms -- \
        sh -c 'trap "" TERM; sleep 1000 & echo $$ $! >"$0"; while :; do wait; done' "$pipe" # the child
    read -r shell sleeper <"$pipe"
    echo "$shell $sleeper" >"$BATS_TEST_TMPDIR/next.pids"
    next deploy
    kill -KILL "$pid"
    ended 137
    wait "$other"
    [[ $(cat "$BATS_TEST_TMPDIR/next") =~ ^died=1\ token=[0-9]+$ ]] || { cat "$BATS_TEST_TMPDIR/next"; return 1; }
    dead "$shell"
    dead "$sleeper"
    exits 0 sluice lock deploy -- sh -c 'echo "died=$SLUICE_OWNER_DIED"'
    is died=
}

@test "kill -9 with a ttl is the same" {
    background sluice lock deploy --ttl 10s --kill-after 10ms -- \
        sh -c 'trap "" TERM; sleep 1000 & echo $$ $! >"$0"; while :; do wait; done' "$pipe" # the child
    read -r shell sleeper <"$pipe"
    echo "$shell $sleeper" >"$BATS_TEST_TMPDIR/next.pids"
    next deploy
    kill -KILL "$pid"
    ended 137
    wait "$other"
    [[ $(cat "$BATS_TEST_TMPDIR/next") =~ ^died=1\ token=[0-9]+$ ]]
}

@test "the ttl is prolonged while the command runs" {
    background sluice lock deploy --ttl 400ms -- sh -c 'echo $SLUICE_TOKEN >"$0"; read -r word <"$0"; echo "$word"' "$pipe"
    read -r token <"$pipe"
    # Three times the ttl on the daemon's own clock: still held.
    sluice after 1200ms
    shows deploy "token $token"
    echo go >"$pipe"
    ended 0
    [ "$(out)" = go ]
}

@test "when the ttl passes the command is stopped: code 75" {
    daemon_stop
    daemon_start --virtual-clock
    background sluice lock deploy --ttl 300ms --kill-after 10ms -- \
        sh -c 'trap "" TERM; echo $$ >"$0"; while :; do sleep 1000; done' "$pipe" # the child
    read -r child <"$pipe"
    : >"$BATS_TEST_TMPDIR/next.pids"
    next deploy
    sluice clock advance 1h
    wait "$other"
    [[ $(cat "$BATS_TEST_TMPDIR/next") == died=1* ]]
    ended 75
    [[ $(err) == *'deploy: the lock is lost'*'the command is stopped'* ]]
    dead "$child"
}

@test "a daemon that hangs does not prolong: the command is stopped before the ttl is over" {
    background sluice lock deploy --ttl 600ms -- sh -c 'trap "" TERM; echo $$ >"$0"; while :; do sleep 1000; done' "$pipe" # the child
    read -r child <"$pipe"
    : >"$BATS_TEST_TMPDIR/next.pids"
    next deploy
    echo "$child" >"$BATS_TEST_TMPDIR/next.pids"
    kill -STOP "$daemon"
    eventually dead "$child"
    kill -CONT "$daemon"
    ended 75
    [[ $(err) == *'does not prolong'* ]]
    wait "$other"
    [[ $(cat "$BATS_TEST_TMPDIR/next") =~ ^died=1?\ token=[0-9]+$ ]] || { cat "$BATS_TEST_TMPDIR/next"; return 1; }
}

@test "when the daemon is killed or leaves, the command is stopped: code 75" {
    background sluice lock deploy -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r child <"$pipe"
    kill -KILL "$daemon"
    wait "$daemon" || :
    daemon=
    ended 75
    [[ $(err) == *'deploy: the lock is lost'* ]]
    dead "$child"
    daemon_start
    background sluice lock deploy -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r child <"$pipe"
    daemon_stop
    ended 75
    dead "$child"
}

# A daemon that is reached by TCP: on the first of some ports that is free.
start_remote() {
    daemon_stop
    for _ in {1..20}; do
        local port=$((20000 + RANDOM % 20000))
        daemon_start --listen "tcp://127.0.0.1:$port" && break
    done
    export SLUICE_ADDR=tcp://127.0.0.1:$port
}

@test "a remote daemon: the same, and it may be away for the grace" {
    start_remote
    exits 4 sluice lock deploy -- sh -c 'exit 4'
    background sluice lock deploy --grace 50ms -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r child <"$pipe"
    kill -KILL "$daemon"
    wait "$daemon" || :
    daemon=
    ended 75
    [[ $(err) == *'cannot be reached'* ]]
    dead "$child"
}

@test "readers together, writers alone" {
    sluice make config --rwmutex
    background sluice lock config --shared -- sh -c 'echo reading >"$0"; read -r word <"$0"' "$pipe"
    read -r word <"$pipe"
    exits 0 sluice lock config --shared --try -- true
    exits 4 sluice lock config --try -- true
    shows config 'state       shared'
    echo go >"$pipe"
    ended 0
    exits 4 sluice lock config -- sh -c '"$SLUICE" lock config --shared --try -- true'
    exits 0 sluice lock other --shared -- true
    shows other 'kind        rwmutex'
}

@test "held for a process: until unlock, or until it dies" {
    token=$(sluice lock deploy --hold-for-pid $$)
    exits 4 sluice lock deploy --try -- true
    exits 75 sluice unlock deploy $((token + 1))
    exits 0 sluice unlock deploy "$token"
    exits 64 sluice unlock deploy "$token"
    says 'sync: unlock of unlocked mutex'
    exits 0 sluice lock deploy --try -- sh -c 'echo "died=$SLUICE_OWNER_DIED"'
    is died=
    sleep 1000 3>&- & # the child
    holder=$!
    exits 0 sluice lock deploy --hold-for-pid "$holder" --json
    [[ $output =~ ^\{\"token\":[0-9]+,\"owner_died\":false\}$ ]]
    : >"$BATS_TEST_TMPDIR/next.pids"
    next deploy
    kill -KILL "$holder"
    wait "$other"
    [[ $(cat "$BATS_TEST_TMPDIR/next") == died=1* ]]
    exits 66 sluice lock deploy --hold-for-pid "$holder"
    says 'no such process'
    shows deploy 'state       free'
    exits 0 sluice lock deploy -- sh -c 'echo "died=$SLUICE_OWNER_DIED"'
    is died=
    exits 64 sluice lock deploy --hold-for-pid $$ -- true
}

@test "held for reading for a process" {
    sluice make config --rwmutex
    token=$(sluice lock config --shared --hold-for-pid $$)
    exits 64 sluice unlock config "$token"
    exits 0 sluice unlock config --shared "$token"
    shows config 'state       free'
    sluice make hits --counter 0
    exits 64 sluice unlock hits 1
}

@test "whoever has the token may give the lock back early" {
    exits 0 sluice lock deploy -- sh -c '"$SLUICE" unlock deploy $SLUICE_TOKEN && "$SLUICE" lock deploy --try -- echo inner'
    is inner
    quiet
    background sluice lock deploy --ttl 60ms -- sh -c 'echo $SLUICE_TOKEN >"$0"; exec sleep 1000' "$pipe" # the child
    read -r token <"$pipe"
    sluice unlock deploy "$token"
    ended 75
    exits 75 sluice lock deploy -- "$SLUICE" rm deploy
    says 'was lost while the command ran'
}

@test "what the command leaves behind holds nothing" {
    exits 0 sluice lock deploy -- sh -c 'sleep 1000 >/dev/null 2>&1 3>&- & echo $!' # the child
    left=$output
    alive "$left"
    exits 0 sluice lock deploy --try -- true
    kill -KILL "$left"
    exits 0 sluice lock deploy -- sh -c 'ls -l /proc/self/fd'
    [[ $output != *socket* ]]
}

@test "the wrapper that is told to end leaves no guard behind" {
    background sluice lock deploy -- sh -c 'echo $PPID >"$0"; exec sleep 1000' "$pipe" # the child
    read -r wrapper <"$pipe"
    guard=$(pgrep -P "$wrapper" sluice-guard)
    alive "$guard"
    kill -TERM "$pid"
    ended 143
    dead "$guard"
}

@test "select: the token, for a process" {
    sluice make left --mutex
    sluice make right --mutex
    exits 4 sluice lock left -- sh -c '"$SLUICE" lock right -- "$SLUICE" select --try "lock left" "lock right"'
    exits 0 sluice lock left -- "$SLUICE" select 'lock left' 'lock right' --hold-for-pid $$
    [[ $output =~ ^1\ ([0-9]+)$ ]]
    shows right 'state       locked'
    exits 0 sluice unlock right "${BASH_REMATCH[1]}"
    exits 0 sluice select 'lock right'
    [[ $output =~ ^0\ [0-9]+$ ]]
    eventually shows right 'state       free'
    sluice make config --rwmutex
    exits 0 sluice select 'rlock config' --json
    [[ $output == '{"index":0,"verb":"rlock","name":"config","status":"OK","token":'*',"owner_died":false}' ]]
    exits 64 sluice select 'lock '
    exits 64 sluice select 'begin x'
}

# ---- Several

@test "several: one step, the tokens in the order of the names, each given back" {
    sluice make memory --semaphore 5
    sluice make config --rwmutex
    exits 0 sluice lock left memory=4 --read config -- \
        sh -c 'echo $SLUICE_TOKEN; for n in left memory config; do "$SLUICE" show $n | grep -o "token [0-9]*"; done; "$SLUICE" show memory; "$SLUICE" show config'
    read -r one two three rest <<<"${lines[0]}"
    [[ $one && $two && $three && ! $rest ]]
    [ "${lines[1]} ${lines[2]} ${lines[3]}" = "token $one token $two token $three" ]
    [[ $output == *'permits     5, 1 free'* && $output == *'state       shared'* ]]
    shows left 'state       free'
    shows memory 'permits     5, 5 free'
    shows config 'state       free'
    exits 9 sluice lock left right -- sh -c 'exit 9'
    shows left 'state       free'
    shows right 'state       free'
}

@test "several: all or nothing" {
    sluice make memory --semaphore 2
    token=$(sluice lock left --hold-for-pid $$)
    exits 4 sluice lock right memory=1 left --try -- true
    quiet
    exits 124 sluice lock right memory=1 left --timeout 20ms -- true
    shows right 'state       free'
    shows memory 'permits     2, 2 free'
    background sluice lock right left -- sh -c 'echo had'
    eventually shows left 'waiter '
    shows right 'state       free'
    sluice unlock left "$token"
    ended 0
    [ "$(out)" = had ]
}

@test "several: whatever the order, nobody waits for nobody" {
    echo 0 >"$BATS_TEST_TMPDIR/count"
    local pids=() names=('a b c' 'c b a' 'b c a')
    for order in "${names[@]}"; do
        for _ in {1..8}; do
            # shellcheck disable=SC2086 # each is a name
            "$SLUICE" lock $order --timeout 30s -- sh -c 'read -r n <"$0"; echo $((n + 1)) >"$0"' "$BATS_TEST_TMPDIR/count" || exit
        done 3>&- &
        pids+=($!)
    done
    for each in "${pids[@]}"; do wait "$each"; done
    [ "$(cat "$BATS_TEST_TMPDIR/count")" = 24 ]
}

@test "several: kill -9 of the holder, and the next has them all and is told" {
    sluice make memory --semaphore 3
    background sluice lock left memory=2 right --kill-after 50ms -- \
        sh -c 'trap "" TERM; sleep 1000 & echo $$ $! >"$0"; while :; do wait; done' "$pipe" # the child
    read -r shell sleeper <"$pipe"
    echo "$shell $sleeper" >"$BATS_TEST_TMPDIR/next.pids"
    shows left 'state       locked'
    shows memory 'permits     3, 1 free'
    shows right 'state       locked'
    next right left memory=3
    kill -KILL "$pid"
    ended 137
    wait "$other"
    [[ $(cat "$BATS_TEST_TMPDIR/next") =~ ^died=1\ token=[0-9]+\ [0-9]+\ [0-9]+$ ]] || { cat "$BATS_TEST_TMPDIR/next"; return 1; }
    dead "$shell"
    dead "$sleeper"
    shows left 'state       free'
    shows memory 'permits     3, 3 free'
    exits 0 sluice lock left right memory=3 --try -- sh -c 'echo "died=$SLUICE_OWNER_DIED"'
    is died=
}

@test "several for a process: all tokens in order, and all pass on when it dies" {
    sleep 1000 3>&- & # the child
    holder=$!
    exits 0 sluice lock left right --hold-for-pid "$holder"
    read -r one two <<<"$output"
    shows left "token $one"
    shows right "token $two"
    exits 0 sluice unlock right "$two"
    shows left 'state       locked'
    kill -KILL "$holder"
    eventually shows left 'state       free'
    exits 0 sluice lock left right --hold-for-pid $$ --json
    [[ $output =~ ^\[\{\"token\":[0-9]+,\"owner_died\":true\},\{\"token\":[0-9]+,\"owner_died\":false\}\]$ ]]
    exits 66 sluice lock up down --hold-for-pid "$holder"
    shows up 'state       free'
    shows down 'state       free'
}

@test "several: each ttl is prolonged, and to lose one is to lose them all" {
    background sluice lock left right --ttl 400ms --kill-after 10ms -- sh -c 'echo $SLUICE_TOKEN >"$0"; exec sleep 1000' "$pipe" # the child
    read -r one two <"$pipe"
    # Three times the ttl on the daemon's own clock: still held.
    sluice after 1200ms
    shows left "token $one"
    shows right "token $two"
    sluice unlock right "$two"
    ended 75
    [[ $(err) == *'right: the lock is lost'*'the command is stopped'* ]]
    eventually shows left 'state       free'
}

@test "several: what cannot be had at all is refused, and nothing is held" {
    sluice make memory --semaphore 2
    sluice make config --rwmutex
    for words in 'left left' 'left memory' 'left memory=3' 'left memory=0' 'left memory=many' 'left config=1' 'left --value x config'; do
        # shellcheck disable=SC2086
        exits 64 sluice lock $words -- true
    done
    exits 66 sluice lock left nothing=1 -- true
    exits 64 sluice lock left right --shared -- true
    shows left 'state       free'
    exits 0 sluice lock left --value host:1 -- sh -c '"$SLUICE" show left'
    [[ $output == *'says        "host:1"'* ]]
}

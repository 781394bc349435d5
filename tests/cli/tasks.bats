#!/usr/bin/env bats
# sluice wait, kill and tasks: the tasks there are, and how they end.

load daemon
setup() {
    daemon_start
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
    cd "$BATS_TEST_TMPDIR" || return
    worker=
}
teardown() {
    [[ ! $worker ]] || kill -KILL "$worker" 2>/dev/null || :
    daemon_stop
}

serve() {
    "$SLUICE" worker "$@" >"$BATS_TEST_TMPDIR/worker.log" 2>&1 3>&- &
    worker=$!
    eventually served "$1"
}
served() { [[ $(sluice pool show "$1" --json | jq .workers) != 0 ]]; }
state() { [[ $(sluice tasks --all --json | jq -r "select(.number == $1).state") == "$2" ]]; }
go() { sluice go --pool build "$@"; }

# ---- wait

@test "wait exits as the command did, as often as it is asked" {
    serve build
    T=$(go -- sh -c 'echo out; exit 3')
    exits 3 sluice wait "$T"
    is ''
    quiet
    exits 3 sluice wait "$T" --log
    is out
    T=$(go -- sh -c 'kill -9 $$')
    exits 137 sluice wait "$T"
    T=$(go -- true)
    exits 0 sluice wait "$T" --json
    is "{\"task\":$T,\"failed\":false,\"status\":\"OK\",\"exit\":0,\"signal\":null,\"cause\":null,\"error\":null,\"out\":\"\",\"err\":\"\"}"
}

@test "several tasks: all are waited for, and the first failure counts" {
    serve build --slots 4
    A=$(go -- sh -c 'read -r _ <"$0"; echo a; exit 4' "$pipe")
    B=$(go -- sh -c 'echo b; exit 5')
    C=$(go -- echo c)
    background sluice wait "$C" "$A" "$B" --log
    eventually state "$B" dead
    eventually parked wait
    echo go >"$pipe"
    ended 4
    [ "$(out)" = $'c\na\nb' ]
}

@test "wait has a time, and may be interrupted: the task goes on" {
    serve build
    T=$(go -- sh -c 'read -r _ <"$0"; exit 6' "$pipe")
    exits 124 sluice wait "$T" --timeout 20ms
    exits 4 sluice wait "$T" --try
    background sluice wait "$T"
    eventually parked wait
    kill -INT "$pid"
    ended 130
    background sluice wait "$T"
    eventually parked wait
    kill -KILL "$pid"
    ended 137
    state "$T" running
    echo go >"$pipe"
    exits 6 sluice wait "$T"
}

@test "tasks that are not there" {
    exits 66 sluice wait 4242
    says 'task 4242: no such task'
    exits 66 sluice kill 4242
    says 'task 4242: no such task'
    exits 64 sluice wait
    exits 64 sluice wait x
    says "'x' is not a whole number"
    exits 64 sluice wait 0
    exits 64 sluice kill 1 NOSUCH
    says "'NOSUCH' is no signal"
    exits 64 sluice kill 1 TERM --cause x
    says 'a signal has none'
}

@test "of a long output the ends are kept, and the gap is told" {
    serve build
    T=$(go -- seq 100000)
    sluice wait "$T" --log >out 2>err
    seq 100000 >all
    cmp <(head -c 32768 out) <(head -c 32768 all)
    cmp <(tail -c 32768 out) <(tail -c 32768 all)
    [ "$(stat -c %s out)" = 65536 ]
    grep -q "$(($(stat -c %s all) - 65536)) bytes in the middle of its stdout were not kept" err
    [ "$(sluice wait "$T" --json | jq .out_dropped)" = $(($(stat -c %s all) - 65536)) ]
}

@test "a worker that is killed: the task has failed, or is run again" {
    serve build --slots 2
    T=$(go -- sh -c 'read -r _ <"$0"' "$pipe")
    U=$(go --retries 1 -- sh -c 'echo x >>tries; [ "$(wc -l <tries)" = 2 ] || read -r _ <"$0"; echo again' "$pipe")
    eventually state "$T" running
    eventually test -s tries
    kill -KILL "$worker"
    wait "$worker" || :
    exits 1 sluice wait "$T"
    says 'its worker died'
    serve build
    exits 0 sluice wait "$U" --log
    is again
    [ "$(wc -l <tries)" = 2 ]
}

# ---- kill

@test "kill ends a task, with a signal or by a cancellation" {
    serve build --slots 4
    T=$(go -- sleep 1000) # the child
    eventually state "$T" running
    exits 0 sluice kill "$T" TERM
    exits 143 sluice wait "$T"
    T=$(go -- sh -c 'trap "exit 9" USR1; echo ready >"$0"; while :; do read -r _ <"$0"; done' "$pipe")
    read -r _ <"$pipe"
    exits 0 sluice kill "$T" USR1
    exits 9 sluice wait "$T"
    T=$(go -- sh -c 'trap "exit 0" TERM; echo ready >"$0"; while :; do read -r _ <"$0"; done' "$pipe")
    read -r _ <"$pipe"
    exits 0 sluice kill "$T" --cause 'too late'
    exits 125 sluice wait "$T"
    says 'too late'
    exits 1 sluice kill "$T"
    says 'has ended already'
    exits 1 sluice kill "$T" --json
    is "{\"task\":$T,\"there\":false}"
}

@test "a task that has not begun never does" {
    T=$(go --retries 5 -- touch never)
    exits 0 sluice kill "$T"
    exits 125 sluice wait "$T"
    serve build
    exits 0 sluice go --wait --pool build -- true
    [ ! -e never ]
}

# ---- tasks

@test "the states of tasks" {
    exits 0 sluice tasks
    [[ $output == TASK*STATE* ]]
    exits 0 sluice tasks --json
    is ''
    serve build --slots 2
    D=$(go -- true)
    sluice wait "$D"
    sluice make ch
    W=$(go -- "$SLUICE" recv ch)
    eventually state "$W" waiting
    mkfifo other
    R=$(go -- sh -c 'read -r _ <"$0"' "$pipe")
    S=$(go -- sh -c 'read -r _ <"$0"' "$PWD/other")
    eventually state "$S" running
    Q=$(go -- true)
    B=$(go --after "$Q" -- true)
    L=$(go --delay 1h -- true)
    exits 0 sluice tasks --json
    [ "$(jq -r '[.number, .state] | join(" ")' <<<"$output")" = "$W waiting
$R running
$S running
$Q queued
$B blocked
$L delayed" ]
    exits 0 sluice tasks --state dead -1
    is "$D"
    exits 0 sluice tasks --state blocked,delayed -1
    is "$B"$'\n'"$L"
    exits 64 sluice tasks --state bad
    says "'bad' is none of"
    # Its wait is over, and others have the slots.
    sluice send ch x
    eventually state "$W" runnable
    exits 0 sluice tasks
    [[ $output == *runnable*build*session*'recv ch'* ]] || { echo "$output"; false; }
    [[ $output == *blocked*"after task $Q"* ]] || { echo "$output"; false; }
    echo >"$pipe"
    echo >other
    exits 0 sluice wait "$W" "$Q" "$B"
}

@test "sorting, choosing, and --all" {
    sluice go --pool one --priority 5 -- true
    sluice go --pool two --priority 7 -- true
    sluice go --pool one --priority -3 -- true
    sluice kill 3
    exits 0 sluice tasks --pool one -1
    is 1
    exits 0 sluice tasks --pool one --all -1 --sort priority
    is $'3\n1'
    exits 0 sluice tasks --sort -pool,task -1 --all
    is $'2\n1\n3'
    exits 0 sluice tasks --sort -priority --json
    [ "$(jq -r .number <<<"$output")" = $'2\n1' ]
    exits 66 sluice tasks --pool none
    says 'none: no such pool'
    exits 64 sluice tasks --sort colour
    says "'colour' is none of"
    exits 64 sluice tasks one
}

#!/usr/bin/env bats
# sluice worker: commands as a pool's tasks, in all that they are given, all that they give, and all ways in which they end.

load daemon
setup() {
    daemon_start
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
}
teardown() {
    [[ ! ${pid:-} ]] || kill -KILL "$pid" 2>/dev/null || :
    [[ ! ${other:-} ]] || kill -KILL "$other" 2>/dev/null || :
    daemon_stop
}

# worker [OPTION...]: one in the background for the pool `build`, which serves it already.
worker() {
    background sluice worker build "$@"
    eventually serving 1
}
serving() { [[ $(sluice show build --json) == *"\"workers\":$1,"* ]]; }
# go [OPTION...] -- CMD...: submits it; its number is left in $task.
go() { task=$(sluice go --pool build "$@"); }
# ends CODE: the task's end, its output in $output and $stderr.
ends() { exits "$1" sluice wait "$task" --log --timeout 20s; }
# drained: the worker is told to end, and does.
drained() {
    kill -TERM "$pid"
    ended 0
    pid=
}

# What a command does that writes its pid and its child's into the pipe, and runs until it is told to end.
sitter='sleep 1000 & echo $$ $! >"$0"; wait' # the child

@test "a command's exit code, and the signal that ended it" {
    worker --slots 2
    go -- true
    ends 0
    go -- sh -c 'exit 9'
    ends 9
    go -- sh -c 'kill -KILL $$'
    ends 137
    drained
}

@test "the arguments are what they were, and no shell is between" {
    worker
    go -- printf '[%s]' 'a b' '' '$HOME; echo "x"' $'line\nbreak' '*' $'\xff' -- -n
    ends 0
    is $'[a b][][$HOME; echo "x"][line\nbreak][*][\xff][--][-n]'
    drained
}

@test "folder, environment, input" {
    mkdir "$BATS_TEST_TMPDIR/folder"
    export INHERITED=worker REPLACED=worker NOTIFY_SOCKET=/nobody
    worker --slots 1
    export INHERITED=submitter
    go --cwd "$BATS_TEST_TMPDIR/folder" --env REPLACED='a=b c' --env ADDED= -- \
        sh -c 'pwd; echo "$PWD" "$INHERITED" "$REPLACED" "${ADDED-unset}" "${NOTIFY_SOCKET-unset}" "$SLUICE_ADDR" $SLUICE_ATTEMPT'
    ends 0
    is "$BATS_TEST_TMPDIR/folder
$BATS_TEST_TMPDIR/folder worker a=b c  unset $SLUICE_ADDR 1"
    go --env INHERITED -- sh -c 'echo "${INHERITED-unset}"'
    ends 0
    task=$(printf 'some\0bytes' | sluice go --pool build --input - -- od -An -c)
    ends 0
    [[ $output == *'s   o   m   e  \0   b   y   t   e   s'* ]]
    go -- sh -c 'readlink /proc/self/fd/0; wc -c'
    ends 0
    is $'/dev/null\n0'
    drained
}

@test "an input that nobody reads is no error, and a large one arrives" {
    worker --slots 2
    head -c 700000 /dev/zero | tr '\0' x >"$BATS_TEST_TMPDIR/input"
    go --input "$BATS_TEST_TMPDIR/input" -- true
    ends 0
    go --input "$BATS_TEST_TMPDIR/input" -- wc -c
    ends 0
    is 700000
    drained
}

@test "of a long output the head and the tail are kept" {
    worker --slots 1
    go -- seq -w 1 20000
    exits 0 sluice wait "$task" --log
    [ "${lines[0]}" = 00001 ]
    [ "${lines[5400]}" = 05401 ]
    [ "${lines[-1]}" = 20000 ]
    ((${#output} > 65000 && ${#output} < 66500))
    drained
}

@test "outputs go into channels as they come" {
    sluice make out --cap 8
    worker --slots 1
    go --out out -- sh -c 'echo first; read -r _ <"$0"; echo second; echo third >&2' "$pipe"
    [ "$(sluice recv out --timeout 10s)" = first ]
    echo on >"$pipe"
    [ "$(sluice recv out --timeout 10s)" = second ]
    ends 0
    is $'first\nsecond'
    [ "$stderr" = third ]
    # A channel without room holds the command back, as a pipe would.
    sluice make narrow
    go --err narrow -- sh -c 'echo a >&2; echo $$ >"$0"; head -c 300000 /dev/zero >&2; echo over' "$pipe"
    read -r process <"$pipe"
    alive "$process"
    sluice recv narrow --timeout 10s -n 1 >/dev/null
    (($(sluice recv narrow --timeout 10s -n 1 | wc -c) > 0))
    sluice close narrow
    ends 0
    [[ $output == over && $(err) == *"task $task: narrow: "*closed* ]]
    drained
}

@test "what cannot be begun says why, as Go does" {
    worker --slots 1
    go -- no-such-command
    ends 127
    says 'exec: "no-such-command": executable file not found in $PATH'
    go -- /no/such/file
    ends 127
    says 'fork/exec /no/such/file: no such file or directory'
    go -- /dev/null
    ends 126
    says 'fork/exec /dev/null: permission denied'
    go --cwd /no/such/folder -- true
    ends 126
    says 'chdir /no/such/folder: no such file or directory'
    printf '#!/bin/sh\necho found\n' >"$BATS_TEST_TMPDIR/tool"
    chmod +x "$BATS_TEST_TMPDIR/tool"
    go --env PATH="$BATS_TEST_TMPDIR" -- tool
    ends 0
    is found
    cd "$BATS_TEST_TMPDIR"
    pid_before=$pid
    besides other env PATH=".:$PATH" "$SLUICE" worker here --slots 1
    task=$(sluice go --pool here -- tool)
    exits 127 sluice wait "$task" --log
    says 'cannot run executable found relative to current directory'
    task=$(sluice go --pool here --cwd "$BATS_TEST_TMPDIR" -- ./tool)
    exits 0 sluice wait "$task" --log
    pid=$pid_before
    drained
}

@test "nothing leaks into the command: three descriptors, default signals, a group of its own" {
    (
        trap '' HUP PIPE USR1
        exec 7</dev/null
        exec "$SLUICE" worker build --slots 1 3>&- 7<&7 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    ) 3>&- &
    pid=$!
    eventually serving 1
    go -- ls /proc/self/fd
    ends 0
    [[ $output == $'0\n1\n2\n3' ]] # the last one is the folder's own
    go -- sed -n 's/^Sig[BI][lg][kn]:.*[1-9a-f].*/&/p' /proc/self/status
    ends 0
    is ''
    go -- sh -c 'cut -d" " -f1,5 /proc/$$/stat'
    ends 0
    [ "${output% *}" = "${output#* }" ]
    kill -TERM "$pid"
    wait "$pid"
    pid=
}

@test "to cancel is SIGTERM for the whole group, then SIGKILL" {
    worker --slots 2 --grace 50ms
    go -- sh -c "trap 'kill %1; exit 3' TERM; $sitter" "$pipe"
    read -r shell sleeper <"$pipe"
    sluice kill "$task" --cause 'not wanted'
    ends 3
    dead "$shell"
    dead "$sleeper"
    go -- sh -c "$stubborn" "$pipe"
    read -r shell sleeper <"$pipe"
    sluice kill "$task"
    ends 137
    eventually dead "$sleeper"
    go --grace 0s -- sh -c "$stubborn" "$pipe"
    read -r shell sleeper <"$pipe"
    sluice kill "$task"
    ends 137
    drained
}

@test "a signal reaches the command, and it may go on" {
    worker --slots 1
    go -- sh -c 'trap "echo usr1; exit 4" USR1; echo ready >"$0"; while :; do sleep 1000 & wait; done' "$pipe" # the child
    read -r _ <"$pipe"
    sluice kill "$task" USR1
    ends 4
    is usr1
    drained
}

@test "an orphan that holds the output open is awaited for the grace, and lives on" {
    worker --slots 1 --grace 30ms
    go -- sh -c 'trap "" TERM HUP; sleep 1000 & echo $! >"$0"; echo said' "$pipe" # the child
    read -r orphan <"$pipe"
    ends 1
    is said
    says 'exec: WaitDelay expired before I/O complete'
    alive "$orphan"
    kill -KILL "$orphan"
    go -- sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!' # the child
    ends 0
    kill -KILL "$output"
    drained
}

@test "an attempt that takes too long is told to stop" {
    worker --slots 1
    go --run-timeout 50ms -- sleep 1000 # the child
    ends 143
    go --timeout 50ms -- sleep 1000 # the child
    ends 143
    drained
}

@test "kill -9 of the worker: its commands are gone before the next attempt begins" {
    background sluice worker build --slots 1 --grace 50ms
    go --retries 1 -- sh -c 'echo $SLUICE_ATTEMPT $$ >"$0"; [ $SLUICE_ATTEMPT = 1 ] || exit 5; trap "" TERM; sleep 1000 & wait; wait' "$pipe" # the child
    read -r attempt process <"$pipe"
    [ "$attempt" = 1 ]
    besides next sluice worker build --slots 1
    eventually serving 2
    kill -KILL "$pid"
    ended 137
    pid=
    read -r attempt _ <"$pipe"
    [ "$attempt" = 2 ]
    dead "$process"
    ends 5
    eventually serving 1
    go --retries 0 -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r process <"$pipe"
    kill -KILL "$other"
    exits 1 sluice wait "$task" --log
    dead "$process"
}

@test "a command that outlives its session is stopped, and the worker serves the daemon's successor" {
    worker --slots 2 --grace 50ms --patience 20s -v
    go -- sh -c "$stubborn" "$pipe"
    read -r shell sleeper <"$pipe"
    kill -KILL "$daemon"
    wait "$daemon" || :
    "$SLUICED" --audit --socket "$SLUICE_ADDR" >"$BATS_TEST_TMPDIR/sluiced.log" 2>&1 3>&- &
    daemon=$!
    eventually serving 1
    dead "$shell"
    dead "$sleeper"
    [[ $(err) == *'session is lost'* ]]
    go -- echo again
    ends 0
    is again
    drained
}

# Its command says when it was told, and ends when something comes through the pipe.
told() { go -- bash -c 'trap "echo told >>$1" TERM; echo $$ >"$0"; exec 3<>"$0.on"; until read -r _ <&3; do :; done; exit 6' "$pipe" "$BATS_TEST_TMPDIR/told"; }

@test "drain: the first signal awaits what runs" {
    mkfifo "$pipe.on"
    worker --slots 1
    told
    read -r process <"$pipe"
    kill -TERM "$pid"
    ends_later=$task
    go -- echo later
    alive "$process"
    echo on >"$pipe.on"
    ended 0
    exits 6 sluice wait "$ends_later"
    worker --slots 1
    ends 0
    is later
    drained
}

@test "drain: the second signal is passed on, the third kills" {
    mkfifo "$pipe.on"
    worker --slots 1 --grace 1h
    told
    read -r process <"$pipe"
    kill -HUP "$pid"
    kill -TERM "$pid"
    eventually test -e "$BATS_TEST_TMPDIR/told"
    alive "$process"
    kill -INT "$pid"
    ended 130
    dead "$process"
    pid=
    ends 137
}

@test "a closed pool ends its workers when all has finished" {
    worker --slots 1
    besides other sluice worker build --slots 1
    go -- sh -c 'read -r _ <"$0"' "$pipe"
    sluice close build
    echo on >"$pipe"
    ended 0
    wait "$other"
    ends 0
}

@test "--min and --max: one more when all slots are taken, one less when it can be spared" {
    worker --min 1 --max 3 --idle 30ms --json
    serving 1
    for n in 1 2 3 4; do
        mkfifo "$pipe.$n"
        go -- sh -c 'read -r _ <"$0"' "$pipe.$n"
        tasks[n]=$task
        eventually serving $((n < 3 ? n + 1 : 3))
    done
    # None leaves while it would be missed.
    sluice after 100ms
    serving 3
    [[ $(out | grep -c '"event":"attached"') == 3 ]]
    for n in 1 2 3 4; do
        echo on >"$pipe.$n"
        exits 0 sluice wait "${tasks[n]}"
    done
    eventually serving 1
    go -- echo still
    ends 0
    is still
    drained
    [ "$(out | grep -c '"event":"ended".*"failed":false,"exit":0')" = 5 ]
}

@test "a guard that is killed is replaced, and a worker may be a task itself" {
    worker --slots 2
    go -- true
    ends 0
    kill -KILL "$(pgrep -P "$pid" sluice-guard)"
    go -- echo again
    ends 0
    is again
    go -- "$SLUICE" worker inner --slots 1
    outer=$task
    task=$(sluice go --pool inner -- sh -c 'echo "$SLUICE_ATTEMPT"; "$SLUICE" wait '"$outer"' --timeout 10ms')
    ends 124
    is 1
    eventually shows build '1 running'
    sluice close inner
    exits 0 sluice wait "$outer" --timeout 10s
    drained
}

@test "many at a time in one process, each with its own end" {
    worker --slots 16
    for n in {1..60}; do
        go -- sh -c "echo out $n; echo err $n >&2; exit $((n % 7))"
        tasks[n]=$task
    done
    for n in {1..60}; do
        task=${tasks[n]}
        ends $((n % 7))
        is "out $n"
        [ "$stderr" = "err $n" ]
    done
    drained
}

@test "--idle-exit: it ends when nothing has run for so long" {
    exits 0 sluice worker build --idle-exit 40ms
    quiet
    background sluice worker build --idle-exit 40ms
    go -- sh -c 'read -r _ <"$0"; echo on' "$pipe"
    sluice after 120ms
    alive "$pid"
    echo >"$pipe"
    ends 0
    ended 0
    pid=
}

@test "wrong usage and wrong pools say what is wrong" {
    exits 64 sluice worker
    exits 64 sluice worker build --slots 0
    exits 64 sluice worker build --min 3 --max 2
    says '--max 2 is less than --min 3'
    exits 64 sluice worker build --idle -1s
    sluice make jobs
    exits 64 sluice worker jobs
    says 'jobs: '
    exits 64 sluice worker 'no//name'
    says 'invalid name'
    worker
    sluice rm build
    ended 66
    [ "$(err)" = 'sluice: build: object was removed' ]
    pid=
}

@test "a command under a lock keeps its slot: only to wait for the lock gives it away" {
    sluice make build --pool --limit 1
    worker --slots 4
    mkfifo first second
    task=$(sluice go --pool build -- "$SLUICE" lock left -- sh -c 'read -r _ <"$0"' "$PWD/first")
    eventually shows left 'holder '
    other=$(sluice go --pool build -- "$SLUICE" ctx run -- sh -c 'read -r _ <"$0"' "$PWD/second")
    [ "$(sluice tasks --json | jq -r .state | xargs)" = 'running queued' ]
    echo >first
    ends 0
    task=$other
    eventually [ "$(sluice tasks --json | jq -r .state | xargs)" = running ]
    echo >second
    ends 0
    drained
}

@test "a command knows its task's number" {
    worker --slots 1
    go -- sh -c 'echo $SLUICE_TASK_NUMBER'
    ends 0
    is "$task"
    drained
}

@test "--alone ends when another serves the pool already" {
    worker --slots 1
    exits 0 sluice worker build --alone
    go -- true
    ends 0
    drained
}

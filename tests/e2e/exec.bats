#!/usr/bin/env bats
# os/exec's cases 151 to 157 of the conformance catalogue, as tasks: `sluice go` is Start, the worker its parent, `sluice wait` Wait.
#
# A command says through a pipe that it has got somewhere. Where Go's Wait returns the context's error the exit code is 125, or 124 for a
# deadline; where it returns an ExitError the code is the child's own, 128 and the signal if one ended it.

load ../cli/daemon
setup() {
    daemon_start
    cd "$BATS_TEST_TMPDIR" || return
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
    "$SLUICE" worker build --slots 4 --grace 20ms >worker.log 2>&1 3>&- &
    worker=$!
    eventually served
}
teardown() {
    kill -KILL "$worker" 2>/dev/null || :
    daemon_stop
}
served() { [[ $(sluice pool show build --json | jq .workers) == 1 ]]; }
go() { T=$(sluice go --pool build "$@"); }
# result FILTER TEXT: the task's result has this.
result() { [[ $(sluice wait "$T" --json | jq -r "$1") == "$2" ]] || { sluice wait "$T" --json; return 1; }; }
# begun: the command in $T has written a line into the pipe.
begun() { read -r _ <"$pipe"; }

@test "151 exec-exit: the exit code is the child's" {
    for code in 42 255 1; do
        go -- sh -c "exit $code"
        exits $code sluice wait "$T"
        result .exit $code
        result .failed true
        result .signal null
    done
    go -- true
    exits 0 sluice wait "$T"
    quiet
    result .exit 0
    result .failed false
    go -- sh -c 'kill -KILL $$'
    exits 137 sluice wait "$T"
    result .signal 9
    result .exit null
}

@test "151 exec-exit: what was not run has no exit code, what is missing says so" {
    go --delay 1h -- true
    sluice kill "$T"
    exits 125 sluice wait "$T"
    result .exit null
    result .signal null
    go -- no-such-program
    exits 127 sluice wait "$T"
    says 'exec: "no-such-program": executable file not found in $PATH'
    go -- "$PWD/missing"
    exits 127 sluice wait "$T"
    says "fork/exec $PWD/missing: no such file or directory"
}

@test "152 exec-start-twice: a task is started once, and can be waited for again and again" {
    go --key once -- sh -c 'echo started >>starts; echo >"$0"; read -r _ <"$0.end"' "$pipe"
    mkfifo "$pipe.end"
    begun
    first=$T
    go --key once -- sh -c 'echo started again >>starts'
    [ "$T" = "$first" ]
    echo >"$pipe.end"
    exits 0 sluice wait "$T"
    exits 0 sluice wait "$T"
    [ "$(cat starts)" = started ]
    exits 1 sluice kill "$T" TERM # os: process already finished
}

@test "152 exec-start-twice: no command" {
    exits 64 sluice go --pool build --
    says 'no command'
    exits 64 sluice go --pool build -- ''
    [ "$(sluice tasks --all --json | wc -l)" = 0 ]
}

@test "153 exec-ctx-kill: the end of a context ends the command" {
    sluice ctx cancelable --name stop
    go --ctx stop -- sh -c 'echo >"$0"; exec sleep 1000' "$pipe" # the child
    begun
    sluice ctx cancel stop
    exits 143 sluice wait "$T"
    result .status CANCELED
    go --timeout 20ms -- sleep 1000 # the child
    exits 143 sluice wait "$T"
    result .status DEADLINE_EXCEEDED
}

@test "153 exec-ctx-kill: who ignores the signal is killed after the wait delay" {
    go -- sh -c 'trap "" TERM INT; echo >"$0"; while :; do sleep 1000; done' "$pipe" # the child
    begun
    sluice kill "$T"
    exits 137 sluice wait "$T"
    result .signal 9
}

@test "153 exec-ctx-kill: a context that is done before the start: its error, and nothing runs" {
    sluice ctx cancelable --name over
    sluice ctx cancel over
    exits 125 sluice go --pool build --ctx over -- sh -c 'echo ran >ran'
    says 'context canceled'
    go -- true
    sluice wait "$T"
    [ ! -e ran ]
}

@test "156 exec-cancel-errors: the command that is cancelled and exits 0 has the context's error" {
    go -- sh -c 'trap "exit 0" TERM; echo >"$0"; while :; do sleep 1000 & wait; done' "$pipe" # the child
    begun
    sluice kill "$T" --cause 'changed my mind'
    exits 125 sluice wait "$T"
    says 'changed my mind'
    result .exit 0
    result .failed true
}

@test "156 exec-cancel-errors: another exit, or a signal, is what counts" {
    go -- sh -c 'trap "exit 3" TERM; echo >"$0"; while :; do sleep 1000 & wait; done' "$pipe" # the child
    begun
    sluice kill "$T"
    exits 3 sluice wait "$T"
    go -- sh -c 'trap "kill -USR1 \$\$" TERM; echo >"$0"; while :; do sleep 1000 & wait; done' "$pipe" # the child
    begun
    sluice kill "$T"
    exits $((128 + $(kill -l USR1))) sluice wait "$T"
}

@test "156 exec-cancel-errors: one that had ended is not cancelled any more" {
    go -- true
    sluice wait "$T"
    exits 1 sluice kill "$T"
    exits 0 sluice wait "$T"
    result .status OK
}

@test "157 exec-io: stdin is echoed, to the last byte" {
    head -c 300000 /dev/urandom >file
    sluice make --cap 8 bytes
    cmp file <(sluice recv --all bytes) &
    compare=$!
    go --input file --out bytes -- cat
    exits 0 sluice wait "$T"
    sluice close bytes
    wait "$compare"
}

@test "157 exec-io: a child that reads nothing of a long stdin and exits 0 has done well" {
    head -c 1000000 /dev/zero >zeros
    go --input zeros -- true
    exits 0 sluice wait "$T" --log
    quiet
}

@test "157 exec-io: stderr is kept when it fails, its first and its last 32 KiB" {
    go -- sh -c 'seq 100000 >&2; exit 1'
    exits 1 sluice wait "$T" --log
    [[ $stderr == 1$'\n'2$'\n'* && $stderr == *$'\n'99999$'\n'100000 ]]
    result '.err | length < 70000' true
    go -- sh -c 'echo out; echo err >&2; exit 2'
    exits 2 sluice wait "$T" --log
    is out
    says err
}

@test "157 exec-io: of a variable given twice the last wins; a NUL is refused" {
    go --env A=1 --env A=2 --env EMPTY= -- sh -c 'echo "$A/${EMPTY-unset}"'
    exits 0 sluice wait "$T" --log
    is 2/
    # the message Command with the argv true and a NUL in the value of A
    printf '\n\4true\22\10\n\1A\22\3x\0y' >command
    T=$(sluice go --pool build --function '' --input command)
    exits 126 sluice wait "$T"
    says NUL
}

@test "157 exec-io: three descriptors and no more are open in the child" {
    exec 7<>"$pipe"
    go -- sh -c 'ls /proc/self/fd | wc -l; [ "$(readlink /proc/self/fd/0)" = /dev/null ] && echo null'
    exits 0 sluice wait "$T" --log
    is $'4\nnull' # with the one by which ls reads the folder
    exec 7>&-
}

@test "18: PWD follows the folder, and the wait ends when the output has" {
    mkdir sub
    go --cwd sub -- sh -c 'pwd; printenv PWD'
    exits 0 sluice wait "$T" --log
    is "$PWD/sub"$'\n'"$PWD/sub"
    go --grace 10s -- sh -c '(read -r _ <"$0"; echo late) & exit 4' "$pipe"
    [ "$(sluice tasks --json | jq -r "select(.number == $T).state")" != dead ]
    echo >"$pipe"
    exits 4 sluice wait "$T" --log
    is late
}

@test "18: the exit status is kept, and can be collected again" {
    go -- sh -c 'exit 9'
    eventually finished
    exits 9 sluice wait "$T"
    exits 9 sluice wait "$T"
}
finished() { [[ $(sluice pool show build --json | jq .finished) == 1 ]]; }

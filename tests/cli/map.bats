#!/usr/bin/env bats
# sluice map: a command for each line of stdin.

load daemon
setup() {
    daemon_start
    cd "$BATS_TEST_TMPDIR" || return
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
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
# mapped N CMD...: stdin is 1 to N.
mapped() { seq "$1" | sluice map "${@:2}"; }
# submitted [CODE]: how many tasks there have been.
submitted() { sluice status --json | jq .ops.go.count; }
running() { [[ $(sluice tasks --state running -1 | wc -l) == "$1" ]]; }

@test "each line is an argument, wherever {} stands, and the last one without it" {
    exits 0 mapped 3 -- echo 'a{}b' '{}{}'
    is $'a1b 11\na2b 22\na3b 33'
    exits 0 mapped 2 -- echo x
    is $'x 1\nx 2'
    quiet
    printf 'two words\n\n$HOME;*\nlast' >lines
    exits 0 sluice map -- printf '[%s]\n' <lines
    is $'[two words]\n[]\n[$HOME;*]\n[last]'
    printf 'a\nb\0c\0' >lines
    exits 0 sluice map --null -- printf '[%s]\n' <lines
    is $'[a\nb]\n[c]'
    exits 0 sluice map -- false </dev/null
    is ''
    exits 0 sluice map -- sh -c 'pwd; cat' <<<x
    is "$PWD"
}

@test "the output is in the order of the input, whole, whoever ends first" {
    printf '1\n2\n3\n' >lines
    background sluice map --slots 3 -- sh -c 'echo "$1 begins"; [ "$1" != 1 ] || read -r _ <"$0"; echo "$1 ends"' "$pipe" {} <lines
    eventually running 1
    eventually dead_tasks 2
    [ ! -s out ]
    echo >"$pipe"
    ended 0
    [ "$(out)" = $'1 begins\n1 ends\n2 begins\n2 ends\n3 begins\n3 ends' ]
}
dead_tasks() { [[ $(sluice tasks --state dead -1 | wc -l) == "$1" ]]; }

@test "--no-order prints as they end" {
    printf '1\n2\n' >lines
    background sluice map --no-order --slots 2 -- sh -c '[ "$1" != 1 ] || read -r _ <"$0"; echo "$1"' "$pipe" {} <lines
    eventually grep -q 2 out
    echo >"$pipe"
    ended 0
    [ "$(out)" = $'2\n1' ]
}

@test "exit codes are those of xargs" {
    exits 123 mapped 5 -- sh -c '[ "$0" != 3 ] || exit 7; echo "$0"'
    is $'1\n2\n4\n5'
    says 'failed: 1 of 5, the first of them on line 3'
    exits 123 sh -c 'seq 5 | xargs -n1 sh -c '\''[ "$0" != 3 ] || exit 7'\'
    for code in 255:124 'kill:125' 126:126 127:127; do
        exits "${code#*:}" mapped 100 --slots 1 -- sh -c '[ "$0" != 3 ] || case $1 in kill) kill -9 $$;; *) exit $1;; esac; echo "$0"' {} "${code%:*}"
        [[ $output == $'1\n2'* ]]
        [ "$(wc -l <<<"$output")" -lt 100 ]
        says 'line 3'
    done
    exits 127 mapped 100 -- no-such-program
    says 'executable file not found in $PATH'
    exits 126 mapped 100 -- "$PWD"
}

@test "stderr comes through, and retries and a time are kept to" {
    exits 0 mapped 2 -- sh -c 'echo "err $0" >&2; echo out'
    is $'out\nout'
    says 'err 1'
    exits 0 mapped 3 --retries 1 -- sh -c 'echo x >>"tries$0"; [ "$(wc -l <"tries$0")" = 2 ]'
    exits 123 mapped 1 --timeout 50ms -- sleep # the child
    exits 123 sluice map --timeout 50ms -- sleep 1000{} <<<0 # the child
    says 'deadline exceeded'
}

@test "bad input is told clearly" {
    exits 64 sluice map
    says 'expected a command behind --'
    exits 64 sluice map --
    says 'no command behind --'
    exits 64 sluice map -- ''
    exits 64 sluice map echo
    exits 64 sluice map --slots 0 -- echo
    exits 64 sluice map --timeout 0 -- echo
    printf 'a\nb\0c\n' >lines
    exits 64 sluice map -- echo <lines
    says 'line 2 of stdin has a NUL byte'
    head -c 1100000 /dev/zero | tr '\0' x >lines
    exits 64 sluice map -- echo <lines
    says 'larger than a payload'
    sluice make ch
    exits 64 sluice map --pool ch -- echo <<<1
}

@test "two thousand lines, in order, of which few are under way" {
    mapped 2000 --slots 4 -- echo >out
    cmp out <(seq 2000)
    # The first line holds up the rest: the reading stops, too.
    background sluice map --slots 2 -- sh -c '[ "$1" != 1 ] || read -r _ <"$0"; echo "$1"' "$pipe" {} < <(seq 2000)
    eventually settled
    [ "$(submitted)" -le 2200 ]
    [ ! -s out ]
    echo >"$pipe"
    ended 0
    cmp out <(seq 2000)
}
# Nothing has been submitted between two looks, and one command runs.
settled() {
    local before
    before=$(submitted)
    running 1 && [[ $(sluice tasks -1 | wc -l) == 1 && $(submitted) == "$before" ]]
}

@test "the workers of a pool do it, and our slots beside them" {
    serve build --slots 2
    mapped 50 --pool build -- echo >out
    cmp out <(seq 50)
    sluice pool pause build
    background sluice map --pool build --slots 2 -- sh -c 'echo "$0"' < <(seq 20)
    eventually is_now .workers 2
    [ "$(sluice pool show build --json | jq .slots)" = 4 ]
    sluice pool resume build
    ended 0
    cmp out <(seq 20)
    eventually is_now .workers 1
    sluice pool close build
    exits 3 mapped 3 --pool build -- echo
    says closed
}
is_now() { [[ $(sluice pool show build --json | jq -c "$1") == "$2" ]]; }

@test "without --pool nothing is left behind" {
    exits 0 mapped 10 -- true
    [ "$(sluice ls --all --names)" = '' ]
    eventually no_objects
}
no_objects() { [[ $(sluice ls --all --json | jq -r 'select(.kind != "task").kind') == '' ]]; }

@test "Ctrl-C stops all commands, and the rest never begins" {
    for signal in INT TERM; do
        rm -f pids
        background sluice map --slots 3 -- sh -c 'echo $$ >>pids; exec sleep 1000' < <(seq 100) # the child
        eventually begun 3
        kill -"$signal" "$pid"
        ended $((128 + $(kill -l $signal)))
        [ "$(wc -l <pids)" = 3 ]
        for child in $(cat pids); do eventually dead "$child"; done
        exits 0 sluice tasks -1
        is ''
    done
}
begun() { [[ -s pids && $(wc -l <pids) == "$1" ]]; }

@test "in a pool of others, too" {
    serve build --slots 3
    background sluice map --pool build -- sh -c 'echo $$ >>pids; exec sleep 1000' < <(seq 100) # the child
    eventually begun 3
    kill -INT "$pid"
    ended 130
    for child in $(cat pids); do eventually dead "$child"; done
    eventually no_tasks
    [ "$(wc -l <pids)" = 3 ]
}
no_tasks() { [[ ! $(sluice tasks -1) ]]; }

@test "killed, it takes its commands with it" {
    background sluice map --slots 3 -- sh -c 'echo $$ >>pids; exec sleep 1000' < <(seq 100) # the child
    eventually begun 3
    kill -KILL "$pid"
    ended 137
    for child in $(cat pids); do eventually dead "$child"; done
    eventually no_tasks
    rm pids
    serve build --slots 3
    background sluice map --pool build -- sh -c 'echo $$ >>pids; exec sleep 1000' < <(seq 100) # the child
    eventually begun 3
    kill -KILL "$pid"
    ended 137
    for child in $(cat pids); do eventually dead "$child"; done
    eventually no_tasks
    [ "$(wc -l <pids)" = 3 ]
}

@test "the context we are given ends it" {
    CTX=$(sluice ctx cancelable)
    export SLUICE_CTX=$CTX
    background sluice map --slots 3 -- sh -c 'echo $$ >>pids; exec sleep 1000' < <(seq 1000) # the child
    eventually begun 3
    sluice ctx cancel "$CTX"
    ended 125
    for child in $(cat pids); do eventually dead "$child"; done
    unset SLUICE_CTX
    eventually no_tasks
    [ "$(wc -l <pids)" = 3 ]
}

@test "whoever reads its output may leave" {
    background sh -c 'seq 1000 | "$SLUICE" map -- echo | head -n 3'
    ended 0
    [ "$(out)" = $'1\n2\n3' ]
    eventually no_tasks
}

@test "progress is for terminals, or when asked" {
    exits 0 mapped 3 -- true
    quiet
    exits 0 mapped 3 --progress -- true
    says '3 done in'
}

@test "JSON: a line for each" {
    exits 123 mapped 2 --json -- sh -c 'echo "$0"; exit $(($0 - 1))'
    [ "$(jq -c '[.line, .input, .exit, .out]' <<<"$output")" = $'[1,"1",0,"1\\n"]\n[2,"2",1,"2\\n"]' ]
}

@test "of a long output the ends are kept, and the line has failed" {
    exits 123 sluice map -- seq <<<100000
    says 'line 1: '
    says 'bytes in the middle of its stdout were not kept'
}

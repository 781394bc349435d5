#!/usr/bin/env bats
# sluice go: submitting commands to a pool.

load daemon
setup() {
    daemon_start
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
    cd "$BATS_TEST_TMPDIR" || return
    workers=()
}
teardown() {
    ((${#workers[@]} == 0)) || kill -KILL "${workers[@]}" 2>/dev/null || :
    daemon_stop
}

# serve POOL [OPTION...]: a worker for it, there when this returns.
serve() {
    "$SLUICE" worker "$@" >"$BATS_TEST_TMPDIR/worker.log" 2>&1 3>&- &
    workers+=($!)
    eventually served "$1"
}
served() { [[ $(sluice pool show "$1" --json | jq .workers) != 0 ]]; }
# state TASK WORD
state() { [[ $(sluice tasks --all --json | jq -r "select(.number == $1).state") == "$2" ]]; }

@test "it prints a number, and the command runs in the pool" {
    serve build --slots 4
    exits 0 sluice go --pool build -- sh -c 'echo out; echo err >&2; exit 3'
    quiet
    [[ $output =~ ^[0-9]+$ ]]
    exits 3 sluice wait "$output" --log
    is out
    says err
}

@test "tasks after others, with priorities and retries" {
    serve build --slots 4
    T=$(sluice go --pool build -- sh -c 'read -r _ <"$0"; echo first >>order' "$pipe")
    U=$(sluice go --pool build --after "$T" --priority 5 --retries 3 --timeout 10m -- sh -c 'echo second >>order')
    eventually state "$U" blocked
    echo go >"$pipe"
    exits 0 sluice wait "$T" "$U"
    [ "$(cat order)" = $'first\nsecond' ]
    F=$(sluice go --pool build -- false)
    A=$(sluice go --pool build --after "$T,$F" -- echo never)
    exits 125 sluice wait "$A" --log
    is ''
    says 'a task before it failed'
    R=$(sluice go --pool build --retries 2 -- sh -c 'echo x >>tries; [ "$(wc -l <tries)" = 3 ]')
    exits 0 sluice wait "$R"
    [ "$(wc -l <tries)" = 3 ]
}

@test "the pool is made on first use, and keeps tasks until there is a worker" {
    T=$(sluice go --pool new -- echo hello)
    state "$T" queued
    serve new
    exits 0 sluice wait "$T" --log
    is hello
}

@test "folder, variables and input are ours" {
    serve build
    mkdir sub
    exits 0 sluice go --wait --pool build -- pwd
    is "$PWD"
    exits 0 sluice go --wait --pool build --cwd sub -- pwd
    is "$PWD/sub"
    A=here exits 0 sluice go --wait --pool build --env A --env B='x=y' --env NOT_SET -- sh -c 'echo "$A $B ${NOT_SET-none}"'
    is 'here x=y none'
    printf 'a\0b' >file
    sluice go --wait --pool build --input file -- cat | cmp - file
    sluice go --wait --pool build --input - -- cat <file | cmp - file
    exits 0 sluice go --wait --pool build -- cat
    is ''
    exits 66 sluice go --pool build --input none -- cat
    says 'none: No such file'
}

@test "a command that cannot be run" {
    serve build
    exits 127 sluice go --wait --pool build -- no-such-program x
    says 'executable file not found in $PATH'
    exits 126 sluice go --wait --pool build -- "$PWD"
    says "$PWD"
    exits 126 sluice go --wait --pool build --cwd none -- true
    says none
}

@test "bad input is told clearly" {
    sluice pool make build
    exits 64 sluice go
    says 'expected a command behind --'
    exits 64 sluice go --
    says 'no command behind --'
    exits 64 sluice go -- ''
    says 'is empty'
    exits 64 sluice go make test
    says "unexpected argument"
    exits 64 sluice go --env =x -- true
    says "'=x' has no name"
    exits 64 sluice go --env '' -- true
    says 'has no name'
    exits 64 sluice go --function f -- true
    says 'one of them'
    exits 64 sluice go --function f --cwd / x
    says 'a function has none'
    exits 64 sluice go --priority 1001 -- true
    says 'not between -1000 and 1000'
    exits 64 sluice go --after x -- true
    says 'not a whole number'
    exits 64 sluice go --timeout 0 -- true
    says 'too short'
    exits 66 sluice go --pool build --after 4242 -- true
    says '--after 4242: no such task'
    exits 66 sluice go --pool build --ctx none -- true
    says 'none: no such context'
    exits 64 sluice go --pool 'no good' -- true
    sluice make channel
    exits 64 sluice go --pool channel -- true
    sluice pool close build
    exits 3 sluice go --pool build -- true
    says 'build: the pool is closed'
    exits 0 sluice tasks --all -1
    is ''
}

@test "a task comes after tasks that are there: no cycles" {
    T=$(sluice go --pool build -- true)
    exits 66 sluice go --pool build --after $((T + 1)) -- true
    says "--after $((T + 1)): no such task"
    U=$(sluice go --pool build --after "$T" -- true)
    [ "$U" = $((T + 1)) ]
}

@test "a function that no worker serves" {
    T=$(sluice go --pool build --function resize 100)
    state "$T" queued
    serve build
    exits 64 sluice go --pool build --function rotate 90
    says 'build: function rotate: no worker of the pool serves this function'
}

@test "a million bytes of arguments go through; more is refused with the limit" {
    serve build
    piece=$(head -c 9999 /dev/zero | tr '\0' x)
    words=()
    for ((i = 0; i < 100; i++)); do words+=("$piece"); done
    sluice go --wait --pool build -- printf '%s\n' "${words[@]}" >out
    T=$(sluice go --pool build -- sh -c 'printf "%s\n" "$@" | wc -c' sh "${words[@]}")
    exits 0 sluice wait "$T" --log
    is 1000000
    exits 64 sluice go --pool build -- true "${words[@]}" "${words[@]:0:6}"
    says 'payload_size_max, is 1048576'
}

@test "a full pool makes the submitter wait; who is killed while it waits submits nothing" {
    sluice pool make build --capacity 1
    T=$(sluice go --pool build -- true)
    exits 4 sluice go --pool build --try -- true
    background sluice go --pool build -- touch never
    eventually parked go
    kill -KILL "$pid"
    ended 137
    eventually parked go 0
    background sluice go --pool build -- touch made
    eventually parked go
    sluice kill "$T"
    ended 0
    [ "$(sluice tasks -1)" = "$(out)" ]
}

@test "Ctrl-C withdraws a submission that waits" {
    sluice pool make build --capacity 0
    background sluice go --pool build -- true
    eventually parked go
    kill -INT "$pid"
    ended 130
    exits 0 sluice tasks -1
    is ''
}

@test "a task goes on when its submitter is killed" {
    serve build
    background sluice go --wait --pool build -- sh -c 'read -r word <"$0"; echo "$word" >result' "$pipe"
    eventually parked wait
    kill -KILL "$pid"
    ended 137
    T=$(sluice tasks -1)
    echo finished >"$pipe"
    exits 0 sluice wait "$T"
    [ "$(cat result)" = finished ]
}

@test "--wait: interrupted, it leaves the task alone and says how to find it" {
    serve build
    background sluice go --wait --pool build -- sh -c 'read -r word <"$0"; exit 7' "$pipe"
    eventually parked wait
    kill -INT "$pid"
    ended 130
    [[ $(err) == *'goes on'* ]]
    T=$(sluice tasks -1)
    echo go >"$pipe"
    exits 7 sluice wait "$T"
}

@test "one task of a key at a time" {
    T=$(sluice go --pool build --key nightly -- true)
    exits 0 sluice go --pool build --key nightly -- true
    is "$T"
    exits 0 sluice go --pool build --key nightly --json -- true
    is "{\"task\":$T,\"pool\":\"build\",\"created\":false}"
    serve build
    exits 0 sluice wait "$T"
    exits 0 sluice go --pool build --key nightly --json -- true
    [ "$(jq .created <<<"$output")" = true ]
}

@test "stdout into a channel as it comes" {
    serve build
    sluice make lines --cap 100
    exits 0 sluice go --wait --pool build --out lines -- sh -c 'echo one; echo two >&2'
    is one
    says two
    exits 0 sluice recv lines -n 1
    is one
    exits 0 sluice go --wait --pool build --err lines -- sh -c 'echo one; echo two >&2'
    exits 0 sluice recv lines -n 1
    is two
}

@test "a context and a time end it" {
    serve build
    CTX=$(sluice ctx cancelable)
    T=$(sluice go --pool build --ctx "$CTX" -- sleep 1000) # the child
    eventually state "$T" running
    sluice ctx cancel "$CTX" --cause 'no need'
    exits 143 sluice wait "$T"
    says 'no need'
    T=$(sluice go --pool build --timeout 50ms -- sleep 1000) # the child
    exits 143 sluice wait "$T"
    says 'deadline exceeded'
    T=$(sluice go --pool build --delay 1h --timeout 50ms -- true)
    exits 124 sluice wait "$T"
}

@test "a task that waits for another gives its slot back" {
    serve build --slots 1
    exits 5 timeout 20 "$SLUICE" go --wait --pool build -- "$SLUICE" go --wait --pool build -- sh -c 'echo inner; exit 5'
    is inner
}

@test "without --pool a worker is started in the background" {
    export SLUICE_AUTOSTART=1
    exits 0 timeout 20 "$SLUICE" go --wait -- sh -c 'echo "$PWD"'
    is "$PWD"
    quiet
    workers+=("$(sluice dump --json | jq -r 'select(.name == "sluice worker").pid' | head -n 1)")
    exits 0 sluice pool show default --json
    [ "$(jq .limit <<<"$output")" = "$(nproc)" ]
    [ "$(jq .workers <<<"$output")" = 1 ]
    exits 0 timeout 20 "$SLUICE" go --wait -- true
    [ "$(sluice pool show default --json | jq .workers)" = 1 ]
    [ "$(ps -o sid= -p "${workers[0]}" | tr -d ' ')" = "${workers[0]}" ]
}

@test "SLUICE_AUTOSTART=0: none is started, and it says what to start" {
    exits 0 sluice go -- true
    says 'sluice worker default'
    [ "$(sluice pool show default --json | jq .workers)" = 0 ]
    state "$output" queued
}

@test "help has an example" {
    for verb in go wait kill tasks map 'pool make' 'pool show' 'pool limit' 'pool capacity' 'pool pause' \
        'pool resume' 'pool close' 'pool drain'; do
        # shellcheck disable=SC2086 # two words
        exits 0 sluice $verb --help
        [[ $output == *xample* && $output == *"sluice $verb"* ]]
    done
}

@test "what cannot take the output, and what is no task, is refused before it is submitted" {
    sluice make lock --mutex
    exits 66 sluice go --pool build --out nowhere -- true
    says 'nowhere'
    exits 64 sluice go --pool build --err lock -- true
    exits 64 sluice go --pool build --after '' -- true
    says 'no task is named'
    exits 66 sluice show 99999
    says 'no such task'
    exits 0 sluice tasks --json
    is ''
}

@test "first uses at the same time start one worker" {
    local i pids=()
    export SLUICE_AUTOSTART=1
    for i in 1 2 3 4 5 6; do
        timeout 20 "$SLUICE" go --wait -- true 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    one() { [ "$(sluice show default --json | jq .workers)" = 1 ]; }
    eventually one
    workers+=("$(sluice dump --json | jq -r 'select(.name == "sluice worker").pid' | head -n 1)")
}

@test "--wait --json says what wait --json says" {
    serve build
    exits 3 sluice go --pool build --wait --json -- sh -c 'echo a; exit 3'
    local first=$output
    exits 3 sluice wait "$(jq .task <<<"$first")" --json
    is "$first"
}

#!/usr/bin/env bats
# sluice serve and call: a state that one command owns, and what becomes of it and of its calls when that ends.

load daemon
setup() {
    daemon_start
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
    # A sum, from the last checkpoint on.
    adder='n=${SLUICE_CHECKPOINT:-0}; while read -r d; do n=$((n + d)); echo $n; done'
    # Says what it is told in $pipe as soon as it has a call, and answers when that can be read from $pipe.go.
    slow='while read -r v; do echo "$$ $v" >"$0"; read -r word <"$0.go"; echo "$word $v"; done'
    mkfifo "$pipe.go"
}
teardown() { daemon_stop; }

owned() { shows "$1" 'owned by '; }
json() { python3 -c 'import json, sys; [print(eval(sys.argv[1], {"o": json.loads(l)})) for l in sys.stdin]' "$1"; }

@test "calls are answered by one command, in their order" {
    background sluice serve counter -- sh -c "$adder"
    exits 0 sluice call counter +1
    is 1
    exits 0 sluice call counter +1 10 -5
    is $'2\n12\n7'
    [ "$(seq 3 | sluice call counter)" = $'8\n10\n13' ]
    [ "$(printf '1\n2' | sluice call counter)" = $'14\n16' ]
    exits 0 sluice call counter 1 --json
    is '{"failed":false,"epoch":1,"value":"17","type":"bytes"}'
    shows counter '10 served'
    kill -TERM "$pid"
    ended 0
    shows counter 'state       free'
}

@test "a call may come before the first owner" {
    background sluice call counter 5
    eventually parked call
    shows counter '1 wait'
    besides server sluice serve counter -- sh -c "$adder"
    ended 0
    [ "$(out)" = 5 ]
    kill -INT "$other"
    wait "$other"
}

@test "the handler's environment, and its exit code" {
    exits 0 sluice make a --actor
    background sluice serve a -- sh -c 'read -r x; echo "$SLUICE_EPOCH $SLUICE_TOKEN ${SLUICE_OWNER_DIED:-no} ${SLUICE_CHECKPOINT:-none} ${SLUICE_CHECKPOINT_FILE:-none}"; exit 7'
    exits 0 sluice call a x
    [[ $output =~ ^1\ [0-9]+\ no\ none\ none$ ]]
    ended 7
    background sluice serve a --checkpoint -- sh -c 'read -r x; echo "$SLUICE_EPOCH ${SLUICE_OWNER_DIED:-no}"'
    exits 0 sluice call a x
    is '2 no'
    ended 0
    background sluice serve a -- sh -c 'read -r x; echo "$SLUICE_CHECKPOINT/$(cat "$SLUICE_CHECKPOINT_FILE")"'
    exits 0 sluice call a x
    is '2 no/2 no'
    ended 0
    exits 127 sluice serve a -- no-such-command
    shows a 'state       free'
}

@test "a checkpoint that no environment takes is in the file" {
    background sluice serve a --checkpoint -- sh -c 'read -r x; head -c 200000 /dev/zero | tr "\0" x; echo'
    [ "$(sluice call a x | wc -c)" = 200001 ]
    ended 0
    background sluice serve a -- sh -c 'read -r x; echo "${SLUICE_CHECKPOINT-none} $(wc -c <"$SLUICE_CHECKPOINT_FILE")"'
    exits 0 sluice call a x
    is 'none 200000'
    ended 0
}

@test "--json: any value, failures, and a checkpoint of its own" {
    cat >"$BATS_TEST_TMPDIR/handler.py" <<'END'
import json, sys
for line in sys.stdin:
    o = json.loads(line)
    v = o["value"]
    if v == "bad":
        print(json.dumps({"error": "not that"}))
    elif v == "rubbish":
        print("this is no json")
    elif v == "both":
        print(json.dumps({"error": "x", "value": 1}))
    else:
        print(json.dumps({"value": {"got": v, "deliveries": o["deliveries"]}, "checkpoint": "kept"}))
    sys.stdout.flush()
END
    background sluice serve a --json -- python3 "$BATS_TEST_TMPDIR/handler.py"
    exits 0 sluice call a $'two\nlines'
    is '{"got":"two\nlines","deliveries":1}'
    exits 0 sluice call a $'\xff'
    is '{"got":{"base64":"/w=="},"deliveries":1}'
    exits 1 sluice call a bad
    says 'sluice: a: not that'
    is ''
    exits 1 sluice call a bad --json
    is '{"failed":true,"epoch":1,"value":"not that","type":"bytes"}'
    exits 1 sluice call a rubbish
    says 'no JSON object with either a value or an error'
    exits 1 sluice call a both
    exits 1 sluice call a ok bad never
    [ "${#lines[@]}" = 1 ]
    [ "$(sluice show a --json | json 'o["checkpoint"]')" = kept ]
    kill -TERM "$pid"
    ended 0
}

@test "a value that is no line fails, and the next goes on" {
    background sluice serve counter -- sh -c "$adder"
    exits 1 sluice call counter $'1\n2'
    says 'a value with a newline'
    exits 0 sluice call counter 3
    is 3
    kill -TERM "$pid"
    ended 0
}

@test "SIGTERM: the call in hand is finished, the next one is the successor's" {
    background sluice serve a -- sh -c "$slow; echo over >\"\$0\"" "$pipe"
    owner=$pid
    besides first sluice call a one
    first=$other
    read -r handler value <"$pipe"
    besides second sluice call a two
    second=$other
    eventually shows a '1 wait, one is being served'
    kill -TERM "$owner"
    echo answer >"$pipe.go"
    wait "$first"
    printed first 'answer one'
    read -r over <"$pipe"
    [ "$over" = over ]
    pid=$owner
    ended 0
    dead "$handler"
    background sluice serve a -- sh -c 'read -r v; echo "$SLUICE_EPOCH ${SLUICE_OWNER_DIED:-no} $v"'
    wait "$second"
    printed second '2 no two'
    ended 0
}

@test "a second signal ends a handler that does not end" {
    background sluice serve a --kill-after 50ms -- sh -c "$stubborn" "$pipe"
    read -r shell sleeper <"$pipe"
    kill -INT "$pid"
    eventually shows a 'calls       0 wait'
    kill -INT "$pid"
    ended 137
    dead "$shell"
}

@test "kill -9 of serve: the next goes on with the queued calls, the last checkpoint and the next epoch" {
    background sluice serve counter --checkpoint --kill-after 50ms -- sh -c "echo \$\$ >\"\$0\"; $adder" "$pipe"
    owner=$pid
    read -r handler <"$pipe"
    exits 0 sluice call counter 40
    besides next sluice serve counter --checkpoint -- sh -c "echo \"\$SLUICE_EPOCH \${SLUICE_OWNER_DIED:-no}\" >&2; $adder"
    next=$other
    eventually shows counter ': to begin'
    kill -KILL "$owner"
    exits 0 sluice call counter 2 --json
    is '{"failed":false,"epoch":2,"value":"42","type":"bytes"}'
    dead "$handler"
    pid=$owner
    ended 137
    kill -TERM "$next"
    wait "$next"
    printed next '2 1'
}

@test "kill -9 in the middle of a call: the whole group is gone, and the call is the successor's" {
    background sluice serve a --kill-after 50ms -- sh -c "read -r v; $stubborn" "$pipe"
    owner=$pid
    besides caller sluice call a one
    caller=$other
    read -r shell sleeper <"$pipe"
    besides second sluice call a two
    second=$other
    eventually shows a '1 wait, one is being served'
    kill -KILL "$owner"
    eventually shows a 'state       free'
    dead "$shell"
    dead "$sleeper"
    shows a 'owner died  the next owner will be told'
    shows a '2 wait'
    besides next sluice serve a --json -- python3 -uc 'import json, os, sys
for l in sys.stdin:
    o = json.loads(l)
    print(json.dumps({"value": "%s %d %s" % (o["value"], o["deliveries"], os.environ.get("SLUICE_OWNER_DIED"))}))'
    wait "$caller" "$second"
    printed caller 'one 2 1'
    printed second 'two 1 1'
    kill -TERM "$other"
    wait "$other"
    pid=$owner
    ended 137
}

@test "--fail: when the owner goes, those who wait are told" {
    background sluice serve a --fail --kill-after 50ms -- sh -c "$stubborn" "$pipe"
    owner=$pid
    read -r shell sleeper <"$pipe"
    background sluice call a one
    eventually shows a 'one is being served'
    kill -KILL "$owner"
    ended 1
    [[ $(err) == *'a: owner died'* ]]
    pid=$owner
    ended 137
    exits 64 sluice make a --actor
    says 'another rule for an owner that dies'
    exits 0 sluice make a --actor --fail
}

@test "a handler that dies with a call in hand: its exit code, and the next is told" {
    background sluice serve a -- sh -c 'read -r v; exit 9'
    besides caller sluice call a one
    ended 9
    shows a '1 wait'
    shows a 'owner died  the next owner will be told'
    background sluice serve a -- sh -c 'read -r v; echo "$v ${SLUICE_OWNER_DIED:-no}"'
    wait "$other"
    printed caller 'one 1'
    ended 0
    background sluice serve a -- sh -c 'read -r v; kill -KILL $$'
    besides caller sluice call a one
    ended 137
    kill "$other"
}

@test "a handler that speaks unasked, or not at all, is stopped: code 76" {
    exits 76 sluice serve a -- sh -c 'echo hello; exec sleep 1000' # the child
    says 'wrote what no call had asked for'
    exits 76 sluice serve a --kill-after 20ms -- sh -c 'exec >&-; exec sleep 1000' # the child
    says 'has closed its stdin or stdout, and runs on'
    shows a 'state       free'
}

@test "a reply that is too long fails its call" {
    background sluice serve a -- sh -c 'read -r v; head -c 2000000 /dev/zero | tr "\0" x; echo; read -r v; echo "$v"'
    exits 1 sluice call a one
    says 'longer than a payload may be'
    exits 0 sluice call a two
    is two
    ended 0
}

@test "the actor is removed, or the daemon goes: the handler is stopped" {
    background sluice serve a -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r child <"$pipe"
    sluice rm a
    ended 66
    dead "$child"
    background sluice serve b -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$pipe" # the child
    read -r child <"$pipe"
    daemon_stop
    ended 75
    [[ $(err) == *'b: the ownership is lost'* ]]
    dead "$child"
}

@test "not in time: codes 4, 124, 125 and 130" {
    background sluice serve a -- sh -c "$slow" "$pipe"
    eventually owned a
    exits 4 sluice serve a --try -- true
    exits 124 sluice serve a --timeout 20ms -- true
    besides first sluice call a one
    read -r handler value <"$pipe"
    exits 124 sluice call a two --timeout 20ms
    CTX=$(sluice ctx cancelable)
    sluice ctx cancel "$CTX"
    exits 125 sluice call a two --ctx "$CTX"
    shows a 'calls       0 wait'
    kill -INT "$other"
    local status=0
    wait "$other" || status=$?
    [ "$status" = 130 ]
    kill -TERM "$pid"
    echo late >"$pipe.go"
    ended 0
}

@test "--ttl is prolonged while the handler runs" {
    background sluice serve a --ttl 900ms -- sh -c "$adder"
    eventually owned a
    token=$(sluice show a --json | json 'o["token"]')
    exits 0 sluice select 'after 1200ms' # of the daemon's own clock
    exits 0 sluice call a 1
    [ "$(sluice show a --json | json 'o["token"]')" = "$token" ]
    kill -TERM "$pid"
    ended 0
}

@test "ls and show tell of actors" {
    sluice make a --actor
    exits 0 sluice ls --kind actor
    [[ ${lines[1]} =~ ^a\ +actor\ +free\ +0\ +-\ +-\ +0\  ]]
    background sluice serve a -- sh -c "$slow" "$pipe"
    besides first sluice call a one
    read -r handler value <"$pipe"
    [ "$(sluice show a --json | json 'o["epoch"], o["calls"], o["served"], o["serving"], o["checkpoint"], o["holds"]')" = "(1, 0, 0, True, None, 1)" ]
    exits 0 sluice ls --kind actor
    [[ ${lines[1]} =~ ^a\ +actor\ +serving\  ]]
    echo done >"$pipe.go"
    wait "$other"
    kill -TERM "$pid"
    ended 0
}

@test "a call is an arm of select" {
    background sluice serve counter -- sh -c "$adder"
    exits 0 sluice select 'call counter=4' 'after 1h'
    is '0 4'
    exits 0 sluice select 'call counter=-1' --json
    is '{"index":0,"verb":"call","name":"counter","status":"OK","value":"3","type":"bytes","deliveries":1,"failed":false,"epoch":1}'
    kill -TERM "$pid"
    ended 0
    exits 0 sluice select 'call counter=1' 'after 5ms'
    is 1
    shows counter 'calls       0 wait'
    exits 64 sluice select 'call counter'
    says 'call NAME=VALUE'
}

@test "wrong usage" {
    exits 64 sluice serve a
    says 'expected a command behind --'
    exits 64 sluice serve a --
    exits 64 sluice serve
    exits 64 sluice call
    exits 64 sluice call a 1 --lines
    sluice make jobs
    exits 64 sluice serve jobs -- true
    exits 64 sluice call jobs 1
    exits 64 sluice make a --fail
    says '--fail is for an --actor'
    exits 64 sluice make a --actor --cap 3
    says '--actor has no capacity'
}

@test "show tells what becomes of the calls when the owner goes" {
    sluice make kept --actor
    shows kept "calls are its successor's"
    sluice make strict --actor --fail
    shows strict 'calls fail'
    [ "$(sluice show strict --json | jq .fail)" = true ]
}

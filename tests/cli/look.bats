#!/usr/bin/env bats
# Looking: ls, show, dump, status, as text and as JSON.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

json() { python3 -c 'import json, sys; [print(eval(sys.argv[1], {"o": json.loads(l)})) for l in sys.stdin]' "$1"; }

@test "ls: a table in order of creation, by prefix, by kind, names only" {
    sluice make b/two --cap 2
    sluice make b/one
    sluice make a --ticker 1s
    sluice ctx cancelable --name c
    sluice send b/two x
    exits 0 sluice ls
    [ "${#lines[@]}" = 5 ]
    [[ ${lines[0]} =~ ^NAME\ +KIND\ +STATE\ +ITEMS\ +CAP\ +TYPE\ +WAITING\ +AGE$ ]]
    [[ ${lines[1]} =~ ^b/two\ +channel\ +open\ +1\ +2\ +bytes\ +0\ +[0-9.]+[mnµ]?s$ ]]
    exits 0 sluice ls b/ -1
    is $'b/two\nb/one'
    exits 0 sluice ls --kind ticker -1
    is a
    exits 0 sluice ls nothing/ -1
    is ''
    [ "$(sluice ls --json | json 'o["name"] + " " + o["kind"]')" = $'b/two channel\nb/one channel\na ticker\nc context' ]
}

@test "ls goes on behind the first page" {
    seq -f 'n%g' 1100 | xargs -n 1 -P 2 "$SLUICE" make
    [ "$(sluice ls -1 | wc -l)" = 1100 ]
    [ "$(sluice ls --json | wc -l)" = 1100 ]
}

@test "show: a channel with who waits on it" {
    sluice make jobs --cap 3 --type int64
    background sluice recv jobs
    eventually shows jobs '1 to receive'
    exits 0 sluice show jobs
    [[ $output == *'type        int64'* && $output == *'capacity    3'* && $output == *"waiter      sluice recv, pid $pid, "* ]]
    [ "$(sluice show jobs --json | json 'o["receivers"], o["type"], o["waiters"][0]["pid"], o["waiters"][0]["verb"]')" = "(1, 'int64', $pid, 'recv')" ]
    kill "$pid"
    ended 143
    eventually shows jobs '0 to receive'
}

@test "show: timers and contexts" {
    sluice make t --timer 1h
    exits 0 sluice show t
    [[ $output == *'kind        timer'* && $output == *'state       armed'* && $output == *'in 59m59s'* ]]
    sluice ctx make --name c --timeout 1h --value user=anna
    exits 0 sluice ctx show c
    [[ $output == *'state       alive'* && $output == *'lineage     context.Background'* && $output == *'value       user="anna"'* ]]
    [ "$(sluice show c --json | json 'o["error"], o["cause"], o["keys"][0]["name"]')" = "('OK', None, 'user')" ]
}

@test "dump: who waits for what" {
    sluice make jobs
    sluice make out
    background sluice select 'recv jobs' 'send out=x' 'after 1h'
    eventually shows jobs '1 to receive'
    exits 0 sluice dump
    [[ $output == *"sluice select  session "*", pid $pid, "* ]]
    [[ $output == *"select for "*": recv jobs | send out | after"* ]]
    [ "$(sluice dump --json | json 'o["pid"], [c["arms"][0]["name"] for c in o["calls"]]' | grep -c "($pid, \['jobs'\])")" = 1 ]
    kill "$pid"
    ended 143
}

@test "status: pid, version, address, uptime, counts and limits" {
    exits 0 sluice status
    [[ $output == *"pid $daemon, "* && $output == *"$SLUICE_ADDR"* && $output == *'real clock'* ]]
    [ "$(sluice status --json | json 'o["pid"]')" = "$daemon" ]
    [ "$(sluice status --json | json 'o["uptime_ns"] > 0 and len(o["version"]) > 0 and len(o["counts"]) > 0 and len(o["limits"]) > 0')" = True ]
    [[ $(sluice status --json | json 'o["address"]') == *"$SLUICE_ADDR" ]]
}

@test "colours are for terminals only" {
    sluice make jobs
    ! sluice ls | grep -q $'\033'
    command -v script >/dev/null || skip 'no script(1)'
    TERM=xterm script -qec "$SLUICE ls" /dev/null </dev/null | grep -q $'\033\[1m'
    NO_COLOR=1 TERM=xterm script -qec "$SLUICE ls" /dev/null </dev/null | { ! grep -q $'\033'; }
}

@test "make, show and ls: conditions, barriers, groups, flights, limiters" {
    CTX=$(sluice ctx cancelable)
    sluice make c --cond
    sluice make b --barrier 2
    sluice make g --group --limit 3 --cancels "$CTX"
    sluice make f --flight --poison
    sluice make api --limiter --rate 10/m --burst 3
    sluice make seats --limiter --algorithm concurrency --burst 2
    for again in 'c --cond' 'b --barrier 2' 'f --flight --poison' 'api --limiter --rate 10/m --burst 3'; do
        # shellcheck disable=SC2086 # the words of a command line
        exits 0 sluice make $again
    done
    for other in 'b --barrier 3' 'g --group' 'f --flight' 'api --limiter --rate 10/m --burst 4' 'c --flight'; do
        # shellcheck disable=SC2086
        run "$SLUICE" make $other
        ((status != 0)) || { echo "$other"; return 1; }
    done
    shows c 'kind        cond'
    shows b 'parties     2, 0 have arrived'
    shows g 'limit       3'
    shows f 'state       idle'
    shows api 'rate        10/m'
    shows api 'remaining   3'
    shows seats 'algorithm   concurrency'
    [ "$(sluice show b --json | json 'o["parties"], o["arrived"], o["cycle"]')" = '(2, 0, 1)' ]
    [ "$(sluice show g --json | json 'o["limit"], o["error"], o["context"] > 0')" = '(3, None, True)' ]
    [ "$(sluice show api --json | json 'o["algorithm"], o["count"], o["period_ns"], o["burst"], o["remaining"], o["keys"]')" = "('bucket', 10, 60000000000, 3, 3, 0)" ]
    [ "$(sluice show c --json | json 'o["kind"], "armed" in o')" = "('cond', False)" ]
    exits 0 sluice ls
    [[ $output =~ b\ +barrier\ +empty\ +0\ +2\  && $output =~ api\ +limiter\ +-\ +3\ +10/m\ +bucket\  && $output =~ seats\ +limiter\ +-\ +2\ +2\ +concurrency\  ]]
    for kind in cond barrier group flight; do
        [ "$(sluice ls --kind $kind -1 | wc -l)" = 1 ]
    done
}

@test "make: options of one kind are refused with another" {
    for words in '--cond --flight' '--barrier 0' '--barrier' '--cond --limit 2' '--group --poison' '--mutex --fenced' '--limiter' \
        '--limiter --rate often' '--limiter --algorithm concurrency' '--limiter --rate 1/s --algorithm bag' '--rate 1/s' '--group --cap 3'; do
        # shellcheck disable=SC2086
        exits 64 sluice make x $words
    done
    exits 66 sluice show x
}

@test "show: who has arrived, who holds, what was said, what is left" {
    sluice make b --barrier 2
    background sluice barrier b
    eventually shows b '1 have arrived'
    shows b 'waiter      sluice barrier'
    exits 0 sluice dump
    [[ $output == *'wait b'* ]]
    exits 0 sluice barrier b
    ended 0
    shows b 'cycle       2'
    token=$(sluice lock m --value host:1 --hold-for-pid $$)
    shows m 'says        "host:1"'
    [ "$(sluice show m --json | json 'o["value"], o["token"]')" = "('host:1', $token)" ]
    exits 3 sluice group run g -- sh -c 'exit 3'
    shows g 'first error "exit status 3"'
    [ "$(sluice show g --json | json 'o["error"]')" = 'exit status 3' ]
}

@test "ls --all: what stands under a key shows it" {
    sluice make api --limiter --rate 10/h --burst 3
    sluice limit api --key alice --try
    sluice limit api --key $'two\nlines \033[1m' --try
    shows api 'keys        2'
    exits 0 sluice ls
    [[ $output != *alice* ]]
    exits 0 sluice ls --all
    [ "${#lines[@]}" = 4 ]
    [[ $output =~ \#[0-9]+\ \"alice\"\ +limiter\ +-\ +2\  && $output != *$'\033'* ]]
    [ "$(sluice ls --all --json | json 'o["name"] + o.get("key", "")')" = $'api\nalice\ntwo\nlines \033[1m' ]
}

@test "a channel says what its messages are, and gives their schema" {
    printf 'des\0criptors' >"$BATS_TEST_TMPDIR/shop.pb"
    : >"$BATS_TEST_TMPDIR/empty.pb"
    exits 0 sluice make orders --cap 1 --message shop.Order --schema "$BATS_TEST_TMPDIR/shop.pb"
    exits 0 sluice show orders
    [[ $output == *'message     shop.Order, with its schema'* ]]
    [ "$(sluice show orders --json | jq -r .message)" = shop.Order ]
    sluice show orders --schema >"$BATS_TEST_TMPDIR/got.pb"
    cmp "$BATS_TEST_TMPDIR/shop.pb" "$BATS_TEST_TMPDIR/got.pb"
    exits 0 sluice make orders --cap 1
    exits 64 sluice make orders --cap 1 --message shop.Offer
    says 'another message type'
    exits 66 sluice make other --message a.B --schema /nowhere
    exits 64 sluice make other --message a.B --schema "$BATS_TEST_TMPDIR/empty.pb"
    says 'protoc'
    exits 64 sluice make other --schema "$BATS_TEST_TMPDIR/shop.pb"
    exits 64 sluice make other --message a.B --type int64
    exits 64 sluice make other --mutex --message a.B
    sluice make other
    exits 66 sluice show other --schema
}

@test "who holds and who waits is told with process, command and time" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    besides out sluice lock deploy --ttl 1000s -- sh -c 'exec "$SLUICE" lock other -- sh -c "read -r go <\$0" "$0"' "$BATS_TEST_TMPDIR/pipe"
    eventually shows other 'holder '
    exits 0 sluice show deploy
    [[ $output == *"holder      sluice lock, pid $other, uid $UID, session "*": token "*' left ('*' lock deploy --ttl 1000s -- sh -c '* ]]
    exits 0 sluice show deploy --json
    [ "$(jq -r '.holders[0] | [.pid, .permits, .shared] | @csv' <<<"$output")" = "$other,1,false" ]
    background sluice lock deploy -- true
    eventually parked lock
    exits 0 sluice show deploy --json
    [ "$(jq -r '.waiters[0] | [.pid, .op, .verb] | @csv' <<<"$output")" = "$pid,\"lock\",\"lock\"" ]
    [[ $(jq -r '.waiters[0].command' <<<"$output") == *'lock deploy -- true' ]]
    echo go >"$BATS_TEST_TMPDIR/pipe"
    ended 0
    wait "$other"
}

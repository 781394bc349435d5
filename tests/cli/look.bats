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

#!/usr/bin/env bats
# --sort on listings, and the kinds that listings tell of: pools and tasks beside all others.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

json() { python3 -c 'import json, sys; [print(eval(sys.argv[1], {"o": json.loads(l)})) for l in sys.stdin]' "$1"; }

@test "ls: by each of its columns, both ways" {
    sluice make b --cap 5
    sluice make c --mutex
    sluice make a --cap 9
    sluice send b x y
    sluice send a x
    exits 0 sluice ls -1
    is $'b\nc\na'
    exits 0 sluice ls -1 --sort name
    is $'a\nb\nc'
    exits 0 sluice ls -1 --sort -name
    is $'c\nb\na'
    exits 0 sluice ls -1 --sort age
    is $'a\nc\nb'
    exits 0 sluice ls -1 --sort -age
    is $'b\nc\na'
    exits 0 sluice ls -1 --sort items
    is $'c\na\nb'
    exits 0 sluice ls -1 --sort -cap
    is $'a\nb\nc'
    exits 0 sluice ls -1 --sort kind,-items
    is $'b\na\nc'
    exits 0 sluice ls -1 --sort=-kind,name
    is $'c\na\nb'
    for field in state type waiting serial; do
        exits 0 sluice ls --sort "$field"
        [ "${#lines[@]}" = 4 ]
    done
    exits 0 sluice ls --sort -name
    [[ ${lines[0]} == NAME* && ${lines[1]} == 'c '* && ${lines[3]} == 'a '* ]]
    [ "$(sluice ls --sort -name --json | json 'o["name"]')" = $'c\nb\na' ]
    exits 0 sluice ls nothing/ --sort name -1
    is ''
}

@test "equals stay in the order in which they were made, over many pages" {
    seq 0 1099 | while read -r i; do echo "n$i"; done | xargs -n 1 -P 2 "$SLUICE" make --cap 1
    sluice ls -1 --sort cap >"$BATS_TEST_TMPDIR/sorted"
    sluice ls -1 | diff - "$BATS_TEST_TMPDIR/sorted"
    [ "$(sluice ls -1 --sort name | head -n 3 | tr '\n' ' ')" = 'n0 n1 n10 ' ]
    [ "$(sluice ls -1 --sort name)" = "$(sluice ls -1 | LC_ALL=C sort)" ]
}

@test "dump: by what its clients have" {
    sluice make jobs
    background sluice recv jobs
    eventually parked recv
    exits 0 sluice dump --sort -parked
    [[ ${lines[0]} == 'sluice recv '* ]]
    exits 0 sluice dump --sort parked
    [[ ${lines[0]} == 'sluice dump '* ]]
    [ "$(sluice dump --sort -pid --json | json 'o["pid"]')" = "$(sluice dump --json | json 'o["pid"]' | sort -rn | head -n 1)
$pid" ] || [ "$(sluice dump --sort name --json | json 'o["name"]')" = $'sluice dump\nsluice recv' ]
    kill "$pid"
    ended 143
}

@test "a field that there is not: those that there are, code 64" {
    exits 64 sluice ls --sort size
    says "'size' is none of name kind state items cap type waiting age serial"
    exits 64 sluice ls --sort name,
    says "'' is none of"
    exits 64 sluice ls --sort ''
    exits 64 sluice ls --sort name,name,name,name,name,name,name,name,name
    says 'more than 8'
    exits 64 sluice dump --sort kind
    says 'none of name session pid uid age parked leases handles replies'
    [[ $(sluice ls --help) == *'-FIELD'* ]]
}

@test "make and show: a pool" {
    exits 0 sluice make build --pool --limit 2 --capacity 5
    exits 0 sluice make build --pool --limit 2 --capacity 5
    exits 64 sluice make build --pool
    shows build 'limit       2'
    shows build 'capacity    5'
    shows build 'workers     0 with 0 slots'
    [ "$(sluice show build --json | json 'o["limit"], o["capacity"], o["paused"], o["queued"]')" = '(2, 5, False, 0)' ]
    exits 0 sluice make free --pool
    shows free 'as many as there are slots'
    [ "$(sluice show free --json | json 'o["limit"], o["capacity"]')" = '(None, None)' ]
    sluice make dead
    exits 0 sluice make other --pool --dead-letter dead
    exits 0 sluice ls --kind pool
    [[ ${lines[1]} =~ ^build\ +pool\ +idle\ +0\ +5\ +-\  ]]
    exits 64 sluice make p --pool --cap 5
    says '--capacity'
    exits 64 sluice make p --capacity 5
    says '--capacity is for a --pool'
    exits 64 sluice make p --limit 5
    exits 66 sluice show 4711
}

#!/usr/bin/env bats
# The example psort gives what LC_ALL=C sort gives, also when its workers are killed halfway, and leaves nothing behind.

load daemon
setup() {
    daemon_start
    psort=${SLUICE_BUILD:-$(dirname "$SLUICE")}/examples/psort
    cd "$BATS_TEST_TMPDIR" || return
}
teardown() {
    [[ ! ${pid:-} ]] || kill -KILL "$pid" 2>/dev/null || :
    daemon_stop
}

# lines COUNT: random ones, always the same: empty ones, equal ones, ones that begin as others, any bytes but newlines, and no newline
# at the end.
lines() {
    python3 - "$1" <<'END'
import random, sys
r = random.Random(4711)
out = sys.stdout.buffer
for _ in range(int(sys.argv[1])):
    kind = r.randrange(8)
    if kind == 0: line = b''
    elif kind == 1: line = b'equal'
    elif kind == 2: line = b'equal beginnings' + b'\0' * r.randrange(3)
    elif kind == 3: line = bytes(r.choices(b'\0\x01\t\r a\xff', k=r.randrange(12)))
    else: line = bytes(b % 256 if b % 256 != 10 else 0 for b in r.choices(range(256), k=r.randrange(60)))
    out.write(line + b'\n')
out.write(b'no newline\0')
END
}
# sorted FILE: what sort makes of it.
sorted() { LC_ALL=C sort "$1"; }
# gone: nobody has a pool, and nobody but this command is connected.
gone() { [[ ! $(sluice ls -1 --kind pool) && $(sluice dump --json | wc -l) == 1 ]]; }

@test "100000 lines of all kinds: from a file, from a pipe, in place, with any number of workers" {
    lines 100000 >text
    sorted text >expected
    "$psort" text | cmp - expected
    cat text | "$psort" --jobs 3 | cmp - expected
    "$psort" -j 1 -o result - <text
    cmp result expected
    "$psort" -j 64 <text | cmp - expected
    cp text same
    "$psort" -o same same
    cmp same expected
    { read -r _ && "$psort" -; } <expected >rest
    tail -n +2 expected | cmp - rest
    gone
}

@test "texts that have no middle: empty, one newline, one line, equal lines, one long line among short ones" {
    : >empty
    printf '\n' >newline
    printf 'one' >one
    yes equal | head -n 200000 >equal || :
    { yes b | head -n 1000; head -c 3000000 /dev/zero; printf '\n'; yes a | head -n 1000; } >long || :
    for file in empty newline one equal long; do
        sorted "$file" >expected
        "$psort" -j 4 "$file" | cmp - expected
        cat "$file" | "$psort" -j 4 | cmp - expected
    done
}

@test "a worker that is killed halfway loses nothing, in either round" {
    lines 100000 >text
    sorted text >expected
    sluice make halfway --type int64
    background "$psort" -j 2 -o result --halfway halfway text
    exits 0 sluice recv halfway
    sorter=$output
    alive "$sorter"
    kill -KILL "$sorter"
    exits 0 sluice recv halfway
    alive "$output"
    kill -KILL "$output"
    ended 0
    cmp result expected
    [ "$(grep -c ': Killed; another takes its place$' err)" = 2 ]
    [[ $(err) == *"worker $sorter: Killed"* ]]
    gone
}

@test "one worker alone is replaced as well" {
    lines 1000 >text
    sluice make halfway --type int64
    background "$psort" -j 1 --halfway halfway text
    for round in sort merge; do
        exits 0 sluice recv halfway
        kill -KILL "$output"
    done
    ended 0
    sorted text | cmp - out
}

@test "a file that is cut short meanwhile ends in an error" {
    [[ ! ${SLUICE_SANITIZED:-} ]] || skip "the sanitizer takes SIGBUS for itself"
    lines 1000 >text
    sluice make halfway --type int64
    background "$psort" -j 1 -o result --halfway halfway text
    exits 0 sluice recv halfway
    : >text
    kill -KILL "$output"
    ended 70
    [[ $(err) == *"psort: a task: "* ]]
    [ ! -e result ]
    gone
}

@test "when it is killed itself its workers end" {
    lines 100000 >text
    mkfifo fifo
    exec 7<>fifo
    background "$psort" -j 2 -o fifo text
    read -r _ <&7 # it writes, and waits: a pipe does not hold it all
    workers=$(pgrep -P "$pid")
    [ "$(wc -w <<<"$workers")" = 2 ]
    kill -KILL "$pid"
    ended 137
    for worker in $workers; do eventually dead "$worker"; done
    eventually gone
    exec 7<&-
}

@test "what it cannot do it says" {
    echo text >text
    exits 66 "$psort" nowhere
    says 'nowhere: No such file or directory'
    exits 66 "$psort" .
    says '.: Is a directory'
    exits 73 "$psort" -o nowhere/result text
    says 'nowhere/result: No such file or directory'
    exits 74 "$psort" -o /dev/full text
    says 'writing: No space left on device'
    for jobs in 0 65 x ''; do
        exits 64 "$psort" -j "$jobs" text
        says "-j: '$jobs' is not a number from 1 to 64"
    done
    exits 64 "$psort" text text
    says 'Too many arguments'
    SLUICE_ADDR=$BATS_TEST_TMPDIR/none exits 69 "$psort" text
    says 'starting: '
    gone
}

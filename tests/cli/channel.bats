#!/usr/bin/env bats
# Channels from the shell: make, send, recv, close, rm, with each format and each exit code.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

@test "make is idempotent, and says what differs" {
    exits 0 sluice make jobs --cap 100
    exits 0 sluice make jobs --cap 100
    quiet
    exits 64 sluice make jobs --cap 7
    says 'sluice show jobs'
    exits 64 sluice make jobs --cap 100 --exclusive
    exits 64 sluice make 'a//b'
    exits 64 sluice make jobs --ticker 1s
    exits 64 sluice make t --timer 1s --cap 3
    exits 64 sluice make jobs --dead-letter dead
}

@test "what is sent is received, byte for byte" {
    sluice make jobs --cap 100
    exits 0 sluice send jobs hello
    quiet
    sluice recv jobs >"$BATS_TEST_TMPDIR/got"
    printf hello | cmp - "$BATS_TEST_TMPDIR/got"
    head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/sent"
    sluice send jobs <"$BATS_TEST_TMPDIR/sent"
    sluice recv jobs >"$BATS_TEST_TMPDIR/got"
    cmp "$BATS_TEST_TMPDIR/sent" "$BATS_TEST_TMPDIR/got"
    sluice send jobs </dev/null
    sluice recv jobs >"$BATS_TEST_TMPDIR/got"
    [ ! -s "$BATS_TEST_TMPDIR/got" ]
}

@test "several values are several items, in order" {
    sluice make jobs --cap 100
    sluice send jobs one two 'three four' ''
    exits 0 sluice recv jobs -n 4 --lines
    is $'one\ntwo\nthree four'
    shows jobs 'items       0 '
}

@test "a hundred thousand lines with progress, received until closed" {
    sluice make jobs --cap 100
    background sluice recv jobs --all --lines
    seq 100000 >"$BATS_TEST_TMPDIR/sent"
    sluice send jobs --lines --progress <"$BATS_TEST_TMPDIR/sent" 2>"$BATS_TEST_TMPDIR/progress"
    sluice close jobs
    ended 0
    out | cmp - "$BATS_TEST_TMPDIR/sent"
    grep -qE '^100000 sent in [0-9.]+m?s, [0-9]+ a second$' "$BATS_TEST_TMPDIR/progress"
}

@test "records end with a newline, NUL or any byte, in and out" {
    sluice make jobs --cap 100
    printf 'a\0b\nc\0' | sluice send jobs -0
    printf 'd,e' | sluice send jobs -d ,
    printf 'f\n\ng' | sluice send jobs --lines
    printf 'h\ti\t' | sluice send jobs -d '\t'
    [ "$(sluice recv jobs -n 9 -0 | tr '\0' '|')" = $'a|b\nc|d|e|f||g|h|i|' ]
    exits 64 sluice send jobs -d ab
    sluice send jobs x y
    [ "$(sluice recv jobs -n 2 -d ';')" = 'x;y;' ]
}

@test "lines go as they come" {
    sluice make jobs
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    background bash -c 'exec "$SLUICE" send jobs --lines <"$0"' "$BATS_TEST_TMPDIR/pipe"
    exec {writer}>"$BATS_TEST_TMPDIR/pipe"
    for line in one two three; do
        echo $line >&$writer
        exits 0 sluice recv jobs
        is $line
    done
    exec {writer}>&-
    ended 0
}

@test "numbers: text in, decimal out, nonsense refused by record" {
    sluice make ints --type int64 --cap 100
    sluice send ints 1 -5 9223372036854775807
    echo ' 7 ' | sluice send ints
    exits 0 sluice recv ints -n 4 --lines
    is $'1\n-5\n9223372036854775807\n7'
    exits 64 sluice send ints 1.5
    says "'1.5' is not a whole number"
    exits 64 sluice send ints 9223372036854775808
    exits 64 sluice send ints --lines < <(printf '1\n2\nx\n3\n')
    says 'record 3 of stdin is not a whole number; 2 sent before it'
    exits 0 sluice recv ints -n 2 --lines
    is $'1\n2'
    sluice send ints 42
    exits 0 sluice recv ints
    is 42
    sluice make reals --type double --cap 100
    sluice send reals 0.1 -1e300 3 1e-09 0.30000000000000004
    exits 0 sluice recv reals -n 5 --lines
    is $'0.1\n-1e+300\n3\n1e-09\n0.30000000000000004'
    exits 64 sluice send reals 1,5
}

@test "text and JSON are checked" {
    sluice make texts --type string --cap 100
    sluice send texts 'grüße'
    exits 0 sluice recv texts
    is 'grüße'
    exits 64 sluice send texts $'\xff'
    sluice make docs --type json --cap 100
    sluice send docs '{"a": [1, 12345678901234567890]}'
    exits 0 sluice recv docs
    is '{"a": [1, 12345678901234567890]}'
    exits 64 sluice send docs '{"a":'
}

@test "objects go through channels by name" {
    sluice make boxes --type handle --cap 10
    sluice make jobs --cap 3
    sluice send boxes jobs
    exits 0 sluice recv boxes
    is jobs
    exits 66 sluice send boxes nothing
}

@test "JSON lines carry every type there and back" {
    sluice make bytes --cap 100
    sluice make texts --type string --cap 100
    sluice make ints --type int64 --cap 100
    sluice make reals --type double --cap 100
    sluice make docs --type json --cap 100
    printf '"a\\nb"\n{"base64":"/wD+"}\n\n' | sluice send bytes --jsonl
    exits 0 sluice recv bytes -n 2 --jsonl
    is $'"a\\nb"\n{"base64":"/wD+"}'
    sluice send bytes --json '{"base64":"/wD+"}'
    [ "$(sluice recv bytes | od -An -tx1)" = ' ff 00 fe' ]
    printf '"x"\n' | sluice send texts --jsonl
    exits 0 sluice recv texts --jsonl
    is '"x"'
    printf '1\n-2\n' | sluice send ints --jsonl
    exits 0 sluice recv ints -n 2 --jsonl
    is $'1\n-2'
    printf '0.5\n2\n' | sluice send reals --jsonl
    exits 0 sluice recv reals -n 2 --jsonl
    is $'0.5\n2'
    printf '{ "a" : "b  c\\"" }\n' | sluice send docs --jsonl
    exits 0 sluice recv docs --jsonl
    is '{"a":"b  c\""}'
    exits 64 sluice send ints --jsonl <<<'"one"'
    says 'record 1 of stdin is not a JSON integer'
    exits 64 sluice send texts --jsonl <<<'{"base64":"/wD+"}'
    exits 64 sluice send bytes --jsonl <<<'{"base64":"/w"}'
    exits 64 sluice send bytes --jsonl <<<'['
    sluice send texts hi
    exits 0 sluice recv texts --json
    is '{"value":"hi","type":"string","deliveries":1}'
}

@test "recv: the exit codes of try, timeout and closed" {
    sluice make jobs --cap 10
    exits 4 sluice recv jobs --try
    is ''
    quiet
    exits 124 sluice recv jobs --timeout 50ms
    says 'context deadline exceeded'
    exits 124 sluice recv jobs --timeout 0
    sluice send jobs last
    sluice close jobs
    exits 0 sluice recv jobs --try
    is last
    exits 3 sluice recv jobs --try
    quiet
    exits 3 sluice recv jobs
    exits 3 sluice recv jobs -n 2
    exits 0 sluice recv jobs --all
    quiet
}

@test "recv --all --try takes what is there, and says by 4 that more may come" {
    sluice make jobs --cap 10
    sluice send jobs a b c
    exits 4 sluice recv jobs --all --try --lines
    is $'a\nb\nc'
    exits 124 sluice recv jobs --all --timeout 20ms
    sluice send jobs d
    exits 124 sluice recv jobs --all --lines --timeout 50ms
    is d
}

@test "send: the exit codes of try, timeout, closed and unknown" {
    sluice make jobs
    exits 4 sluice send jobs x --try
    exits 124 sluice send jobs x --timeout 20ms
    sluice close jobs
    exits 3 sluice send jobs x
    says 'send on closed channel'
    exits 3 sluice close jobs
    says 'close of closed channel'
    exits 66 sluice send nothing x
    says 'sluice: nothing: no such object (make it with: sluice make nothing)'
    exits 66 sluice recv nothing
    exits 66 sluice close nothing
    exits 66 sluice show nothing
    exits 66 sluice rm nothing
    exits 0 sluice rm -f nothing
}

@test "a batch that ends early says how many went" {
    sluice make jobs --cap 3
    exits 124 sluice send jobs --lines --timeout 50ms < <(seq 5)
    says '3 sent before that'
    exits 0 sluice recv jobs -n 3 --lines
    is $'1\n2\n3'
}

@test "send --cap makes the channel when there is none" {
    exits 0 sluice send jobs x --cap 5
    exits 0 sluice send jobs y --cap 7
    shows jobs 'capacity    5'
    exits 0 sluice send numbers 5 --type int64 --cap 1
    exits 64 sluice send numbers x --type int64
    background sluice recv later --make
    eventually shows later '1 to receive'
    sluice send later hello
    ended 0
    [ "$(out)" = hello ]
}

@test "rm tells those who wait" {
    sluice make jobs
    background sluice recv jobs
    eventually shows jobs '1 to receive'
    sluice rm jobs
    ended 66
    exits 66 sluice show jobs
}

@test "an unbuffered channel hands over" {
    sluice make jobs
    background sluice send jobs a b
    eventually shows jobs '1 to send'
    exits 0 sluice recv jobs -n 2 --lines
    is $'a\nb'
    ended 0
}

@test "a payload over the limit is refused with the limit" {
    sluice make jobs --cap 10
    exits 64 sluice send jobs < <(head -c 1100000 /dev/zero)
    says 1048576
    exits 64 sluice send jobs --lines < <(echo small; head -c 1100000 /dev/zero)
    shows jobs 'items       1 '
}

@test "an object made for a process ends with it" {
    sleep 1000 & # the child
    sluice make scratch --for-pid $!
    shows scratch channel
    kill $!
    wait $! || :
    eventually bash -c '! "$SLUICE" show scratch' # by name: gone
    bash -c '"$SLUICE" make mine --ephemeral && "$SLUICE" show mine'
    eventually bash -c '! "$SLUICE" show mine'
}

@test "stdout that cannot be written is exit code 74, and the item stays" {
    [ -e /dev/full ] || skip 'no /dev/full'
    sluice make jobs --cap 1
    sluice send jobs hello
    exits 74 bash -c '"$SLUICE" recv jobs >/dev/full'
    exits 0 sluice recv jobs
    is hello
    exits 74 bash -c '"$SLUICE" ls >/dev/full'
}

@test "a fenced channel wants a token of sends and closes, and none older than the newest" {
    sluice make log --cap 5 --fenced
    sluice make log --cap 5 --fenced
    exits 64 sluice make log --cap 5
    says 'exists fenced'
    exits 64 sluice send log x
    says 'needs a token'
    exits 64 sluice close log
    old=$(sluice lock writer --hold-for-pid $$)
    exits 0 sluice send log one --fence "$old"
    sluice unlock writer "$old"
    exits 0 sluice lock writer -- sh -c 'printf "two\nthree\n" | "$SLUICE" send log --lines --fence $SLUICE_TOKEN'
    exits 75 sluice send log late --fence "$old"
    says 'a newer token has been seen'
    exits 75 sluice send log -l --fence "$old" <<<late
    exits 75 sluice recv log --fence "$old"
    exits 75 sluice select 'send log=late' --fence "$old"
    exits 75 sluice close log --fence "$old"
    shows log 'fenced      yes'
    exits 0 sluice lock writer -- sh -c '"$SLUICE" select "send log=four" --fence $SLUICE_TOKEN && "$SLUICE" close log --fence $SLUICE_TOKEN'
    exits 0 sluice recv log --all --lines
    is $'one\ntwo\nthree\nfour'
}

@test "a channel that is not fenced heeds the tokens it is shown" {
    sluice make log --cap 5
    exits 0 sluice send log one --fence 7
    exits 75 sluice send log two --fence 6
    exits 0 sluice send log three
    shows log 'fence       7'
    exits 0 sluice recv log -n 2 -l --fence 8
    is $'one\nthree'
    exits 75 sluice recv log --try --fence 7
    exits 64 sluice send log x --fence 0
    exits 64 sluice close log --fence word
}

@test "a send that waits is refused when a newer token comes" {
    sluice make log --fenced
    background sluice send log old --fence 5
    eventually shows log '1 to send'
    exits 124 sluice recv log --fence 6 --timeout 20ms
    ended 75
    [[ $(err) == *token* ]] || { err; return 1; }
    shows log 'fence       6'
}

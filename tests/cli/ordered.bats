#!/usr/bin/env bats
# Ordered channels: send --rank and --ranked, received the least rank first.

load daemon
setup() { daemon_start; }
teardown() { daemon_stop; }

@test "what is in it comes by rank, equals in the order they came" {
    exits 0 sluice make urgent --ordered --cap 10
    sluice send urgent --rank 5 five
    sluice send urgent --rank -3 minus
    sluice send urgent zero
    sluice send urgent --rank 5 again last
    exits 0 sluice recv urgent -n 5 --lines
    is $'minus\nzero\nfive\nagain\nlast'
    shows urgent 'ordered     by rank'
    [[ $(sluice show urgent --json) == *'"ordered":true'* ]]
    sluice make plain
    [[ $(sluice show plain --json) == *'"ordered":false'* ]]
}

@test "records with their ranks, there and back" {
    sluice make urgent --ordered --cap 10
    exits 0 sluice send urgent --ranked <<<$'7\tseven\n-9223372036854775808\tleast\n7\t\n0\ta\ttab'
    exits 0 sluice recv urgent -n 4 --ranked
    is $'-9223372036854775808\tleast\n0\ta\ttab\n7\tseven\n7\t'
    printf '2\tb\0001\ta\000' | sluice send urgent --ranked -0
    [ "$(sluice recv urgent -n 2 --ranked -0 | tr '\0' ,)" = $'1\ta,2\tb,' ]
    exits 0 sluice send urgent --ranked --jsonl <<<$'2\t"two\\nlines"'
    exits 0 sluice recv urgent --ranked --jsonl
    is $'2\t"two\\nlines"'
}

@test "many lines are sorted" {
    sluice make sorted --ordered --cap 100000
    seq 20000 | shuf --random-source=<(yes) | awk '{ print $1 "\t" $1 }' | sluice send sorted --ranked
    [ "$(sluice recv sorted -n 20000 --lines | md5sum)" = "$(seq 20000 | md5sum)" ]
}

@test "the rank is told in JSON and to a command" {
    sluice send urgent --rank 4 --cap 5 x y z
    shows urgent 'ordered     by rank'
    exits 0 sluice recv urgent --json
    is '{"value":"x","type":"bytes","deliveries":1,"rank":4}'
    exits 0 sluice select 'recv urgent' --json
    is '{"index":0,"verb":"recv","name":"urgent","status":"OK","value":"y","type":"bytes","deliveries":1,"rank":4}'
    exits 0 sluice recv urgent -- sh -c 'echo "$SLUICE_RANK $(cat)"'
    is '4 z'
}

@test "an arm of select sends with a rank" {
    sluice make urgent --ordered --cap 5
    exits 0 sluice select 'send urgent@3=late'
    exits 0 sluice select 'send urgent@-3=a=b@c'
    exits 0 sluice select 'send urgent=middle'
    exits 0 sluice recv urgent -n 3 --ranked
    is $'-3\ta=b@c\n0\tmiddle\n3\tlate'
    exits 64 sluice select 'send urgent@x=1'
    says 'send NAME@RANK=VALUE'
    exits 64 sluice select 'send urgent@3'
}

@test "an item that is given back keeps its rank" {
    sluice make urgent --ordered --cap 5
    sluice send urgent --rank 1 first
    sluice send urgent --rank 2 second
    exits 9 sluice recv urgent -- sh -c 'exit 9'
    exits 0 sluice recv urgent --json
    is '{"value":"first","type":"bytes","deliveries":2,"rank":1}'
    background sluice recv urgent -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$BATS_TEST_TMPDIR/child" # the child
    eventually shows urgent 'leased      1'
    sluice send urgent --rank 3 third
    kill -KILL "$pid"
    ended 137
    eventually shows urgent 'leased      0'
    exits 0 sluice recv urgent -n 2 --ranked
    is $'2\tsecond\n3\tthird'
}

@test "wrong usage" {
    sluice make plain --cap 5
    exits 64 sluice send plain --rank 1 x
    exits 64 sluice send plain --rank one x
    says "'one' is not a whole number"
    exits 64 sluice send plain --rank 1 --ranked
    says 'one or the other'
    exits 64 sluice send plain --ranked a b
    sluice make urgent --ordered --cap 5
    exits 64 sluice send urgent --ranked <<<$'1\tgood\nbad'
    says 'record 2 of stdin does not begin with a rank'
    says '1 sent before it'
    exits 64 sluice send urgent --ranked <<<$'99999999999999999999\tx'
    says 'within 64 bits'
    exits 64 sluice make urgent --cap 5
    exits 64 sluice make m --mutex --ordered
    says '--ordered is for a channel'
}

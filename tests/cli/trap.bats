#!/usr/bin/env bats
# sluice trap: signals as items of a channel, with a command behind it and without one.

load daemon
setup() {
    daemon_start
    pipe=$BATS_TEST_TMPDIR/pipe
    mkfifo "$pipe"
}
teardown() { daemon_stop; }

# received NAME TEXT: the next item of the channel is this.
received() {
    local got
    got=$(sluice recv "$1" --timeout 10s) && [[ $got == "$2" ]] || { echo "received $got, not $2"; return 1; }
}

# What a command does that says that it runs, and then waits for the end of its stdin.
waiter='trap "exit 5" TERM; trap "echo usr2" USR2; echo $$ >"$0"; while :; do sleep 1000 & wait; done' # the child

@test "the exit code is the command's" {
    exits 0 sluice trap events USR1 -- true
    quiet
    exits 9 sluice trap events USR1 -- sh -c 'exit 9'
    exits 143 sluice trap events USR1 -- sh -c 'kill -TERM $$'
    exits 127 sluice trap events USR1 -- no-such-command
    exits 126 sluice trap events USR1 -- /dev/null
    exits 0 sluice trap events USR1 -- cat <<<hello
    is hello
}

@test "wrong usage says what is wrong" {
    exits 64 sluice trap events
    exits 64 sluice trap events USR1 --
    says 'no command behind --'
    exits 64 sluice trap events INT KILL -- true
    says 'KILL cannot be caught'
    exits 64 sluice trap events SIGSTOP -- true
    says 'SIGSTOP cannot be caught'
    exits 64 sluice trap events INTERRUPT -- true
    says "'INTERRUPT' is no signal"
    exits 64 sluice trap events CHLD -- true
    says "command's own end"
    exits 64 sluice trap events USR1 --for-pid $$ -- true
    exits 66 sluice trap events USR1 --for-pid 2147483647
    sluice make numbers --type double
    exits 64 sluice trap numbers USR1 -- true
    says 'not of double'
    sluice counter add hits 1
    exits 64 sluice trap hits USR1 -- true
}

@test "named signals go into the channel, from the moment the command runs" {
    exits 0 sluice trap events USR1 SIGUSR2 RTMIN+1 alrm -- \
        sh -c 'kill -USR1 $PPID; kill -ALRM $PPID; kill -USR2 $PPID; kill -RTMIN+1 $PPID'
    shows events 'capacity    16'
    [ "$(sluice recv events --lines -n 4 | sort | paste -sd' ')" = 'ALRM RTMIN+1 USR1 USR2' ]
}

@test "named signals do not reach the command, others do" {
    background sluice trap events INT USR1 HUP -v -- sh -c "$waiter" "$pipe"
    read -r _ <"$pipe"
    for name in INT USR1 HUP; do
        kill -"$name" "$pid"
        received events "$name"
    done
    kill -USR2 "$pid"
    eventually grep -q usr2 "$BATS_TEST_TMPDIR/out"
    kill -TERM "$pid"
    ended 5
    [[ $(err) == *'events: signals sent: 3, dropped: 0'* ]]
    exits 4 sluice recv events --try
}

@test "numbers, and what the channel's type makes of them" {
    sluice make int --type int64 --cap 9
    sluice make json --type json --cap 9
    sluice make text --type string --cap 9
    for channel in int json text; do
        sluice trap $channel USR1 -- sh -c 'kill -USR1 $PPID'
        sluice trap $channel 10 --number -- sh -c 'kill -USR1 $PPID'
    done
    [ "$(sluice recv int -n 2 --lines | paste -sd' ')" = '10 10' ]
    [ "$(sluice recv json -n 2 --lines | paste -sd' ')" = '"USR1" 10' ]
    [ "$(sluice recv text -n 2 --lines | paste -sd' ')" = 'USR1 10' ]
}

@test "a full channel loses signals, and an unbuffered one without a receiver" {
    sluice make one --cap 1
    exits 0 sluice trap one USR1 USR2 HUP --json -v -- sh -c 'for s in USR1 USR2 HUP; do kill -$s $PPID; done'
    is '{"channel":"one","sent":1,"dropped":2}'
    says 'one: signals sent: 1, dropped: 2'
    sluice make rendezvous
    exits 0 sluice trap rendezvous USR1 --json -- sh -c 'kill -USR1 $PPID'
    is '{"channel":"rendezvous","sent":0,"dropped":1}'
    "$SLUICE" recv rendezvous >"$BATS_TEST_TMPDIR/got" 3>&- &
    eventually shows rendezvous '1 to receive'
    exits 0 sluice trap rendezvous USR1 --json -- sh -c 'kill -USR1 $PPID'
    is '{"channel":"rendezvous","sent":1,"dropped":0}'
    wait $!
    [ "$(cat "$BATS_TEST_TMPDIR/got")" = USR1 ]
}

@test "a closed channel is told once, and the command runs on" {
    sluice make events --cap 9
    sluice close events
    exits 7 sluice trap events USR1 HUP --json -- sh -c 'kill -USR1 $PPID; kill -HUP $PPID; exit 7'
    is '{"channel":"events","sent":0,"dropped":2}'
    [ "$stderr" = 'sluice: events: send on closed channel' ]
}

@test "without the daemon the command runs on, and signals are lost" {
    background sluice trap events USR1 --json -- sh -c "$waiter" "$pipe"
    read -r _ <"$pipe"
    daemon_stop
    kill -USR1 "$pid"
    kill -TERM "$pid"
    ended 5
    [[ $(out) == *'"sent":0,"dropped":1}' ]]
}

@test "--close ends those who receive" {
    sluice make events --cap 9
    background sluice recv events --all --lines
    exits 0 sluice trap events USR1 --close -- sh -c 'kill -USR1 $PPID'
    ended 0
    [ "$(out)" = USR1 ]
    exits 0 sluice trap events USR1 --close -- true
}

@test "without a command it tells its pid when it is ready, and an unnamed signal ends it" {
    for end in TERM INT HUP; do
        background sluice trap events USR1 USR2
        eventually grep -qx "$pid" "$BATS_TEST_TMPDIR/out"
        kill -USR1 "$pid"
        received events USR1
        kill -USR2 "$pid"
        received events USR2
        kill -"$end" "$pid"
        ended $((128 + $(kill -l "$end")))
    done
    background sluice trap events TERM --json
    eventually grep -qx "{\"pid\":$pid}" "$BATS_TEST_TMPDIR/out"
    kill -TERM "$pid"
    received events TERM
    kill -INT "$pid"
    ended 130
    [ "$(out | tail -n 1)" = '{"channel":"events","sent":1,"dropped":0}' ]
}

@test "without a command it ends with the process of --for-pid" {
    sh -c "$waiter" "$pipe" 3>&- &
    other=$!
    read -r _ <"$pipe"
    background sluice trap events USR1 --for-pid "$other" --close
    eventually grep -qx "$pid" "$BATS_TEST_TMPDIR/out"
    kill -USR1 "$pid"
    received events USR1
    kill -TERM "$other"
    ended 0
    exits 3 sluice recv events
}

@test "without a command it ends when the channel is gone" {
    background sluice trap events USR1
    eventually grep -qx "$pid" "$BATS_TEST_TMPDIR/out"
    sluice close events
    kill -USR1 "$pid"
    ended 3
    [[ $(err) == *'send on closed channel'* ]]
    sluice rm events
    background sluice trap events USR1
    eventually grep -qx "$pid" "$BATS_TEST_TMPDIR/out"
    sluice rm events
    kill -USR1 "$pid"
    ended 66
}

@test "a signal that was ignored is caught when it is named, and ignored by the command" {
    (trap '' HUP && exec "$SLUICE" trap events HUP -- sh -c 'kill -HUP $PPID; kill -HUP $$; exit 4') 3>&- &
    pid=$!
    ended 4
    received events HUP
}

@test "the command inherits nothing but its three descriptors, and no blocked signals" {
    [ "$(sluice trap events USR1 -- ls /proc/self/fd)" = "$(ls /proc/self/fd)" ]
    exits 0 sluice trap events INT USR1 RTMIN -- sed -n 's/^Sig[BC][lg][kt]:.*[1-9a-f].*/&/p' /proc/self/status
    is ''
}

@test "on a terminal Ctrl-C goes into the channel when INT is named, else to the command" {
    command -v script >/dev/null || skip 'no script(1)'
    export DONE=$BATS_TEST_TMPDIR/done
    cat >"$BATS_TEST_TMPDIR/inside" <<'END'
trap 'echo interrupted >"$DONE"; exit 7' INT
trap 'exit 8' TERM
echo $PPID >"$DONE.new"
mv "$DONE.new" "$DONE.ready"
while :; do sleep 1000 & wait; done # the child
END
    on_terminal() {
        rm -f "$DONE" "$DONE.ready" "$BATS_TEST_TMPDIR/keys"
        mkfifo "$BATS_TEST_TMPDIR/keys"
        exec {keys}<>"$BATS_TEST_TMPDIR/keys"
        env --default-signal=INT script -qec "exec $SLUICE trap events $1 -- sh $BATS_TEST_TMPDIR/inside" /dev/null \
            <&"$keys" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
        pid=$!
        eventually test -e "$DONE.ready"
        printf '\003' >&"$keys"
    }
    on_terminal USR1
    ended 7
    [ "$(cat "$DONE")" = interrupted ]
    on_terminal INT
    received events INT
    [ ! -e "$DONE" ]
    kill -TERM "$(cat "$DONE.ready")"
    ended 8
}

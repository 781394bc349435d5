#!/usr/bin/env bats
# Contexts from the shell: made, handed on, ended; and commands that end with them.

load daemon
teardown() { daemon_stop; }

@test "a context bounds a wait: cancel with a cause is code 125" {
    daemon_start
    sluice make jobs
    CTX=$(sluice ctx timeout 30s)
    [[ $CTX =~ ^ctx-[0-9a-f]{16}$ ]]
    background sluice recv jobs --ctx "$CTX"
    eventually shows jobs '1 to receive'
    exits 0 sluice ctx err "$CTX"
    is ''
    sluice ctx cancel "$CTX" --cause operator
    ended 125
    [[ $(err) == *'context canceled'*operator* ]]
    exits 0 sluice ctx show "$CTX"
    [[ $output == *'state       context canceled'* && $output == *'cause       operator'* ]]
    exits 125 sluice ctx err "$CTX"
    is 'context canceled: operator'
    exits 0 sluice ctx wait "$CTX"
    exits 0 sluice ctx cancel "$CTX" --cause again
    exits 125 sluice ctx err "$CTX"
    is 'context canceled: operator'
}

@test "its deadline is code 124, with the cause it was given" {
    daemon_start --virtual-clock
    sluice make jobs
    CTX=$(sluice ctx timeout 30s --cause 'too slow')
    background sluice recv jobs --ctx "$CTX"
    eventually shows jobs '1 to receive'
    sluice clock advance 30s
    ended 124
    [[ $(err) == *'too slow'* ]]
    exits 124 sluice ctx err "$CTX"
    is 'context deadline exceeded: too slow'
    CTX=$(sluice ctx timeout -1s)
    exits 124 sluice ctx err "$CTX"
    exits 124 sluice send jobs x --ctx "$CTX"
}

@test "deadlines are times of day, too" {
    daemon_start --virtual-clock # whose day is the first of 2000, at midnight
    CTX=$(sluice ctx deadline 1999-12-31T23:59:59Z)
    exits 124 sluice ctx err "$CTX"
    CTX=$(sluice ctx make --deadline @1e3 2>/dev/null) && return 1
    CTX=$(sluice ctx make --deadline @946688400)
    exits 0 sluice ctx err "$CTX"
    exits 0 sluice ctx show "$CTX"
    [[ $output == *'deadline    2000-01-01T01:00:00.000Z'*'in 1h0m0s'* ]]
    CTX=$(sluice ctx deadline 2100-06-01T12:00:00.5+02:00)
    exits 0 sluice ctx show "$CTX"
    [[ $output == *'deadline    2100-06-01T10:00:00.500Z'* ]]
}

@test "a context ends with its parent; SLUICE_CTX is the default one" {
    daemon_start
    sluice make jobs
    parent=$(sluice ctx cancelable)
    child=$(sluice ctx make --parent "$parent" --timeout 1h)
    heir=$(SLUICE_CTX=$parent sluice ctx cancelable)
    free=$(SLUICE_CTX=$parent sluice ctx make --parent '')
    kept=$(sluice ctx make --parent "$parent" --without-cancel)
    sluice ctx cancel "$parent" --cause why
    exits 125 sluice ctx err "$child"
    is 'context canceled: why'
    exits 125 sluice ctx err "$heir"
    exits 0 sluice ctx err "$free"
    exits 0 sluice ctx err "$kept"
    exits 125 env SLUICE_CTX="$parent" "$SLUICE" recv jobs
    exits 4 env SLUICE_CTX="$parent" "$SLUICE" recv jobs --try --ctx ''
    exits 66 sluice ctx make --parent nothing
    exits 66 sluice recv jobs --ctx nothing
    exits 64 sluice recv jobs --ctx jobs
}

@test "values are found along the ancestors" {
    daemon_start
    parent=$(sluice ctx make --value user=anna --value text:app:lang=de=at)
    child=$(sluice ctx make --parent "$parent" --value user=berta)
    exits 0 sluice ctx value "$parent" user
    is anna
    exits 0 sluice ctx value "$child" user
    is berta
    exits 0 sluice ctx value "$child" text:app:lang
    is 'de=at'
    exits 0 sluice ctx value "$child" user --json
    is '"berta"'
    exits 1 sluice ctx value "$child" lang
    exits 64 sluice ctx make --value user
    exits 64 sluice ctx make --value =x
    says 'nil key'
}

@test "names can be chosen, and a context can live with a process" {
    daemon_start
    exits 0 sluice ctx cancelable --name mine
    is mine
    exits 64 sluice ctx cancelable --name mine --exclusive
    sleep 1000 & # the child
    CTX=$(sluice ctx cancelable --for-pid $!)
    kill $!
    wait $! || :
    sluice ctx wait "$CTX" --timeout 10s || [ $? = 66 ]
    exits 66 sluice ctx cancel nothing
    sluice make jobs
    exits 64 sluice ctx cancel jobs
    exits 64 sluice ctx show jobs
}

@test "AfterFunc: a value is sent when the context has ended, unless stopped" {
    daemon_start
    sluice make cleanup --cap 10
    CTX=$(sluice ctx cancelable)
    exits 0 sluice ctx after "$CTX" --send cleanup 'remove it'
    [[ $output =~ ^after-[0-9a-f]{16}$ ]]
    stopped=$(sluice ctx after "$CTX" --send cleanup 'not this')
    exits 0 sluice stop "$stopped"
    exits 4 sluice recv cleanup --try
    sluice ctx cancel "$CTX"
    exits 0 sluice recv cleanup --timeout 10s
    is 'remove it'
    exits 4 sluice recv cleanup --try
    exits 64 sluice ctx after "$CTX" x
}

@test "ctx wait waits, and ends for its own reasons" {
    daemon_start
    CTX=$(sluice ctx cancelable)
    exits 124 sluice ctx wait "$CTX" --timeout 10ms
    background sluice ctx wait "$CTX"
    eventually shows "$CTX" waiter
    sluice ctx cancel "$CTX"
    ended 0
}

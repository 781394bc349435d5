#!/usr/bin/env bats
# sluiced as a process: how it starts, tells, reloads, leaves, and what it does when something else is there already. Its clients here are
# nngcat and perl, which know nothing of it: requests are bytes, as sluice.proto says. Nothing sleeps: what has to be waited for says so, on a
# notification socket or by an answer.

bats_require_minimum_version 1.5.0

setup() {
    source_root=${SLUICE_SOURCE:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    build=${SLUICE_BUILD:-$source_root/build}
    sluiced=${SLUICED:-$build/sluiced}
    # Short names: a socket's path has at most 107 bytes.
    T=$(mktemp -d)
    S=$T/s
    url=ipc://$S
    unset NOTIFY_SOCKET LISTEN_FDS LISTEN_PID WATCHDOG_USEC WATCHDOG_PID XDG_RUNTIME_DIR XDG_CONFIG_HOME
    processes=()
}

teardown() {
    local process
    for process in "${processes[@]}"; do kill -9 "$process" 2>/dev/null && wait "$process" || true; done
    rm -rf "$T"
}

# ---- The service manager, as far as a service sees it.

# Receive notifications, one a line: each read from the descriptor $notes.
manager() {
    mkfifo "$T/notes"
    exec {notes}<>"$T/notes"
    perl -MIO::Socket::UNIX -e '
        my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die; $| = 1; print "LISTENING\n";
        while (defined $socket->recv(my $text, 4096)) { $text =~ s/\n/ /g; print "$text\n" }' "$T/n" >"$T/notes" 3>&- &
    processes+=($!)
    export NOTIFY_SOCKET=$T/n
    note LISTENING
}

# Wait for a notification that begins so; the whole of it is in $noted.
note() {
    local _
    for _ in {1..1000}; do
        read -r -t 30 -u "$notes" noted || { echo "no notification $1"; return 1; }
        [[ $noted != "$1"* ]] || return 0
    done
    return 1
}

# Start a daemon in the background with these arguments beside its socket, and wait until it serves. Its log is $T/log, its number $daemon.
serve() {
    [[ -S $T/n ]] || manager
    "$sluiced" --config /dev/null --audit --socket "$S" "$@" 2>"$T/log" 3>&- &
    daemon=$!
    processes+=("$daemon")
    note READY=1
}

# ---- A client.

ping='\x92\x01\x00'
make='\xa2\x01\x05\x0a\x01c\x42\x00'                # an unbuffered channel named c
recv='\x4a\x05\x0a\x03\x12\x01c'                    # from c
send='\x42\x0b\x0a\x03\x12\x01c\x12\x04\x0a\x02hi'  # hi to c
describe='\xc2\x02\x05\x0a\x03\x12\x01c'
status='\xda\x02\x00'

# Ask, and print the answer in hexadecimal: ask REQUEST [SOCKET]
ask() {
    local file
    file=$(mktemp "$T/request.XXXXXX")
    printf '%b' "$1" >"$file"
    nngcat --req0 --dial "ipc://${2:-$S}" --recv-timeout 30 --file "$file" --raw | od -An -v -tx1 | tr -d ' \n'
}

# Ask in the background; the answer goes to a file: ask_later NAME REQUEST
ask_later() {
    ask "$2" >"$T/$1" 3>&- &
    processes+=($!)
    asked=$!
}

# The same on one connection, which so has a session: session REQUEST... Prints an answer a line.
session() {
    perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => shift) or die; $s->syswrite("\0SP\0\0\x30\0\0"); read $s, my $got, 8;
        for (@ARGV) {
            my $body = eval qq("$_"); $s->syswrite(pack("CQ>N", 1, 4 + length $body, 1 << 31 | 1) . $body);
            read $s, $got, 13; read $s, $got, unpack("xQ>", $got) - 4; print unpack("H*", $got), "\n"; }' "$S" "$@"
}

# Wait until so many requests are parked, and everybody is at rest.
parked() { [[ $(ask "\\x92\\x02\\x02\\x08\\x0$1") == '' ]]; }

# ---- Being served.

@test "nngcat is served, and told who serves" {
    serve
    [[ $(ask "$ping") == '' ]]
    [[ $(ask "$make") == 62* ]]
    answer=$(ask "$status")
    [[ $answer == *$(printf '%s' "$url" | od -An -v -tx1 | tr -d ' \n')* ]]
}

@test "two processes meet in a channel" {
    serve
    ask "$make"
    ask_later got "$recv"
    parked 1
    [[ $(ask "$send") == '' ]]
    wait "$asked"
    [[ $(<"$T/got") == *0a026869* ]]
}

@test "a thousand connections that are killed leave nothing behind" {
    serve
    before=$(ls "/proc/$daemon/fd" | wc -l) # the descriptor that told READY may be among them still
    perl -MIO::Socket::UNIX -e '
        my @sockets; $| = 1;
        for (1 .. 1000) {
            my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $ARGV[0]) or die "$_: $!";
            $s->syswrite("\0SP\0\0\x30\0\0" . "\1\0\0\0\0\0\0\0\7\x80\0\0\1\x92\1\0");
            my $got = ""; while (length $got < 21) { $s->sysread($got, 21 - length $got, length $got) or die "closed"; }
            push @sockets, $s;
        }
        print "connected\n"; <STDIN>;' "$S" >"$T/notes" </dev/zero 3>&- &
    perl=$!
    processes+=("$perl")
    note connected
    (($(ls "/proc/$daemon/fd" | wc -l) >= 1000))
    kill -9 "$perl"
    # Every answer is a round of the daemon.
    for _ in {1..1000}; do
        (($(ls "/proc/$daemon/fd" | wc -l) > before)) || break
        ask "$ping"
    done
    (($(ls "/proc/$daemon/fd" | wc -l) <= before))
}

@test "a peer that talks something else is closed, and the log says why" {
    serve
    perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $ARGV[0]); $s->syswrite("GET / HTTP/1.1\r\n\r\n");
        while ($s->sysread(my $got, 100)) {}' "$S"
    grep -q "closed a connection: it does not speak SP (peer=[0-9]* pid=[0-9]* uid=$EUID)" "$T/log"
    [[ $(ask "$ping") == '' ]]
}

@test "a silent peer is closed after the greeting time" {
    serve --greeting-time 20ms
    perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $ARGV[0]); while ($s->sysread(my $got, 100)) {}' "$S"
    grep -q 'closed a connection: it did not greet' "$T/log"
}

# ---- Starting.

@test "READY comes when it serves, with counts" {
    serve
    [[ $noted == 'READY=1 STATUS=0 connections, 0 sessions, 0 objects, 0 requests waiting'* ]]
    [[ -S $S && $(stat -c %a "$S") == 600 ]]
}

@test "mode and folder are as asked" {
    S=$T/run/s
    serve --mode 0666
    [[ $(stat -c %a "$S") == 666 && $(stat -c %a "$T/run") == 755 ]]
}

@test "the usual place is in XDG_RUNTIME_DIR" {
    export XDG_RUNTIME_DIR=$T/x
    mkdir "$XDG_RUNTIME_DIR"
    manager
    "$sluiced" --config /dev/null 2>"$T/log" 3>&- &
    processes+=($!)
    note READY=1
    [[ $(stat -c %a "$T/x/sluice") == 700 && $(ask "$ping" "$T/x/sluice/sluice.sock") == '' ]]
}

@test "a second daemon on one path is refused and harms nothing" {
    serve
    run -69 "$sluiced" --config /dev/null --socket "$S"
    [[ $output == "sluiced: another sluiced (pid $daemon) serves $S" ]]
    [[ $(ask "$ping") == '' ]]
}

@test "of many daemons started at once exactly one serves" {
    manager
    started=()
    for _ in {1..8}; do
        "$sluiced" --config /dev/null --socket "$S" 2>>"$T/log" 3>&- &
        started+=($!)
    done
    processes+=("${started[@]}")
    note READY=1
    winner=$(cat "$S.lock")
    for process in "${started[@]}"; do
        code=0
        [[ $process == "$winner" ]] || wait "$process" || code=$?
        [[ $process == "$winner" || $code == 69 ]]
    done
    [[ $(ask "$ping") == '' ]]
}

@test "what a killed daemon left is replaced" {
    serve
    kill -9 "$daemon"
    wait "$daemon" || true
    [[ -S $S ]]
    serve
    [[ $(ask "$ping") == '' ]]
}

@test "a file in the place of the socket is left alone" {
    echo precious >"$S"
    run -71 "$sluiced" --config /dev/null --socket "$S"
    [[ $output == *"will not replace $S"* && $(<"$S") == precious ]]
}

@test "a path that is too long is told" {
    run -71 "$sluiced" --config /dev/null --socket "$T/$(printf 'x%.0s' {1..200})"
    [[ $output == *"a socket's path has 1 to 107 bytes"* ]]
}

@test "sockets are taken from systemd" {
    manager
    systemd-socket-activate -l "$S" -E NOTIFY_SOCKET "$sluiced" --config /dev/null 2>"$T/notes" 3>&- &
    daemon=$!
    processes+=("$daemon")
    note 'Listening on'
    [[ $(ask "$ping") == '' ]] # the connection that starts it is served
    note READY=1
    kill -TERM "$daemon"
    wait "$daemon"
    [[ -S $S ]] # it is systemd's
}

@test "a socket of another kind is not taken" {
    run -71 env LISTEN_FDS=1 perl -e '
        use POSIX; use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); POSIX::dup2(fileno($s), 3) if fileno($s) != 3;
        use Fcntl; fcntl($s, F_SETFD, 0); $ENV{LISTEN_PID} = $$; exec @ARGV' "$sluiced" --config /dev/null
    [[ $output == *LISTEN_FDS*"only listening unix stream sockets"* ]]
}

# ---- Leaving.

@test "SIGTERM: whoever waits is told, the path goes, the code is 0" {
    serve
    ask "$make"
    ask_later got "$recv"
    parked 1
    kill -TERM "$daemon"
    note STOPPING=1
    wait "$daemon"
    wait "$asked"
    [[ $(<"$T/got") == 081d* ]] # SHUTTING_DOWN
    [[ ! -e $S && ! -e $S.lock ]]
}

@test "SIGTERM: a client that never reads holds it no longer than drain-time" {
    serve --drain-time 50ms
    ask "$make"
    # Asks for much and reads nothing.
    perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $ARGV[0]); $| = 1;
        my $frame = "\1\0\0\0\0\0\0\0\7\x80\0\0\1" . "\xe2\2\0"; # Reflect: a large answer
        $s->syswrite("\0SP\0\0\x30\0\0" . $frame x 100); print "asked\n"; <STDIN>' "$S" >"$T/notes" </dev/zero 3>&- &
    processes+=($!)
    note asked
    ask "$ping"
    kill -TERM "$daemon"
    wait "$daemon"
    grep -q 'did not read their last replies' "$T/log"
}

@test "a path that somebody else took is not unlinked" {
    serve
    rm "$S"
    echo mine >"$S"
    kill -TERM "$daemon"
    wait "$daemon"
    [[ $(<"$S") == mine ]]
}

@test "idle-exit: it leaves when it holds nothing and serves nobody" {
    serve --idle-exit 1ms
    wait "$daemon"
    grep -q 'held nothing and served nobody' "$T/log"
    [[ ! -e $S ]]
}

@test "idle-exit: it stays for a client and for what clients left" {
    serve --idle-exit 100ms
    ask "$make"
    # A receive that gives up after 300 ms: three times the idle time, with a client.
    [[ $(ask "\\x28\\x80\\xc6\\x86\\x8f\\x01$recv") == 0803* ]]
    # And as long again, without one: another daemon's clock tells when.
    (S=$T/other && serve && ask "$make" && ask "\\x28\\x80\\xc6\\x86\\x8f\\x01$recv" && kill "$daemon")
    [[ $(ask "$ping") == '' ]]
    [[ $(ask '\xc2\x01\x05\x0a\x03\x12\x01c') == '' ]] # remove the channel
    wait "$daemon"
}

# ---- Running.

@test "SIGHUP: reloading is told, and takes effect" {
    manager
    echo 'log-level = info' >"$T/conf"
    "$sluiced" --config "$T/conf" --socket "$S" 2>"$T/log" 3>&- &
    daemon=$!
    processes+=("$daemon")
    note READY=1
    printf 'log-level = debug\npayload-max = 2M\n' >"$T/conf"
    kill -HUP "$daemon"
    note 'RELOADING=1 MONOTONIC_USEC='
    note READY=1
    ask "$ping"
    ask "$ping" # the connection of the first has gone by now
    grep -q 'lost a connection' "$T/log"
    grep -q 'payload-max takes effect at the next start' "$T/log"
    echo 'log-level = loud' >"$T/conf"
    kill -HUP "$daemon"
    note RELOADING=1
    note READY=1
    grep -q "configuration kept as it was: $T/conf:1: log-level: \"loud\" is not err, warning, notice, info or debug" "$T/log"
    [[ $(ask "$ping") == '' ]]
}

@test "the watchdog is fed by round trips" {
    manager
    WATCHDOG_USEC=100000 "$sluiced" --config /dev/null --socket "$S" 2>"$T/notes" 3>&- &
    daemon=$!
    processes+=("$daemon")
    note READY=1
    note 'WATCHDOG=1 STATUS='
    note 'WATCHDOG=1 STATUS='
    # Nobody can connect any more: the watchdog notices.
    rm "$S"
    note 'sluiced: the watchdog is not fed: it could not be probed'
}

@test "at rest it takes at most 4 MB and is not woken" {
    [[ ! ${SLUICE_SANITIZED:-} ]] || skip 'sanitizers take memory'
    serve
    ask "$make"
    ask "$ping"
    (($(awk '/VmRSS/ { print $2 }' "/proc/$daemon/status") <= 4096))
    # For a second and a half by another daemon's clock. The greeting timer may fire once more.
    wakes() { awk '/voluntary_ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$daemon/status"; }
    rested=$daemon
    before=$(wakes)
    (S=$T/other && serve && ask "$make" && ask "\\x28\\x80\\xde\\xa0\\xcb\\x05$recv" && kill "$daemon")
    daemon=$rested
    (($(wakes) - before <= 1))
}

@test "an object ends with the process it was made for" {
    serve
    cat </dev/zero >/dev/null 3>&- & # the child
    child=$!
    processes+=("$child")
    # Make{name c, lifetime EPHEMERAL, for_pid, channel}; the number as a varint of three bytes
    pid=$(printf '\\x%02x\\x%02x\\x%02x' $((child & 127 | 128)) $((child >> 7 & 127 | 128)) $((child >> 14 & 127)))
    ask "\\xa2\\x01\\x0b\\x0a\\x01c\\x20\\x01\\x28$pid\\x42\\x00"
    [[ $(ask "$describe") != 0808* ]]
    kill -9 "$child"
    for _ in {1..1000}; do
        [[ $(ask "$describe") != 0808* ]] || break
    done
    [[ $(ask "$describe") == 0808* ]] # NOT_FOUND
}

@test "a process of another user cannot be named, nor one that is not there" {
    serve --mode 0666
    chmod 755 "$T"
    dead=$(sh -c 'echo $$')
    pid=$(printf '\\x%02x\\x%02x\\x%02x' $((dead & 127 | 128)) $((dead >> 7 & 127 | 128)) $((dead >> 14 & 127)))
    [[ $(ask "\\xa2\\x01\\x0b\\x0a\\x01c\\x20\\x01\\x28$pid\\x42\\x00") == 0808* ]]
    ((EUID == 0)) || skip 'only root can be somebody else'
    printf '\xa2\x01\x09\x0a\x01c\x20\x01\x28\x01\x42\x00' >"$T/request" # process 1
    chmod 644 "$T/request"
    answer=$(setpriv --reuid=65534 --clear-groups nngcat --req0 --dial "$url" --recv-timeout 30 --file "$T/request" --raw |
        od -An -v -tx1 | tr -d ' \n')
    [[ $answer == 0810* ]] # NOT_PERMITTED
}

# ---- The virtual clock.

advance_second='\xea\x02\x08\x08\x80\x94\xeb\xdc\x03\x20\x01' # with settle
virtual_deadline='\x28\x80\x94\xeb\xdc\x03'                   # a request's timeout of one second

@test "a virtual clock stands until it is moved" {
    serve --virtual-clock
    ask "$make"
    ask_later got "$virtual_deadline$recv"
    parked 1
    [[ $(ask '\xea\x02\x00') == *0800* ]] # now_ns 0
    [[ $(ask "$advance_second") == *088094ebdc03* ]]
    wait "$asked"
    [[ $(<"$T/got") == 0803* ]] # DEADLINE_EXCEEDED
}

@test "moves of several clients are done one after the other" {
    serve --virtual-clock
    for i in 1 2 3 4; do ask_later "move$i" "$advance_second"; moves[i]=$asked; done
    for i in 1 2 3 4; do wait "${moves[i]}"; done
    for instant in 8094ebdc03 80a8d6b907 80bcc1960b 80d0acf30e; do grep -q "08$instant" "$T"/move?; done
}

@test "who asks for a move is at rest, also behind another" {
    serve --virtual-clock
    for i in 1 2 3; do
        session "$ping" "$advance_second" "$advance_second" >"$T/move$i" 3>&- &
        moves[i]=$!
    done
    processes+=("${moves[@]}")
    for i in 1 2 3; do wait "${moves[i]}"; done
    grep -q 0880f882ad16 "$T"/move? # six seconds, after the last
}

@test "a move waits for a client that is not at rest" {
    serve --virtual-clock
    ask "$make"
    mkfifo "$T/until"
    # A client with a session, which is busy: it neither waits nor goes.
    perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $ARGV[0]); $| = 1;
        $s->syswrite("\0SP\0\0\x30\0\0" . "\1\0\0\0\0\0\0\0\7\x80\0\0\1\x92\1\0");
        my $got = ""; while (length $got < 21) { $s->sysread($got, 21 - length $got, length $got) or die; }
        print "busy\n"; <STDIN>; # until it is told to go' "$S" >"$T/notes" <"$T/until" 3>&- &
    busy=$!
    processes+=("$busy")
    exec {told}>"$T/until"
    note busy
    ask_later moved "$advance_second"
    for _ in {1..20}; do [[ $(ask '\xea\x02\x00') == *0800* ]]; done
    kill -0 "$asked"
    echo go >&"$told"
    wait "$asked"
    [[ $(<"$T/moved") == *088094ebdc03* ]]
}

@test "a real clock is not moved" {
    serve
    [[ $(ask "$advance_second") == 081e* ]] # NOT_VIRTUAL
}

# ---- Configuration and units.

@test "flags: help, version, mistakes" {
    run -0 "$sluiced" --help
    [[ $output == *--idle-exit=DURATION*--virtual-clock* ]]
    run -0 "$sluiced" --version
    [[ $output == 'sluiced '[0-9]* ]]
    run -64 "$sluiced" --payload-max 65M
    [[ $output == *'--payload-max: 65M is not within 1 and 64M'* ]]
    run -64 "$sluiced" --nonsense
    run -64 "$sluiced" argument
}

@test "a wrong file is told by name, line and key" {
    printf '# a comment\n\npayload-max = many\n' >"$T/conf"
    run -78 "$sluiced" --config "$T/conf" --check-config
    [[ $output == "sluiced: $T/conf:3: payload-max: \"many\" is not a size such as 64K, 1M or 4G" ]]
    printf 'unknown = 1\n' >"$T/conf"
    run -78 "$sluiced" --config "$T/conf"
    [[ $output == "sluiced: $T/conf:1: unknown: unknown setting" ]]
    printf '[section]\nmode = 0600\n' >"$T/conf"
    run -78 "$sluiced" --config "$T/conf"
    [[ $output == "sluiced: $T/conf:2: section: there are no sections" ]]
    run -78 "$sluiced" --config "$T/none"
}

@test "flags win over the file, the file over the defaults" {
    printf 'payload-max = 2M\nmemory-max = 1G\nlisten = ipc:///a\n' >"$T/conf"
    run -0 "$sluiced" --config "$T/conf" --check-config --memory-max 512M --listen ipc:///b --listen ipc:///c
    [[ $output == *'payload-max = 2M'*'memory-max = 512M'* && $output != *ipc:///a* && $output == *ipc:///b*ipc:///c* ]]
    mkdir -p "$T/config/sluice"
    echo 'seed = 42' >"$T/config/sluice/sluiced.conf"
    XDG_RUNTIME_DIR=$T XDG_CONFIG_HOME=$T/config run -0 "$sluiced" --check-config
    [[ $output == *'seed = 42'* ]]
}

@test "the shipped sluiced.conf says the defaults" {
    sed -n 's/^#\([a-z]\)/\1/p' "$source_root/systemd/sluiced.conf" >"$T/conf"
    run -0 "$sluiced" --config /dev/null --check-config
    [[ $output == "$(<"$T/conf")" ]]
    # Its examples are settings too.
    sed -n 's/^#  *\([a-z-]* = .*\)/\1/p' "$source_root/systemd/sluiced.conf" >"$T/conf"
    "$sluiced" --config "$T/conf" --check-config
}

@test "the units are what systemd takes" {
    mkdir "$T/units" "$T/user"
    cp "$build"/systemd/sluiced.{service,socket} "$T/units"
    cp "$build"/systemd/user/sluiced.{service,socket} "$T/user"
    sed -i "s|^ExecStart=[^ ]*|ExecStart=$sluiced|" "$T"/u*/sluiced.service
    ! grep -r @ "$T/units" "$T/user" | grep -v 'SystemCallFilter='
    run -0 systemd-analyze verify --man=no "$T/units/sluiced.service" "$T/units/sluiced.socket"
    [[ $output == '' ]]
    XDG_RUNTIME_DIR=$T run -0 systemd-analyze --user verify --man=no "$T/user/sluiced.service" "$T/user/sluiced.socket"
    [[ $output == '' ]]
    run -0 systemd-sysusers --dry-run "$build/systemd/sysusers.conf"
}

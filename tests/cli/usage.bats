#!/usr/bin/env bats
# What needs no daemon: help, completion, the manual page, wrong usage; and what is said when there is no daemon.

load daemon

setup() {
    export SLUICE_AUTOSTART=0 SLUICE_ADDR=$BATS_TEST_TMPDIR/none.sock
    unset SLUICE_CTX
}

verbs() { sluice --help | sed -nE 's|^  ([a-z]+( [a-z]+)?) +[A-Z].*|\1|p'; }

@test "without a verb it lists them and fails" {
    exits 64 sluice
    says 'Usage: sluice VERB'
    exits 0 sluice --help
    [[ $output == *'  send '* && $output == *'context deadline exceeded'* ]]
    exits 0 sluice help
    exits 0 sluice --version
    [[ $output == 'sluice '* ]]
}

@test "each verb's help has its usage and an example" {
    [ "$(verbs | wc -l)" -ge 63 ]
    while IFS= read -r verb; do
        # shellcheck disable=SC2086 # two words are two arguments
        exits 0 sluice $verb --help
        [[ $output == "Usage: sluice $verb"* && $output == *Example* ]] || { echo "$verb"; return 1; }
        # shellcheck disable=SC2086
        [ "$(sluice help $verb)" = "$output" ]
    done < <(verbs)
}

@test "a family's help lists its verbs" {
    exits 0 sluice ctx --help
    [[ $output == *'ctx cancel'* && $output != *'  send '* ]]
    exits 0 sluice help ctx
    exits 64 sluice ctx
    says 'ctx cancel'
}

@test "an unknown verb is refused, and the nearest is named" {
    exits 64 sluice sned jobs
    says "did you mean 'send'?"
    exits 64 sluice ctx cancle x
    says "did you mean 'ctx cancel'?"
    exits 64 sluice xyzzy
    says 'sluice help'
    exits 64 sluice help xyzzy
}

@test "wrong usage is exit code 64 and says what was expected" {
    exits 64 sluice send
    says 'NAME [VALUE...]'
    exits 64 sluice make a b
    says "unexpected argument 'b'"
    exits 64 sluice recv jobs --timeout 5x
    says "'5x' is not a duration"
    exits 64 sluice recv jobs --bogus
    exits 64 sluice recv jobs -n 0
    exits 64 sluice make jobs --cap many
    says "'many' is not a whole number"
    exits 64 sluice make jobs --type word
    says 'bytes string int64 double json handle'
    exits 64 sluice ls --kind word
    says 'channel context'
    exits 64 sluice ctx deadline tomorrow
    exits 64 sluice ctx run --signals INT,KILL -- true
    exits 64 sluice completion tcsh
}

@test "without a daemon the exit code is 69, and the message says how to start one" {
    for verb in 'make x' 'send x y' 'recv x' 'ls' 'status' 'after 1ms' 'ctx timeout 1s' 'ctx run true' 'lock x -- true' 'counter load x'; do
        # shellcheck disable=SC2086
        exits 69 sluice $verb
        says 'none.sock'
        says 'sluiced'
    done
    exits 69 sluice status --addr "$BATS_TEST_TMPDIR/other.sock"
    says 'other.sock'
}

@test "the completion script is bash and completes verbs, options and families" {
    sluice completion bash >"$BATS_TEST_TMPDIR/completion"
    bash -n "$BATS_TEST_TMPDIR/completion"
    complete_words() {
        bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluice; echo "${COMPREPLY[*]}"' \
            complete "$BATS_TEST_TMPDIR/completion" "$@"
    }
    [ "$(complete_words sluice se)" = 'send select sem serve' ]
    [ "$(complete_words sluice ctx ca)" = 'cancelable cancel' ]
    [ "$(complete_words sluice send jobs --li)" = '--lines' ]
    [ "$(complete_words sluice ctx run --sig)" = '--signals' ]
}

@test "the manual page has every verb and no warnings" {
    sluice help --man >"$BATS_TEST_TMPDIR/sluice.1"
    while IFS= read -r verb; do
        grep -q "^.SS \"sluice $verb " "$BATS_TEST_TMPDIR/sluice.1"
    done < <(verbs)
    command -v groff >/dev/null || skip 'no groff'
    [ -z "$(groff -man -ww -Tutf8 "$BATS_TEST_TMPDIR/sluice.1" 2>&1 >/dev/null)" ]
}

@test "without an address a daemon is started for the user" {
    [ ! -e /run/sluice/sluice.sock ] || skip 'there is a daemon of the system'
    unset SLUICE_ADDR SLUICE_AUTOSTART
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    exits 0 sluice make jobs --cap 1 3>&-
    exits 0 sluice send jobs hello
    exits 0 sluice status --json
    [[ $output =~ '"pid":'([0-9]+) ]]
    pid=${BASH_REMATCH[1]}
    [[ $output == *"$XDG_RUNTIME_DIR/sluice/sluice.sock"* ]]
    kill "$pid"
    eventually bash -c '! SLUICE_AUTOSTART=0 "$SLUICE" status'
}

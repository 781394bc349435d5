#!/usr/bin/env bats
# A rule that catches nothing is worse than none: each check of tests/tidy/tidy is shown one clean tree and its own kind
# of dirt. The trees are written here, small and whole.

setup() {
    tree=$BATS_TEST_TMPDIR/tree
    mkdir -p "$tree"/daemon/{engine,wire,front,host} "$tree"/client/{include,lib,cli,examples} "$tree"/tests/{engine,tidy,cli}
    : >"$tree/tests/tidy/allow"
    source_file daemon/engine/chan.h '#include <stdint.h>'
    source_file daemon/engine/chan.c '#include "chan.h"' '' 'int chan_len(void)' '{' '    return 0;' '}'
    source_file daemon/wire/wire.h '#include "chan.h"'
    source_file client/include/sluice.h 'int sluice_version(void);'
    cp "$BATS_TEST_DIRNAME/../../.clang-format" "$tree"
}

# Write a C file with a proper head: PATH LINE...
source_file() {
    local path=$tree/$1
    shift
    printf '%s\n' '/*' ' * A noun.' ' *' ' * What it models, and what it refuses.' ' */' "$@" >"$path"
}

tidy() { run "$BATS_TEST_DIRNAME/tidy" -C "$tree" "$@"; }
clean() { tidy "$1" && [ "$status" -eq 0 ] && [ -z "$output" ]; }
# The check fails, and names this place.
caught() { tidy "$1" && [ "$status" -eq 1 ] && [[ $output == *"$2"* ]]; }

@test "a clean tree passes every check" {
    tidy includes engine lengths sleeps marks heads text format
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "an unknown check is refused" {
    tidy nonsense
    [ "$status" -eq 64 ]
}

@test "includes: a layer may not look up, sideways or through a path" {
    source_file daemon/engine/up.c '#include "wire.h"'
    caught includes 'daemon/engine/up.c:6'
    rm "$tree/daemon/engine/up.c"
    source_file daemon/engine/path.c '#include "../engine/chan.h"'
    caught includes 'daemon/engine/path.c:6'
    rm "$tree/daemon/engine/path.c"
    source_file daemon/host/side.c '#include "chan.h"'
    caught includes 'daemon/host/side.c:6'
    rm "$tree/daemon/host/side.c"
    source_file client/cli/inside.c '#include "conn.h"'
    : >"$tree/client/lib/conn.h"
    caught includes 'client/cli/inside.c:6'
}

@test "includes: the engine takes only pure system headers" {
    source_file daemon/engine/clock.c '#include <sys/time.h>'
    caught includes 'daemon/engine/clock.c:6'
    rm "$tree/daemon/engine/clock.c"
    source_file daemon/front/ipc.c '#include <nng/nng.h>'
    caught includes 'daemon/front/ipc.c:6'
}

@test "engine: clocks, files, threads and allocation are caught; members, comments and strings are not" {
    source_file daemon/engine/good.c 'void f(struct s *s)' '{' '    s->read(s); /* malloc(1) */' '    g("time(0)"); chan_free(s);' '}'
    clean engine
    for call in 'time(NULL)' 'x = malloc(1)' 'e = errno' 'pthread_self()' 'read (0, b, 1)' 'printf("x")' 'nng_fini()'; do
        source_file daemon/engine/bad.c 'void f(void)' '{' "    $call;" '}'
        caught engine 'daemon/engine/bad.c:8' || { echo "missed: $call"; return 1; }
    done
    mv "$tree/daemon/engine/bad.c" "$tree/daemon/engine/other.c"
    source_file daemon/engine/mem.c 'void *f(void)' '{' '    return malloc(1);' '}'
    rm "$tree/daemon/engine/other.c"
    clean engine
}

@test "lengths: long functions and files are caught, and an allowance only shrinks" {
    { cat "$tree/daemon/engine/chan.c"; echo 'static int *long_one(int a,'; echo '                     int b)'; echo '{'
      for ((i = 0; i < 67; i++)); do echo '    a++;'; done; echo '}'; } >"$tree/daemon/engine/long.c"
    caught lengths 'daemon/engine/long.c:long_one: function of 71 lines'
    echo 'function daemon/engine/long.c:long_one 71' >"$tree/tests/tidy/allow"
    clean lengths
    echo 'function daemon/engine/long.c:long_one 72' >"$tree/tests/tidy/allow"
    caught lengths 'lower its line'
    echo 'function daemon/engine/long.c:long_one 70' >"$tree/tests/tidy/allow"
    caught lengths 'more than the 70 it is allowed'
    sed -i '/a++/d' "$tree/daemon/engine/long.c"
    caught lengths 'remove its line'
    echo 'file daemon/engine/gone.c 700' >"$tree/tests/tidy/allow"
    caught lengths 'is not there'
    : >"$tree/tests/tidy/allow"
    for ((i = 0; i < 600; i++)); do echo; done >>"$tree/daemon/engine/long.c"
    caught lengths 'daemon/engine/long.c: file of'
}

@test "sleeps: tests may not sleep, the command under test may" {
    local nap=sleep
    printf '%s\n' '#!/usr/bin/env bats' "sluice lock a -- $nap 1 # the child" >"$tree/tests/cli/a.bats"
    clean sleeps
    echo "$nap 1" >>"$tree/tests/cli/a.bats"
    caught sleeps 'tests/cli/a.bats:3'
    rm "$tree/tests/cli/a.bats"
    source_file tests/engine/a_test.c 'void f(void)' '{' '    usleep(10);' '}'
    caught sleeps 'tests/engine/a_test.c:8'
}

@test "marks: half-done work is caught, Go's context.TODO is not" {
    source_file daemon/engine/go.c '/* context.TODO and ROOT_TODO are names; "for now_ns" is a sentence. */' 'enum { TODO = 2 };'
    clean marks
    for mark in '// TODO write this' '/* FIXME */' '/* not implemented */' '/* good enough for now */' '/* TODO: more */'; do
        source_file daemon/engine/half.c "$mark"
        caught marks 'daemon/engine/half.c:6' || { echo "missed: $mark"; return 1; }
    done
}

@test "heads: a C file begins by saying what it is" {
    printf '%s\n' '/* A noun. */' 'int a;' >"$tree/daemon/wire/short.c"
    caught heads 'daemon/wire/short.c:1'
    printf '%s\n' '#include "chan.h"' >"$tree/daemon/wire/short.c"
    caught heads 'daemon/wire/short.c:1'
}

@test "text: spaces at the end, a missing newline and one machine's paths are caught" {
    printf 'a \n' >"$tree/README.md"
    caught text 'README.md:1'
    printf 'a' >"$tree/README.md"
    caught text 'README.md: no newline'
    local home=/home
    printf 'see %s/anna/x\n' "$home" >"$tree/README.md"
    caught text 'README.md:1'
}

@test "format: what clang-format would change is caught" {
    source_file daemon/engine/chan.c 'int chan_len(void) { return 0; }'
    caught format 'daemon/engine/chan.c:6'
}

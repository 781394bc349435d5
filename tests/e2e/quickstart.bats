#!/usr/bin/env bats
# The quickstart and the README do what they say. The README's console blocks are run as they stand, and what they print is
# compared with what stands beneath each command; its tables are compared with the tables they are about.

bats_require_minimum_version 1.5.0

setup() {
    source_root=${SLUICE_SOURCE:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
    export SLUICE_BUILD=${SLUICE_BUILD:-$source_root/build}
    readme=$source_root/README.md
    quickstart=$source_root/client/examples/quickstart
    # Short names: a socket's path has at most 107 bytes.
    TMPDIR=$(mktemp -d)
    export TMPDIR XDG_RUNTIME_DIR=$TMPDIR/run
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    unset SLUICE_ADDR SLUICE_CTX
    printf 'The cat sat on the mat.\nThe mat was flat, THE cat was fat.\n' >"$BATS_TEST_TMPDIR/text"
}

teardown() {
    local process
    # The daemon that the README's commands started, if they did.
    for process in $(processes); do kill "$process"; done
    rm -rf "$TMPDIR"
}

# The processes that have a file of this test among their arguments.
processes() { pgrep -f "$TMPDIR/" || true; }

# The quickstart left no file and no process behind.
nothing_left() {
    [ "$(ls -A "$TMPDIR")" = run ]
    [ -z "$(processes)" ]
}

# ---- The quickstart

@test "it counts as coreutils do, shows ten words, and leaves nothing behind" {
    run -0 --separate-stderr "$quickstart"
    echo "$output"
    [[ ${lines[0]} =~ ^counted\ [0-9]+\ words,\ [0-9]+\ different,\ in\ [0-9]+\ blocks\ by\ 4\ workers\ in\ [0-9]+\.[0-9]+\ s$ ]]
    [[ ${lines[1]} == 'the same as coreutils, which took '*' s' ]]
    [ "${#lines[@]}" -eq 12 ]
    [ -z "$stderr" ]
    nothing_left
}

@test "it counts the files it is given" {
    run -0 "$quickstart" "$BATS_TEST_TMPDIR/text" "$BATS_TEST_TMPDIR/text"
    echo "$output"
    [[ ${lines[0]} == 'counted 28 words, 8 different, in 1 blocks'* ]]
    [ "${lines[2]}" = '      8 the' ]
    [ "${#lines[@]}" -eq 10 ]
}

@test "files without a word are nothing to count" {
    : >"$BATS_TEST_TMPDIR/empty"
    run -0 "$quickstart" "$BATS_TEST_TMPDIR/empty"
    [[ ${lines[0]} == 'counted 0 words'* ]]
}

@test "a killed worker loses nothing, and nothing counts twice" {
    run -0 --separate-stderr "$quickstart" --kill
    echo "$output"
    [[ ${lines[0]} =~ ^killed\ worker\ [0-9]+:\ it\ held\ 8\ blocks,\ and\ had\ sent\ the\ results\ of\ 4$ ]]
    [ "${lines[1]}" = 'the others took over: 4 results came twice and were counted once' ]
    [[ ${lines[3]} == 'the same as coreutils'* ]]
    [ -z "$stderr" ]
    nothing_left
}

@test "it says how far it is when asked, on stderr" {
    run -0 --separate-stderr "$quickstart" --progress
    [[ $stderr == *' words in '*' blocks' ]]
    [[ $output != *' words in '*' blocks' ]]
}

@test "it fails when coreutils count otherwise" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\n/usr/bin/uniq "$@" | sed "s/3 cat/4 cat/; s/2 cat/4 cat/"\n' >"$BATS_TEST_TMPDIR/bin/uniq"
    chmod +x "$BATS_TEST_TMPDIR/bin/uniq"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run -1 "$quickstart" "$BATS_TEST_TMPDIR/text"
    echo "$output"
    [[ $output == *'coreutils count otherwise'* ]]
    nothing_left
}

@test "it tells of itself, and refuses what it does not know" {
    run -0 "$quickstart" --help
    [[ $output == Usage:* ]]
    run -64 "$quickstart" --frobnicate
    run -1 "$quickstart" "$BATS_TEST_TMPDIR/nowhere"
    [ "$output" = "quickstart: cannot read $BATS_TEST_TMPDIR/nowhere" ]
    nothing_left
}

@test "a signal stops it and everything it started" {
    local name code
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    for name in INT TERM HUP; do
        env --default-signal "$quickstart" "$BATS_TEST_TMPDIR/fifo" 3>&- 7>&- &
        # More than a pipe holds: when it is written, the splitter has read.
        exec 7<>"$BATS_TEST_TMPDIR/fifo"
        timeout 60 sh -c 'yes word | head -c 200000 >&7'
        kill "-$name" $!
        code=0
        wait $! || code=$?
        exec 7>&-
        [ "$code" -eq $((128 + $(kill -l "$name"))) ]
        nothing_left
    done
}

# ---- The README

# Print the fenced blocks of the README of this language, from the FIRST to the LAST of them.
blocks() { awk -v language="$1" -v first="$2" -v last="${3:-$2}" '/^```/ { inside = !inside && $0 == "```" language; n += inside; next } inside && n >= first && n <= last' "$readme"; }

# Run the commands of a console block in one shell, and print the block again with what they printed.
play() {
    local line
    {
        echo 'exec 2>&1'
        grep '^\$ ' | while IFS= read -r line; do
            printf 'printf "%%s\\n" %q\n%s\n' "$line" "${line#\$ }"
        done
    } >"$BATS_TEST_TMPDIR/session"
    bash "$BATS_TEST_TMPDIR/session" 3>&-
}

# A folder that looks to the README's commands like the project.
stand_in_for_root() {
    cd "$BATS_TEST_TMPDIR"
    ln -s "$SLUICE_BUILD" build
    ln -s "$source_root/client" client
}

@test "the README's tour runs as typed and prints what it shows" {
    stand_in_for_root
    blocks console 1 4 >tour
    [ "$(grep -c '^\$ ' tour)" -ge 20 ]
    play <tour >played
    diff tour played
}

@test "the README's C example compiles without a warning and prints what it shows" {
    stand_in_for_root
    blocks c 1 >worker.c
    blocks console 5 >shown
    grep -q worker.c shown
    # The way in which the library was built: a sanitized one needs a sanitized program.
    mkdir bin
    printf '#!/bin/sh\nexec gcc -Wall -Wextra -Werror %s "$@"\n' "${SLUICE_SANITIZED:+-fsanitize=address,undefined}" >bin/cc
    chmod +x bin/cc
    PATH=$PWD/bin:$PATH play <shown >played
    diff shown played
}

@test "the README names every verb, and no other" {
    local verb count=0
    sed -n '/^## Verbs/,/^## Exit/p' "$readme" | grep '^| `' >"$BATS_TEST_TMPDIR/rows"
    while IFS= read -r verb; do
        grep -q "^| \`$verb[\` ]" "$BATS_TEST_TMPDIR/rows" || { echo "no row for $verb"; return 1; }
        count=$((count + 1))
    done < <(sluice help | sed -nE 's/^  ([a-z]+( [a-z]+)?)  +[A-Z].*/\1/p')
    ((count > 0 && count == $(wc -l <"$BATS_TEST_TMPDIR/rows")))
}

@test "the README names every exit code of a status" {
    local code
    for code in $(sed -nE 's/^STATUS\([A-Z_]+, [0-9]+, ([0-9]+), .*/\1/p' "$source_root/daemon/engine/status.def" | sort -un); do
        sed -n '/^## Exit codes/,/^## Addresses/p' "$readme" | grep -q "^| $code |" || { echo "no row for $code"; return 1; }
    done
}

@test "what the README and the changelog link to is there" {
    local file link
    for file in README.md CHANGELOG.md; do
        while IFS= read -r link; do
            [ -e "$source_root/$link" ] || { echo "$file: $link"; return 1; }
        done < <(grep -oE '\]\([^)]*\)' "$source_root/$file" | sed 's/^](//; s/)$//' | grep -v '^https:')
    done
}

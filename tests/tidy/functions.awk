# Print "lines name first-line" for each function of a clang-formatted C file: its body opens with a brace alone in
# column 0 and closes with the next one there; its name stands before the first parenthesis of its head.
/^[A-Za-z_]/ && !/^(struct|enum|union)[^(]*\{$/ && !in_body {
    head = $0
    first = NR
}
/^\{$/ {
    in_body = 1
    name = head
    sub(/[ ]*\(.*/, "", name)
    sub(/.*[ *]/, "", name)
}
/^\}/ && in_body {
    in_body = 0
    print NR - first + 1, name, first
}

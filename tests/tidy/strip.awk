# Print C text with its comments and the insides of its literals taken out, line for line, so that what is left can
# be searched for identifiers. With -v literals=keep the literals stay.
{
    rest = $0
    out = ""
    while (rest != "") {
        if (in_comment) {
            end = index(rest, "*/")
            if (!end)
                break
            rest = substr(rest, end + 2)
            in_comment = 0
        } else if (match(rest, /\/\*|\/\/|["']/)) {
            mark = substr(rest, RSTART, RLENGTH)
            out = out substr(rest, 1, RSTART - 1)
            rest = substr(rest, RSTART + RLENGTH)
            if (mark == "//")
                break
            if (mark == "/*") {
                in_comment = 1
                continue
            }
            literal = mark
            while (rest != "") {
                step = substr(rest, 1, 1) == "\\" ? 2 : 1
                char = substr(rest, 1, step)
                rest = substr(rest, step + 1)
                literal = literal char
                if (char == mark)
                    break
            }
            out = out (literals == "keep" ? literal : mark mark)
        } else {
            out = out rest
            break
        }
    }
    sub(/[ \t]+$/, "", out)
    print out
}

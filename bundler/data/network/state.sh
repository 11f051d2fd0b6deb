fail() {
    printf 'bundler: %s: %s\n' "$subject" "$*" >&2
    exit 1
}

# A member of the state that stands before every object in it: a number, or text as JSON has it.
member() {
    printf '%s' "$state" | tr '\n\r\t' '   ' | sed -nE \
        's/^ *\{( *"([^"\\]|\\.)*" *: *("([^"\\]|\\.)*"|[0-9]+) *,)* *"'"$1"'" *: *("(([^"\\]|\\.)*)"|([0-9]+)).*/\6\8/p'
}

# When a process that lives was started, in ticks: a number that is given out again belongs to another one.
started() {
    sed -n 's/.*) \([^XZ] \)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# Whether the process that a file of a record names is there, as what it was.
lives() {
    [ -e "$1" ] && read -r process began <"$1" && [ "$(started "$process")" = "$began" ]
}

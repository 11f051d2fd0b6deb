# How the config.json of two bundles differ, and what a container has written outside of its volumes.

tab=$(printf '\t')

# Each value of the config.json $1, behind the keys that lead to it, with the word $2 at the end. bundler writes one value
# a line, and no tab. What is in a list has the name of its first value.
values_of() {
    at=''
    while IFS= read -r line; do
        line=${line#"${line%%[! ]*}"} line=${line%,}
        case $line in
        *[![:print:]]*) printf '?%s%s\n' "$tab" "$2" ;;
        '}' | ']') at=${at%"$tab"*} ;;
        '{' | '[') [ -z "$at" ] || at=$at$tab ;;
        '"'*'": {' | '"'*'": [')
            line=${line#'"'}
            at=$at$tab${line%'": '?}
            ;;
        '"'*'": '*)
            key=${line#'"'} value=${line#*'": '}
            case $at in *"$tab") at=$at$value ;; esac
            printf '%s\n' "$at$tab${key%%'": '*}: $value$tab$2"
            ;;
        *) printf '%s\n' "$at: $line$tab$2" ;;
        esac
    done <"$1"
}

# Of lines in order, each with the word `new` or `old` behind a tab: those that not both have, behind the word.
unlike() {
    text='' count=0
    while IFS= read -r line; do
        if [ "${line%"$tab"*}" != "$text" ]; then
            show_unlike
            text=${line%"$tab"*} count=0
        fi
        case $line in *"${tab}new") count=$((count + 1)) ;; *) count=$((count - 1)) ;; esac
    done
    show_unlike
}

show_unlike() {
    case $count in 0) ;; -*) printf 'old %s\n' "$text" ;; *) printf 'new %s\n' "$text" ;; esac
}

# How what a container may do changes from the bundle $1 to the bundle $2; of a project, of each of its bundles.
show_differences() {
    if [ -z "$project" ]; then
        compare "$1/config.json" "$2/config.json"
        return
    fi
    for config in "$1"/*/config.json "$2"/*/config.json; do
        member=${config%/config.json} member=${member##*/}
        case $config in
        "$2"/*) [ -f "$1/$member/config.json" ] || printf 'kit: new: the container %s\n' "$member" >&2 ;;
        *)
            [ -f "$config" ] || continue
            if [ -f "$2/$member/config.json" ]; then
                compare "$config" "$2/$member/config.json" "$member"
            else
                printf 'kit: old: the container %s\n' "$member" >&2
            fi
            ;;
        esac
    done
}

compare() {
    {
        values_of "$1" old
        values_of "$2" new
    } | LC_ALL=C sort | unlike | while IFS= read -r line; do
        word=${line%% *} text=${line#* }
        while :; do
            case $text in *"$tab"*) text=${text%%"$tab"*}/${text#*"$tab"} ;; *) break ;; esac
        done
        printf 'kit: %s: %s\n' "$word" "${3-}$text" >&2
    done
}

# The bundles at $1, a bundle or a project: what is behind $1 in their paths, with a slash at both ends.
members() {
    [ -n "$project" ] || { echo / && return; }
    for member in "$1"/*/bundler.json; do
        member=${member%/bundler.json}
        [ ! -f "$member/bundler.json" ] || printf '/%s/\n' "${member##*/}"
    done
}

# Whether two bundles have the same image as their root filesystem: what was written over one means the same over it.
has_same_image() {
    [ -f "$1/rootfs.erofs" ] && [ -f "$2/rootfs.erofs" ] &&
        [ "$(digest_of "$1/rootfs.mtree")" = "$(digest_of "$2/rootfs.mtree")" ] &&
        [ "$(digest_of "$1/rootfs.erofs")" = "$(digest_of "$2/rootfs.erofs")" ]
}

# How many files of the root filesystem of the bundle $1 are not as they were built; of those as large and as old as they
# were nothing is read. A name with a line break counts for two.
count_written() {
    if [ -f "$1/rootfs.erofs" ]; then
        find "$1/upper/rootfs" ! -type d ! -type s 2>/dev/null | count_lines
        return
    fi
    of=$1
    case $(command -v stat) in /*) set -- stat ;; *) set -- busybox stat ;; esac # find runs programs alone
    find "$of/rootfs.mtree" -exec "$@" -c %s {} + >/dev/null 2>&1 || return 1
    mounted=$(while IFS= read -r line; do
        case $line in *'"destination": '*) printf '%s\n' "${line#*'"destination": '}" ;; esac
    done <"$of/config.json")
    {
        built_files <"$of/rootfs.mtree"
        (cd "$of/rootfs" && find . -type f -exec "$@" -c "%n|%s|%Y${tab}new" {} +)
        (cd "$of/rootfs" && find . ! -type d ! -type f ! -type s) | while IFS= read -r line; do
            printf '%s\n' "$line|-|-${tab}new"
        done
    } | LC_ALL=C sort | unlike | while IFS= read -r line; do
        file=${line#* } file=${file%|*|*}
        # A runtime has made that to mount something of the machine onto.
        case $mounted in *"\"${file#.}\""*) [ -s "$of/rootfs/$file" ] || continue ;; esac
        [ "$file" = "${before-}" ] || printf '%s\n' "$file"
        before=$file
    done | count_lines
}

count_lines() {
    lines=0
    while IFS= read -r _; do lines=$((lines + 1)); done
    echo "$lines"
}

# The files that a manifest lists, as NAME|SIZE|SECONDS.
built_files() {
    while read -r file rest; do
        case $file in '#'*) continue ;; *\\*) file=$(decoded "$file") ;; esac
        case $rest in
        type=dir*) ;;
        type=file*)
            size=${rest#* size=} time=${rest#* time=}
            printf '%s\n' "$file|${size%% *}|${time%%.*}${tab}old"
            ;;
        *) printf '%s\n' "$file|-|-${tab}old" ;;
        esac
    done
}

# A name of a manifest, in which some bytes are a backslash and three octal digits.
decoded() {
    rest=$1 name=''
    while :; do
        case $rest in *\\*) name=$name${rest%%\\*}\\0 rest=${rest#*\\} ;; *) break ;; esac
    done
    printf '%b' "$name$rest"
}

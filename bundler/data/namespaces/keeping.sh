# What is kept for NAME, unless it is a living container's of another id.
take_away() {
    [ -d "$kept" ] || return 0
    if [ "$(cat "$kept/id" 2>/dev/null)" != "$id" ] && lives "$kept/process"; then
        return 1
    fi
    for file in network ipc pid uts cgroup shm hosts hostname resolv.conf; do
        while grep -q " $kept/$file " /proc/self/mountinfo; do umount -l "$kept/$file"; done
    done
    rm -rf "$kept"
}

bind() {
    mount -o bind "$1" "$kept/$2" || fail "the container's $2 cannot be kept at $kept/$2"
}

# The files that others are found by in the container's network: those of the run, if hooks/network has made some.
keep_names() {
    for file in hosts hostname resolv.conf; do
        source=$PWD/etc/$file
        for record in /run/bundler/network/*/; do
            if grep -qsx "$pid $since" "$record/process" && [ -f "$record/$file" ]; then
                source=$record$file
            fi
        done
        { [ ! -L "$PWD/etc" ] && [ ! -L "$source" ] && [ -f "$source" ]; } || continue
        : >"$kept/$file"
        bind "$source" "$file"
    done
}

keep() {
    since=$(started "$pid")
    [ -n "$since" ] || fail "the state names no process that lives"
    take_away || fail "the container $(cat "$kept/id") is $name already"
    mkdir "$kept"
    printf '%s' "$id" >"$kept/id"
    printf '%s %s\n' "$pid" "$since" >"$kept/process"
    trap 'take_away || true' EXIT
    for kind in "$@"; do
        case $kind in
        shm) source=$PWD/shm && mkdir "$kept/shm" ;;
        network) source=/proc/$pid/ns/net && : >"$kept/network" ;;
        *) source=/proc/$pid/ns/$kind && : >"$kept/$kind" ;;
        esac
        bind "$source" "$kind"
        [ "$kind" != network ] || keep_names
    done
    trap - EXIT
}

state=$(cat)
id=$(member id)
pid=$(member pid)
[ -n "$id" ] || fail "the container's state names no id"
action=$1 name=$2
shift 2
[ "$(id -u)" = 0 ] || fail "only root's containers have namespaces that others can join"
folder=/run/bundler/namespaces kept=/run/bundler/namespaces/$name
mkdir -p "$folder"
command -v flock >/dev/null || fail "flock is not there; it is in util-linux"
exec 9>"$folder/.lock"
flock 9
case $action in
up) keep "$@" ;;
down) take_away || true ;;
*) fail "there is no action $action" ;;
esac

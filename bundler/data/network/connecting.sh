# shellcheck disable=SC2031
up() {
    bridges=$1 subnets=$2 subnets6=$3 resolver=$4 plugins=network
    shift 4
    since=$(started "$pid")
    [ -n "$since" ] || fail "the state names no process that lives"
    release_the_dead
    release "$record"
    [ $# = 0 ] || hooks/network-ports "$records" "$@" || exit 1
    if is_root; then
        choose_plugins
    fi
    trap 'release "$record" || true' EXIT
    write_record "$@"
    if is_root; then
        connect
    else
        connect_unprivileged "$@"
    fi
    name_container
    trap - EXIT
}

# shellcheck disable=SC2031
connect() {
    netns=/proc/$pid/ns/net
    : >"$record/netns"
    # Kept for plugins that look into it when it is over; bundler's own bridge needs no look.
    mount -o bind "$netns" "$record/netns" 2>/dev/null || true
    [ "$bridges" = - ] || set_rules none
    [ "$subnets6" = - ] || forward_ipv6
    for file in "$record"/network-*.json; do
        call ADD "$file" || exit 1
        printf '%s\n' "$said" >"$record/result-$interface"
        [ "$(type_of "$file")" != bridge ] || ! grep -q '"icc": false' "$file" || isolate_port
    done
    [ "$subnets6" = - ] || open_loopback6
}

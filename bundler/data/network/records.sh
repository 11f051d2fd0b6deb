# Whether another record than this one has in its file $1 what grep looks for with the words that follow.
others_have() {
    name=$1
    shift
    for other in "$records"/*/"$name"; do
        [ "$other" = "$record/$name" ] || ! grep -qs "$@" "$other" || return 0
    done
    return 1
}

# Those of the bridges $@ that are not the containers': they were there before the first of them.
made_elsewhere() {
    for bridge in "$@"; do
        if others_have foreign -xFe "$bridge" ||
            { ip link show dev "$bridge" >/dev/null 2>&1 && ! others_have network -xFe "$bridge"; }; then
            echo "$bridge"
        fi
    done
}

# What a container with this network namespace was given is written down first, so that it is found when this is killed.
write_record() {
    mkdir "$record"
    printf '%s\n' "$PWD" >"$record/bundle"
    ports=$*
    # shellcheck disable=SC2046  # several words, of letters, digits and dots
    set -- $(echo "$bridges" | tr , ' ')
    first=$1
    ! is_root || [ "$bridges" = - ] || made_elsewhere "$@" >"$record/foreign"
    shift
    # The first four are what scripts of older bundles look for.
    printf '%s\n' "$first" "$subnets" "$resolver" "$subnets6" "$@" >"$record/network"
    # shellcheck disable=SC2086  # several words
    printf '%s\n' $ports >"$record/ports"
    for file in hooks/"$plugins"-*.json; do
        cp "$file" "$record/network-${file#hooks/network*-}"
    done
    if is_root && [ "$bridges" != - ]; then
        [ "$subnets6" != - ] && families='[46]' || families=4
        grep "^$families " hooks/network-rules >"$record/rules"
    fi
    printf '%s %s\n' "$pid" "$since" >"$record/process"
}

# Undo all that a record speaks of; it stays where that fails.
# shellcheck disable=SC2030,SC2031  # in a shell of its own, which forgets whose record it was
release() (
    record=$1 netns=
    [ -d "$record" ] || exit 0
    if lives "$record/program"; then
        kill "$process"
    fi
    if grep -q " $record/netns " /proc/self/mountinfo; then
        netns=$record/netns
    fi
    set --
    for file in "$record"/network-*.json; do # the last plugin is the first to go
        { ! is_root || [ ! -e "$file" ]; } || set -- "$file" "$@"
    done
    mapper=
    for file in "$@"; do
        call DEL "$file" || exit 1
        [ "$(type_of "$file")" != portmap ] || mapper=portmap
    done
    [ -z "$netns" ] || umount -l "$netns" || exit 1
    for program in iptables ip6tables; do
        { [ -z "$mapper" ] || ! command -v $program >/dev/null; } || tidy_ports $program
    done
    leave_bridges
    rm -rf "$record"
)

# Take away what none but this record needs: its bridges, but for those that somebody else has made, and their rules.
# shellcheck disable=SC2031
leave_bridges() {
    connected=$(sed -n '1p; 5,$p' "$record/network" 2>/dev/null) || connected=-
    for bridge in $connected; do
        [ "$bridge" = - ] || others_have network -xFe "$bridge" || {
            ip -6 route del local ::1 dev "$bridge" table local 2>/dev/null || true
            grep -qsxFe "$bridge" "$record/foreign" || ip link delete "$bridge" 2>/dev/null || true
            rm -rf "$records/addresses/$bridge"
        }
    done
    [ -e "$record/rules" ] || return 0
    set_rules "$record"
    others_have rules -e '^6 ' || {
        rule -D ip6tables nat OUTPUT -d ::1 -j RETURN
        stop_forwarding_ipv6
    }
}

release_the_dead() {
    for other in "$records"/*/; do # killed before it was written down whose it is, and before anything was done
        if [ ! -e "$other/process" ] && [ "$other" != "$records/addresses/" ]; then
            umount -l "${other}netns" 2>/dev/null || true # somebody has removed what he could
            rm -rf "$other" || true
        fi
    done
    for other in "$records"/*/process; do
        other=${other%/process}
        { [ ! -d "$other" ] || lives "$other/process"; } || release "$other" || true
    done
}

# What a container with this network namespace was given is written down first, so that it is found when this is killed.
write_record() {
    mkdir "$record"
    printf '%s\n' "$PWD" >"$record/bundle"
    printf '%s\n' "$bridge" "$subnet" "$resolver" "$subnet6" >"$record/network"
    printf '%s\n' "$@" >"$record/ports"
    for file in hooks/"$plugins"-*.json; do
        cp "$file" "$record/network-${file#hooks/network*-}"
    done
    printf '%s %s\n' "$pid" "$since" >"$record/process"
}

# Undo all that a record speaks of; it stays where that fails.
# shellcheck disable=SC2030,SC2031  # in a shell of its own, which forgets whose record it was
release() (
    record=$1 netns=
    [ -d "$record" ] || exit 0
    bridge=- subnet=-
    { read -r bridge && read -r subnet && read -r _ && read -r subnet6; } 2>/dev/null <"$record/network" || subnet6=-
    if lives "$record/program"; then
        kill "$process"
    fi
    if grep -q " $record/netns " /proc/self/mountinfo; then
        netns=$record/netns
    fi
    result=$(cat "$record/result" 2>/dev/null) || result=
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
    rm -rf "$record"
    for program in iptables ip6tables; do
        { [ -z "$mapper" ] || ! command -v $program >/dev/null; } || tidy_ports $program
    done
    [ "$subnet6" = - ] || grep -qsx "$subnet6" "$records"/*/network || {
        rules -D ip6tables "$subnet6"
        close_loopback6
        stop_forwarding_ipv6
    }
    [ "$bridge" = - ] || grep -qsx "$bridge" "$records"/*/network || {
        rules -D iptables "$subnet"
        ip link delete "$bridge" 2>/dev/null || true
    }
)

release_the_dead() {
    for other in "$records"/*/process; do
        other=${other%/process}
        { [ ! -d "$other" ] || lives "$other/process"; } || release "$other" || true
    done
    for other in "$records"/*/; do # killed before it was written down whose it is
        if [ ! -e "$other/process" ] && [ "$other" != "$records/addresses/" ]; then
            umount -l "${other}netns" 2>/dev/null || true # somebody has removed what he could
            rm -rf "$other" || true
        fi
    done
}

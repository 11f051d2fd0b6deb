#!/bin/sh
# Connects a container to a network, and takes it off again. A runtime starts this as a hook, in the bundle, with the
# container's state on standard input:
#
#   network up BRIDGES SUBNETS SUBNETS6 RESOLVER [PROTOCOL/ADDRESS/PORT/CONTAINER-PORT]...
#   network down
#
# As root, the CNI plugins of hooks/network-N-TYPE.json are called one after the other for eth0, those of
# hooks/network-eth1-N-TYPE.json for eth1; or those of hooks/network6-... where IPv6 is wanted and the machine has it.
# BRIDGES and SUBNETS have commas between them, and are `-` where others' plugins connect the container; SUBNETS6 is `-`
# without IPv6. hooks/network-rules says what the machine lets pass to these bridges. An ordinary user gets a network
# through pasta or slirp4netns. RESOLVER is `machine` where the container asks the name servers that the machine asks,
# else `bundle`. An IPv6 ADDRESS has all of its digits.
#
# What was set up is written down below /run, which no reboot survives, before it is done. What belongs to a process that
# is gone is undone by whoever comes next.
set -eu
umask 077
export LC_ALL=C
folders="/opt/cni/bin /usr/lib/cni /usr/libexec/cni /usr/local/libexec/cni"

fail() {
    printf 'bundler: network: %s\n' "$*" >&2
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

is_root() {
    [ "$(id -u)" = 0 ] && read -r inside outside count </proc/self/uid_map &&
        [ "$inside $outside $count" = "0 0 4294967295" ]
}

records() {
    if is_root; then
        echo /run/bundler/network
    elif [ -O "/run/user/$(id -u)" ]; then
        echo "/run/user/$(id -u)/bundler-network"
    else
        echo "/tmp/bundler-network-$(id -u)"
    fi
}

lock() {
    mkdir -p "$records"
    { [ -O "$records" ] && [ ! -L "$records" ]; } || fail "$records belongs to somebody else"
    command -v flock >/dev/null || fail "flock is not there; it is in util-linux"
    exec 9>"$records/lock"
    flock 9
}

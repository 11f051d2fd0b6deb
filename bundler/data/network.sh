#!/bin/sh
# Connects a container to a network, and takes it off again. A runtime starts this as a hook, in the bundle, with the
# container's state on standard input:
#
#   network up BRIDGE SUBNET RESOLVER [PROTOCOL/ADDRESS/PORT/CONTAINER-PORT]...
#   network down
#
# As root, the CNI plugins of hooks/network-N-TYPE.json are called one after the other; BRIDGE and SUBNET are `-` unless
# the bridge is bundler's own. An ordinary user gets a network through pasta or slirp4netns. RESOLVER is `machine` where
# the container asks the name servers that the machine asks, else `bundle`.
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

find_plugin() {
    for folder in $folders; do
        if [ -x "$folder/$1" ]; then
            echo "$folder/$1"
            return
        fi
    done
    fail "the CNI plugin $1 is in none of $folders; install them (Debian: apt install containernetworking-plugins)"
}

type_of() {
    type=${1##*/network-*[0-9]-}
    echo "${type%.json}"
}

# Call the plugin of the file $2 with the command $1 and the result of those before it.
call() {
    program=$(find_plugin "$(type_of "$2")") || return 1
    conf=$(cat "$2")
    [ -z "$result" ] || conf="${conf%\}*}, \"prevResult\": $result}"
    said=$(printf '%s\n' "$conf" | env CNI_COMMAND="$1" CNI_CONTAINERID="${record##*/}" CNI_NETNS="$netns" \
        CNI_IFNAME=eth0 CNI_PATH="$(echo "$folders" | tr ' ' ':')" "$program" 9>&-) || {
        printf 'bundler: network: %s: %s\n' "${program##*/}" "$(printf '%s' "$said" | tr -d '\n\t')" >&2
        return 1
    }
}

# The rules of bundler's own bridge: out to other networks with the machine's address, and forwarded both ways even where
# the machine forwards nothing by default.
rules() {
    while read -r table rule; do
        # shellcheck disable=SC2086  # a rule is several words
        case $1 in
        add) iptables -w -t $table -C $rule 2>/dev/null || iptables -w -t $table -A $rule ;;
        delete) while iptables -w -t $table -D $rule 2>/dev/null; do :; done ;;
        esac
    done <<RULES
nat POSTROUTING -s $subnet ! -o $bridge -j MASQUERADE
filter FORWARD -i $bridge -j ACCEPT
filter FORWARD -o $bridge -j ACCEPT
RULES
}

# What portmap leaves when the last port is closed, unless somebody else's is open.
tidy_ports() {
    ! iptables -w -t nat -S CNI-HOSTPORT-DNAT 2>/dev/null | grep -q '^-A' || return 0
    {
        for chain in PREROUTING OUTPUT; do
            iptables -w -t nat -D "$chain" -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
        done
        iptables -w -t nat -D POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
        for chain in CNI-HOSTPORT-DNAT CNI-HOSTPORT-MASQ CNI-HOSTPORT-SETMARK; do
            iptables -w -t nat -F "$chain" && iptables -w -t nat -X "$chain"
        done
    } 2>/dev/null || true
}

# Give a file below etc/ of the bundle $1 what comes in, in place: it is mounted in the container already. Behind a
# symlink, or by another name of it, it would be a file of the machine, and this is the machine's root.
rewrite() {
    if [ -f "$1/etc/$2" ] && [ ! -L "$1/etc" ] && [ ! -L "$1/etc/$2" ] &&
        case $(ls -ldn "$1/etc/$2") in -?????????' 1 '* | -??????????' 1 '*) ;; *) false ;; esac then
        cat >"$1/etc/$2" || true # a bundle that is read-only keeps what it was built with
    fi
}

# The container's own line in /etc/hosts is the last one; resolv.conf gets the servers that others can ask, too. Written
# anew each time: after a reboot the old address is still there.
name_container() {
    address=$(printf '%s' "$result" | tr -d ' \n\t' | sed -nE 's/.*"ips":\[[^]]*"address":"([0-9.]+)\/.*/\1/p')
    if [ -f hooks/network-hosts ]; then
        sed "\$s/^127\.0\.1\.1$tab/${address:-127.0.1.1}$tab/" hooks/network-hosts | rewrite . hosts
    fi
    [ "$resolver" = machine ] || return 0
    servers=/etc/resolv.conf
    if ! foreign "$servers" | grep -q '^nameserver'; then
        servers=/run/systemd/resolve/resolv.conf
    fi
    foreign "$servers" | rewrite . resolv.conf
}

# The same as they were built, unless the bundle has another container.
forget_container() {
    if [ ! -d "$1" ] || grep -qsxF -e "$1" "$records"/*/bundle; then
        return 0
    fi
    [ ! -f "$1/hooks/network-hosts" ] || rewrite "$1" hosts <"$1/hooks/network-hosts"
    [ "$resolver" != machine ] || rewrite "$1" resolv.conf </dev/null
}

foreign() {
    grep -E '^(nameserver|search|domain|options)[[:space:]]' "$1" 2>/dev/null |
        grep -Ev '^nameserver[[:space:]]+(127\.|::1)'
}

# What a container with this network namespace was given is written down first, so that it is found when this is killed.
write_record() {
    mkdir "$record"
    printf '%s\n' "$PWD" >"$record/bundle"
    printf '%s\n' "$bridge" "$subnet" "$resolver" >"$record/network"
    printf '%s\n' "$@" >"$record/ports"
    for file in hooks/network-*.json; do
        cp "$file" "$record/"
    done
    printf '%s %s\n' "$pid" "$since" >"$record/process"
}

check_ports() {
    for port in "$@"; do
        for other in "$records"/*/ports; do
            [ -e "$other" ] || continue
            while IFS=/ read -r protocol address number _; do
                case $port in
                "$protocol/$address/$number/"* | "$protocol/0.0.0.0/$number/"*) ;;
                "$protocol/"*"/$number/"*) [ "$address" = 0.0.0.0 ] || continue ;;
                *) continue ;;
                esac
                fail "port $number/$protocol is published by another container already"
            done <"$other"
        done
    done
}

# Undo all that a record speaks of; it stays where that fails.
# shellcheck disable=SC2030,SC2031  # in a shell of its own, which forgets whose record it was
release() (
    record=$1 netns=
    [ -d "$record" ] || exit 0
    { read -r bridge && read -r subnet && read -r resolver; } 2>/dev/null <"$record/network" || bridge=- resolver=bundle
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
    bundle=$(cat "$record/bundle" 2>/dev/null) || bundle=
    rm -rf "$record"
    forget_container "$bundle" 2>/dev/null
    [ -z "$mapper" ] || tidy_ports
    [ "$bridge" = - ] || grep -qsx "$bridge" "$records"/*/network || {
        rules delete
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

# shellcheck disable=SC2031
up() {
    bridge=$1 subnet=$2 resolver=$3
    shift 3
    since=$(started "$pid")
    [ -n "$since" ] || fail "the state names no process that lives"
    release_the_dead
    release "$record"
    check_ports "$@"
    if is_root; then
        for file in hooks/network-*.json; do
            find_plugin "$(type_of "$file")" >/dev/null
        done
        [ "$bridge" = - ] || command -v iptables >/dev/null || fail "iptables is not there (Debian: apt install iptables)"
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
    [ "$bridge" = - ] || rules add
    for file in hooks/network-*.json; do
        call ADD "$file" || exit 1
        result=$said
        printf '%s\n' "$result" >"$record/result"
    done
}

# An ordinary user may not touch the machine's network: a program of his own passes on what goes in and out.
# shellcheck disable=SC2031
connect_unprivileged() {
    if command -v pasta >/dev/null; then
        ports_of_pasta "$@"
        # shellcheck disable=SC2086  # several words, of digits, dots and names of bundler's own
        said=$(pasta --quiet --config-net --pid "$record/pid" $forwarded -T none -U none "$pid" 9>&- 2>&1) ||
            fail "pasta: $(printf '%s' "$said" | tr '\n' ' ')"
        read -r program <"$record/pid"
    elif command -v slirp4netns >/dev/null; then
        [ $# = 0 ] || fail "slirp4netns publishes no ports; install pasta (Debian: apt install passt)"
        mkfifo "$record/ready"
        slirp4netns --configure --mtu=65520 --disable-host-loopback --ready-fd=3 "$pid" eth0 \
            3>"$record/ready" 9>&- >"$record/said" 2>&1 </dev/null &
        program=$!
        read -r _ <"$record/ready" || true # what it writes when it is ready is no whole line
        kill -0 "$program" 2>/dev/null || fail "slirp4netns: $(tr '\n' ' ' <"$record/said")"
    else
        fail "an ordinary user needs pasta or slirp4netns (Debian: apt install passt, or slirp4netns)"
    fi
    printf '%s %s\n' "$program" "$(started "$program")" >"$record/program"
}

ports_of_pasta() {
    forwarded=
    for port in "$@"; do
        address=${port#*/} number=${port#*/*/}
        case $port in
        tcp/*) forwarded="$forwarded -t ${address%%/*}/${number%/*}:${number#*/}" ;;
        udp/*) forwarded="$forwarded -u ${address%%/*}/${number%/*}:${number#*/}" ;;
        *) fail "pasta publishes tcp and udp only" ;;
        esac
    done
    case $forwarded in *-t*) ;; *) forwarded="$forwarded -t none" ;; esac
    case $forwarded in *-u*) ;; *) forwarded="$forwarded -u none" ;; esac
}

tab=$(printf '\t')
result=
state=$(cat)
id=$(member id)
pid=$(member pid)
[ -n "$id" ] || fail "the container's state names no id"
records=$(records)
lock
# A name that no path and no plugin stumbles over; the sum tells containers of one id in several bundles apart.
record=$records/$(printf '%s\n%s' "$id" "$PWD" | cksum | cut -d ' ' -f 1)-$(printf '%.40s' "$id" | tr -c 'A-Za-z0-9_.-' _)
action=$1
shift
case $action in
up) up "$@" ;;
down) release "$record" ;;
*) fail "there is no action $action" ;;
esac

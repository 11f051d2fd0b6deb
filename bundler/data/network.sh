#!/bin/sh
# Connects a container to a network, and takes it off again. A runtime starts this as a hook, in the bundle, with the
# container's state on standard input:
#
#   network up BRIDGE SUBNET SUBNET6 RESOLVER [PROTOCOL/ADDRESS/PORT/CONTAINER-PORT]...
#   network down
#
# As root, the CNI plugins of hooks/network-N-TYPE.json are called one after the other, or those of
# hooks/network6-N-TYPE.json where IPv6 is wanted and the machine has it; BRIDGE and SUBNET are `-` unless the bridge is
# bundler's own, SUBNET6 is `-` without IPv6. An ordinary user gets a network through pasta or slirp4netns. RESOLVER is
# `machine` where the container asks the name servers that the machine asks, else `bundle`. An IPv6 ADDRESS has all of its
# digits.
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
    type=${1##*/network*-[0-9][0-9]-}
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

# One rule of the program $2 in the table $3: $1 is -A or -I to have it once, -D to have it no more.
rule() {
    how=$1 tables=$2 table=$3
    shift 3
    case $how in
    -D) while "$tables" -w -t "$table" -D "$@" 2>/dev/null; do :; done ;;
    *) "$tables" -w -t "$table" -C "$@" 2>/dev/null || "$tables" -w -t "$table" "$how" "$@" ;;
    esac
}

# The rules of bundler's own bridge, for iptables or ip6tables and its subnet: out to other networks with the machine's
# address, and forwarded both ways even where the machine forwards nothing by default.
rules() {
    rule "$1" "$2" nat POSTROUTING -s "$3" ! -o "$bridge" -j MASQUERADE
    rule "$1" "$2" filter FORWARD -i "$bridge" -j ACCEPT
    rule "$1" "$2" filter FORWARD -o "$bridge" -j ACCEPT
}

# What the machine sends to its own ::1 needs another source on the bridge, and what comes back to ::1 a route (IPv6 has
# no route_localnet). Where bridged packets pass through ip6tables they are looked at once more with ::1 in them, and
# dropped: whoever asks is refused, then, so that `localhost` goes on to 127.0.0.1 at once.
open_loopback6() {
    if [ "$(cat /proc/sys/net/bridge/bridge-nf-call-ip6tables 2>/dev/null)" != 1 ] &&
        ip -6 route replace local ::1 dev "$bridge" table local metric 4096 2>/dev/null; then
        rule -A ip6tables nat POSTROUTING -s ::1 -o "$bridge" -j SNAT --to-source "${subnet6%/*}1"
    else
        echo "bundler: network: no port is published on ::1 where net.bridge.bridge-nf-call-ip6tables is 1" >&2
        rule -I ip6tables nat OUTPUT -d ::1 -j RETURN
    fi
}

close_loopback6() {
    rule -D ip6tables nat POSTROUTING -s ::1 -o "$bridge" -j SNAT --to-source "${subnet6%/*}1"
    rule -D ip6tables nat OUTPUT -d ::1 -j RETURN
    ip -6 route del local ::1 dev "$bridge" table local 2>/dev/null || true
}

# What portmap leaves when the last port is closed, unless somebody else's is open.
tidy_ports() {
    ! "$1" -w -t nat -S CNI-HOSTPORT-DNAT 2>/dev/null | grep -q '^-A' || return 0
    {
        for chain in PREROUTING OUTPUT; do
            "$1" -w -t nat -D "$chain" -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
        done
        "$1" -w -t nat -D POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
        for chain in CNI-HOSTPORT-DNAT CNI-HOSTPORT-MASQ CNI-HOSTPORT-SETMARK; do
            "$1" -w -t nat -F "$chain" && "$1" -w -t nat -X "$chain"
        done
    } 2>/dev/null || true
}

# Whether containers can have IPv6 here: in the kernel, not turned off, with rules, and allowed to forward.
has_ipv6() {
    for name in all default; do
        [ "$(cat "$settings6/$name/disable_ipv6" 2>/dev/null)" = 0 ] || return 1
    done
    [ -e "/proc/$pid/net/if_inet6" ] && ip6tables -w -t nat -S >/dev/null 2>&1 || return 1
    forwards=$(cat "$settings6/all/forwarding") # `read` takes single bytes, of which the kernel gives one
    { echo "$forwards" >"$settings6/all/forwarding"; } 2>/dev/null
}

# A machine that forwards listens to no router any more, and its own address would run out: accept_ra 2 is to listen
# nevertheless. What was is written down first.
forward_ipv6() {
    [ "$(cat "$settings6/all/forwarding")" = 0 ] || return 0
    grep -sx 1 "$settings6"/*/accept_ra >"$records/forwarding" || true
    while IFS=: read -r file _; do
        echo 2 >"$file" || true
    done <"$records/forwarding"
    echo 1 >"$settings6/all/forwarding"
}

# As it was, unless rules of somebody else forward by now.
stop_forwarding_ipv6() {
    [ -e "$records/forwarding" ] || return 0
    if ! ip6tables -w -S FORWARD | grep -q '^-A'; then
        echo 0 >"$settings6/all/forwarding"
        while IFS=: read -r file value; do
            [ ! -e "$file" ] || echo "$value" >"$file"
        done <"$records/forwarding"
    fi
    rm "$records/forwarding"
}

# The run's own /etc/hosts and /etc/resolv.conf: the container's own line in /etc/hosts, the last one, has its addresses;
# resolv.conf has the servers that others can ask, too. The bundle's stay as they are: it may have other containers.
name_container() {
    addresses=$(printf '%s' "$result" | tr -d ' \n\t' | tr '{,' '[\n*]' |
        sed -n 's,^"address":"\([0-9a-f.:]*\)/.*,\1,p')
    names=$([ ! -f etc/hosts ] || sed -n "\$s/^127\.0\.1\.1$tab//p" etc/hosts)
    if [ -n "$names" ] && [ -n "$addresses" ]; then
        { sed '$d' etc/hosts && for address in $addresses; do printf '%s\t%s\n' "$address" "$names"; done; } | give hosts
    elif [ -f etc/hosts ]; then
        give hosts <etc/hosts
    fi
    if [ "$resolver" = machine ]; then
        servers=/etc/resolv.conf
        if ! foreign "$servers" | grep -q '^nameserver'; then
            servers=/run/systemd/resolve/resolv.conf
        fi
        foreign "$servers" | give resolv.conf
    fi
    enter= # an ordinary user may mount in the user namespace of his container
    is_root ||
        [ "$(readlink /proc/self/ns/user)" = "$(readlink "/proc/$pid/ns/user")" ] || enter="--user --preserve-credentials"
    # shellcheck disable=SC2086  # several words
    nsenter --target "$pid" $enter --mount "$PWD/hooks/network-files" "$record" "$PWD" 9>&- ||
        fail "the container's /etc/hosts and /etc/resolv.conf cannot be mounted"
}

# A file like that of the bundle's etc/, with what comes in. Of a symlink the machine's own files would come in.
give() {
    if [ -L etc ] || [ -L "etc/$1" ] || [ ! -f "etc/$1" ]; then
        fail "etc/$1 of the bundle is no file of its own"
    fi
    cp -p "etc/$1" "$record/$1"
    chcon --reference="etc/$1" "$record/$1" 2>/dev/null || true # without SELinux there is nothing to say
    cat >"$record/$1"
}

foreign() {
    grep -E '^(nameserver|search|domain|options)[[:space:]]' "$1" 2>/dev/null |
        grep -Ev '^nameserver[[:space:]]+(127\.|::1)'
}

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

# shellcheck disable=SC2031
up() {
    bridge=$1 subnet=$2 subnet6=$3 resolver=$4 plugins=network
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

# Those with IPv6 where it is wanted and there; all that will be called is looked for before anything is done.
choose_plugins() {
    if [ "$subnet6" != - ] && has_ipv6; then
        plugins=network6
    elif [ "$subnet6" != - ]; then
        echo "bundler: network: this machine has no IPv6, or no ip6tables: the container has IPv4 alone" >&2
        subnet6=-
    fi
    for file in hooks/"$plugins"-*.json; do
        find_plugin "$(type_of "$file")" >/dev/null
    done
    [ "$bridge" = - ] || command -v iptables >/dev/null || fail "iptables is not there (Debian: apt install iptables)"
}

# shellcheck disable=SC2031
connect() {
    netns=/proc/$pid/ns/net
    : >"$record/netns"
    # Kept for plugins that look into it when it is over; bundler's own bridge needs no look.
    mount -o bind "$netns" "$record/netns" 2>/dev/null || true
    [ "$bridge" = - ] || rules -A iptables "$subnet"
    [ "$subnet6" = - ] || {
        rules -A ip6tables "$subnet6"
        forward_ipv6
    }
    for file in "$record"/network-*.json; do
        call ADD "$file" || exit 1
        result=$said
        printf '%s\n' "$result" >"$record/result"
    done
    [ "$subnet6" = - ] || open_loopback6
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

# Without an address pasta takes a port of both families.
ports_of_pasta() {
    forwarded=
    for port in "$@"; do
        IFS=/ read -r protocol address number inside <<PORT
$port
PORT
        case "$* $address" in
        *"$protocol/$any6/$number/"*" 0.0.0.0") address= ;;
        *"$protocol/0.0.0.0/$number/"*" $any6") continue ;;
        *) address=$address/ ;;
        esac
        case $protocol in
        tcp) forwarded="$forwarded -t $address$number:$inside" ;;
        udp) forwarded="$forwarded -u $address$number:$inside" ;;
        *) fail "pasta publishes tcp and udp only" ;;
        esac
    done
    case $forwarded in *-t*) ;; *) forwarded="$forwarded -t none" ;; esac
    case $forwarded in *-u*) ;; *) forwarded="$forwarded -u none" ;; esac
}

tab=$(printf '\t')
any6=0000:0000:0000:0000:0000:0000:0000:0000
settings6=/proc/sys/net/ipv6/conf
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

#!/bin/sh
# Says which port cannot be published, since somebody has it:
#
#   network-ports RECORDS PROTOCOL/ADDRESS/PORT/CONTAINER-PORT...
#
# The rules that publish a port would take what comes in from the program that listens there (sshd, say): it is refused, as
# bind(2) would. RECORDS is the folder where hooks/network writes down what others publish.
set -eu
export LC_ALL=C
any6=0000:0000:0000:0000:0000:0000:0000:0000
records=$1
shift

fail() {
    printf 'bundler: network: %s\n' "$*" >&2
    exit 1
}

# An address as /proc/net has it: four bytes of it are a number of the machine's own order.
in_proc() {
    # shellcheck disable=SC2046,SC2183  # four numbers
    case $1 in
    *.*) printf '%02X%02X%02X%02X\n' $(echo "$1" | tr . ' ') ;;
    *) echo "$1" | tr -d : | tr a-f A-F ;;
    esac | if [ "$low_first" = 1 ]; then sed -E 's/(..)(..)(..)(..)/\4\3\2\1/g'; else cat; fi
}

# The addresses in /proc/net, as an expression, beside which none can be bound to the address $1.
rivals() {
    case $1 in
    0.0.0.0) echo '[0-9A-F]{8}' ;;
    "$any6") echo '[0-9A-F]{32}' ;;
    *.*) echo "(0{8}|$(in_proc "$1"))" ;;
    *) echo "(0{32}|$(in_proc "$1"))" ;;
    esac
}

# Where the machine's own programs have a socket: PROTOCOL ADDRESS PORT, as /proc/net has them. Of TCP, what listens counts.
sockets() {
    for kind in tcp udp; do
        [ $kind = udp ] && in_state='..' || in_state=0A
        for file in "/proc/self/net/$kind" "/proc/self/net/${kind}6"; do
            [ ! -e "$file" ] ||
                sed -nE "s/^ *[0-9]+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} $in_state .*/$kind \1 \2/p" "$file"
        done
    done
}

# The same for what other containers publish.
published() {
    cat "$records"/*/ports 2>/dev/null | while IFS=/ read -r kind where outside _; do
        [ -z "$kind" ] || printf '%s %s %04X\n' "$kind" "$(in_proc "$where")" "$outside"
    done
}

# Whether one of the lines $1 is of the protocol, of an address of the expression $2, and of the port.
is_among() {
    echo "$1" | grep -qxE "$protocol $2 $digits"
}

# A socket of IPv6 without an address is one of IPv4, too, unless `ss` knows otherwise.
is_of_both_families() {
    listening=$(ss -Hln "--$protocol" "sport = :$number" 2>/dev/null) || return 0
    case $listening in *"*:$number "*) ;; *) return 1 ;; esac
}

check() {
    rivals=$(rivals "$address")
    ! is_among "$of_containers" "$rivals" || fail "port $number/$protocol is published by another container already"
    taken=no
    ! is_among "$of_machine" "$rivals" || taken=yes
    case $address in
    *.*)
        ! is_among "$of_machine" "0{16}(FFFF0000|0000FFFF)$rivals" || taken=yes
        ! is_among "$of_machine" "0{32}" || ! is_of_both_families || taken=yes
        ;;
    esac
    [ $taken = no ] || fail "port $number/$protocol: address already in use by a program of this machine (ss -lnp names it)"
}

low_first=$(printf '\1\0' | od -An -td2 | tr -d ' ')
of_machine=$(sockets)
of_containers=$(published)
for port in "$@"; do
    IFS=/ read -r protocol address number _ <<PORT
$port
PORT
    digits=$(printf '%04X' "$number")
    case "$of_machine $of_containers " in
    *" $digits"[!0-9A-F]*) check ;;
    esac
done

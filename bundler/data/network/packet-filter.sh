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

# One rule of the program $2 in the table $3: $1 is -A or -I to have it once, -D to have it no more.
rule() {
    how=$1 tables=$2 table=$3
    shift 3
    case $how in
    -D) while "$tables" -w -t "$table" -D "$@" 2>/dev/null; do :; done ;;
    *) "$tables" -w -t "$table" -C "$@" 2>/dev/null || "$tables" -w -t "$table" "$how" "$@" ;;
    esac
}

# The rules of the family $1 in the files that follow, as iptables-restore reads them. Where files differ about a bridge,
# since it was set up otherwise before, one file counts.
# shellcheck disable=SC2016  # it is awk's $1
restorable() {
    family=$1
    shift
    awk -v family="$family" '
        $1 == family && (!($2 in source) || source[$2] == FILENAME) {
            source[$2] = FILENAME
            table = $3
            sub(/^[^ ]+ [^ ]+ [^ ]+ /, "-A ")
            rules[table] = rules[table] $0 "\n"
        }
        END {
            if (rules["filter"]) {
                print "*filter\n:BUNDLER-ISOLATION - [0:0]\n:BUNDLER-FORWARD - [0:0]\n" rules["filter"] "COMMIT"
                print "*nat\n:BUNDLER-POSTROUTING - [0:0]\n" rules["nat"] "COMMIT"
            }
        }' /dev/null "$@"
}

# Set the rules of all records, but for the one at $1, in chains of their own. The chains become what they are to be in
# one step, whatever was in them; without a rule they go.
set_rules() {
    leaving=$1
    set --
    for file in "$records"/*/rules; do
        { [ ! -e "$file" ] || [ "$file" = "$leaving/rules" ]; } || set -- "$@" "$file"
    done
    set_rules_of iptables "$(restorable 4 "$@")"
    ! command -v ip6tables >/dev/null || set_rules_of ip6tables "$(restorable 6 "$@")"
}

# What is forwarded is isolated before others let it pass, and let pass if no others' rule has anything against it.
set_rules_of() {
    if [ -n "$2" ]; then
        printf '%s\n' "$2" | "$1-restore" -w --noflush
        rule -I "$1" filter FORWARD -j BUNDLER-ISOLATION
        rule -A "$1" filter FORWARD -j BUNDLER-FORWARD
        rule -A "$1" nat POSTROUTING -j BUNDLER-POSTROUTING
    elif "$1" -w -S BUNDLER-ISOLATION >/dev/null 2>&1; then
        remove_chain "$1" nat POSTROUTING BUNDLER-POSTROUTING
        remove_chain "$1" filter FORWARD BUNDLER-FORWARD
        remove_chain "$1" filter FORWARD BUNDLER-ISOLATION # the last, as it says whether there are any
    fi
}

remove_chain() {
    rule -D "$1" "$2" "$3" -j "$4"
    { "$1" -w -t "$2" -F "$4" && "$1" -w -t "$2" -X "$4"; } 2>/dev/null || true
}

# The port of a bridge whose containers do not speak to each other. Where bridged packets pass through iptables, a rule
# keeps them apart, and what is for a published port of a neighbour goes from port to port; else the kernel keeps ports
# apart, and that goes by way of the machine.
isolate_port() {
    switches=$(cat /proc/sys/net/bridge/bridge-nf-call-ip*tables 2>/dev/null | tr -d '\n')
    [ "$switches" != 11 ] || return 0
    port=$(printf '%s' "$said" | tr -d ' \n\t' | sed -n 's/.*"name":"\(veth[0-9a-f]*\)".*/\1/p')
    ip link set dev "$port" type bridge_slave isolated on 2>/dev/null ||
        { echo 1 >"/sys/class/net/$port/brport/isolated"; } 2>/dev/null ||
        fail "the containers of a bridge cannot be kept from each other here; \`icc: false\` takes ip of iproute2"
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

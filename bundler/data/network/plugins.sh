find_plugin() {
    for folder in $folders; do
        if [ -x "$folder/$1" ]; then
            echo "$folder/$1"
            return
        fi
    done
    fail "the CNI plugin $1 is in none of $folders; install them (Debian: apt install containernetworking-plugins)"
}

# What follows `network-` or `network6-` in the name of a configuration: N-TYPE.json, or ethN-N-TYPE.json.
stem_of() {
    stem=${1##*/network}
    stem=${stem#6}
    echo "${stem#-}"
}

# A plugin by its configuration, and the container's interface that it is about.
type_of() {
    type=$(stem_of "$1")
    type=${type#eth*[0-9]-[0-9][0-9]-}
    type=${type#[0-9][0-9]-}
    echo "${type%.json}"
}

interface_of() {
    interface=$(stem_of "$1")
    case $interface in
    eth*) echo "${interface%%-*}" ;;
    *) echo eth0 ;;
    esac
}

# Call the plugin of the file $2 with the command $1 and the result of those before it for the same interface.
call() {
    program=$(find_plugin "$(type_of "$2")") || return 1
    interface=$(interface_of "$2")
    conf=$(cat "$2")
    result=$(cat "$record/result-$interface" 2>/dev/null) || result=
    [ -z "$result" ] || conf="${conf%\}*}, \"prevResult\": $result}"
    said=$(printf '%s\n' "$conf" | env CNI_COMMAND="$1" CNI_CONTAINERID="${record##*/}" CNI_NETNS="$netns" \
        CNI_IFNAME="$interface" CNI_PATH="$(echo "$folders" | tr ' ' ':')" "$program" 9>&-) || {
        printf 'bundler: network: %s: %s\n' "${program##*/}" "$(printf '%s' "$said" | tr -d '\n\t')" >&2
        return 1
    }
}

# Those with IPv6 where it is wanted and there; all that will be called is looked for before anything is done.
choose_plugins() {
    if [ "$subnets6" != - ] && has_ipv6; then
        plugins=network6
    elif [ "$subnets6" != - ]; then
        echo "bundler: network: this machine has no IPv6, or no ip6tables: the container has IPv4 alone" >&2
        subnets6=-
    fi
    for file in hooks/"$plugins"-*.json; do
        find_plugin "$(type_of "$file")" >/dev/null
    done
    [ "$bridges" = - ] || command -v iptables >/dev/null || fail "iptables is not there (Debian: apt install iptables)"
}

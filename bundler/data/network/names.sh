# The run's own /etc/hosts and /etc/resolv.conf: the container's own line in /etc/hosts, the last one, has its addresses;
# resolv.conf has the servers that others can ask, too. The bundle's stay as they are: it may have other containers.
name_container() {
    addresses=$(cat "$record"/result-* 2>/dev/null | tr -d ' \n\t' | tr '{,' '[\n*]' |
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

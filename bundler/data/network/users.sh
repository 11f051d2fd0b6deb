# An ordinary user may not touch the machine's network: a program of his own passes on what goes in and out.
# shellcheck disable=SC2031
connect_unprivileged() {
    case $bridges in
    - | bundler0) ;;
    *) fail "only root can connect a container to $bridges; without the key bridges an ordinary user has a network, too" ;;
    esac
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

# Whether containers can have IPv6 here: in the kernel, not turned off, with rules, and allowed to forward.
has_ipv6() {
    for name in all default; do
        [ "$(cat "$settings6/$name/disable_ipv6" 2>/dev/null)" = 0 ] || return 1
    done
    [ -e "/proc/$pid/net/if_inet6" ] && ip6tables -w -t nat -S >/dev/null 2>&1 || return 1
    forwards=$(cat "$settings6/all/forwarding") # `read` takes single bytes, of which the kernel gives one
    { echo "$forwards" >"$settings6/all/forwarding"; } 2>/dev/null
}

# What the machine sends to its own ::1 needs another source on the bridge, which a rule gives it, and what comes back to
# ::1 a route (IPv6 has no route_localnet), of a metric that no other bridge has. Where bridged packets pass through
# ip6tables they are looked at once more with ::1 in them, and dropped: whoever asks is refused, then, so that `localhost`
# goes on to 127.0.0.1 at once.
open_loopback6() {
    opened=yes
    leading=$(sed -n 's/^6 \([^ ]*\) .* -s ::1 .*/\1/p' "$record/rules")
    for bridge in $leading; do
        number=$(ip link show dev "$bridge" | sed -n '1s/:.*//p')
        { [ "$(cat /proc/sys/net/bridge/bridge-nf-call-ip6tables 2>/dev/null)" != 1 ] &&
            ip -6 route replace local ::1 dev "$bridge" table local metric $((4096 + number)) 2>/dev/null; } || opened=no
    done
    [ $opened = yes ] || {
        echo "bundler: network: no port is published on ::1 where net.bridge.bridge-nf-call-ip6tables is 1" >&2
        rule -I ip6tables nat OUTPUT -d ::1 -j RETURN
    }
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

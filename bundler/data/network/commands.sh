tab=$(printf '\t')
any6=0000:0000:0000:0000:0000:0000:0000:0000
settings6=/proc/sys/net/ipv6/conf
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

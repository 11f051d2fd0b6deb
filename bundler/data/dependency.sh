# What stands between two services of a project: it ends when the container of the one is as far as the other asks for,
# and fails when that is not to be expected. systemd gives it to `sh -s` as standard input:
#
#   sh -s started|healthy|completed FOLDER NAME RETRIES --system|--user
#
# FOLDER is that of the container's service, NAME its name; as many failed checks in a row as RETRIES make it unhealthy.
condition=$1 folder=$2 name=$3 retries=$4 manager=$5
# A stop is no failure, and what this has started has gone first.
trap 'wait; exit 0' TERM

# All at one moment: of a service that is just started again, one asked after another would not belong together.
look() {
    shown=$(systemctl "$manager" show --property=SubState,ExecMainStartTimestampMonotonic,ExecMainStatus \
        "$name.service" </dev/null)
}

property() { printf '%s\n' "$shown" | sed -n "s/^$1=//p"; }

fail() {
    printf 'bundler: error: %s %s\nbundler: hint: journalctl -u %s says more\n' "$name" "$1" "$name" >&2
    exit 1
}

# Docker, too, waits on while a container is started again, unless it has never come so far.
while :; do
    look
    state=$(property SubState)
    case $state in
    '') fail 'is unknown to systemd' ;;
    failed) fail 'has failed' ;;
    *auto-restart*)
        { [ "$(property ExecMainStartTimestampMonotonic)" != 0 ] && [ "$(property ExecMainStatus)" != 125 ]; } ||
            fail 'cannot start'
        ;;
    esac
    case $condition:$state in
    started:*) exit 0 ;;
    completed:exited)
        code=$(property ExecMainStatus)
        [ "$code" != 0 ] || exit 0
        fail "has ended with exit code $code"
        ;;
    *:dead | *:exited) fail 'has ended' ;;
    healthy:*)
        failed=$(cat "$folder/health/failed" 2>/dev/null)
        [ "${failed:-0}" -lt "$retries" ] || fail "is unhealthy: its health check has failed (retries: $retries)"
        [ ! -e "$folder/health/passed" ] || exit 0
        ;;
    esac
    sleep 0.5
done

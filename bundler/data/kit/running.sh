choose_runtime() {
    if [ -n "$chosen" ]; then
        have "$chosen" || die "$chosen is not here" "" 5
        return
    fi
    for chosen in "$runtime" runc crun; do
        have "$chosen" && return
    done
    die "neither runc nor crun is on PATH" "install one of them" 5
}

run() {
    choose_runtime
    check_init
    unpack "${place:-$here/bundle}"
    if [ "$systemd" = 1 ]; then
        exec "$chosen" --systemd-cgroup run --bundle "$dir" "$@" "$name"
    fi
    exec "$chosen" run --bundle "$dir" "$@" "$name"
}

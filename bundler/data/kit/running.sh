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
    [ -z "$project" ] || die "a project has several containers, and run starts one" \
        "install puts it into its place, and systemd starts it: systemctl start $name.target" 2
    choose_runtime
    check_init
    check_machine
    unpack "${place:-$here/bundle}"
    set -- run --bundle "$dir" "$@" "$name"
    [ "$systemd" != 1 ] || set -- --systemd-cgroup "$@"
    [ -z "$image" ] || with_image "$chosen" "$@"
    exec "$chosen" "$@"
}

# The folder of the units: the one that was named, else the manager's own.
choose_units() {
    units=${1:-/etc/systemd/system}
    [ -z "$user" ] || units=${1:-${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user}
}

install_units() {
    # The units were written when the kit was packed, and say all three.
    for given in "${place:+-C}" "${wanted:+-n}" "${chosen:+-r}"; do
        [ -z "$given" ] || die "install: $given would not reach the units, which are written already" "pack the kit with --directory, --name or --runtime" 2
    done
    choose_units "${1-}"
    check_init
    check_machine
    constants runtime | while IFS= read -r runtime; do
        have "$runtime" || die "the units start $runtime, which is not here" "pack the kit with --runtime, or install it" 5
    done || exit
    for unit in "$here"/units/*; do
        target=$units/${unit##*/}
        if [ -e "$target" ] || [ -h "$target" ]; then
            if [ -h "$target" ] || [ "$(digest_of "$target")" != "$(digest_of "$unit")" ]; then
                die "$target is there already and is another unit" "remove it first" 2
            fi
        fi
    done
    mkdir -p "${directory%/*}/" "$units" || die "$directory cannot be made"
    unpack "$directory"
    for unit in "$here"/units/*; do
        target=$units/${unit##*/}
        if ! cp "$unit" "$target" || ! chmod 0644 "$target"; then die "$target cannot be written"; fi
    done
    printf '%s\n' "$dir"
    note "to start it: systemctl ${user:+--user }daemon-reload && systemctl ${user:+--user }enable --now $name${project:+.target}"
}

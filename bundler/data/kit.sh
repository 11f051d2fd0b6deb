#!/bin/sh
# A container's bundle for a machine without a network: checked, unpacked and run with what is here. POSIX sh, a tar with
# gzip, sha256sum and runc or crun are enough; busybox has all but the last.
set -u
umask 077
# What would change how the bundle is unpacked.
unset TAR_OPTIONS GZIP POSIXLY_CORRECT

usage() {
    cat <<'END'
usage: sh kit.sh [-C DIR] [-n NAME] [-r RUNTIME] COMMAND [ARGUMENT...]

  verify            check all files of the kit
  unpack            the same, and unpack the bundle
  run [OPTION...]   the same, and run it; what follows goes to `RUNTIME run`
  install [DIR]     the same into its place, with its systemd units, into DIR (/etc/systemd/system)

  -C DIR       where the bundle is unpacked (for run and unpack: `bundle` beside this script)
  -n NAME      the container's name
  -r RUNTIME   the program that runs it; if absent, runc or crun, the one it was built for first
END
}

die() {
    printf 'kit: error: %s\n' "$1" >&2
    [ -z "${2-}" ] || printf 'kit: hint: %s\n' "$2" >&2
    exit "${3:-1}"
}

note() { printf 'kit: note: %s\n' "$1" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

# What is not on PATH may be an applet of the busybox that is.
for tool in cat chmod cp id mkdir mv rm sha256sum tar; do
    have "$tool" || have busybox || die "$tool is needed and is not on PATH" "busybox would do, too" 5
done
have cat || cat() { busybox cat; }
have chmod || chmod() { busybox chmod "$@"; }
have cp || cp() { busybox cp "$@"; }
have id || id() { busybox id "$@"; }
have mkdir || mkdir() { busybox mkdir "$@"; }
have mv || mv() { busybox mv "$@"; }
have rm || rm() { busybox rm "$@"; }
have sha256sum || sha256sum() { busybox sha256sum "$@"; }
have tar || tar() { busybox tar "$@"; }

here=${0%/*}
[ "$here" != "$0" ] || here=.
here=$(CDPATH='' cd -- "$here" && pwd -P) || die "the folder of this script cannot be entered"

# The constants of this kit, one `KEY=VALUE` a line. They are read and never run.
read_constants() {
    format='' name='' directory='' runtime='' digest='' user='' attributes='' systemd='' init=''
    while IFS= read -r line; do
        value=${line#*=}
        case $line in
        format=*) format=$value ;;
        name=*) name=$value ;;
        directory=*) directory=$value ;;
        runtime=*) runtime=$value ;;
        bundle=*) digest=$value ;;
        user=*) user=$value ;;
        attributes=*) attributes=$value ;;
        systemd-cgroup=*) systemd=$value ;;
        init=*) init=$value ;;
        esac
    done <"$here/kit.conf"
    [ "$format" = 1 ] || die "kit.conf has the format ${format:-of no number}, and this script reads 1" "copy the whole folder again" 3
}

digest_of() {
    set -- "$(sha256sum "$1")"
    printf '%s\n' "${1%% *}"
}

# What only Docker's own installation has, and a container does not start without.
check_init() {
    [ -z "$init" ] || [ -f "$init" ] || die "the container begins with $init, which is not here" \
        "build the bundle with init: {path: /usr/bin/tini-static, embed: true}, or put a static init there" 5
}

# The digest that the list of checksums has of a file.
listed() {
    while read -r sum file; do
        [ "$file" != "$1" ] || printf '%s\n' "$sum"
    done <"$here/SHA256SUMS"
}

# Before anything else of the kit is looked at. `sha256sum -c` would be content with a list that was cut off.
verify() {
    [ -f "$here/SHA256SUMS" ] || die "$here is no kit: SHA256SUMS is missing" "copy the whole folder again" 3
    wrong=''
    for path in "$here/bundle.tar.gz" "$here/kit.conf" "$here/kit.sh" "$here"/units/*; do
        file=${path#"$here/"}
        if [ ! -f "$path" ] || [ "$(listed "$file")" != "$(digest_of "$path")" ]; then wrong="$wrong $file"; fi
    done
    while read -r _ file; do
        [ -f "$here/$file" ] || wrong="$wrong $file"
    done <"$here/SHA256SUMS"
    [ -z "$wrong" ] || die "the kit is damaged:$wrong" "copy the whole folder again" 6
}

# Whether the directory is this very bundle, as it was unpacked or has run since.
is_ours() { [ ! -h "$1" ] && [ -f "$1/bundler.json" ] && [ "$(digest_of "$1/bundler.json")" = "$digest" ]; }

check_user() {
    me=$(id -u)
    if [ -z "$user" ]; then
        [ "$me" = 0 ] || die "the bundle has files of several users" "run this as root"
    else
        [ "$me" = "$user" ] || die "the bundle was built for the user with the id $user, and not for $me"
    fi
}

unpack() {
    check_user
    dir=$1
    case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
    if [ -e "$dir" ] || [ -h "$dir" ]; then
        is_ours "$dir" && return
        die "$dir is there already and is not this bundle" "name another place with -C" 2
    fi
    part=$dir.part-$$
    mkdir "$part" || die "$part cannot be made" "name another place with -C"
    trap 'rm -rf "$part"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    # GNU's tar restores extended attributes when it is told to, that of BSD when it is not, that of busybox never.
    if tar --xattrs '--xattrs-include=*' --version >/dev/null 2>&1; then
        tar --numeric-owner --xattrs '--xattrs-include=*' -xpzf "$here/bundle.tar.gz" -C "$part"
    else
        case $(tar --version 2>/dev/null) in
        bsdtar*) tar --numeric-owner -xpzf "$here/bundle.tar.gz" -C "$part" ;;
        *)
            [ "$attributes" = 0 ] || note "this tar restores no file capabilities, ACLs and other attributes: $attributes files lack theirs"
            tar -xzf "$here/bundle.tar.gz" -C "$part"
            ;;
        esac
    fi || die "the bundle cannot be unpacked into $part"
    is_ours "$part" || die "what was unpacked is not the bundle of this kit" "copy the whole folder again" 6
    mv "$part" "$dir" || die "$dir cannot be made"
    trap - EXIT INT TERM HUP
}

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

install_units() {
    # The units were written when the kit was packed, and say all three.
    for given in "${place:+-C}" "${wanted:+-n}" "${chosen:+-r}"; do
        [ -z "$given" ] || die "install: $given would not reach the units, which are written already" "pack the kit with --directory, --name or --runtime" 2
    done
    units=${1:-/etc/systemd/system}
    [ -n "$user" ] && units=${1:-${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user}
    chosen=$runtime
    check_init
    have "$chosen" || die "the units start $runtime, which is not here" "pack the kit with --runtime, or install it" 5
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
    note "to start it: systemctl ${user:+--user }daemon-reload && systemctl ${user:+--user }enable --now $name"
}

place='' chosen='' wanted=''
while getopts C:n:r:h option; do
    case $option in
    C) place=$OPTARG ;;
    n) wanted=$OPTARG ;;
    r) chosen=$OPTARG ;;
    h) usage && exit ;;
    *) usage >&2 && exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { usage >&2 && exit 2; }
command=$1
shift

case $command in
verify | unpack | run | install)
    verify
    read_constants
    name=${wanted:-$name}
    case $name in *[!A-Za-z0-9_.-]* | [!A-Za-z0-9]* | '') die "-n: $name cannot be the name of a container" "" 2 ;; esac
    ;;
esac
case $command in
verify) printf '%s\n' "$(digest_of "$here/SHA256SUMS")" ;;
unpack) unpack "${place:-$here/bundle}" && printf '%s\n' "$dir" ;;
run) run "$@" ;;
install) install_units "${1-}" ;;
*) usage >&2 && exit 2 ;;
esac

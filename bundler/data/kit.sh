#!/bin/sh
# A container's bundle for a machine without a network: checked, unpacked and run with what is here. POSIX sh, a tar with
# gzip, sha256sum and runc or crun are enough; busybox has all but the last.
set -u
umask 077
# What would change how the bundle is unpacked.
unset TAR_OPTIONS GZIP POSIXLY_CORRECT

usage() {
    cat <<'END'
usage: sh kit.sh [-C DIR] [-n NAME] [-r RUNTIME] [-l] COMMAND [ARGUMENT...]

  verify            check all files of the kit
  unpack            the same, and unpack the bundle
  run [OPTION...]   the same, and run it; what follows goes to `RUNTIME run`
  install [DIR]     the same into its place, with its systemd units, into DIR (/etc/systemd/system)

  upgrade [DIR]     the same in the place of the installed one, whose data moves along; units as for install
  rollback [DIR]    bring the one before the upgrade back, with the data
  commit            remove the one before the upgrade

  -C DIR       where the bundle is unpacked (for run and unpack: `bundle` beside this script; upgrade: without units)
  -n NAME      the container's name
  -r RUNTIME   the program that runs it; if absent, runc or crun, the one it was built for first
  -l           upgrade: leave data that the new bundle has no place for with the old one
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
for tool in cat chmod cp id ls mkdir mv rm sha256sum sync tar; do
    have "$tool" || have busybox || die "$tool is needed and is not on PATH" "busybox would do, too" 5
done
have cat || cat() { busybox cat; }
have chmod || chmod() { busybox chmod "$@"; }
have cp || cp() { busybox cp "$@"; }
have id || id() { busybox id "$@"; }
have ls || ls() { busybox ls "$@"; }
have mkdir || mkdir() { busybox mkdir "$@"; }
have mv || mv() { busybox mv "$@"; }
have rm || rm() { busybox rm "$@"; }
have sha256sum || sha256sum() { busybox sha256sum; } # of standard input
have sync || sync() { busybox sync; }
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
    [ "$format" = 2 ] || die "kit.conf has the format ${format:-of no number}, and this script reads 2" "copy the whole folder again" 3
}

digest_of() {
    set -- "$(sha256sum <"$1")"
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

# What `ls` says of a path.
look() {
    mode='' links='' uid=''
    read -r mode links uid _ <<END
$(ls -ldn "$1" 2>/dev/null)
END
}

# In a user namespace root is an ordinary user of the machine.
is_root() { [ "$me" = 0 ] && read -r inside outside count </proc/self/uid_map && [ "$inside $outside $count" = "0 0 4294967295" ]; }

# Whether what was looked at is root's or this user's.
is_owned() { [ "$uid" = 0 ] || [ "$uid" = "$me" ]; }

# Whether a folder is root's or this user's, and others may not put anything into it.
is_own() {
    look "$1"
    case $mode in d????w* | d???????w*) return 1 ;; d*) ;; *) return 1 ;; esac
    is_owned
}

# Whether others may exchange what is on the way to a folder: what is looked at would not be what runs. Where the sticky
# bit is set, as in /tmp, names belong to their owners.
is_ground() {
    at=$(CDPATH='' cd -P -- "$1" 2>/dev/null && pwd -P) || return 1
    while :; do
        look "${at:-/}"
        case $mode in
        d????????[tT]*) ;;
        d???????w*) return 1 ;;
        d????w*) ! is_root || return 1 ;;
        d*) ;;
        *) return 1 ;;
        esac
        [ "$uid" = 0 ] || ! is_root || return 1
        case $at in '' | /) return 0 ;; esac
        at=${at%/*}
    done
}

# Whether no symlink is on the way from a folder to a path in it.
is_straight() {
    at=$1 rest=$2
    while :; do
        at=$at/${rest%%/*}
        [ ! -h "$at" ] || return 1
        case $rest in */*) rest=${rest#*/} ;; *) return 0 ;; esac
    done
}

# Whether a directory says that it is this bundle.
is_named() { [ ! -h "$1" ] && [ -f "$1/bundler.json" ] && [ ! -h "$1/bundler.json" ] && [ "$(digest_of "$1/bundler.json")" = "$digest" ]; }

# Whether it is: as it was unpacked or has run since, and out of the reach of other users. What of it a container or a
# hook would use stands in kit.conf: the digest of each file, and each folder.
is_ours() {
    wrong=$1
    is_named "$1" && is_own "$1" || return 1
    known='
'
    while IFS= read -r line; do
        path=${line#*=}
        case $line in file=*) path=${path#* } ;; esac
        wrong=$1/$path
        case $line in
        file=*)
            sum=${line#*=} sum=${sum%% *}
            known="$known$path
"
            is_straight "$1" "$path" && look "$1/$path" || return 1
            case $mode in -????w* | -???????w*) return 1 ;; -*) ;; *) return 1 ;; esac
            [ "$links" = 1 ] || return 1
            case $path in etc/*) ;; *) is_owned || return 1 ;; esac # what is mounted may be the container's root's
            [ "$(digest_of "$1/$path")" = "$sum" ] || return 1
            ;;
        own=*) is_straight "$1" "$path" && is_own "$1/$path" || return 1 ;;
        mounted=*)
            is_straight "$1" "$path" && look "$1/$path" || return 1
            case $mode in d*) ;; -*) [ "$links" = 1 ] || return 1 ;; *) return 1 ;; esac
            ;;
        esac
    done <"$here/kit.conf"
    for wrong in "$1"/etc/* "$1"/hooks/*; do
        if [ ! -e "$wrong" ] && [ ! -h "$wrong" ]; then continue; fi
        case $known in *"
${wrong#"$1"/}
"*) ;; *) return 1 ;; esac
    done
}

check_ours() { is_ours "$1" || die "$1 is not what was packed: look at $wrong" "name another place with -C, or remove it first" 6; }

check_ground() { is_ground "${dir%/*}/" || die "${dir%/*}/ is no place for a bundle: it is not there, or others may change what is in it" "name another place with -C" 2; }

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
    check_ground
    finish_moving
    if [ -e "$dir" ] || [ -h "$dir" ]; then
        if is_named "$dir"; then
            check_ours "$dir"
            return
        fi
        die "$dir is there already and is not this bundle" "upgrade puts it in its place, -C names another" 2
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
    sync # a power cut leaves no name whose files are not whole
    mv "$part" "$dir" || die "$dir cannot be made"
    check_ours "$dir" # somebody may have been there first
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

# A newer kit's bundle takes the place of an older one, and what the container has written to its volumes moves along.
#
#   $dir             the bundle, $dir.old the one before, without those folders, $dir.new the next one on its way
#   $dir.kit-moving  the command and the digest of the bundler.json that it puts in place, the path of the units without
#                    their ends, and these folders: while it is there, something may be left to do
#   $dir.kit-units   the units of both, in folders that are called by the digests of their bundler.json
#
# Whatever was killed is finished by the next call: each step is one rename, and is done unless its outcome is there.

holds_anything() {
    for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        if [ -e "$entry" ] || [ -h "$entry" ]; then return 0; fi
    done
    return 1
}

# The folders of a bundle that a container writes to, one a line.
data_folders() {
    for folder in "$1"/volumes/* "$1"/volumes/.[!.]* "$1"/*; do
        [ -d "$folder" ] || continue
        [ ! -h "$folder" ] || die "$folder is a symlink" "a bundle has none there"
        folder=${folder#"$1/"}
        case $folder in rootfs | etc | hooks | images | shm | volumes) ;; *) printf '%s\n' "$folder" ;; esac
    done
}

# Whether a bundle mounts the folder, or one in it.
mounts() {
    while IFS= read -r line; do
        case $line in *"\"source\": \"$2\""* | *"\"source\": \"$2/"*) return 0 ;; esac
    done <"$1/config.json"
    return 1
}

# A container has its rootfs and its volumes mounted, by their path in the file system that has the bundle.
check_idle() {
    at='' device='' top=''
    while read -r _ _ found_device found_top found_at _; do
        case $1/ in "${found_at%/}"/*) [ "${#found_at}" -lt "${#at}" ] || { at=$found_at device=$found_device top=$found_top; } ;; esac
    done </proc/self/mountinfo
    inside=${top%/}${1#"${at%/}"} top=''
    while case $inside in *' '*) ;; *) false ;; esac do inside="${inside%% *}\\040${inside#* }"; done
    for table in /proc/[0-9]*/mountinfo; do
        while read -r _ _ found_device found_top _; do
            case $found_device:$found_top/ in "$device:$inside"/*) top=found ;; esac
        done 2>/dev/null <"$table"
        [ "$top" != found ] || die "a container runs from $1, or something in it is mounted elsewhere" "stop it first: systemctl ${user:+--user }stop $name" 2
    done
}

# What has begun is done, whoever has begun it; `finished` is the command, if that has come to its end.
finish_moving() {
    finished=''
    [ -f "$dir.kit-moving" ] || return 0
    if [ -d "$dir.new" ] && [ -d "$dir" ] && [ ! -e "$dir.old" ]; then
        mv "$dir" "$dir.old" || die "$dir cannot be moved"
    fi
    if [ -d "$dir.new" ] && [ ! -e "$dir" ]; then
        mv "$dir.new" "$dir" || die "$dir.new cannot be moved"
    fi
    {
        read -r finished target
        IFS= read -r prefix
        while IFS= read -r folder; do
            if [ -d "$dir.old/$folder" ] && [ ! -e "$dir/$folder" ]; then
                mv "$dir.old/$folder" "$dir/$folder" || die "$dir.old/$folder cannot be moved"
            fi
        done
    } <"$dir.kit-moving"
    [ "$(digest_of "$dir/bundler.json")" = "$target" ] || finished='' # it had not come to its first step
    [ -z "$prefix" ] || place_units "$prefix"
    sync
    rm "$dir.kit-moving" || die "$dir.kit-moving cannot be removed"
}

# Note what is to be done, the command and the digest; from then on it is done.
begin_moving() {
    printf '%s\n%s\n%s' "$1 $2" "$prefix" "$moving" >"$dir.kit-moving-part" || die "$dir.kit-moving-part cannot be written"
    sync
    mv "$dir.kit-moving-part" "$dir.kit-moving" || die "$dir.kit-moving cannot be made"
    sync
}

# Keep the units in the folder $1 as those of the bundle whose bundler.json has the digest $2.
keep_units() {
    rm -rf "$dir.kit-units/part"
    mkdir -p "$dir.kit-units/part" || die "$dir.kit-units cannot be made"
    for file in "$name.service" "$name-health.service" "$name-health.timer"; do
        [ ! -f "$1/$file" ] || cp "$1/$file" "$dir.kit-units/part/$file" || die "$1/$file cannot be kept"
    done
    rm -rf "$dir.kit-units/$2"
    mv "$dir.kit-units/part" "$dir.kit-units/$2" || die "$dir.kit-units/$2 cannot be made"
}

# The units of the bundle that is in its place now, each in one step; $1 is their path without its end.
place_units() {
    kept=$dir.kit-units/$(digest_of "$dir/bundler.json")/${1##*/}
    for suffix in .service -health.service -health.timer; do
        if [ ! -f "$kept$suffix" ]; then
            rm -f "$1$suffix"
        elif ! cp "$kept$suffix" "$1$suffix.part" || ! chmod 0644 "$1$suffix.part" || ! mv "$1$suffix.part" "$1$suffix"; then
            die "$1$suffix cannot be written"
        fi
    done
}

# What there is to do for the manager of the units.
show_next() {
    printf '%s\n' "$dir"
    [ -z "$prefix" ] || note "to start it: systemctl ${user:+--user }daemon-reload && systemctl ${user:+--user }restart $name"
    [ ! -d "$dir.old" ] || note "then: sh kit.sh commit removes $dir.old, sh kit.sh rollback lets both change places"
}

# What upgrade, rollback and commit begin with; $1 is the folder of the units.
find_bundle() {
    check_user
    [ -z "$wanted$chosen" ] || die "-n and -r would not reach the units, which are written already" "pack the kit with --name or --runtime" 2
    dir=${place:-$directory}
    case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
    check_ground
    finish_moving
    choose_units "$1"
    prefix=$units/$name
    [ -z "$place" ] || prefix=''
    rm -rf "$dir".part-* "$dir.new".part-*
    if [ -e "$dir.new" ] || [ -h "$dir.new" ]; then
        is_named "$dir.new" || die "$dir.new is in the way" "move it elsewhere" 2
        mv "$dir.new" "$dir.part-new" || die "$dir.new cannot be moved"
        rm -rf "$dir.part-new"
    fi
}

upgrade() {
    find_bundle "$1"
    if ! is_ours "$dir"; then
        if [ -h "$dir" ] || [ ! -f "$dir/bundler.json" ] || [ ! -d "$dir/rootfs" ]; then
            die "there is no bundle at $dir to upgrade" "install is for the first one; the older kit may have had another --name or --directory" 2
        fi
        [ ! -e "$dir.old" ] || die "$dir.old is there from the last upgrade" "commit removes it, rollback brings it back" 2
        check_idle "$dir"
        bundle=$dir
        unpack "$dir.new"
        dir=$bundle
        choose_moving "$dir.new"
        if [ -n "$prefix" ]; then
            mkdir -p "$units" || die "$units cannot be made"
            keep_units "$units" "$(digest_of "$dir/bundler.json")"
            keep_units "$here/units" "$digest"
        fi
        begin_moving upgrade "$digest"
        finish_moving
    elif [ -n "$prefix" ]; then
        keep_units "$here/units" "$digest"
        place_units "$prefix"
    fi
    show_next
}

# The folders that move from the bundle to the one at $1, which gives up what it has of them itself.
choose_moving() {
    moving='' newline='
'
    data_folders "$dir" >"$dir.kit-moving-part" || exit
    while IFS= read -r folder; do
        if [ ! -d "$1/$folder" ] && ! mounts "$1" "$folder"; then
            holds_anything "$dir/$folder" || continue
            [ "$1" = "$dir.new" ] || { note "$folder holds data, and the older bundle has no place for it: it stays in $dir.old"; continue; }
            [ -n "$leave" ] || die "$dir/$folder holds something, and the new bundle has no place for it" "move it elsewhere, or leave it in $dir.old with -l" 2
        elif holds_anything "$dir/$folder" || [ ! -d "$1/$folder" ]; then
            moving=$moving$folder$newline
        fi
    done <"$dir.kit-moving-part"
    rm "$dir.kit-moving-part"
    while IFS= read -r folder; do
        [ -n "$folder" ] || continue
        if [ "$1" != "$dir.new" ] && [ -d "$1/$folder" ] && holds_anything "$1/$folder"; then
            die "$1/$folder and $dir/$folder both hold something" "move one of them elsewhere" 2
        fi
        rm -rf "$1/${folder:?}"
    done <<END
$moving
END
}

rollback() {
    find_bundle "$1"
    if [ -h "$dir" ] || [ ! -f "$dir/bundler.json" ] || [ ! -f "$dir.old/bundler.json" ]; then
        die "there is no $dir.old to go back to" "only an upgrade leaves one" 2
    fi
    if [ "$finished" != rollback ]; then # else this is the one that was killed
        check_idle "$dir"
        check_idle "$dir.old"
        choose_moving "$dir.old"
        begin_moving rollback "$(digest_of "$dir.old/bundler.json")"
        mv "$dir.old" "$dir.new" || die "$dir.old cannot be moved"
        finish_moving
    fi
    show_next
}

commit() {
    find_bundle "$1"
    [ -d "$dir.old" ] || die "there is no $dir.old to remove" "only an upgrade leaves one" 2
    check_idle "$dir.old"
    data_folders "$dir.old" >"$dir.kit-moving-part" || exit
    while IFS= read -r folder; do
        ! holds_anything "$dir.old/$folder" || die "$dir.old/$folder holds something" "move it elsewhere first, or remove it" 2
    done <"$dir.kit-moving-part"
    rm -rf "$dir.kit-units" "$dir.kit-moving-part"
    mv "$dir.old" "$dir.part-old" || die "$dir.old cannot be moved"
    sync
    rm -rf "$dir.part-old" || die "$dir.part-old cannot be removed"
    printf '%s\n' "$dir"
}

place='' chosen='' wanted='' leave=''
while getopts C:n:r:lh option; do
    case $option in
    C) place=$OPTARG ;;
    n) wanted=$OPTARG ;;
    r) chosen=$OPTARG ;;
    l) leave=1 ;;
    h) usage && exit ;;
    *) usage >&2 && exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { usage >&2 && exit 2; }
command=$1
shift

case $command in
verify | unpack | run | install | upgrade | rollback | commit)
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
upgrade) upgrade "${1-}" ;;
rollback) rollback "${1-}" ;;
commit) commit "${1-}" ;;
*) usage >&2 && exit 2 ;;
esac

# A newer kit's bundle takes the place of an older one, and what the container has written to its volumes moves along.
#
#   $dir             the bundle, $dir.old the one before, without those folders, $dir.new the next one on its way
#   $dir.kit-moving  the command and the digest of the bundler.json that it puts in place (of a project, of its
#                    project.json), the path of the units without their ends, and these folders: while it is there,
#                    something may be left to do
#   $dir.kit-units   the units of both, in folders that are called by these digests
#
# Whatever was killed is finished by the next call: each step is one rename, and is done unless its outcome is there.
# In a folder such as /tmp others may make these, too: what they have made is not followed.

# Note what a command prints in $dir.kit-moving-part, a new file.
noted() {
    rm -f "$dir.kit-moving-part"
    (set -C && "$@" >"$dir.kit-moving-part")
}

holds_anything() {
    for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        if [ -e "$entry" ] || [ -h "$entry" ]; then return 0; fi
    done
    return 1
}

# The folders of a bundle, or of a project and its bundles, that a container writes to, one a line.
data_folders() {
    if [ -z "$project" ]; then
        written_to "$1" '' "$1"/volumes/* "$1"/volumes/.[!.]* "$1"/*
        return
    fi
    written_to "$1" '' "$1"/volumes/* "$1"/volumes/.[!.]*
    for member in "$1"/*/bundler.json; do
        member=${member%/bundler.json}
        case $member in "$1/volumes" | "$1/*") continue ;; esac
        [ ! -h "$member" ] || die "$member is a symlink" "a project has none there"
        written_to "$member" "${member##*/}/" "$member"/volumes/* "$member"/volumes/.[!.]* "$member"/*
    done
}

# Those of the paths behind $2 that are such folders of the bundle $1, by their paths in it, behind $2.
written_to() {
    of=$1 before=$2
    shift 2
    for folder; do
        [ -d "$folder" ] || continue
        [ ! -h "$folder" ] || die "$folder is a symlink" "a $kind has none there"
        folder=${folder#"$of/"}
        case $folder in rootfs | upper | etc | hooks | images | shm | volumes) ;; *) printf '%s\n' "$before$folder" ;; esac
    done
}

# Whether what lies at $1, a bundle or the bundles of a project, mounts the folder $2 of it, or one in that.
mounts() {
    at=$1 source=$2
    set -- "$1/config.json"
    if [ -n "$project" ]; then
        case $source in
        volumes/*)
            set -- "$at"/*/config.json
            source=../$source
            ;;
        *)
            set -- "$at/${source%%/*}/config.json"
            source=${source#*/}
            ;;
        esac
    fi
    for config; do
        [ -f "$config" ] || continue
        while IFS= read -r line; do
            case $line in *"\"source\": \"$source\""* | *"\"source\": \"$source/"*) return 0 ;; esac
        done <"$config"
    done
    return 1
}

# Whether the loop device that a line begins with is of a file in the folder $2.
is_backing() {
    IFS= read -r backing 2>/dev/null <"/sys/block/${1%% *}/loop/backing_file" || return 1
    case $backing in "$2"/*) ;; *) return 1 ;; esac
}

# A container has its rootfs and its volumes mounted, by their path in the file system that has the bundle. What is
# mounted of an image is called after a folder of the bundle, after the image, or after a loop device of it.
check_idle() {
    at='' device='' top='' escaped=$(escape "$1")
    while read -r _ _ found_device found_top found_at _; do
        case $escaped/ in "${found_at%/}"/*) [ "${#found_at}" -lt "${#at}" ] || { at=$found_at device=$found_device top=$found_top; } ;; esac
    done </proc/self/mountinfo
    inside=${top%/}${escaped#"${at%/}"}
    # Most processes have the same mounts, and a shell reads byte by byte: each mount counts once.
    top=$(cat /proc/[0-9]*/mountinfo 2>/dev/null | LC_ALL=C sort -u | while read -r _ _ found_device found_top rest; do
        case $found_device:$found_top/ in "$device:$inside"/*) echo found ;; esac
        case $rest in
        *" - overlay $escaped/"* | *" - erofs $escaped/"*) echo found ;;
        *" - erofs /dev/loop"*) ! is_backing "${rest##*" - erofs /dev/"}" "$1" || echo found ;;
        esac
    done)
    [ -z "$top" ] || die "a container runs from $1, or something in it is mounted elsewhere" "stop it first: systemctl ${user:+--user }stop $name${project:+".target '$name-*'"}" 2
}

# What has begun is done, whoever has begun it; `finished` is the command, if that has come to its end.
finish_moving() {
    finished=''
    [ -f "$dir.kit-moving" ] || return 0
    check_own "$dir.kit-moving"
    if [ -d "$dir.new" ] && [ -d "$dir" ] && [ ! -e "$dir.old" ]; then
        mv "$dir" "$dir.old" || die "$dir cannot be moved"
    fi
    if [ -d "$dir.new" ] && [ ! -e "$dir" ]; then
        move_uppers <"$dir.kit-moving"
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
    [ "$(digest_of "$dir/$document")" = "$target" ] || finished='' # it had not come to its first step
    [ -z "$prefix" ] || place_units "$prefix"
    sync
    rm "$dir.kit-moving" || die "$dir.kit-moving cannot be removed"
}

# Of the list on standard input, what was written over images goes ahead: without its volumes no runtime starts a container,
# and without that it would begin anew.
move_uppers() {
    read -r _
    read -r _
    while IFS= read -r folder; do
        case $folder in upper | */upper) ;; *) continue ;; esac
        if [ -d "$dir.old/$folder" ] && [ ! -e "$dir.new/$folder" ]; then
            mv "$dir.old/$folder" "$dir.new/$folder" || die "$dir.old/$folder cannot be moved"
        fi
    done
}

# Note what is to be done, the command and the digest; from then on it is done.
begin_moving() {
    noted printf '%s\n%s\n%s' "$1 $2" "$prefix" "$moving" || die "$dir.kit-moving-part cannot be written"
    sync
    [ ! -d "$dir.kit-moving" ] || die "$dir.kit-moving is in the way" "move it elsewhere" 2
    mv "$dir.kit-moving-part" "$dir.kit-moving" || die "$dir.kit-moving cannot be made"
    sync
}

# The names that the units in the folder $1 may have. The target of a project names its services.
unit_names() {
    services=$name gates=''
    if [ -n "$project" ]; then
        services='' gates='-started.service -healthy.service -completed.service'
        printf '%s\n' "$name.target"
        [ ! -f "$1/$name.target" ] || while IFS= read -r line; do
            case $line in Wants=*) services=${line#Wants=} ;; esac
        done <"$1/$name.target"
    fi
    for service in $services; do
        service=${service%.service}
        case $service in *[!A-Za-z0-9_.-]*) continue ;; esac
        for suffix in .service -health.service -health.timer $gates; do
            printf '%s\n' "$service$suffix"
        done
    done
}

# Keep the units in the folder $1 as those of what has the digest $2.
keep_units() {
    mkdir -p "$dir.kit-units" || die "$dir.kit-units cannot be made"
    check_own "$dir.kit-units"
    rm -rf "$dir.kit-units/part"
    mkdir "$dir.kit-units/part" || die "$dir.kit-units/part cannot be made"
    unit_names "$1" | while IFS= read -r file; do
        [ ! -f "$1/$file" ] || cp "$1/$file" "$dir.kit-units/part/$file" || die "$1/$file cannot be kept"
    done || exit
    rm -rf "$dir.kit-units/$2"
    mv "$dir.kit-units/part" "$dir.kit-units/$2" || die "$dir.kit-units/$2 cannot be made"
}

# The units of what is in its place now, each in one step, and none of the other's; $1 is their path without its end.
place_units() {
    kept=$dir.kit-units/$(digest_of "$dir/$document")
    for unit in "$dir.kit-units"/*/*; do
        file=${unit##*/} target=${1%/*}/${unit##*/}
        if [ ! -f "$kept/$file" ]; then
            rm -f "$target"
        elif ! cp "$kept/$file" "$target.part" || ! chmod 0644 "$target.part" || ! mv "$target.part" "$target"; then
            die "$target cannot be written"
        fi
    done
}

# What there is to do for the manager of the units.
show_next() {
    printf '%s\n' "$dir"
    [ -z "$prefix" ] || note "to start it: systemctl ${user:+--user }daemon-reload && systemctl ${user:+--user }restart $name${project:+.target}"
    [ ! -d "$dir.old" ] || note "$dir.old keeps what its container wrote outside of volumes: commit removes both, rollback lets the two change places"
}

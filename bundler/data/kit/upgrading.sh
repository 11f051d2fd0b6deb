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
    check_machine
    find_bundle "$1"
    if ! is_ours "$dir"; then
        if [ -h "$dir" ] || [ ! -f "$dir/$document" ] || { [ -z "$project" ] && [ ! -d "$dir/rootfs" ]; }; then
            die "there is no $kind at $dir to upgrade" "install is for the first one; the older kit may have had another --name or --directory" 2
        fi
        check_own "$dir"
        [ ! -e "$dir.old" ] || die "$dir.old is there from the last upgrade" "commit removes it, rollback brings it back" 2
        check_idle "$dir"
        installed=$dir
        unpack "$dir.new"
        dir=$installed
        show_differences "$dir" "$dir.new"
        choose_moving "$dir.new"
        show_staying "; bundler upgrade would take them along"
        if [ -n "$prefix" ]; then
            mkdir -p "$units" || die "$units cannot be made"
            keep_units "$units" "$(digest_of "$dir/$document")"
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
    noted data_folders "$dir" || exit
    while IFS= read -r folder; do
        if [ ! -d "$1/$folder" ] && ! mounts "$1" "$folder"; then
            holds_anything "$dir/$folder" || continue
            [ "$1" = "$dir.new" ] || { note "$folder holds data, and the older $kind has no place for it: it stays in $dir.old"; continue; }
            [ -n "$leave" ] || die "$dir/$folder holds something, and the new $kind has no place for it" "move it elsewhere, or leave it in $dir.old with -l" 2
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
    choose_uppers "$1"
}

# What was written over an image moves with the volumes, to a bundle with the same image, unless it would not be seen there.
choose_uppers() {
    for member in $(members "$dir"); do
        upper=${member#/}upper
        if [ ! -d "$dir/$upper" ] || [ -e "$1/$upper" ]; then continue; fi
        if ! is_read_only "$1$member" && has_same_image "$dir$member" "$1$member"; then
            moving=$moving$upper$newline
        fi
    done
}

is_read_only() {
    while IFS= read -r line; do
        case $line in *' "readonly": true'*) return 0 ;; esac
    done <"$1/config.json"
    return 1
}

# What the containers wrote outside of volumes, and does not move along; $1 is what to say of that.
show_staying() {
    for member in $(members "$dir"); do
        case $newline$moving in *"$newline${member#/}upper$newline"*) continue ;; esac
        count=$(count_written "$dir$member") || continue
        place=$dir$member
        [ "$count" = 0 ] || note "files that the container of ${place%/} wrote outside of its volumes: $count. They stay in $dir.old${1-}"
    done
}

rollback() {
    find_bundle "$1"
    if [ -h "$dir" ] || [ ! -f "$dir/$document" ] || [ ! -f "$dir.old/$document" ]; then
        die "there is no $dir.old to go back to" "only an upgrade leaves one" 2
    fi
    check_own "$dir"
    check_own "$dir.old"
    if [ "$finished" != rollback ]; then # else this is the one that was killed
        check_idle "$dir"
        check_idle "$dir.old"
        choose_moving "$dir.old"
        show_staying
        begin_moving rollback "$(digest_of "$dir.old/$document")"
        mv "$dir.old" "$dir.new" || die "$dir.old cannot be moved"
        finish_moving
    fi
    show_next
}

commit() {
    find_bundle "$1"
    [ -d "$dir.old" ] || die "there is no $dir.old to remove" "only an upgrade leaves one" 2
    check_idle "$dir.old"
    noted data_folders "$dir.old" || exit
    while IFS= read -r folder; do
        ! holds_anything "$dir.old/$folder" || die "$dir.old/$folder holds something" "move it elsewhere first, or remove it" 2
    done <"$dir.kit-moving-part"
    rm -rf "$dir.kit-units" "$dir.kit-moving-part"
    mv "$dir.old" "$dir.part-old" || die "$dir.old cannot be moved"
    sync
    rm -rf "$dir.part-old" || die "$dir.part-old cannot be removed"
    printf '%s\n' "$dir"
}

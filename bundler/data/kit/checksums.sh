# The constants of this kit, one `KEY=VALUE` a line. They are read and never run.
read_constants() {
    format='' name='' directory='' runtime='' digest='' user='' attributes='' systemd='' image='' project=''
    document=bundler.json kind=bundle
    while IFS= read -r line; do
        value=${line#*=}
        case $line in
        format=*) format=$value ;;
        name=*) name=$value ;;
        directory=*) directory=$value ;;
        runtime=*) runtime=$value ;;
        bundle=*) digest=$value ;;
        project=*) digest=$value document=project.json kind=project project=1 ;;
        user=*) user=$value ;;
        attributes=*) attributes=$value ;;
        systemd-cgroup=*) systemd=$value ;;
        image=*) image=$value ;;
        esac
    done <"$here/kit.conf"
    [ "$format" = 3 ] || die "kit.conf has the format ${format:-of no number}, and this script reads 3" "copy the whole folder again" 3
}

# The constants of one name, which may stand on several lines.
constants() {
    while IFS= read -r line; do
        case $line in "$1="?*) printf '%s\n' "${line#*=}" ;; esac
    done <"$here/kit.conf"
}

digest_of() {
    set -- "$(sha256sum <"$1")"
    printf '%s\n' "${1%% *}"
}

# What only Docker's own installation has, and a container does not start without.
check_init() {
    constants init | while IFS= read -r init; do
        [ -f "$init" ] || die "the container begins with $init, which is not here" \
            "build the bundle with init: {path: /usr/bin/tini-static, embed: true}, or put a static init there" 5
    done || exit
}

# The digest that the list of checksums has of a file.
listed() {
    while read -r sum file; do
        [ "$file" != "$1" ] || printf '%s\n' "$sum"
    done <"$here/SHA256SUMS"
}

# Before anything else of the kit is looked at. `sha256sum -c` would be content with a list that was cut off.
verify() {
    if [ ! -f "$here/SHA256SUMS" ] || [ -h "$here/SHA256SUMS" ]; then
        die "$here is no kit: SHA256SUMS is missing" "copy the whole folder again" 3
    fi
    check_hands
    [ -z "$key" ] || check_signature
    wrong='' files=0
    [ ! -h "$here/units" ] || wrong=' units'
    for path in "$here/bundle.tar.gz" "$here/kit.conf" "$here/kit.sh" "$here"/units/*; do
        case $path in "$here/units/*") [ -e "$path" ] || [ -L "$path" ] || continue ;; esac # there is none
        file=${path#"$here/"} files=$((files + 1))
        known=$(listed "$file") # nothing of what is not listed, as of what cannot be read
        if [ ! -f "$path" ] || [ -h "$path" ] || [ -z "$known" ] || [ "$known" != "$(digest_of "$path")" ]; then
            wrong="$wrong $file"
        fi
    done
    while read -r _ file; do
        case "$wrong " in *" $file "*) continue ;; esac
        [ -f "$here/$file" ] || wrong="$wrong $file"
    done <"$here/SHA256SUMS"
    [ -z "$wrong" ] || die "the kit is damaged:$wrong" "copy the whole folder again" 6
}

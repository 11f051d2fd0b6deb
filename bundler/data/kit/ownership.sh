# What `ls` says of a path.
look() {
    mode='' links='' uid='' gid=''
    read -r mode links uid gid _ <<END
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

# The same of a file, and others may not write to it.
is_own_file() {
    look "$1"
    case $mode in -????w* | -???????w*) return 1 ;; -*) ;; *) return 1 ;; esac
    [ "$links" = 1 ] && is_owned
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

# Before anything of the kit is read: each file is looked at once and used later, and who can write to it meanwhile has it
# hold something else. Who can write to this script needs no such thing, so a stick whose files are all of one user and
# one mode is as good as its script, and so is what an ordinary user has copied and root runs.
check_hands() {
    me=$(id -u)
    look "$here/kit.sh"
    script=$mode author=$uid team=$gid
    for path in "$here" "$here/units" "$here/SHA256SUMS" "$here/bundle.tar.gz" "$here/kit.conf" "$here"/units/*; do
        if [ ! -e "$path" ] || [ -h "$path" ]; then continue; fi # that is damage
        look "$path"
        is_in_good_hands || die "another user than that of kit.sh could change $path" \
            "if you know where the kit is from: chown -R $me $here, chmod -R go-w $here" 6
    done
}

# Whether what was looked at can be changed only by root, this user and those who can change the script.
is_in_good_hands() {
    case $mode in
    d????????[tT]*) ;; # names in it belong to their owners
    ????????w*) case $script in ????????w*) ;; *) return 1 ;; esac ;;
    ?????w*) case $script in ????????w*) ;; ?????w*) [ "$gid" = "$team" ] || return 1 ;; *) return 1 ;; esac ;;
    esac
    is_owned || [ "$uid" = "$author" ]
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

# Whether a directory says that it is this bundle, or this project.
is_named() { [ ! -h "$1" ] && [ -f "$1/$document" ] && [ ! -h "$1/$document" ] && [ "$(digest_of "$1/$document")" = "$digest" ]; }

# Whether what was looked at has one name, by which alone it can be written to. Bundles of a project may have one root
# filesystem: a file that is nobody's to write to.
is_single() {
    [ "$links" != 1 ] || return 0
    [ -n "$project" ] && [ "$path" = rootfs.erofs ] || return 1
    case $mode in -?w* | -????w* | -???????w*) return 1 ;; esac
}

# Whether it is: as it was unpacked or has run since, and out of the reach of other users. What of it a container or a
# hook would use stands in kit.conf: the digest of each file, and each folder. In a project the lines behind that of a
# bundle's folder are about what is in it.
is_ours() {
    wrong=$1
    is_named "$1" && is_own "$1" || return 1
    base=$1 checked=''
    [ -n "$project" ] || checked=$1
    known='
'
    while IFS= read -r line; do
        path=${line#*=}
        case $line in file=*) path=${path#* } ;; esac
        wrong=$base/$path
        case $line in
        folder=*)
            is_complete || return 1
            base=$1/$path checked=$1/$path wrong=$1/$path known='
'
            is_straight "$1" "$path" && is_own "$base" || return 1
            ;;
        file=*)
            sum=${line#*=} sum=${sum%% *}
            known="$known$path
"
            is_straight "$base" "$path" && look "$base/$path" || return 1
            case $mode in -????w* | -???????w*) return 1 ;; -*) ;; *) return 1 ;; esac
            is_single || return 1
            case $path in etc/*) ;; *) is_owned || return 1 ;; esac # what is mounted may be the container's root's
            [ "$(digest_of "$base/$path")" = "$sum" ] || return 1
            ;;
        own=*) is_straight "$base" "$path" && is_own "$base/$path" || return 1 ;;
        mounted=*)
            is_straight "$base" "$path" && look "$base/$path" || return 1
            case $mode in d*) ;; -*) [ "$links" = 1 ] || return 1 ;; *) return 1 ;; esac
            ;;
        esac
    done <"$here/kit.conf"
    is_complete
}

# Whether the bundle that was looked at holds no more than was known of it, but for what containers write.
is_complete() {
    [ -n "$checked" ] || return 0
    is_upper "$checked/upper" || return 1
    for wrong in "$checked"/etc/* "$checked"/hooks/*; do
        if [ ! -e "$wrong" ] && [ ! -h "$wrong" ]; then continue; fi
        case $known in *"
${wrong#"$checked"/}
"*) ;; *) return 1 ;; esac
    done
}

# Whether what was written over an image is where it was written: nothing, or folders that no other user could exchange.
is_upper() {
    for wrong in "$1" "$1/rootfs" "$1/work"; do
        if [ ! -e "$wrong" ] && [ ! -h "$wrong" ]; then continue; fi
        look "$wrong"
        case $mode in d*) ;; *) return 1 ;; esac
    done
    [ ! -e "$1" ] || is_own "$1"
}

# Whether what another call has left, or made, was made by this user: in a folder such as /tmp, others could have.
check_own() { is_own "$1" || is_own_file "$1" || die "$1 is another user's, or others may write to it" "remove it, or name another place with -C" 2; }

check_ours() { is_ours "$1" || die "$1 is not what was packed: look at $wrong" "name another place with -C, or remove it first" 6; }

check_ground() { is_ground "${dir%/*}/" || die "${dir%/*}/ is no place for a $kind: it is not there, or others may change what is in it" "name another place with -C" 2; }

check_user() {
    me=$(id -u)
    if [ -z "$user" ]; then
        [ "$me" = 0 ] || die "the $kind has files of several users" "run this as root"
    else
        [ "$me" = "$user" ] || die "the $kind was built for the user with the id $user, and not for $me"
    fi
}

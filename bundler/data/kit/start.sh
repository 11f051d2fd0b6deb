#!/bin/sh
# A container's bundle, or a project of several, for a machine without a network: checked, unpacked and run with what is
# here. POSIX sh, a tar with gzip, sha256sum and runc or crun are enough; busybox has all but the last.
set -u
umask 077
# What would change how the bundle is unpacked.
unset TAR_OPTIONS GZIP POSIXLY_CORRECT

usage() {
    cat <<'END'
usage: sh kit.sh [-C DIR] [-n NAME] [-r RUNTIME] [-l] COMMAND [--key PUB] [ARGUMENT...]

  verify            check all files of the kit
  unpack            the same, and unpack the bundle, or the project
  run [OPTION...]   the same, and run it; what follows goes to `RUNTIME run` (a project is only installed)
  install [DIR]     the same into its place, with its systemd units, into DIR (/etc/systemd/system)

  upgrade [DIR]     the same in the place of the installed one, whose data moves along; units as for install
  rollback [DIR]    bring the one before the upgrade back, with the data
  commit            remove the one before the upgrade

  -C DIR       where the bundle is unpacked (for run and unpack: `bundle` beside this script; upgrade: without units)
  -n NAME      the container's name
  -r RUNTIME   the program that runs it; if absent, runc or crun, the one it was built for first
  --key PUB    only if this public key (minisign, signify, SSH) has signed the kit's SHA256SUMS; or -k PUB before COMMAND
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
for tool in cat chmod cp id ls mkdir mv rm sha256sum sort sync tar; do
    have "$tool" || have busybox || die "$tool is needed and is not on PATH" "busybox would do, too" 5
done
have cat || cat() { busybox cat; }
have chmod || chmod() { busybox chmod "$@"; }
have chown || chown() { busybox chown "$@"; }
have cp || cp() { busybox cp "$@"; }
have find || find() { busybox find "$@"; }
have flock || flock() { busybox flock "$@"; }
have grep || grep() { busybox grep "$@"; }
have id || id() { busybox id "$@"; }
have ls || ls() { busybox ls "$@"; }
have mkdir || mkdir() { busybox mkdir "$@"; }
have modprobe || modprobe() { busybox modprobe "$@"; }
have mount || mount() { busybox mount "$@"; }
have mv || mv() { busybox mv "$@"; }
have rm || rm() { busybox rm "$@"; }
have sha256sum || sha256sum() { busybox sha256sum; } # of standard input
have sort || sort() { busybox sort "$@"; }
have stat || stat() { busybox stat "$@"; }
have sync || sync() { busybox sync; }
have tar || tar() { busybox tar "$@"; }

here=${0%/*}
[ "$here" != "$0" ] || here=.
here=$(CDPATH='' cd -- "$here" && pwd -P) || die "the folder of this script cannot be entered"

place='' chosen='' wanted='' leave='' key=''
while getopts C:n:r:k:lh option; do
    case $option in
    C) place=$OPTARG ;;
    n) wanted=$OPTARG ;;
    r) chosen=$OPTARG ;;
    k) key=${OPTARG:-/} ;; # no key must not be the same as none asked for
    l) leave=1 ;;
    h) usage && exit ;;
    *) usage >&2 && exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { usage >&2 && exit 2; }
command=$1
shift
if [ "${1-}" = --key ]; then
    [ -n "${2-}" ] || die "--key: the public key's file is missing" "" 2
    key=$2
    shift 2
fi
# A key that would be overlooked is one that was not asked.
for word; do
    case $word in -k | --key | --key=*) die "$word stands right behind the command: $command --key PUB" "" 2 ;; esac
done

case $command in
mounted) mounted "$@" ;; # which kit.sh calls itself with
verify | unpack | run | install | upgrade | rollback | commit)
    verify
    read_constants
    name=${wanted:-$name}
    case $name in *[!A-Za-z0-9_.-]* | [!A-Za-z0-9]* | '') die "-n: $name cannot be the name of a container" "" 2 ;; esac
    ;;
esac
case $command in
verify) printf 'ok: %s files, sha256 of SHA256SUMS %s\n' "$files" "$(digest_of "$here/SHA256SUMS")" ;;
unpack) unpack "${place:-$here/bundle}" && printf '%s\n' "$dir" ;;
run) run "$@" ;;
install) install_units "${1-}" ;;
upgrade) upgrade "${1-}" ;;
rollback) rollback "${1-}" ;;
commit) commit "${1-}" ;;
*) usage >&2 && exit 2 ;;
esac

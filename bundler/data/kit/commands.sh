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

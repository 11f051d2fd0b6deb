# What a container's service runs until the container has ended; systemd gives it to `sh -s` as standard input:
#
#   sh -s FOLDER SIGNAL RUNTIME BUNDLE NAME [RUNTIME-OPTION...]
#
# FOLDER is empty and private, and gone with the service; SIGNAL is the number of the container's stop signal.
folder=$1 stop=$2 program=$3 bundle=$4 name=$5
shift 5
# A signal that comes before the container is there would be lost in the runtime, or end this shell and leave the rest.
runtime='' early=''
# shellcheck disable=SC2317  # it is called by traps
pass() {
    [ -n "$runtime" ] || { early=$1 && return; }
    until [ -s "$folder/pid" ] || ! kill -0 "$runtime"; do sleep 0.05; done
    kill -s "$1" "$runtime"
} 2>/dev/null
for number in 1 2 3 10 12 15 "$stop"; do
    # shellcheck disable=SC2064  # this number, and not the last one
    trap "pass $number" "$number"
done
# A container opens /dev/stdout as a file: a pipe can be opened so, and the journal's socket cannot.
mkfifo -m 622 "$folder/output" || exit
cat <"$folder/output" &
copying=$!
# A shell starts what it does not wait for deaf to these two signals, and a container would inherit that.
deafness='env --default-signal=INT,QUIT'
$deafness true 2>/dev/null || deafness=
set -- "$@" --log-format json --log "$folder/log" run --pid-file "$folder/pid" --bundle "$bundle" "$name"
$deafness "$program" "$@" >"$folder/output" 2>&1 &
runtime=$!
# shellcheck disable=SC2317  # traps may have set it
[ -z "$early" ] || pass "$early"
# A signal ends `wait`, and the end may come while `pass` waits for the beginning: so it is asked once more, when the
# runtime is gone. Of a process that was waited for already, some shells say 127.
code=127 gone=''
while [ -z "$gone" ]; do
    kill -0 "$runtime" 2>/dev/null || gone=1
    wait "$runtime"
    status=$?
    [ "$status" = 127 ] || code=$status
done
# Docker's exit codes for a command that is not there, for one that cannot be executed, and for all else without which
# there is no container. Who waits for this one goes by the last (dependency.sh).
if [ ! -s "$folder/pid" ]; then
    [ "$code" != 1 ] || code=125
    case $(head -c 4096 "$folder/log") in
    *exec*'not found'* | *exec*'o such file'* | *'ot a directory'*) code=127 ;;
    *'exec: '*'ermission denied'* | *'exec: '*'is a directory'*) code=126 ;; # runc's, the latter since Go 1.20
    *'open executable'* | *'not executable'* | *'not a regular file'*) code=126 ;;
    esac
fi
# The last lines of the container, unless something that has outlived it still holds the pipe.
tries=0
while [ $((tries += 1)) -lt 50 ] && kill -0 "$copying" 2>/dev/null; do sleep 0.1; done
exit "$code"

#!/bin/sh
# netns-release PROGRAM BRIDGE ADDRESS-FILE: a hook that takes back what netns gave to a container that is gone.
set -eu
program=$1 bridge=$2 file=$3
rm -f "./$file"
# The kernel takes an interface off the bridge a moment after the last process of its network.
for _ in 1 2 3 4 5; do
    set -- "/sys/class/net/$bridge/brif/"*
    if [ ! -e "$1" ]; then
        [ ! -e "/sys/class/net/$bridge" ] || exec "$program" rm --bridge "$bridge"
        exit 0
    fi
    sleep 0.1
done

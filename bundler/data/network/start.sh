#!/bin/sh
# Connects a container to a network, and takes it off again. A runtime starts this as a hook, in the bundle, with the
# container's state on standard input:
#
#   network up BRIDGES SUBNETS SUBNETS6 RESOLVER [PROTOCOL/ADDRESS/PORT/CONTAINER-PORT]...
#   network down
#
# As root, the CNI plugins of hooks/network-N-TYPE.json are called one after the other for eth0, those of
# hooks/network-eth1-N-TYPE.json for eth1; or those of hooks/network6-... where IPv6 is wanted and the machine has it.
# BRIDGES and SUBNETS have commas between them, and are `-` where others' plugins connect the container; SUBNETS6 is `-`
# without IPv6. hooks/network-rules says what the machine lets pass to these bridges. An ordinary user gets a network
# through pasta or slirp4netns. RESOLVER is `machine` where the container asks the name servers that the machine asks,
# else `bundle`. An IPv6 ADDRESS has all of its digits.
#
# What was set up is written down below /run, which no reboot survives, before it is done. What belongs to a process that
# is gone is undone by whoever comes next.
set -eu
umask 077
export LC_ALL=C
folders="/opt/cni/bin /usr/lib/cni /usr/libexec/cni /usr/local/libexec/cni"
subject=network

#!/bin/sh
# Keeps namespaces of a container where others find them while it runs, and takes them away again. A runtime starts this
# as a hook, with the container's state on standard input:
#
#   namespaces up NAME KIND...
#   namespaces down NAME
#
# KIND is network, ipc, pid, uts or cgroup, and becomes /run/bundler/namespaces/NAME/KIND: a mount, not a link to /proc,
# where the number of a process that is gone is another one's some day. `shm` is the bundle's folder that is /dev/shm. With
# `network` come the container's files hosts, hostname and resolv.conf.
set -eu
umask 077
export LC_ALL=C
subject=namespaces

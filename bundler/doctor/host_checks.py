"""The table of checks of a machine: what is looked for, how much depends on it, why, and what to do. One row each."""

from typing import Final

from bundler.doctor import host_judges, image_judges
from bundler.doctor.finding import Check
from bundler.doctor.host_judges import Machine

HOST_CHECKS: Final[tuple[Check[Machine], ...]] = (
    Check(
        "runtime",
        "blocks",
        host_judges.runtime,
        "Nothing else starts a bundle.",
        "Install one, on Debian: apt install runc.",
    ),
    Check(
        "namespaces",
        "blocks",
        host_judges.namespaces,
        "A container is made of them.",
        "Use a kernel that is built with them.",
    ),
    Check(
        "runtimes",
        "warns",
        host_judges.runtimes,
        "A bundle may use what this version does not have.",
        "Install a newer one, or leave it away.",
    ),
    Check(
        "seccomp",
        "warns",
        host_judges.seccomp,
        "Docker's defaults come with a filter of system calls.",
        "Use a kernel with CONFIG_SECCOMP_FILTER, or seccomp: unconfined.",
    ),
    Check(
        "controllers",
        "warns",
        host_judges.controllers,
        "Limits of memory, processors and processes need it.",
        "Enable it on the kernel's command line.",
    ),
    Check(
        "delegation",
        "warns",
        host_judges.delegation,
        "Without root, limits need a control group of your own.",
        "Use cgroup v2, and systemd with Delegate=yes.",
    ),
    Check(
        "user-namespaces",
        "warns",
        host_judges.user_namespaces,
        "Bundles of --rootless and --uid-map need one.",
        "See user.max_user_namespaces and kernel.*userns* in sysctl.",
    ),
    Check(
        "programs",
        "note",
        host_judges.programs,
        "Only what it is for needs it.",
        "Install it when you need it.",
    ),
    Check(
        "policy",
        "warns",
        host_judges.policy,
        "skopeo fetches nothing that no policy trusts.",
        "Install the package golang-github-containers-common, or name one with --policy.",
    ),
    Check(
        "space",
        "warns",
        host_judges.space,
        "Images are kept there.",
        "Free some (bundler rm, bundler gc), or name another place with --store.",
    ),
    Check(
        "overlay",
        "note",
        host_judges.overlay,
        "A bundle that is to stay untouched is run over one.",
        "Use a kernel that is built with it, or install its modules.",
    ),
    Check(
        "images",
        "note",
        image_judges.images,
        "A bundle of --rootfs erofs is mounted to be run.",
        "modprobe erofs loop, for a user apt install erofsfuse (Debian 13); or build with --rootfs dir.",
    ),
    Check(
        "subordinate-ids",
        "note",
        host_judges.subordinate_ids,
        "Without root, a container then has one user id only.",
        "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 YOU.",
    ),
    Check(
        "network",
        "note",
        host_judges.network,
        "Bundles with network_mode: bridge are connected by it.",
        "On Debian: apt install containernetworking-plugins iptables; without root: apt install passt.",
    ),
    Check(
        "checkpoint",
        "note",
        host_judges.checkpoint,
        "runc and crun checkpoint and restore containers by it.",
        "Where you need it, one that knows this kernel is in Debian 13: apt install criu libcriu2 iptables.",
    ),
    Check(
        "cgroup-version",
        "note",
        host_judges.cgroup_version,
        "Bundles are built for version 2 unless told otherwise.",
        "Build with --target host, or with the file that --dump writes.",
    ),
)

"""Containers, and the places of config.json where riddler, the predecessor, wrote something else than Docker.

A container is written as the fields in which its inspect differs from that of one of which nobody asked anything. What
is expected are leaves of its config.json (`tests/support/runtime_leaves.py`), None for what is not there.
"""

import json
from typing import Any

import pytest

Fields = dict[str, Any]
DEFAULT_CAPABILITIES = [
    *("CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD"),
    *("CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID"),
    "CAP_SYS_CHROOT",
]
# As Docker's client stores a profile: in Docker's own format, with conditions.
SECCOMP = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
    "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
    ],
}
CUSTOM_SECCOMP = [f"seccomp={json.dumps(SECCOMP)}"]
LABEL = "system_u:system_r:container_t:s0:c1,c2"


def case(number: int, sentence: str, fields: Fields, places: dict[str, Any]) -> Any:
    return pytest.param(fields, places, id=f"{number}: {sentence}")


def bind(target: str, **more: Any) -> dict[str, Any]:
    """A mount as HostConfig.Mounts has it."""
    return {"Type": "bind", "Source": "/srv", "Target": target, **more}


CASES = [
    case(
        1,
        "a process runs as the user that the container has",
        {"Config_User": "app"},
        {"/process/user/uid": "1001", "/process/user/gid": "1002"},
    ),
    case(
        2,
        "users and groups are names of the image, or numbers",
        {"Config_User": "1000:audio", "Host_GroupAdd": ["4000", "video"]},
        {"/process/user/uid": "1000", "/process/user/gid": "29", "/process/user/additionalGids": [29, 44, 4000]},
    ),
    case(
        4,
        "nobody asked for capabilities, so there are Docker's fourteen",
        {},
        {f"/process/capabilities/{name}": DEFAULT_CAPABILITIES for name in ("bounding", "effective", "permitted")},
    ),
    case(
        4,
        "capabilities are dropped and added",
        {"Host_CapDrop": ["ALL"], "Host_CapAdd": ["NET_ADMIN", "chown"]},
        {"/process/capabilities/bounding": ["CAP_CHOWN", "CAP_NET_ADMIN"]},
    ),
    case(
        5,
        "a capability has one CAP_ in front, with which newer Dockers write it",
        {"Host_CapDrop": ["ALL"], "Host_CapAdd": ["CAP_NET_ADMIN"]},
        {"/process/capabilities/bounding": ["CAP_NET_ADMIN"]},
    ),
    case(6, "the default filter is always there", {}, {"/linux/seccomp": "SCMP_ACT_ERRNO 1"}),
    case(
        7,
        "the default filter is of our days: architectures, arguments, ENOSYS for clone3",
        {},
        {
            "/linux/seccomp/architectures": ["SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"],
            "/linux/seccomp/syscalls/clone3": "SCMP_ACT_ERRNO 38",
            "/linux/seccomp/syscalls/clone if argument 0 MASKED_EQ 2114060288": "SCMP_ACT_ALLOW",
            "/linux/seccomp/syscalls/personality": None,
            "/linux/seccomp/syscalls/personality if argument 0 EQ 8": "SCMP_ACT_ALLOW",
            "/linux/seccomp/syscalls/openat2": "SCMP_ACT_ALLOW",
        },
    ),
    case(
        8,
        "a rule of one's own filter keeps its condition, and the filter its architectures",
        {"Host_SecurityOpt": CUSTOM_SECCOMP},
        {
            "/linux/seccomp/architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64"],
            "/linux/seccomp/syscalls/read": "SCMP_ACT_ALLOW",
            "/linux/seccomp/syscalls/mount": None,
        },
    ),
    case(
        8,
        "a rule for a capability is there with the capability",
        {"Host_SecurityOpt": CUSTOM_SECCOMP, "Host_CapAdd": ["SYS_ADMIN"]},
        {"/linux/seccomp/syscalls/mount": "SCMP_ACT_ALLOW"},
    ),
    case(
        9,
        "every security option is known, also where it ends up in other fields",
        {
            "Host_SecurityOpt": ["no-new-privileges", "writable-cgroups=true"],
            "Host_MaskedPaths": [],
            "Host_ReadonlyPaths": [],
        },
        {
            "/process/noNewPrivileges": True,
            "/mounts//sys/fs/cgroup/options": ["nodev", "noexec", "nosuid"],
            "/linux/maskedPaths": None,
            "/linux/readonlyPaths": None,
        },
    ),
    case(10, "sudo works unless it was told not to", {}, {"/process/noNewPrivileges": None}),
    case(
        11,
        "resource limits are those of the container",
        {"Host_Ulimits": [{"Name": "nofile", "Soft": 4096, "Hard": 65536}]},
        {"/process/rlimits/RLIMIT_NOFILE": [4096, 65536]},
    ),
    case(11, "no resource limit is made up", {}, {"/process/rlimits/RLIMIT_NOFILE": None}),
    case(
        13, "swappiness that nobody set is not there", {"Host_MemorySwappiness": -1}, {"/linux/resources/memory": None}
    ),
    case(
        14,
        "block devices are slowed down",
        {
            "Host_BlkioWeight": 300,
            "Host_BlkioWeightDevice": [{"Path": "/dev/sda", "Weight": 200}],
            "Host_BlkioDeviceReadBps": [{"Path": "/dev/sda", "Rate": 1048576}],
            "Host_BlkioDeviceWriteIOps": [{"Path": "/dev/sda", "Rate": 100}],
        },
        {
            "/linux/resources/blockIO/weight": 300,
            "/linux/resources/blockIO/weightDevice/0/weight": 200,
            "/linux/resources/blockIO/throttleReadBpsDevice/0/rate": 1048576,
            "/linux/resources/blockIO/throttleWriteIOPSDevice/0/rate": 100,
        },
    ),
    case(
        15,
        "fields that riddler never read become what Docker makes of them",
        {
            "Host_NanoCpus": 1500000000,
            "Host_CgroupParent": "/web",
            "Host_Sysctls": {"net.core.somaxconn": "1024"},
            "Host_ShmSize": 1 << 20,
            "Host_Tmpfs": {"/run": "size=1m"},
            "Host_MaskedPaths": ["/proc/kcore"],
            "Host_Annotations": {"org.example": "here"},
            "Host_Init": True,
            "Config_Domainname": "example.org",
            "Host_DeviceCgroupRules": ["c 42:* rwm"],
        },
        {
            "/linux/resources/cpu/quota": 150000,
            "/linux/cgroupsPath": "/web",
            "/linux/sysctl/net.core.somaxconn": "1024",
            "/mounts//dev/shm/options": ["mode=1777", "nodev", "noexec", "nosuid", "size=1048576"],
            "/mounts//run/options": ["nodev", "noexec", "nosuid", "rprivate", "size=1m"],
            "/linux/maskedPaths": ["/proc/kcore"],
            "/annotations/org.example": "here",
            "/process/args": ["/sbin/docker-init", "--", "sleep", "100000"],
            "/linux/sysctl/kernel.domainname": "example.org",
            "/linux/resources/devices/c 42:*": "rwm",
        },
    ),
    case(
        15,
        "namespaces that are the machine's are shared",
        {"Host_IpcMode": "host", "Host_UTSMode": "host", "Host_CgroupnsMode": "private", "Host_PidMode": "host"},
        {
            "/linux/namespaces/ipc": None,
            "/linux/namespaces/uts": None,
            "/linux/namespaces/pid": None,
            "/linux/namespaces/cgroup": "its own",
        },
    ),
    case(
        16,
        "what is mounted read-only is read-only, whichever way it was said",
        {"Host_Mounts": [bind("/a", ReadOnly=True), bind("/b")], "Host_Binds": ["/srv:/c:ro"]},
        {
            "/mounts//a/options": ["rbind", "rprivate", "rro"],
            "/mounts//b/options": ["rbind", "rprivate"],
            "/mounts//c/options": ["rbind", "rprivate", "rro"],
        },
    ),
    case(
        16,
        "a mount that only shows as the daemon did it is read-only, too",
        {"Mounts": [{"Type": "bind", "Source": "/srv", "Destination": "/a", "Mode": "", "RW": False}]},
        {"/mounts//a/source": "/srv", "/mounts//a/options": ["rbind", "rprivate", "rro"]},
    ),
    case(
        17,
        "the options of a mount are single words that mount(8) knows, its propagation is kept, and its type",
        {
            "Host_Binds": ["/srv:/a:ro,Z", "/srv:/b:z,rslave", "cache:/d"],
            "Host_Mounts": [{"Type": "tmpfs", "Target": "/e", "TmpfsOptions": {"SizeBytes": 1048576}}],
        },
        {
            "/mounts//a/options": ["rbind", "rprivate", "rro"],
            "/mounts//b/options": ["rbind", "rslave"],
            "/mounts//d/source": "volumes/cache",
            "/mounts//e/type": "tmpfs",
            "/mounts//e/options": ["nodev", "noexec", "nosuid", "rprivate", "size=1m"],
        },
    ),
    case(
        18,
        "the files of names are the bundle's own, not those of the machine",
        {"HostsPath": "/etc/hosts", "ResolvConfPath": "/etc/resolv.conf", "HostnamePath": "/etc/hostname"},
        {f"/mounts//etc/{name}/source": f"etc/{name}" for name in ("hosts", "resolv.conf", "hostname")},
    ),
    *(
        case(
            19,
            f"{mode or 'nothing'} as UsernsMode means no user namespace",
            {"Host_UsernsMode": mode},
            {"/linux/namespaces/user": None, "/linux/uidMappings/0/size": None},
        )
        for mode in ("", "host")
    ),
    case(
        22,
        "devices are denied before some are allowed",
        {"Host_Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rw"}]},
        {
            "/linux/resources/devices": "deny",
            "/linux/resources/devices/c 1:3": "rwm",
            "/linux/resources/devices/c 10:229": "rw",
        },
    ),
    case(
        22,
        "a privileged container may use any device",
        {"Host_Privileged": True},
        {"/linux/resources/devices": "allow", "/linux/resources/devices/c 10:229": None},
    ),
    case(
        23,
        "a privileged container is one in every respect",
        {"Host_Privileged": True, "AppArmorProfile": "docker-default", "Host_SecurityOpt": ["label=disable"]},
        {
            "/process/apparmorProfile": None,
            "/linux/seccomp": None,
            "/linux/maskedPaths": None,
            "/linux/readonlyPaths": None,
            "/mounts//sys/options": ["nodev", "noexec", "nosuid"],
            "/mounts//sys/fs/cgroup/options": ["nodev", "noexec", "nosuid"],
        },
    ),
    case(
        24,
        "a host name that was chosen is kept",
        {"Config_Hostname": "web1.example.org", "Name": "/web"},
        {"/hostname": "web1.example.org", "/process/env/HOSTNAME": "=web1.example.org"},
    ),
    case(
        26,
        "SELinux labels are the container's, and the same each time",
        {"ProcessLabel": LABEL, "MountLabel": LABEL.replace("container_t", "container_file_t")},
        {
            "/process/selinuxLabel": LABEL,
            "/linux/mountLabel": LABEL.replace("container_t", "container_file_t"),
        },
    ),
    case(
        32,
        "what Docker masks or makes read-only is masked or read-only for who is not privileged",
        {},
        {
            "/mounts//sys/options": ["nodev", "noexec", "nosuid", "ro"],
            "/linux/readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            "/linux/maskedPaths": [
                *("/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys"),
                *("/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats"),
                *("/sys/devices/virtual/powercap", "/sys/firmware"),
            ],
        },
    ),
]

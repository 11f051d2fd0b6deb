"""What capabilities and well-known files of a machine mean, in a line each."""

import posixpath
from collections.abc import Mapping
from typing import Final

# capabilities(7), those first that give away most: what Docker gives to every container comes last.
CAPABILITIES: Final[Mapping[str, str]] = {
    "CAP_SYS_ADMIN": "mounts, makes namespaces, and much more: nearly has the machine",
    "CAP_SYS_MODULE": "loads code into the kernel: has the machine",
    "CAP_SYS_RAWIO": "talks to hardware past the drivers: has the machine",
    "CAP_BPF": "runs programs inside of the kernel",
    "CAP_SYS_PTRACE": "reads and changes other processes, as far as it sees any",
    "CAP_DAC_READ_SEARCH": "reads files whatever their modes, and opens any file of a file system by its handle",
    "CAP_SYS_BOOT": "restarts the machine, and starts other kernels",
    "CAP_MAC_ADMIN": "changes the rules of AppArmor or Smack",
    "CAP_MAC_OVERRIDE": "passes over Smack's rules",
    "CAP_NET_ADMIN": "changes addresses, routes and packet filters of its network",
    "CAP_PERFMON": "measures the kernel and other processes",
    "CAP_SYSLOG": "reads the kernel's log and addresses",
    "CAP_SYS_TIME": "sets the machine's clocks",
    "CAP_AUDIT_CONTROL": "changes what is audited",
    "CAP_AUDIT_READ": "reads the audit log",
    "CAP_LINUX_IMMUTABLE": "changes files that are marked as immutable",
    "CAP_SYS_RESOURCE": "raises its own limits",
    "CAP_SYS_NICE": "goes before other processes of the machine",
    "CAP_SYS_PACCT": "switches process accounting",
    "CAP_SYS_TTY_CONFIG": "hangs up and sets terminals",
    "CAP_IPC_OWNER": "reads and writes shared memory of other users",
    "CAP_IPC_LOCK": "keeps memory from being swapped out, without a limit",
    "CAP_CHECKPOINT_RESTORE": "chooses process ids, as restoring a container needs",
    "CAP_WAKE_ALARM": "wakes a sleeping machine",
    "CAP_BLOCK_SUSPEND": "keeps the machine from sleeping",
    "CAP_NET_BROADCAST": "listens to broadcasts",
    "CAP_LEASE": "is told when others open its files",
    "CAP_DAC_OVERRIDE": "reads and writes files whatever their modes",
    "CAP_SETUID": "becomes any user",
    "CAP_SETGID": "becomes any group",
    "CAP_CHOWN": "gives files to other users",
    "CAP_FOWNER": "changes modes and times of files of other users",
    "CAP_SETFCAP": "gives files capabilities",
    "CAP_SETPCAP": "passes on capabilities, and drops them from the bounding set",
    "CAP_MKNOD": "makes device files, of which the control group allows few",
    "CAP_NET_RAW": "forges and reads packets of its network",
    "CAP_SYS_CHROOT": "changes its root directory",
    "CAP_FSETID": "keeps setuid and setgid bits of files that it changes",
    "CAP_KILL": "sends signals to processes of other users",
    "CAP_NET_BIND_SERVICE": "listens on ports below 1024",
    "CAP_AUDIT_WRITE": "writes to the audit log",
}

# Files of a machine that give away more of it than their size tells. Paths below one count as the path itself.
_MACHINE: Final[Mapping[str, str]] = {
    "/": "the whole machine",
    "/run/docker.sock": "Docker: starts privileged containers, and so has the machine",
    "/run/podman": "podman: starts containers",
    "/run/containerd": "containerd: starts privileged containers, and so has the machine",
    "/run/crio": "CRI-O: starts privileged containers, and so has the machine",
    "/run/dbus": "D-Bus: asks services of the machine",
    "/run/systemd": "systemd: asks it to start and stop services",
    "/run": "sockets of the machine's services",
    "/etc": "settings of the machine",
    "/etc/shadow": "password hashes of the machine's users",
    "/root": "the files of root",
    "/home": "the files of the machine's users",
    "/boot": "the kernel that the machine starts with",
    "/dev": "devices, disks among them",
    "/proc": "processes and settings of the machine's kernel",
    "/sys": "devices and settings of the machine's kernel",
    "/usr": "programs of the machine",
    "/bin": "programs of the machine",
    "/sbin": "programs of the machine",
    "/lib": "libraries that the machine's programs load",
    "/var/lib/docker": "images and containers of Docker",
    "/var/lib/containerd": "images and containers of containerd",
    "/var/lib/containers": "images and containers of podman",
    "/var/lib/kubelet": "secrets and volumes of Kubernetes",
    "/var/log": "logs of the machine",
    "/var/run": "sockets of the machine's services",
}


def machine_path(path: str) -> str:
    """What it means to have this absolute path of a machine; empty for one that is like any other."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    if clean.startswith("/var/run/"):
        clean = clean.removeprefix("/var")
    while clean not in _MACHINE and clean != "/":
        clean = posixpath.dirname(clean)
    return "" if clean == "/" and posixpath.normpath("/" + path.lstrip("/")) != "/" else _MACHINE[clean]

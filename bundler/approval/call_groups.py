"""The system calls of Linux by what they give access to, the most powerful groups first."""

from collections.abc import Mapping
from typing import Final

from bundler.light_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallGroup:
    """Calls that are approved for one reason: what `meaning` says that they do."""

    title: str
    meaning: str
    calls: tuple[str, ...]


OTHERS: Final = CallGroup("other calls", "calls that no other group has", ())
GROUPS: Final = (
    CallGroup(
        "kernel modules",
        "loads code into the kernel, or takes it out",
        ("init_module", "finit_module", "delete_module", "create_module", "query_module", "get_kernel_syms"),
    ),
    CallGroup("restart", "restarts the machine, or starts another kernel", ("reboot", "kexec_load", "kexec_file_load")),
    CallGroup("BPF", "runs programs inside of the kernel", ("bpf",)),
    CallGroup(
        "mounts",
        "mounts file systems, and moves the root",
        (
            *("mount", "umount", "umount2", "mount_setattr", "move_mount", "open_tree", "open_tree_attr", "pivot_root"),
            *("fsopen", "fsconfig", "fsmount", "fspick", "swapon", "swapoff", "nfsservctl"),
        ),
    ),
    CallGroup(
        "namespaces",
        "makes namespaces, and enters those of others; clone without such flags starts processes",
        ("unshare", "setns", "clone", "clone3"),
    ),
    CallGroup(
        "other processes",
        "reads and changes the memory and the files of other processes",
        ("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise"),
    ),
    CallGroup("measuring", "counts and records events of the kernel", ("perf_event_open", "lookup_dcookie")),
    CallGroup(
        "files by handle",
        "opens any file of a file system without its path, and watches whole file systems",
        ("open_by_handle_at", "fanotify_init"),
    ),
    CallGroup(
        "hardware",
        "talks to devices past their drivers",
        (
            *("iopl", "ioperm", "pciconfig_read", "pciconfig_write", "pciconfig_iobase"),
            *("s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr"),
        ),
    ),
    CallGroup("keyring", "uses the kernel's keys, which no namespace divides", ("add_key", "request_key", "keyctl")),
    CallGroup("user faults", "holds the kernel up at a page, as exploits do", ("userfaultfd",)),
    CallGroup(
        "io_uring",
        "asks for work of the kernel past the filter of system calls",
        ("io_uring_setup", "io_uring_enter", "io_uring_register"),
    ),
    CallGroup("kernel log", "reads and clears the kernel's messages", ("syslog",)),
    CallGroup(
        "clock",
        "sets the machine's clocks",
        ("settimeofday", "stime", "clock_settime", "clock_settime64"),
    ),
    CallGroup(
        "accounting",
        "keeps account of processes and of disk space",
        ("acct", "quotactl", "quotactl_fd"),
    ),
    CallGroup(
        "security modules",
        "asks AppArmor and SELinux, and sets what confines a process",
        ("lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules"),
    ),
    CallGroup("host name", "changes the name of the machine", ("sethostname", "setdomainname")),
    CallGroup(
        "memory placement",
        "moves memory between the nodes of a machine",
        ("get_mempolicy", "set_mempolicy", "set_mempolicy_home_node", "mbind", "migrate_pages", "move_pages"),
    ),
    CallGroup("terminals", "hangs up a terminal", ("vhangup",)),
    CallGroup(
        "emulation",
        "makes the kernel behave like an older one, or another processor",
        (
            *("personality", "modify_ldt", "vm86", "vm86old", "arch_prctl", "uselib", "_sysctl", "sysfs", "ustat"),
            *("bdflush", "afs_syscall", "getpmsg", "putpmsg", "security", "tuxcall", "vserver", "swapcontext"),
        ),
    ),
    CallGroup("device files", "makes device files", ("mknod", "mknodat")),
    CallGroup("root directory", "changes the root directory of a process", ("chroot",)),
    CallGroup(
        "users",
        "changes users, groups and capabilities of a process",
        (
            *("setuid", "setuid32", "setgid", "setgid32", "setreuid", "setreuid32", "setregid", "setregid32"),
            *("setresuid", "setresuid32", "setresgid", "setresgid32", "setfsuid", "setfsuid32", "setfsgid"),
            *("setfsgid32", "setgroups", "setgroups32", "capset"),
        ),
    ),
    CallGroup(
        "owners and modes",
        "changes who owns a file, and who may use it",
        (
            *("chown", "chown32", "fchown", "fchown32", "lchown", "lchown32", "fchownat", "chmod", "fchmod"),
            *("fchmodat", "fchmodat2", "setxattr", "fsetxattr", "lsetxattr", "setxattrat", "umask"),
        ),
    ),
    CallGroup("programs", "starts programs and processes", ("execve", "execveat", "fork", "vfork")),
    CallGroup(
        "sockets",
        "opens connections, and waits for them",
        (
            *("socket", "socketcall", "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown"),
            *("send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg"),
            *("recvmmsg_time64", "getsockname", "getpeername", "getsockopt", "setsockopt"),
        ),
    ),
    OTHERS,
)
KNOWN: Final = tuple(call for group in GROUPS for call in group.calls)
GROUP_OF: Final[Mapping[str, CallGroup]] = {call: group for group in GROUPS for call in group.calls}

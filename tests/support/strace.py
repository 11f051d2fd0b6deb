"""What to put before the words of a command, so that some of its calls to the kernel fail, kill it, or are listed."""

from pathlib import Path

# With a filter in the kernel (seccomp) all other calls are as quick as ever, and not two stops each. strace 6.1 sends
# no signals then.
FILTER = "--seccomp-bpf"


def injecting(*faults: str) -> list[str]:
    """Faults in strace's words: `fsync:error=EIO` for each call, `rename:signal=KILL:when=3` for the third one."""
    calls = ",".join(fault.partition(":")[0] for fault in faults)
    options = [word for fault in faults for word in ("-e", f"inject={fault}")]
    if not any(":signal=" in fault for fault in faults):
        options.append(FILTER)
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", *options]


def killing(call: str, nth: int) -> list[str]:
    return injecting(f"{call}:signal=KILL:when={nth}")


def listing(calls: str, output: Path) -> list[str]:
    return ["strace", "-f", FILTER, "-e", f"trace={calls}", "-e", "signal=none", "-o", str(output)]

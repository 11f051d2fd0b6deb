"""The programs that connect a network of the container's own, which the bundle's hook looks for (data/network/)."""

import errno
import re
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final

from bundler.conversion.bundled_hooks import FOLDER, STARTER
from bundler.conversion.hook_scripts import hook_script
from bundler.conversion.networking.connection import SCRIPT
from bundler.runtime_spec.parts import Hook
from bundler.runtime_spec.runtime_config import RuntimeConfig

_PLUGIN: Final = re.compile(r"network6?(?:-eth\d+)?-\d+-(.+)\.json")
_PORT: Final = re.compile(r"(tcp|udp)/([0-9a-f.:]+)/([0-9]{1,5})/[0-9]{1,5}")
_SOCKETS: Final = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_UNPRIVILEGED: Final = ("pasta", "slirp4netns")
_OF_BRIDGES: Final = ("iptables", "ip", "awk")
_OF_THE_BRIDGE: Final = ("bridge", "host-local", "portmap")


@cache
def _folders() -> tuple[str, ...]:
    """Where CNI plugins are looked for: the script says it."""
    match = re.search(rb'^folders="(.*)"$', hook_script("network"), re.MULTILINE)
    return tuple(match[1].decode().split()) if match else ()


def carried(hook: Hook) -> str | None:
    """The bundle's file that a hook starts, if it is one that the bundle carries."""
    return hook.args[3] if hook.args[:3] == ("sh", "-c", STARTER) and hook.args[3:] else None


def missing_programs(bundle: Path, config: RuntimeConfig, *, root: bool) -> tuple[str, ...]:
    """What the hook of `bundle` would not find on this machine, begun by root or by another user."""
    hooks = [hook for hook in config.hooks if hook.kind == "createRuntime" and carried(hook) == SCRIPT]
    ups = [hook.args[5:] for hook in hooks if hook.args[4:5] == ("up",)]
    if not ups:
        return ()
    folder = bundle / FOLDER
    names = (_PLUGIN.fullmatch(path.name) for path in (sorted(folder.iterdir()) if folder.is_dir() else ()))
    bridged = any(words[:1] not in ((), ("-",)) for words in ups)
    return _missing(list(dict.fromkeys(match[1] for match in names if match)), bridged=bridged, root=root)


def taken_ports(config: RuntimeConfig) -> tuple[str, ...]:
    """The ports that the hook of a bundle is to publish and that a program of this machine has, as sentences."""
    words = (word for hook in config.hooks if carried(hook) == SCRIPT for word in hook.args[4:])
    return tuple(dict.fromkeys(sentence for word in words for sentence in _obstacles(word)))


def _obstacles(word: str) -> Iterator[str]:
    """Why a port cannot be had; to have it for a moment shows that. A user may lack the right to see."""
    match = _PORT.fullmatch(word)
    if match is None:
        return
    protocol, address, number = match[1], match[2], int(match[3])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with closing(socket.socket(family, _SOCKETS[protocol])) as tried:
            if protocol == "tcp":
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            tried.bind((address, number))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            yield f"port {number}/{protocol} is published, and a program of this machine has it"
        elif error.errno == errno.EADDRNOTAVAIL and not _is_everywhere(address):
            yield f"port {number}/{protocol} is published at {address}, which is no address of this machine"


def _is_everywhere(address: str) -> bool:
    return not address.strip("0.:")


def missing_for_bridge(*, root: bool) -> tuple[str, ...]:
    """What `network_mode: bridge` with published ports would not find on this machine."""
    return _missing(_OF_THE_BRIDGE, bridged=True, root=root)


def _missing(plugins: Sequence[str], *, bridged: bool, root: bool) -> tuple[str, ...]:
    if not root:
        return () if any(map(shutil.which, _UNPRIVILEGED)) else (" or ".join(_UNPRIVILEGED),)
    programs = [name for name in ("flock", "nsenter", *(_OF_BRIDGES if bridged else ())) if not shutil.which(name)]
    absent = [name for name in plugins if not any((Path(folder) / name).is_file() for folder in _folders())]
    return (*programs, *(f"the CNI plugin {name}" for name in absent))

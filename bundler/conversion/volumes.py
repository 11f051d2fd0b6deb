"""User mounts: what image and overrides mount, and which of it lives in the bundle's `volumes/`."""

import hashlib
import posixpath
from dataclasses import dataclass
from typing import Final

from bundler.conversion.givens import Givens
from bundler.errors import ImageError, printable
from bundler.origins import Json, Origin, Sourced
from bundler.overrides.mount_options import clean_path
from bundler.overrides.node import Node

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._")
_LONGEST_NAME: Final = 200  # bytes; file systems allow 255
_BASE_TMPFS_OPTIONS: Final = ("noexec", "nosuid", "nodev", "rprivate")


@dataclass(frozen=True, slots=True)
class BundleFolder:
    """A directory the bundle has to hold, by its path in the bundle.

    With `seed`, it is filled with what the rootfs has there, owners and modes included (a volume, as Docker fills new
    ones); without, it is an empty directory (a `nocopy` volume, the source of a relative bind).
    """

    path: str
    seed: str | None


@dataclass(frozen=True, slots=True)
class UserMount:
    """One mount of the runtime config and, for what lives in the bundle, its folder there."""

    mount: Sourced[dict[str, Json]]
    folder: BundleFolder | None = None

    @property
    def destination(self) -> str:
        return str(self.mount.value["destination"])


def user_mounts(givens: Givens) -> list[UserMount]:
    """The image's VOLUMEs, then `volumes`, then `tmpfs`, each destination once; the later one replaces the earlier.

    Raises RequestError where `volumes` and `tmpfs` name the same mount point, as Docker does.
    """
    volumes, tmpfs = givens.overrides.items("volumes"), givens.overrides.items("tmpfs")
    targets = {node.entries()["target"].text() for node in volumes}
    for node in tmpfs:
        if node.entries()["target"].text() in targets:
            raise node.error(f"duplicate mount point: {node.entries()['target'].text()} stands in volumes, too")
    named = {_text(node, "source") for node in volumes if _text(node, "type") == "volume"} - {None}
    mounts = {mount.destination: mount for mount in _image_volumes(givens, frozenset(named))}
    for node in (*volumes, *tmpfs):
        mount = _BUILDERS[_text(node, "type") or ""](givens, node, frozenset(named))
        mounts[mount.destination] = mount
    return list(mounts.values())


def _image_volumes(givens: Givens, named: "frozenset[str | None]") -> list[UserMount]:
    mounts = []
    for path in givens.image_config.volumes:
        if "\0" in path or clean_path(path) == "/":
            raise ImageError(f"the image's volume {printable(path)!r} is not a path below /")
        mounts.append(_volume(clean_path(path), givens.image_origin("Volumes"), None, named))
    return mounts


def _from_volume(givens: Givens, node: Node, named: "frozenset[str | None]") -> UserMount:
    options = _read_only(givens, node)
    nocopy = "volume" in node.entries() and _flag(node.entries()["volume"], "nocopy")
    target = node.entries()["target"].text()
    return _volume(target, node.origin, _text(node, "source"), named, options=options, copy=not nocopy)


def _volume(
    target: str,
    origin: Origin,
    name: str | None,
    named: "frozenset[str | None]",
    *,
    options: tuple[str, ...] = (),
    copy: bool = True,
) -> UserMount:
    """A volume that the bundle keeps. Docker's volumes have no propagation option, unlike its binds."""
    folder = f"volumes/{name or _folder_name(target, named)}"
    mount = {"destination": target, "type": "bind", "source": folder, "options": ["rbind", *options]}
    return UserMount(Sourced(mount, origin), BundleFolder(folder, target if copy else None))


def _folder_name(target: str, named: "frozenset[str | None]") -> str:
    """A readable file name for the anonymous volume at `target`: `/var/lib/x` → var-lib-x. No two targets share one."""
    steps = ("".join(_escaped(char) for char in step) for step in target.strip("/").split("/"))
    name = "-".join(steps)
    if len(name) > _LONGEST_NAME:
        fingerprint = hashlib.sha256(target.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        # `%-` is in no name of one that was not too long: there two hex digits follow every %.
        name = f"{name[: _LONGEST_NAME - 34]}%-{fingerprint}"
    # `.` and `..` as a whole name, or the name of a volume that a user chose, would be another directory.
    return f"{name}%" if name.startswith(".") or name in named else name


def _escaped(char: str) -> str:
    if char in _PLAIN:
        return char
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


def _from_bind(givens: Givens, node: Node, _named: "frozenset[str | None]") -> UserMount:
    """A bind: recursive, private to the container unless a propagation says otherwise, as Docker mounts them."""
    entry = node.entries()
    bind = entry["bind"].entries() if "bind" in entry else {}
    given = entry["source"].text()
    # A source outside the bundle was refused when the file was read.
    source = clean_path(given) if given.startswith("/") else posixpath.normpath(given)
    propagation = bind["propagation"].text() if "propagation" in bind else "rprivate"
    recursive = bind["recursive"].text() if "recursive" in bind else "enabled"
    read_only = _read_only(givens, node)
    if recursive == "writable" and read_only:
        read_only = ("ro",)
    if recursive == "readonly" and (read_only != ("rro",) or propagation != "rprivate" or "propagation" not in bind):
        raise node.error("volumes: recursive: readonly needs read_only: true and propagation: rprivate")
    kind = "bind" if recursive == "disabled" else "rbind"
    mount = {
        "destination": entry["target"].text(),
        "type": "bind",
        "source": source,
        "options": [kind, *read_only, propagation],
    }
    folder = None if source.startswith("/") or source == "." else BundleFolder(source, None)
    return UserMount(Sourced(mount, node.origin), folder)


def _from_tmpfs(_givens: Givens, node: Node, _named: "frozenset[str | None]") -> UserMount:
    """A tmpfs with Docker's base options, of which a later opposite takes the place."""
    options = [option.text() for option in node.entries()["options"].items()]
    mount = {
        "destination": node.entries()["target"].text(),
        "type": "tmpfs",
        "source": "tmpfs",
        "options": _without_overruled([*_BASE_TMPFS_OPTIONS, *options]),
    }
    return UserMount(Sourced(mount, node.origin))


def _without_overruled(options: list[str]) -> list[str]:
    """`options` less those that a later one contradicts or repeats (`exec` after `noexec`, a second `size=`)."""
    last = {_subject(option): index for index, option in enumerate(options)}
    return [option for index, option in enumerate(options) if last[_subject(option)] == index and option != "defaults"]


def _subject(option: str) -> str:
    """What an option is about: the same for it and its opposite."""
    name = option.partition("=")[0]
    if name in ("ro", "rw"):
        return "write"
    if name in ("private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"):
        return "propagation"
    return {"async": "sync"}.get(name, name.removeprefix("no"))


def _read_only(givens: Givens, node: Node) -> tuple[str, ...]:
    return (givens.target.read_only,) if _flag(node, "read_only") else ()


def _flag(node: Node, key: str) -> bool:
    return key in node.entries() and node.entries()[key].value is True


def _text(node: Node, key: str) -> str | None:
    entry = node.entries().get(key)
    return None if entry is None else entry.text()


_BUILDERS: Final = {"bind": _from_bind, "volume": _from_volume, "tmpfs": _from_tmpfs}

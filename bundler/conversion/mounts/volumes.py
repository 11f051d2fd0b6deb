"""User mounts: what image and overrides mount, and which of it lives in the bundle's `volumes/`."""

import hashlib
import posixpath
from typing import Final

from bundler.conversion.mounts.default_mounts import shares_memory
from bundler.conversion.resources import cdi
from bundler.conversion.rule import Inputs
from bundler.conversion.target import kind_at
from bundler.errors import ImageError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import UNSET, Json, Origin, Sourced, beating
from bundler.overrides.bundle_paths import CONTENTS, SHARED_VOLUMES, is_shared_volume
from bundler.overrides.keys.mounts import CONTENT_ATTRIBUTES, clean_path, holds_dockers_data
from bundler.overrides.node import Node

_VOLUMES: Final = "volumes"
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._")
_LONGEST_NAME: Final = 200  # bytes; file systems allow 255
# podman's, each with the mode that programs expect there.
_SCRATCH: Final = {"/run": ["mode=755"], "/tmp": ["mode=1777"], "/var/tmp": ["mode=1777"]}  # noqa: S108
_BASE_TMPFS_OPTIONS: Final = ("noexec", "nosuid", "nodev", "rprivate")


@dataclass(frozen=True, slots=True)
class BundleFolder:
    """A directory the bundle has to hold, by its path in the bundle.

    With `seed`, it is filled with what the rootfs has there, owners and modes included (a volume, as Docker fills new
    ones); with `image`, with the files of the image of that reference; without, it is an empty directory of the mode
    `mode` (a `nocopy` volume, the source of a relative bind).
    """

    path: str
    seed: str | None
    image: str | None = None
    subpaths: tuple[str, ...] = ()  # the folders of that image which are mounted
    mode: int = 0o755

    @property
    def is_shared(self) -> bool:
        """Whether it lies beside the bundle, in a project whose other bundles may have it, too."""
        return is_shared_volume(self.path)


@dataclass(frozen=True, slots=True)
class ContentFile:
    """A file of the bundle that a container reads, its owner by the container's ids; as compose makes them."""

    content: bytes
    origin: Origin
    mode: int = 0o444
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class UserMount:
    """One mount of the runtime config and, for what lives in the bundle, its folder there."""

    mount: Sourced[dict[str, Json]]
    folder: BundleFolder | None = None

    @property
    def destination(self) -> str:
        return str(self.mount.value["destination"])


def user_mounts(inputs: Inputs) -> list[UserMount]:
    """Shared memory, the image's VOLUMEs, `volumes`, `tmpfs`, `cdi`, `mounts`: of one destination the last one wins.

    Raises RequestError where `volumes` and `tmpfs` name the same mount point, as Docker does.
    """
    volumes, tmpfs = inputs.overrides.items("volumes"), inputs.overrides.items("tmpfs")
    targets = {node.entries()["target"].text() for node in volumes}
    for node in tmpfs:
        if node.entries()["target"].text() in targets:
            raise node.error(f"duplicate mount point: {node.entries()['target'].text()} stands in volumes, too")
    named = {_text(node, "source") for node in volumes if _text(node, "type") == "volume"} - {None}
    listed = [*_shared_memory(inputs), *_scratch(inputs), *_image_volumes(inputs, frozenset(named))]
    listed += [_from_entry(inputs, node, frozenset(named)) for node in (*volumes, *tmpfs)]
    listed += [UserMount(mount) for mount in cdi.mounts(inputs)]
    listed += [_from_mount(node) for node in inputs.overrides.items("mounts")]
    mounts: dict[str, UserMount] = {}
    for user_mount in listed:
        below = mounts.get(user_mount.destination)
        if below is not None:
            origin = beating(user_mount.mount.origin, below.mount.origin)
            user_mount = UserMount(Sourced(user_mount.mount.value, origin), user_mount.folder)  # noqa: PLW2901
        mounts[user_mount.destination] = user_mount
    return list(mounts.values())


def _from_entry(inputs: Inputs, node: Node, named: "frozenset[str | None]") -> UserMount:
    """An entry of `volumes` or `tmpfs`; options that it lists come after its own, and overrule them."""
    made = _BUILDERS[_text(node, "type") or ""](inputs, node, named)
    extra = [option.text() for option in node.entries()["options"].items()] if "options" in node.entries() else []
    options = _without_overruled([*made.mount.value["options"], *extra])
    return UserMount(Sourced(made.mount.value | {"options": options}, made.mount.origin), made.folder)


def _shared_memory(inputs: Inputs) -> list[UserMount]:
    """Shared memory that is not the container's alone: the machine's, or a folder that others can mount, too.

    dockerd binds it among the user's mounts; its own is a tmpfs that the daemon keeps mounted.
    """
    if not shares_memory(inputs):
        return []
    node = inputs.overrides.entries["ipc"]
    shm = "/dev/shm"  # noqa: S108  (a mount point inside the container)
    source = shm if node.value == "host" else "shm"
    folder = None if node.value == "host" else BundleFolder("shm", None, mode=0o1777)
    mount = {"destination": shm, "type": "bind", "source": source, "options": ["rbind", "rprivate"]}
    return [UserMount(Sourced(mount, node.origin), folder)]


def _scratch(inputs: Inputs) -> list[UserMount]:
    """`read_only_tmpfs`: podman's places to write to in a container whose rootfs is read-only."""
    if not (inputs.overrides.is_true("read_only_tmpfs") and inputs.overrides.is_true("read_only")):
        return []
    origin = inputs.overrides.entries["read_only_tmpfs"].origin
    return [_tmpfs(path, ["rw", "nosuid", "nodev", "rprivate", *mode], origin) for path, mode in _SCRATCH.items()]


def _image_volumes(inputs: Inputs, named: "frozenset[str | None]") -> list[UserMount]:
    """The image's VOLUMEs, each as `image_volumes` says: filled with the image's files unless told otherwise."""
    paths = []
    for path in inputs.image_config.volumes:
        if "\0" in path or clean_path(path) == "/":
            raise ImageError(f"the image's volume {printable(path)!r} is not a path below /")
        paths.append(clean_path(path))
    chosen = inputs.overrides.get("image_volumes")
    modes = chosen.entries() if chosen is not UNSET and isinstance(chosen.value, dict) else {}
    for path, node in modes.items():
        if path not in paths:
            hint = f"its volumes are {', '.join(map(printable, paths))}" if paths else "it has none"
            raise node.key_error(f"image_volumes: {printable(path)} is no volume of the image", hint)
    mounts = []
    for path in paths:
        mode = modes.get(path, chosen if chosen is not UNSET and not modes else None)
        mounts += _image_volume(inputs, path, mode, named)
    return mounts


def _image_volume(inputs: Inputs, path: str, node: Node | None, named: "frozenset[str | None]") -> list[UserMount]:
    origin = inputs.image_origin("Volumes") if node is None else beating(node.origin, inputs.image_origin("Volumes"))
    match node.value if node is not None else "seed":
        case "ignore":
            return []
        case "tmpfs":
            return [_tmpfs(path, ["nosuid", "nodev", "rprivate"], origin)]
        case "tmpcopyup":
            return [_tmpfs(path, ["nosuid", "nodev", "rprivate", "tmpcopyup"], origin)]
        case mode:
            return [_volume(path, origin, None, named, copy=mode == "seed")]


def _from_volume(inputs: Inputs, node: Node, named: "frozenset[str | None]") -> UserMount:
    options = _read_only(inputs, node)
    details = node.entries()["volume"] if "volume" in node.entries() else node.with_value({})
    target, name, subpath = node.entries()["target"].text(), _text(node, "source"), _text(details, "subpath")
    place = SHARED_VOLUMES if _flag(details, "shared") else _VOLUMES
    if subpath is None:
        copy = not _flag(details, "nocopy")
        return _volume(target, node.origin, name, named, options=options, copy=copy, place=place)
    # Docker fills a volume with what the image has at its mount point; a folder inside of it stays as it is.
    folder = f"{place}/{name}/{posixpath.normpath(subpath)}"
    mount = {"destination": target, "type": "bind", "source": folder, "options": ["rbind", *options]}
    return UserMount(Sourced(mount, node.origin), BundleFolder(folder, None))


def _volume(
    target: str,
    origin: Origin,
    name: str | None,
    named: "frozenset[str | None]",
    *,
    options: tuple[str, ...] = (),
    copy: bool = True,
    place: str = _VOLUMES,
) -> UserMount:
    """A volume that the bundle keeps. Docker's volumes have no propagation option, unlike its binds."""
    folder = f"{place}/{name or _folder_name(target, named)}"
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


def _from_bind(inputs: Inputs, node: Node, _named: "frozenset[str | None]") -> UserMount:
    """A bind: recursive, private to the container unless a propagation says otherwise, as Docker mounts them."""
    entry = node.entries()
    if "content" in entry:
        return _from_content(node)
    bind = entry["bind"].entries() if "bind" in entry else {}
    given = entry["source"].text()
    # A source outside the bundle was refused when the file was read.
    source = clean_path(given) if given.startswith("/") else posixpath.normpath(given)
    propagation = bind["propagation"].text() if "propagation" in bind else _default_propagation(source)
    recursive = bind["recursive"].text() if "recursive" in bind else "enabled"
    read_only = _read_only(inputs, node)
    is_file = recursive == "enabled" and kind_at(inputs.target, source) == "file"  # nothing is mounted below one
    if read_only and (recursive == "writable" or is_file):
        read_only = ("ro",)
    if recursive == "readonly" and (read_only != ("rro",) or propagation != "rprivate" or "propagation" not in bind):
        raise node.error("volumes: recursive: readonly needs read_only: true and propagation: rprivate")
    kind = "bind" if recursive == "disabled" else "rbind"
    mount: dict[str, Json] = {
        "destination": entry["target"].text(),
        "type": "bind",
        "source": source,
        "options": [kind, *read_only, propagation],
    }
    if "idmap" in bind:
        maps = bind["idmap"].plain()
        fields = {"uidMappings": maps.get("uids"), "gidMappings": maps.get("gids")}
        mount |= {name: ranges for name, ranges in fields.items() if ranges}
    folder = None if source.startswith("/") or source == "." else BundleFolder(source, None)
    return UserMount(Sourced(mount, node.origin), folder)


def _from_content(node: Node) -> UserMount:
    """A file of the bundle, which no container writes to."""
    source, target = _content_path(node), node.entries()["target"].text()
    mount = {"destination": target, "type": "bind", "source": source, "options": ["rbind", "ro", "rprivate"]}
    return UserMount(Sourced(mount, node.origin))


def _content_path(node: Node) -> str:
    return f"{CONTENTS}{_folder_name(node.entries()['target'].text(), frozenset())}"


def content_files(inputs: Inputs) -> dict[str, ContentFile]:
    """The files that `volumes` say the content of, by their path in the bundle."""
    entries = [node for node in inputs.overrides.items("volumes") if "content" in node.entries()]
    return {_content_path(node): _content_file(node) for node in entries}


def _content_file(node: Node) -> ContentFile:
    entry = node.entries()
    numbers = {key: value for key in CONTENT_ATTRIBUTES if key in entry and isinstance(value := entry[key].value, int)}
    return ContentFile(entry["content"].text().encode(), node.origin, **numbers)


def _default_propagation(source: str) -> str:
    """Private, but for what Docker's own data is in or above: there a private copy would keep its mounts busy."""
    return "rslave" if holds_dockers_data(source) else "rprivate"


def _from_image(inputs: Inputs, node: Node, _named: "frozenset[str | None]") -> UserMount:
    """Another image's files, read-only as in Docker; they are unpacked into the bundle's `images/`."""
    entry = node.entries()
    reference = entry["source"].text()
    folder = f"images/{_folder_name(reference, frozenset())}"
    subpath = _text(entry["image"], "subpath") if "image" in entry else None
    source = f"{folder}/{posixpath.normpath(subpath)}" if subpath else folder
    options = ["rbind", inputs.target.read_only, "rprivate"]
    mount = {"destination": entry["target"].text(), "type": "bind", "source": source, "options": options}
    return UserMount(
        Sourced(mount, node.origin), BundleFolder(folder, None, image=reference, subpaths=(subpath,) if subpath else ())
    )


def _from_mount(node: Node) -> UserMount:
    """A mount in the runtime-spec's own words (config.md, mounts), as it is; `at` is for its place."""
    return UserMount(Sourced({key: value for key, value in node.plain().items() if key != "at"}, node.origin))


def _tmpfs(path: str, options: list[str], origin: Origin) -> UserMount:
    mount = {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": options}
    return UserMount(Sourced(mount, origin))


def _from_tmpfs(_givens: Inputs, node: Node, _named: "frozenset[str | None]") -> UserMount:
    """A tmpfs with Docker's base options, of which a later opposite takes the place."""
    return _tmpfs(node.entries()["target"].text(), list(_BASE_TMPFS_OPTIONS), node.origin)


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


def _read_only(inputs: Inputs, node: Node) -> tuple[str, ...]:
    return (inputs.target.read_only,) if _flag(node, "read_only") else ()


def _flag(node: Node, key: str) -> bool:
    return key in node.entries() and node.entries()[key].value is True


def _text(node: Node, key: str) -> str | None:
    entry = node.entries().get(key)
    return None if entry is None else entry.text()


_BUILDERS: Final = {"bind": _from_bind, "volume": _from_volume, "tmpfs": _from_tmpfs, "image": _from_image}

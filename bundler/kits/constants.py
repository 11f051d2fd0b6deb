"""kit.conf: the facts about a bundle or a project that kit.sh needs, a `word=value` per line (docs/formats.md)."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.pieces import FOLDERS, sources
from bundler.bundles.record import NAME as RECORD
from bundler.bundles.record import part_of
from bundler.bundles.rootfs_image import has_image
from bundler.bundles.runtime import asks_systemd, needed_init
from bundler.bundles.verification.proof import digests, folders
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.packing.rootfs_manifest import manifest_lines
from bundler.project.record import VOLUMES, ProjectRecord

_FORMAT: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """The name of a kit on a machine, where it is installed, and the runtime; None for what was not chosen."""

    name: str
    directory: str
    runtime: str | None = None


def bundle_constants(bundle: Bundle, place: Place) -> bytes:
    """The lines of kit.conf for a bundle. Raises RequestError."""
    recorded = bundle.record
    constants = {
        "format": _FORMAT,
        "name": place.name,
        "directory": place.directory,
        "runtime": _runtime(bundle, place),
        "bundle": recorded.digest.removeprefix("sha256:"),
        "user": _user(bundle),
        "attributes": _with_attributes(bundle),
        "systemd-cgroup": int(asks_systemd(bundle.config_file.config, recorded.document)),
        "init": _on_one_line(needed_init(bundle.config_file.config)),
        "image": _image(bundle),
    }
    return _lines([*_words(constants), *_parts(bundle)])


def project_constants(record: ProjectRecord, bundles: Mapping[str, Bundle], place: Place) -> bytes:
    """The lines of kit.conf for a project; `runtime` and `init` may have several lines. Raises RequestError."""
    opened = bundles.values()
    constants = {
        "format": _FORMAT,
        "name": place.name,
        "directory": place.directory,
        "project": record.digest.removeprefix("sha256:"),
        "user": _only_user(opened),
        "attributes": sum(map(_with_attributes, opened)),
        "image": max(map(_image, opened), key=("", "none", "kept").index, default=""),
    }
    runtimes = sorted({_runtime(bundle, place) for bundle in opened})
    inits = sorted({_on_one_line(needed_init(bundle.config_file.config)) for bundle in opened} - {""})
    lines = [*_words(constants), *(f"runtime={each}" for each in runtimes), *(f"init={each}" for each in inits)]
    if record.volumes:
        lines += [f"own={VOLUMES}", *(f"mounted={VOLUMES}/{name}" for name in sorted(record.volumes))]
    for name, bundle in bundles.items():
        lines += [f"folder={name}", f"file={_digest(bundle.path / RECORD)} {RECORD}", *_parts(bundle)]
    return _lines(lines)


def _words(constants: Mapping[str, object]) -> Iterator[str]:
    return (f"{key}={value}" for key, value in constants.items())


def _lines(lines: Iterable[str]) -> bytes:
    listed = list(lines)
    unfit = next((line for line in listed if not line.isprintable()), None)
    if unfit is not None:
        raise RequestError(f"{printable(unfit)}: a kit has no place for such a name")
    return "".join(f"{line}\n" for line in listed).encode("utf-8", "surrogateescape")


def _runtime(bundle: Bundle, place: Place) -> str:
    return place.runtime or str(part_of(bundle.record.document, "target").get("runtime", "runc"))


def _user(bundle: Bundle) -> str:
    """The one who may run it, where that is not root."""
    mappings = () if bundle.owned else bundle.config_file.config.uid_mappings
    return next((str(mapping.host_id) for mapping in mappings if mapping.container_id == 0), "")


def _only_user(bundles: Iterable[Bundle]) -> str:
    users = {_user(bundle) for bundle in bundles}
    if len(users) > 1:
        what = "the services of the project are built for several users, and a kit is installed by one"
        raise RequestError(what, hint="build all of them with --rootless, or none")
    return "".join(users)


def _parts(bundle: Bundle) -> Iterator[str]:
    """What of the bundle a container or a hook would use, which the script looks at before each start."""
    recorded = bundle.record.document
    for path in sorted(path for path in digests(recorded) if os.path.lexists(bundle.path / path)):
        yield f"file={_digest(bundle.path / path)} {path}"
    for name in (*FOLDERS, "images", "volumes", *(("rootfs",) if has_image(recorded) else ())):
        if (bundle.path / name).is_dir():
            yield f"own={name}"
    for path in sorted({*sources(bundle.config), *folders(recorded)}):
        if os.path.lexists(bundle.path / path):
            yield f"mounted={path}"


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _image(bundle: Bundle) -> str:
    """Whether what is written over an image is `kept`, or `none` can be; empty where the rootfs is a directory."""
    if not has_image(bundle.record.document):
        return ""
    return "none" if bundle.config.root_is_readonly else "kept"


def _on_one_line(path: str | None) -> str:
    """A path that the script looks for: one that would begin another line is left to the runtime."""
    return path if path is not None and path.isprintable() else ""


def _with_attributes(bundle: Bundle) -> int:
    """How many files have extended attributes, which not every tar restores; those of an image are in it."""
    if has_image(bundle.record.document):
        return 0
    return sum(line.startswith(b"#") and b" xattr." in line for line in manifest_lines(bundle))

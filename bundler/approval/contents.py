"""What the bundle holds: files that give privileges, and by which digests it is known."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bundler.approval.review import Row, Section
from bundler.bundles.bundle import Bundle
from bundler.bundles.record import part_of
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.rootfs.mtree import MtreeEntry, parse, read_lines
from bundler.rootfs.privileged_files import PrivilegedFile, privileged_file
from bundler.runtime_spec.list_identity import text
from bundler.runtime_spec.parts import IdMapping
from bundler.runtime_spec.runtime_config import RuntimeConfig

_MOST: Final = 200  # files that are named; all are counted
_DEVICES: Final = (b"char", b"block")


@dataclass(frozen=True, slots=True)
class RootfsFacts:
    """What rootfs.mtree tells: how many files there are, and the first of those that give privileges."""

    files: int
    devices: int
    privileged: int
    named: tuple[PrivilegedFile, ...]


def look_into(bundle: Bundle, name: str) -> RootfsFacts | None:
    """Line by line, however large it is; None where there is no rootfs.mtree. Raises RequestError, which has `name`."""
    if not os.path.lexists(bundle.path / "rootfs.mtree"):
        return None
    try:
        return facts_of(parse(read_lines(bundle.manifest())))
    except ValueError as error:
        raise RequestError(f"{printable(name)}/rootfs.mtree: {error}") from None


def facts_of(entries: Iterable[MtreeEntry]) -> RootfsFacts:
    """Raises ValueError for what is no manifest."""
    files = devices = privileged = 0
    named: list[PrivilegedFile] = []
    for entry in entries:
        kind = entry.keywords.get(b"type")
        files += kind != b"dir"
        devices += kind in _DEVICES
        file = privileged_file(entry)
        if file is not None:
            privileged += 1
            if len(named) < _MOST:
                named.append(file)
    return RootfsFacts(files, devices, privileged, tuple(named))


def contents_section(facts: RootfsFacts | None, config: RuntimeConfig) -> Section:
    """Files of the image that give privileges to the process that starts them."""
    return Section(
        name="contents", title="Files that give privileges", gist=_gist(facts), rows=tuple(_rows(facts, config))
    )


def _gist(facts: RootfsFacts | None) -> str:
    if facts is None:
        return "not known: there is no rootfs.mtree"
    return f"{facts.privileged or 'none'} of {facts.files} files"


def _rows(facts: RootfsFacts | None, config: RuntimeConfig) -> Iterator[Row]:
    if facts is None:
        return
    void = "none: no new privileges can be gained" if config.process.no_new_privileges else ""
    for file in facts.named:
        yield Row(what=printable(b"/" + file.path), value=_given(file, config), note=void)
    if facts.privileged > len(facts.named):
        yield Row(what="more of them", value=f"{facts.privileged - len(facts.named)} files, which are not named here")
    if facts.devices:
        yield Row(what="device files", value=f"{facts.devices} in the image", note="the control group rules their use")


def _given(file: PrivilegedFile, config: RuntimeConfig) -> str:
    given = []
    uid, gid = file.owner or (None, None)
    if file.setuid:
        given.append(f"runs as {_inside('user', uid, config.uid_mappings)}")
    if file.setgid:
        given.append(f"runs as {_inside('group', gid, config.gid_mappings)}")
    if file.capabilities is not None:
        given.append(f"has {', '.join(file.capabilities) or 'capabilities that no kernel would take'}")
    return ", ".join(given)


def _inside(kind: str, number: int | None, mappings: Sequence[IdMapping]) -> str:
    """Who owns the file inside the container: files have the ids of the machine."""
    if number is None or not mappings:
        return f"{kind} {number}" if number else "root" if kind == "user" else "group root"
    ranges = (each for each in mappings if each.host_id <= number < each.host_id + each.size)
    inside = next((each.container_id + number - each.host_id for each in ranges), None)
    known = f"no {kind} of the container" if inside is None else _inside(kind, inside, ())
    return f"{known} ({number} outside)"


def facts_section(bundle: Bundle) -> Section:
    """What it was made of, and the digests by which that is known (docs/formats.md, bundler.json)."""
    record = bundle.any_record
    rows = [] if record is None else list(_facts(record.document, record.digest))
    version = "" if record is None else text(record.document.get("bundler", "another version"))
    gist = "there is no bundler.json" if record is None else f"built by bundler {version}"
    return Section(name="facts", title="What it was made of", gist=gist, rows=tuple(rows))


def _facts(document: Mapping[str, Json], digest: str) -> Iterator[Row]:
    image = part_of(document, "image")
    yield Row(what="bundler.json", value=digest, note="covers all of the below: keep it elsewhere, or in a lock")
    yield Row(what="bundler", value=text(document.get("bundler", "")), note="the version that built it")
    for key, what in (("id", "image"), ("platform", "platform")):
        if key in image:
            yield Row(what=what, value=text(image[key]), note="its config's digest" if key == "id" else "")
    layers = image.get("diff_ids")
    for number, layer in enumerate(layers if isinstance(layers, list) else (), 1):
        yield Row(what=f"layer {number}", value=text(layer), note="its uncompressed bytes")
    yield from _parts(document)
    overrides = document.get("overrides")
    for file in overrides if isinstance(overrides, list) else ():
        if isinstance(file, dict):
            sha256 = f"sha256:{text(file.get('sha256', ''))}"
            yield Row(what=text(file.get("name", "")), value=sha256, note="an overrides file")
    target = ", ".join(f"{key} {text(value)}" for key, value in part_of(document, "target").items() if value != "")
    note = f"what will run it, by {text(document.get('target_from', 'no one known'))}"
    yield Row(what="target", value=target or "not known", note=note)


def _parts(document: Mapping[str, Json]) -> Iterator[Row]:
    """What lies in the bundle, by its digests."""
    for key, what in (("config", "config.json"), ("manifest", "rootfs.mtree"), ("profile", "profile")):
        if isinstance(document.get(key), str):
            yield Row(what=what, value=text(document[key]))
    if "sha256" in (rootfs := part_of(document, "rootfs")):
        yield Row(what="rootfs.erofs", value=text(rootfs["sha256"]), note="the root filesystem, as one file")
    for part in ("documents", "files"):
        for name, value in part_of(document, part).items():
            yield Row(what=name, value=text(value))

"""A store on disk: what it lists, how that changes, and how a blob gets in.

Every state on the way is a valid layout: blobs come first, and index.json is written beside and renamed. That holds for
what is on the disk, too: a power cut leaves no name in index.json whose blobs are not whole.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from bundler.disk_space import writing_below
from bundler.durability import sync_names, sync_tree
from bundler.errors import BundlerError, ImageError, RequestError, printable
from bundler.images.descriptor import REF_NAME, Descriptor, descriptor_document
from bundler.images.digest import ALGORITHMS, Digest
from bundler.images.documents import parse_document
from bundler.images.layer import LocalLayer
from bundler.images.layer_stream import open_blob, open_layer
from bundler.images.manifest import parse_index
from bundler.images.media_types import OCI_INDEX
from bundler.images.platform import Platform
from bundler.images.reference import RegistryReference, is_attached
from bundler.images.transports.files import Folder, open_folder
from bundler.images.transports.layout import BLOBS, INDEX, MARKER, MARKER_CONTENT, blob_name, check_marker, is_there
from bundler.input_files import InputError, read_inside
from bundler.light_dataclasses import dataclass
from bundler.limits import DEFAULTS, Limits
from bundler.progress import Meter
from bundler.store.locks import locked, locked_if_free

_STAGE: Final = ".bundler-"
_CHUNK: Final = 1 << 20
_LARGEST_INDEX: Final = 64 << 20  # bytes; some 200,000 names

Entry = dict[str, Any]
Judge = Callable[[Entry, Entry], bool]
"""Says something of an old entry and a new one."""


@dataclass(frozen=True, slots=True)
class Store:
    """A store that is locked against the removal of blobs; `lock` is the descriptor that holds the lock."""

    path: Path
    files: Folder
    lock: int

    def entries(self) -> tuple[Descriptor, ...]:
        """What is in it, by name. Raises ImageError if index.json is damaged."""
        document = json.dumps({"schemaVersion": 2, "manifests": _read(self.path)["manifests"]}).encode()
        return parse_index(parse_document(document, f"{self.files.label}: {INDEX}"))

    def add(self, *added: Entry, replaces: Judge, allowed: Judge = lambda _old, _new: True) -> None:
        """List entries, all at once, in the place of what each (the second) replaces, once all blobs are on the disk;
        skopeo syncs none. What replaces another has its name. Raises RequestError where one that replaces another
        manifest or index is not `allowed` to.
        """
        with self.stage():
            sync_tree(self.path / BLOBS)
        self.change(lambda entries: [*self._left(entries, added, replaces, allowed), *added])

    def check_free(self, *added: Entry, replaces: Judge, allowed: Judge) -> None:
        """Raise RequestError where `add` would, before the work."""
        self._left(_read(self.path)["manifests"], added, replaces, allowed)

    def _left(self, entries: list[Entry], added: Sequence[Entry], replaces: Judge, allowed: Judge) -> list[Entry]:
        left, named = [], dict[str, list[Entry]]()
        for each in added:
            named.setdefault(str(name_in(each)), []).append(each)
        for old in entries:
            new = next((each for each in named.get(str(name_in(old)), ()) if replaces(old, each)), None)
            if new is None:
                left.append(old)
            elif old["digest"] != new["digest"] and not allowed(old, new):
                raise self._taken(str(name_in(new)))
        return left

    def _taken(self, name: str) -> RequestError:
        if is_attached(RegistryReference.find(name)):
            what = f"{printable(name)} has signatures in {self.files.label} that would be lost"
            return RequestError(what, hint="--force puts what comes in their place")
        what = f"{printable(name)} is another image in {self.files.label} already"
        return RequestError(what, hint="--force gives its name to the new image")

    def change(self, change: Callable[[list[Entry]], list[Entry]]) -> None:
        """Replace what index.json lists by what `change` makes of it, alone and at once."""
        with locked(self.path / MARKER, exclusive=True):
            document = _read(self.path)
            document["manifests"] = sorted(change(document["manifests"]), key=order_of)
            with self.stage() as stage:
                write_durably(stage / INDEX, json.dumps(document, separators=(",", ":")).encode())
                (stage / INDEX).rename(self.path / INDEX)
                sync_names(self.path)

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the blob is there, in its size; one of another size was damaged."""
        return is_there(self.path, descriptor)

    def holds(self, descriptor: Descriptor) -> bool:
        """Whether the blob is there and is what its digest names: a disk may damage it."""
        if not self.has(descriptor):
            return False
        digest = descriptor.digest
        hasher = ALGORITHMS[digest.algorithm]()
        try:
            with self.files.open(blob_name(digest)) as source:
                while chunk := source.read(_CHUNK):
                    hasher.update(chunk)
        except ImageError:  # a folder or a link of its name
            return False
        return bool(hasher.hexdigest() == digest.encoded)

    def discard_damaged(self, descriptor: Descriptor) -> None:
        """Remove what has the blob's name and is not the blob; what looks at names only would take it for the blob.

        Of two that find it so, the second must not remove what the first has brought meanwhile.
        """
        with locked(self.path / MARKER, exclusive=True):
            if not self.holds(descriptor):
                (self.path / blob_name(descriptor.digest)).unlink(missing_ok=True)

    def put(self, content: bytes, digest: Digest) -> None:
        """Add a document, whose digest has been checked."""
        target = self.path / blob_name(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.stage() as stage:
            write_durably(stage / "blob", content)
            (stage / "blob").rename(target)

    def put_layer(self, layer: LocalLayer) -> None:
        """Add a new layer, if it is what it says it is. Raises ImageError."""
        with open_layer(layer, lambda _count: None) as checked:
            checked.finish()
        self.put_blob(layer)

    def put_blob(self, blob: LocalLayer, meter: Meter = lambda _count: None) -> None:
        """Add what is a layer or not, if it has the size and the digest that are stated. Raises ImageError."""
        if blob.blob.digest is None:
            raise ImageError(f"layer {blob.diff_id} has no digest to be stored by")
        target = self.path / blob_name(blob.blob.digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.stage() as stage:
            with open_blob(blob, meter) as source, (stage / "blob").open("xb") as stream:
                while chunk := source.read(_CHUNK):
                    stream.write(chunk)
                _settle(stream)
            (stage / "blob").rename(target)

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """A folder in the store for what is not yet whole, removed at the end. Raises BundlerError if it cannot be."""
        try:
            with (
                writing_below(self.path, "--store", f"the store {self.files.label}"),
                tempfile.TemporaryDirectory(prefix=_STAGE, dir=self.path) as stage,
            ):
                yield Path(stage)
        except OSError as error:
            elsewhere = error.filename is not None and not Path(os.fsdecode(error.filename)).is_relative_to(self.path)
            if elsewhere:
                raise
            # The name of what is not yet whole says nothing to a person.
            hint = "its owner may do this, or root" if isinstance(error, PermissionError) else None
            what = f"{self.files.label} cannot be written to: {error.strerror or error}"
            raise BundlerError(what, hint=hint) from None


@contextmanager
def open_store(path: Path, *, alone: bool = False, limits: Limits = DEFAULTS) -> Iterator[Store]:
    """The store at `path`; `alone` waits until no other process uses it, and keeps all others out.

    Raises RequestError, and BundlerError if that is asked for where there are no locks.
    """
    if not is_store(path):
        raise RequestError(f"{printable(str(path))} is no store", hint="bundler fetch and import make one")
    with locked(path, exclusive=alone, needed=alone) as lock, open_folder(path, limits) as files:
        check_marker(files)
        yield Store(path, files, lock)


def is_store(path: Path) -> bool:
    """Whether there is a layout."""
    return (path / MARKER).is_file()


def prepare(path: Path) -> None:
    """Make a store at `path` unless there is one, and clear away what killed processes left. Raises RequestError."""
    if not is_store(path):
        _make(path)
    with locked_if_free(path) as free:
        if free:
            remove_abandoned(path)


def _make(path: Path) -> None:
    """One process at a time, which any number wait for; none of them for those that use the store by then.

    Nothing is a layout before it has `oci-layout`, which is therefore written last.
    """
    ours = (INDEX, BLOBS, MARKER)
    if path.exists() and any(name not in ours and not name.startswith(_STAGE) for name in _names(path)):
        raise RequestError(f"{printable(str(path))} is neither empty nor a store", hint="name another with --store")
    (path / BLOBS / "sha256").mkdir(parents=True, exist_ok=True)
    # The lock of the store itself keeps others from taking the stage for an abandoned one.
    with locked(path / BLOBS, exclusive=True), locked(path, exclusive=False):
        if is_store(path):
            return
        with (
            writing_below(path, "--store", f"the store {printable(str(path))}"),
            tempfile.TemporaryDirectory(prefix=_STAGE, dir=path) as stage,
        ):
            empty = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
            documents = {INDEX: json.dumps(empty, separators=(",", ":")).encode(), MARKER: MARKER_CONTENT}
            for name, content in documents.items():
                write_durably(Path(stage, name), content)
                if not (path / name).exists():  # from a process that was killed
                    sync_tree(path)  # also the names of the folders above, as far as they are new
                    Path(stage, name).rename(path / name)
        sync_names(path)


def remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed left in a store that no other process uses."""
    for name in _names(path):
        if name.startswith(_STAGE):
            # TemporaryDirectory is what made it, and knows how to remove a tree without following links.
            abandoned = tempfile.TemporaryDirectory(prefix=_STAGE, dir=path)
            (path / name).rename(Path(abandoned.name, name))
            abandoned.cleanup()


def reference_of(entry: Descriptor) -> RegistryReference | None:
    """The complete name that an entry was fetched by; None for what another tool put there under another."""
    return RegistryReference.find(entry.annotation(REF_NAME))


class DamagedError(ImageError):
    """An image of the store is not what was put there."""


def damaged(store: Store, entry: Descriptor, what: str) -> DamagedError:
    """The error for a damaged entry; `what` is wrong: a part that is missing, cut off, or differs from its digest."""
    name = printable(entry.annotation(REF_NAME) or str(entry.digest))
    return DamagedError(
        f"{store.files.label}: {name} is damaged: {what.removeprefix(f'{store.files.label}: ')}",
        hint="fetch it again, or remove it with bundler rm",
    )


@contextmanager
def whole(store: Store, entry: Descriptor) -> Iterator[None]:
    """For reading what `entry` leads to: whatever is wrong with that is said to be wrong with the image."""
    if not store.has(entry):
        raise damaged(store, entry, f"{entry.digest} is missing or of another size")
    try:
        yield
    except ImageError as error:
        raise damaged(store, entry, error.what) from None


def entry_of(raw: bytes, digest: Digest, media_type: str, name: str, platform: Platform | None = None) -> Entry:
    """How a manifest or index is listed as `name`; of `media_type` unless it states another itself."""
    stated = parse_document(raw, f"document {digest}").find("mediaType")
    entry: Entry = descriptor_document(media_type if stated is None else stated.text(), digest, len(raw))
    if platform is not None:
        entry["platform"] = platform_document(platform)
    return called(entry, name)


def platform_document(platform: Platform) -> dict[str, str]:
    """A platform as it stands in an index."""
    parts = {"architecture": platform.architecture, "os": platform.os, "variant": platform.variant}
    return {name: part for name, part in parts.items() if part is not None}


def called(entry: Entry, name: str) -> Entry:
    """The entry, listed as `name`."""
    return entry | {"annotations": {REF_NAME: name}}


def gives_way(old: Entry, new: Entry) -> bool:
    """Whether `old` is what `new` is a later version of: the same name, and not for other platforms only."""
    if name_in(old) != name_in(new):
        return False
    return "platform" not in new or old.get("platform") in (None, new["platform"])


def name_in(entry: Entry) -> Any:
    """What an entry is called; None if it has no name."""
    return (entry.get("annotations") or {}).get(REF_NAME)


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file of mode 0644, and have it on the disk before it gets its name."""
    with path.open("xb") as stream:
        stream.write(content)
        _settle(stream)


def _settle(stream: BinaryIO) -> None:
    stream.flush()
    os.fchmod(stream.fileno(), 0o644)
    os.fsync(stream.fileno())


def _read(path: Path) -> dict[str, Any]:
    """index.json as it is, so that what other tools wrote there stays; only `manifests` is made a list."""
    label = f"{printable(str(path))}: {INDEX}"
    try:
        raw = read_inside(path / INDEX, _LARGEST_INDEX)
    except InputError as error:
        raise ImageError(f"{label} {error}") from None
    part = parse_document(raw, label)
    listed = part.find("manifests")  # umoci writes null where there is none
    for item in () if listed is None else listed.items():
        item.get("digest").digest()
    content: dict[str, Any] = part.content
    return content | {"manifests": [] if listed is None else listed.content}


def order_of(entry: Entry) -> tuple[str, str, str]:
    """By name, in index.json."""
    platform = json.dumps(entry.get("platform"), sort_keys=True)
    return str(name_in(entry)), platform, str(entry.get("digest"))


def _names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())

"""Removing blobs that no name leads to any more, with umoci.

umoci is not given the store itself: of Docker's media types it knows none, and takes the layers of such images for
garbage. It gets a layout of its own that shares the blobs and lists each one to keep.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bundler import tools
from bundler.errors import ImageError
from bundler.images.descriptor import Descriptor
from bundler.images.digest import Digest
from bundler.images.transports.files import load_document, open_folder
from bundler.images.transports.layout import BLOBS, INDEX, MARKER, blob_name
from bundler.store.layout import Store, damaged, open_store, remove_abandoned, whole, write_durably
from bundler.store.locks import locked_if_free
from bundler.store.reach import LEAF, reached


def collect(path: Path) -> int:
    """Free what is not needed in the store at `path`, alone; gives the bytes. Raises BundlerError, nothing removed.

    If umoci ends early, what it had not removed yet is removed the next time.
    """
    with open_store(path, alone=True) as store:
        remove_abandoned(path)
        needed = _needed(store)
        before = _stored(path)
        with store.stage() as stage:
            (stage / BLOBS).symlink_to(Path("..", BLOBS))
            leaves = [_leaf(path, digest) for digest in sorted(needed)]
            write_durably(stage / INDEX, json.dumps({"schemaVersion": 2, "manifests": leaves}).encode())
            write_durably(stage / MARKER, load_document(store.files, MARKER))
            try:
                tools.run(tools.UMOCI, "gc", "--layout", stage, inherited=(store.lock,))
            except tools.ToolFailedError:
                _blame(store, needed)
                raise
        return before - _stored(path)


def discard(path: Path, blobs: Sequence[Descriptor]) -> None:
    """Remove those of the blobs that no name leads to. While another process uses the store, and while what is in it
    is damaged, nothing is: `collect` does it later.
    """
    with locked_if_free(path) as free, open_folder(path) as files, suppress(ImageError):
        if free:
            needed = _needed(Store(path, files, -1))
            for blob in blobs:
                if blob.digest not in needed:
                    (path / blob_name(blob.digest)).unlink(missing_ok=True)


def _needed(store: Store) -> dict[Digest, tuple[Descriptor, Descriptor]]:
    """Every blob that an entry of index.json leads to and that is there, with the first such entry, and its descriptor.

    Raises ImageError if a document of them is damaged, or one that an entry names missing.
    """
    needed: dict[Digest, tuple[Descriptor, Descriptor]] = {}
    for entry in store.entries():
        with whole(store, entry):
            # What another entry has led to already leads to nothing new.
            for blob in reached(store.files, entry, lambda one: one.digest not in needed and store.has(one)):
                needed[blob.digest] = entry, blob
    return needed


def _blame(store: Store, needed: dict[Digest, tuple[Descriptor, Descriptor]]) -> None:
    """Umoci reads all that is to stay and gives up where that is damaged: raise ImageError with whose it is."""
    for entry, descriptor in needed.values():
        if not store.holds(descriptor):
            raise damaged(store, entry, f"{descriptor.digest} is not what its digest names")


def _leaf(path: Path, digest: Digest) -> dict[str, object]:
    return {"mediaType": LEAF, "digest": str(digest), "size": (path / blob_name(digest)).lstat().st_size}


def _stored(path: Path) -> int:
    return sum(blob.lstat().st_size for folder in (path / BLOBS).iterdir() for blob in folder.iterdir())

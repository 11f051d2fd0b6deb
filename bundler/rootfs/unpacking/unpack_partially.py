"""Layers become an outline in memory, for who looks up a few files and makes none."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

from bundler.archives.entry import FileBatch
from bundler.images.layer import LocalLayer
from bundler.images.layer_stream import StoredContent, label_of
from bundler.limits import DEFAULTS, Limits
from bundler.progress import SILENT, Progress
from bundler.rootfs.memory.outline import Outline
from bundler.rootfs.paths import split
from bundler.rootfs.unpacking.changeset import Selection
from bundler.rootfs.unpacking.layer_pass import changeset_of, explained, open_pass

# What is kept of content that is not asked for yet.
_KEPT: Final = 4 << 20


def unpack_partially(
    layers: Sequence[LocalLayer],
    wanted: Collection[bytes],
    *,
    progress: Progress = SILENT,
    limits: Limits = DEFAULTS,
    selection: Selection | None = None,
) -> Outline:
    """What `unpack` would make, in memory: the content of files is read when it is asked for, while `layers` are there.

    That of files with one of the names `wanted` (`b"passwd"`) is most likely to be, and is kept at once, where it is
    not large. Raises what `unpack` raises, for what depends on the layers alone.
    """
    tree = Outline()
    room = _KEPT
    with open_pass(layers, limits, progress, step="reading") as through, explained("the layers"):
        for number, layer in enumerate(layers):
            changeset = changeset_of(tree, layer, selection, lowest=number == 0)
            with through.entries(layer) as entries:
                for entry in entries:
                    through.usage.admit(label_of(layer), entry)
                    if isinstance(entry, FileBatch):
                        changeset.apply_files(entry, partial(StoredContent, layer))
                    elif split(entry.name)[1] in wanted and entry.stored_size <= room:
                        room -= entry.stored_size
                        changeset.apply(entry, [bytes(piece) for piece in entries.content()])
                    else:
                        changeset.apply(entry, StoredContent(layer, entry.offset, entry.stored_size))
    return tree

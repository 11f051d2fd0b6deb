"""Whether two builds gave the same bundle, and if not, the first thing in which they differ."""

import json
import stat
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Final

from bundler.bundles.bundle import Bundle
from bundler.bundles.files import BundleFile, BundleFiles
from bundler.errors import DifferenceError, printable
from bundler.origins import Json
from bundler.project.record import NAME, ProjectRecord
from bundler.rootfs.home import TreeFile
from bundler.rootfs.mtree import encode_path, parse_keywords
from bundler.rootfs.scan import hash_ahead

_LONGEST: Final = 60  # characters of a value that is shown
_HINT: Final = "this is a bug in bundler unless the image itself has changed between the two builds"


def compare_builds(first: Path, second: Path) -> None:
    """Raise DifferenceError for the first difference of two bundles: documents first, then every file by its path.

    Everything counts that is on disk: types, modes, owners, times, attributes, links and content.
    """
    before, after = Bundle(first), Bundle(second)
    if before.config_json != after.config_json:
        raise _differs("config.json", _place(before.config.document, after.config.document))
    if before.record.digest != after.record.digest:
        raise _differs("bundler.json", _place(before.record.document, after.record.document))
    _compare_files(*(BundleFiles(each.path, owned=each.owned, normalised=False) for each in (before, after)))


def compare_projects(first: Path, second: Path) -> None:
    """Raise DifferenceError for the first difference of two projects, likewise: all of their files."""
    before, after = (json.loads(ProjectRecord.open(path).content) for path in (first, second))
    if before != after:
        raise _differs(NAME, _place(before, after))
    _compare_files(*(BundleFiles(path, owned=True, normalised=False) for path in (first, second)))


def _compare_files(first: BundleFiles, second: BundleFiles) -> None:
    for left, right in zip_longest(_lines(first), _lines(second)):
        if left != right:
            raise _differs(*_entry(left, right))


def _differs(name: str, where: str) -> DifferenceError:
    return DifferenceError(f"a second build gives another bundle: {name}{where}", hint=_HINT)


def _place(first: Json, second: Json, pointer: str = "") -> str:
    """Where two documents begin to differ, and how; documents of the same content differ in their order."""
    if isinstance(first, dict) and isinstance(second, dict):
        for name in [*first, *(name for name in second if name not in first)]:
            if name not in first or name not in second:
                return f" has {printable(f'{pointer}/{name}')} in one of them only"
            if first[name] != second[name]:
                return _place(first[name], second[name], f"{pointer}/{name}")
        return f" has the members of {printable(pointer) or 'its top'} in another order"
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        index = next(index for index, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1])
        return _place(first[index], second[index], f"{pointer}/{index}")
    return f" has at {printable(pointer)} first {_shown(str(first))}, then {_shown(str(second))}"


def _lines(files: BundleFiles) -> Iterator[tuple[bytes, bytes]]:
    """Each path of a bundle, and what a manifest would say of it."""
    with files.open() as tree:
        for file, digest in hash_ahead(tree, files.walk(tree), _hashed):
            yield file.tree_file.path, files.manifest_line(file, digest, root=b"")


def _hashed(file: BundleFile) -> TreeFile | None:
    return file.tree_file if file.tree_file.kind == stat.S_IFREG and file.first is None else None


def _entry(first: tuple[bytes, bytes] | None, second: tuple[bytes, bytes] | None) -> tuple[str, str]:
    """The path that differs, and how."""
    if first is None or second is None or first[0] != second[0]:
        # Of two sorted lists, the smaller path is the one that the other has not got.
        path = min(side[0] for side in (first, second) if side is not None)
        return encode_path(path).decode(), " is in one of them only"
    before, after = (parse_keywords(line.replace(b"\n# ", b" ")) for _, line in (first, second))
    keyword = next(name for name in [*before, *after] if before.get(name) != after.get(name))
    values = [_shown(side.get(keyword, b"none").decode("ascii", "backslashreplace")) for side in (before, after)]
    return encode_path(first[0]).decode(), f" has first {keyword.decode()} {values[0]}, then {values[1]}"


def _shown(value: str) -> str:
    return printable(value if len(value) <= _LONGEST else value[:_LONGEST] + "...")

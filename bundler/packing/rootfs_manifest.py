"""Comparing rootfs.mtree with files, line by line, while the files are read for something else."""

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from bundler.bundles.bundle import Bundle
from bundler.bundles.files import ROOTFS, BundleFiles
from bundler.bundles.verification.bundle_verification import Verification
from bundler.bundles.verification.hashed_files import HashedFiles
from bundler.errors import DifferenceError, RequestError, printable
from bundler.rootfs.mtree import HEADER, MtreeError, encode_path, group, read_line, read_lines, size_of
from bundler.rootfs.scan import hash_file


class RootfsManifest:
    """The manifest of a bundle that must be unchanged. Methods raise DifferenceError, with `hint` as what to do about
    it, and RequestError if there is no manifest. `known` are files that other bundles share with this one.
    """

    def __init__(self, bundle: Bundle, hint: str, known: HashedFiles | None = None) -> None:
        self._name = bundle.label
        self._hint = hint
        self._verification = Verification(bundle, known=known)
        check_beside_rootfs(bundle, hint, self._verification)
        self._lines = bundle.manifest()
        self._agrees = self._next() == HEADER

    def close(self) -> None:
        self._lines.close()

    def _next(self) -> bytes:
        try:
            return read_line(self._lines)
        except MtreeError:  # which no entry agrees with; the whole comparison says what is wrong
            return b""

    def next_has_digest(self, size: int) -> bool:
        """Whether the next entry has one, which is to be a file of `size` bytes: of a file that is nearly all holes
        the zeros were never read. One of another size is not read to find out that it differs.
        """
        if not self._agrees:
            return True
        at = self._lines.tell()
        line = self._next()
        self._lines.seek(at)
        if line and size_of(line) != size:
            self._look_closely()
        return b" sha256digest=" in line

    def compare(self, line: bytes) -> None:
        """Compare the next entry of the manifest with `line`, which is one line or two."""
        if not self._agrees:
            return
        there = [self._next() for _ in range(line.count(b"\n"))]
        if line != b"".join(there):
            self._look_closely()

    def finish(self) -> None:
        """Raise DifferenceError unless the manifest ends here, too."""
        if self._agrees and self._next():
            self._look_closely()

    def _look_closely(self) -> None:
        """Another line need not be another file: only the whole comparison tells, and says what it is."""
        self._agrees = False
        # This process may itself be one that is killed at any time, and those below it would go on.
        for change in self._verification.changes(processes=1):
            raise _differs(self._name, change.path, self._hint)


def check_beside_rootfs(bundle: Bundle, hint: str, verification: Verification) -> None:
    """Raise DifferenceError unless all but the files of rootfs/ is what was built, RequestError without a record."""
    for change in verification.changes_beside_rootfs(processes=1):
        raise _differs(bundle.label, change.path, hint)


def check_contents(bundle: Bundle, hint: str, paths: Collection[bytes]) -> None:
    """Raise DifferenceError unless the files of rootfs/ among the `paths` in the bundle hold what its manifest says.

    Their attributes are not looked at. Raises RequestError without a manifest.
    """
    below = ROOTFS + b"/"
    names = {encode_path(path.removeprefix(below)): path for path in paths if path.startswith(below)}
    if not names:
        return
    with BundleFiles(bundle.path, owned=bundle.owned).open() as tree:
        for listed in group(islice(manifest_lines(bundle), 1, None)):
            path = names.get(listed.name)
            digest = None if path is None else listed.keywords.get(b"sha256digest")
            if path is None or digest is None:  # it is nearly all holes, or none that was asked for
                continue
            file = tree.look(path)
            if file is None or (hash_file(tree, file) or "").encode() != digest:
                raise _differs(bundle.label, os.fsdecode(listed.name), hint)


def _differs(label: str, path: str, hint: str) -> DifferenceError:
    return DifferenceError(f"{label} is not what was built: {printable(path)} differs", hint=hint)


def content_size(bundle: Bundle) -> int | None:
    """The bytes of all files of the bundle, each counted once; None without a manifest, which knows the rootfs."""
    if not os.path.lexists(bundle.path / "rootfs.mtree"):
        return None
    total, size = size_below(bundle.path, without="rootfs"), 0
    for line in manifest_lines(bundle):
        if line.startswith(b"#"):
            total -= size if b" hardlink=" in line else 0
            continue
        size = size_of(line)
        total += size
    return total


def size_below(top: Path, *, without: str | None = None) -> int:
    """The bytes of all files in `top`, but for those in its folder `without`.

    What cannot be looked at is left out: whoever reads it says what is wrong there.
    """
    sizes: dict[tuple[int, int], int] = {}
    for folder, folders, names in os.walk(top):
        if folder == os.fspath(top) and without in folders:
            folders.remove(without)
        for name in names:
            with suppress(OSError):
                status = os.lstat(os.path.join(folder, name))  # noqa: PTH118 -- a Path for each file takes as long again
                if stat.S_ISREG(status.st_mode):
                    sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())


def manifest_lines(bundle: Bundle) -> Iterator[bytes]:
    """The lines of the bundle's manifest. Raises RequestError."""
    try:
        yield from read_lines(bundle.manifest())
    except MtreeError as error:
        raise RequestError(f"{printable(str(bundle.path / 'rootfs.mtree'))}: {error}") from None

"""Whether a bundle still is what was built: rootfs/ against rootfs.mtree, documents and hooks against bundler.json.

bundler.json is where trust begins: it holds the digests of config.json, of rootfs.mtree and of the files of hooks/.
Who keeps the digest of bundler.json elsewhere can tell whether anything at all was changed.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bundler.bundles.files import bundle_owners
from bundler.bundles.record import fits
from bundler.bundles.written import parse as parse_json
from bundler.errors import RequestError, printable
from bundler.rootfs.attributes import is_kept
from bundler.rootfs.failures import explain
from bundler.rootfs.mtree import (
    Entry,
    Keywords,
    MtreeError,
    describe,
    describe_xattrs,
    encode_path,
    parse,
    parse_keywords,
    sort_key,
)
from bundler.rootfs.owners import kept
from bundler.rootfs.scan import Found, hash_ahead, walk
from bundler.rootfs.tree import Tree

_DIGEST: Final = b"sha256digest"
_HARD_LINK: Final = b"hardlink"
_TRUSTED: Final = b"xattr.trusted."
_DENIED: Final = (_DIGEST, b"xattr.")
_DOCUMENT: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAXIMUM_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """One path that is `missing`, `extra` or `changed`; then `keywords` holds (expected, found) by keyword of mtree.

    A side that does not speak of a keyword is None. All are encoded as in the manifest.
    """

    path: str
    what: str
    keywords: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pair:
    """What stands in the manifest and what is there, of one path; one of them may be None."""

    entry: Entry | None
    found: Found | None


class Verification:
    """A look at the bundle at `path`. Raises RequestError where there is none that could be checked.

    `recorded` is its bundler.json, and `digest` that of it. `unread` counts, once `changes` has ended, the files and
    directories that this user may not look into: of these only the attributes were compared.
    """

    def __init__(self, path: Path, *, opened_up: bool = False) -> None:
        """With `opened_up`, the bundle is this user's own: what its modes keep him from reading is read anyway."""
        self._path = path
        self._owners = bundle_owners() if opened_up else kept()
        self._privileged = os.geteuid() == 0
        self._first: dict[tuple[int, int], bytes] = {}
        self.unread = 0
        content = self._read("bundler.json")
        self.digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.recorded = parse_json(content, printable(str(path / "bundler.json")))
        if not isinstance(self.recorded.get("manifest"), str):
            raise RequestError(f"{printable(str(path))}: its bundler.json knows no rootfs.mtree")

    def changed_documents(self) -> Iterator[Change]:
        """Those that are not the ones of the build. Raises RequestError."""
        if not fits(self.recorded, self._read("config.json")):
            yield Change("config.json", "changed")
        with os.fdopen(self._open("rootfs.mtree"), "rb") as manifest:
            if f"sha256:{hashlib.file_digest(manifest, 'sha256').hexdigest()}" != self.recorded["manifest"]:
                yield Change("rootfs.mtree", "changed")
        yield from self._changed_hooks()
        documents = self.recorded.get("documents") or {}
        for name, digest in sorted(documents.items()) if isinstance(documents, dict) else ():
            # A packed bundle is hostile: it may not have files of this machine compared with what it says.
            if "/" in name or not (self._path / name).exists():
                yield Change(name, "missing")
            elif self._digest(name) != digest:
                yield Change(name, "changed")

    def _changed_hooks(self) -> Iterator[Change]:
        """Those of hooks/ that are not the ones of the build: a runtime starts them as whoever runs the bundle."""
        folder, recorded = self._path / "hooks", self.recorded.get("hooks")
        recorded = recorded if isinstance(recorded, dict) else {}
        if folder.is_symlink():
            yield Change("hooks", "changed")
            return
        there = {f"hooks/{file.name}" for file in folder.iterdir()} if folder.is_dir() else set()
        for path in sorted(there | recorded.keys()):
            if path not in recorded:
                yield Change(path, "extra")
            elif path not in there:
                yield Change(path, "missing")
            elif self._digest(path) != recorded[path]:
                yield Change(path, "changed")

    def _digest(self, path: str) -> str:
        """That of a file, as bundler.json has it; empty for what is no file."""
        try:
            with os.fdopen(self._open(path), "rb") as stream:
                return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
        except RequestError:
            return ""

    def changes(self) -> Iterator[Change]:
        """What differs, documents first, then by path. Raises RequestError, BundlerError."""
        for change in self.changed_documents():
            yield change
            if change.path == "rootfs.mtree":  # what somebody has changed says nothing about the rootfs
                return
        with os.fdopen(self._open("rootfs.mtree"), "rb") as manifest:
            try:
                with Tree(self._path / "rootfs", self._owners) as tree:
                    yield from self._compare(tree, parse(manifest))
            except MtreeError as error:
                raise RequestError(f"{printable(str(self._path / 'rootfs.mtree'))}: {error}") from None
            except OSError as error:
                raise explain(error, printable(str(self._path / "rootfs"))) from error

    def _compare(self, tree: Tree, entries: Iterable[Entry]) -> Iterator[Change]:
        closed: bytes | None = None
        for pair, digest in hash_ahead(tree, _pairs(entries, walk(tree)), _readable):
            entry, found = pair.entry, pair.found
            if found is not None and found.closed:
                self.unread += 1
                closed = found.path if found.kind == stat.S_IFDIR else closed
            if entry is not None and found is not None:
                differing = self._differing(entry.keywords, found, digest)
                if differing:
                    yield Change(encode_path(entry.path).decode(), "changed", differing)
            elif found is not None:
                yield Change(encode_path(found.path).decode(), "extra")
            elif entry is not None and not _is_below(entry.path, closed):
                yield Change(encode_path(entry.path).decode(), "missing")

    def _differing(
        self, expected: Keywords, found: Found, digest: str | None
    ) -> dict[str, tuple[str | None, str | None]]:
        """What the manifest says of the file and is not so."""
        there = self._keywords(found, digest)
        # What was not read cannot differ: it is denied, or the size has told already that this is another file.
        if found.closed:
            there |= {name: value for name, value in expected.items() if name.startswith(_DENIED)}
        elif _DIGEST in expected and expected.get(b"size") != there.get(b"size"):
            there[_DIGEST] = expected[_DIGEST]
        names = dict.fromkeys([*expected, *(name for name in there if name.startswith((b"xattr.", _HARD_LINK)))])
        return {
            name.decode(): (_text(expected.get(name)), _text(there.get(name)))
            for name in names
            if expected.get(name) != there.get(name) and (self._privileged or not name.startswith(_TRUSTED))
        }

    def _keywords(self, found: Found, digest: str | None) -> Keywords:
        text = describe(
            found.kind,
            found.attributes,
            size=found.size,
            digest=digest,
            target=found.target,
            device=found.device,
        )
        kept = {name: value for name, value in found.attributes.xattrs.items() if is_kept(name, found.kind, value)}
        keywords = parse_keywords(text) | parse_keywords(describe_xattrs(kept))
        if found.kind != stat.S_IFDIR:
            keywords[b"nlink"] = b"%d" % found.links
        if found.file is not None:
            first = self._first.setdefault(found.file, found.path)
            if first != found.path:
                keywords[_HARD_LINK] = encode_path(first)
        return keywords

    def _open(self, name: str) -> int:
        """A document of the bundle, if it is an ordinary file."""
        path = self._path / name
        try:
            descriptor = os.open(path, _DOCUMENT)
        except OSError as error:
            raise RequestError(
                f"{printable(str(path))}: {error.strerror}", hint="only a bundle can be verified"
            ) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise RequestError(f"{printable(str(path))} is not a file")
        return descriptor

    def _read(self, name: str) -> bytes:
        with os.fdopen(self._open(name), "rb") as stream:
            return stream.read(_MAXIMUM_BYTES + 1)


def _pairs(entries: Iterable[Entry], files: Iterable[Found]) -> Iterator[_Pair]:
    """Both sides, which are in the same order, side by side."""
    left, right = iter(entries), iter(files)
    entry, found = next(left, None), next(right, None)
    while entry is not None or found is not None:
        first = entry is not None and (found is None or sort_key(entry.path) <= sort_key(found.path))
        second = found is not None and (entry is None or sort_key(found.path) <= sort_key(entry.path))
        yield _Pair(entry if first else None, found if second else None)
        entry = next(left, None) if first else entry
        found = next(right, None) if second else found


def _readable(pair: _Pair) -> Found | None:
    """The file whose content has to be read: one whose size tells already that it is another is not."""
    if pair.entry is None or pair.found is None or pair.found.kind != stat.S_IFREG:
        return None
    keywords = pair.entry.keywords
    wanted = _DIGEST in keywords and keywords.get(b"size") == b"%d" % pair.found.size
    return pair.found if wanted else None


def _is_below(path: bytes, directory: bytes | None) -> bool:
    return directory is not None and (not directory or path.startswith(directory + b"/"))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("ascii", "backslashreplace")

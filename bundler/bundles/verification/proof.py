"""How each file of a bundle is verified: by a digest in bundler.json, by a manifest, or not at all, since it is data.

Every file is in one row of PROOFS; one that is in none is no part of a bundle. Bytes are not all: who owns a file, or
has another name of it, can change it after it was looked at.
"""

import posixpath
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from bundler.bundles.pieces import FOLDERS, BundleMounts, Piece, Pieces, misled
from bundler.bundles.rootfs_image import IMAGE, has_image
from bundler.bundles.verification.comparison import Change
from bundler.origins import Json
from bundler.overrides.bundle_paths import CONTENTS

DIGEST: Final = "its digest in bundler.json"
MANIFEST: Final = "its line in a manifest, whose digest is in bundler.json"
ELSEWHERE: Final = "its digest, which the user keeps elsewhere"
DATA: Final = "nothing: the container writes there"
# By the first step of a path. Further documents are in bundler.json by name, and so are the bundle's own folders that
# overrides mount (`./own:/target`), which are data.
PROOFS: Final[Mapping[str, str]] = {
    "bundler.json": ELSEWHERE,
    "config.json": DIGEST,
    "rootfs.erofs": DIGEST,
    "rootfs.mtree": DIGEST,
    "images.mtree": DIGEST,
    "etc": DIGEST,
    "hooks": DIGEST,
    "images": MANIFEST,
    "rootfs": MANIFEST,
    "volumes": DATA,
    "upper": DATA,
    "shm": DATA,
}
MANIFESTS: Final = {name: f"{name}.mtree" for name, proof in PROOFS.items() if proof == MANIFEST}
DIRECTORY: Final = "the directory itself"  # what a change of it is called
_TOPS: Final = tuple(name for name in PROOFS if "." not in name)
# Folders in which another user's file, or a name exchanged by him, would be taken for the bundle's.
_OWN: Final = ("", *FOLDERS, "images", "volumes")
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH

Digest = Callable[[str], str | None]
"""That of a regular file by its path in the bundle, as bundler.json has it; None for one that cannot be read."""


def changed(
    recorded: Mapping[str, Json],
    pieces: Pieces,
    digest: Digest,
    mounted: BundleMounts,
) -> Iterator[Change]:
    """Which of the `pieces` are not as they were built, by path. `mounted` is what config.json says of the bundle."""
    known = digests(recorded)
    made = folders(recorded)
    astray = set(misled(pieces, {*mounted.sources, *made}))
    tops = {top for top in _TOPS if top != "images" or "images.mtree" in known}
    own = {path for path in made if path.partition("/")[0] not in tops}  # where a file may take a folder's place
    data = tops | {path.partition("/")[0] for path in (*mounted.sources, *made)}
    must_be_folders = (tops | made) - own
    for path in sorted({*pieces, *known, *made, "rootfs"}):
        piece = pieces.get(path)
        if piece is None:
            yield Change(path, "missing")
        elif path in known:
            yield from _file(path, piece, known[path], digest)
        elif path.startswith(tuple(f"{folder}/" for folder in FOLDERS)) or not _is_expected(path, data):
            yield Change(path, "extra")
        elif path == "bundler.json" and piece.is_single_file:
            continue
        elif path == "bundler.json" or path in astray or (path in must_be_folders and not piece.is_folder):
            yield Change(path, "changed")
    given = _attributes(recorded)
    yield from _owners(pieces, known.keys() - given.keys(), mounted.users)
    for path in sorted(given.keys() & pieces.keys()):
        yield from _given(path, pieces[path], given[path], pieces[""], mounted)


def named(change: Change, folder: str) -> Change:
    """A change in `folder`, by its path in the bundle; in the rootfs it is called as its manifest calls it."""
    path = change.path if folder == "rootfs" else f"{folder}/{change.path.removeprefix('.').removeprefix('/')}"
    return replace(change, path=path)


def digests(recorded: Mapping[str, Json]) -> dict[str, Json]:
    """The digest of each file that bundler.json knows. The paths are those of no other place, whatever it says."""
    named = {path: wanted for path, wanted in _members(recorded, "documents").items() if "/" not in path}
    files = {
        path: wanted
        for path, wanted in _members(recorded, "files").items()
        if path.count("/") == 1 and path.startswith(tuple(f"{folder}/" for folder in FOLDERS))
    }
    image = {IMAGE: _members(recorded, "rootfs").get("sha256")} if has_image(recorded) else {}
    return {"config.json": recorded.get("config"), "rootfs.mtree": recorded.get("manifest"), **image, **named, **files}


def manifests(recorded: Mapping[str, Json]) -> dict[str, str]:
    """The manifests of folders that are in the bundle: a root filesystem that is an image has a digest instead."""
    return {folder: name for folder, name in MANIFESTS.items() if folder != "rootfs" or not has_image(recorded)}


def folders(recorded: Mapping[str, Json]) -> set[str]:
    """The paths of the folders that were made to be mounted, but for those that a manifest has."""
    paths = (posixpath.normpath(path) for path in _members(recorded, "folders") if path)
    return {path for path in paths if path != "." and path.partition("/")[0] not in ("..", "", *MANIFESTS)}


def _members(recorded: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = recorded.get(key)
    return value if isinstance(value, dict) else {}


def _is_expected(path: str, data: Collection[str]) -> bool:
    return path in ("", "bundler.json") or path.partition("/")[0] in data


def _file(path: str, piece: Piece, wanted: Json, digest: Digest) -> Iterator[Change]:
    if not (piece.is_single_file or (path == IMAGE and piece.is_shared)) or digest(path) != wanted:
        yield Change(path, "changed")


def _owners(pieces: Pieces, known: Collection[str], users: Collection[int]) -> Iterator[Change]:
    """Files that another user than the bundle's could write to, or exchange."""
    return owned_by_others(pieces, (*_OWN, "bundler.json", *known), users)


def owned_by_others(pieces: Pieces, paths: Collection[str], users: Collection[int] = ()) -> Iterator[Change]:
    """Which of the `paths` are another user's than all that they are in, or can be written to by others. The `users`
    may have files of etc/.
    """
    owner = pieces[""].uid
    for path in sorted(set(paths) & pieces.keys()):
        piece = pieces[path]
        allowed = {owner, *users} if path.startswith("etc/") else {owner}
        if piece.uid not in allowed:
            yield Change(path or DIRECTORY, "changed", {"uid": (str(owner), str(piece.uid))})
        if piece.mode & _OTHERS and piece.kind != stat.S_IFLNK:
            modes = f"{piece.mode & ~_OTHERS:04o}", f"{piece.mode:04o}"
            yield Change(path or DIRECTORY, "changed", {"mode": modes})


def _attributes(recorded: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    """Owner and mode of the files that have their own: those with content, whatever bundler.json says of others."""
    given = _members(recorded, "attributes")
    return {path: _members(given, path) for path in digests(recorded) if path.startswith(CONTENTS) and path in given}


def _given(path: str, piece: Piece, given: Mapping[str, Json], top: Piece, mounted: BundleMounts) -> Iterator[Change]:
    """Whether a file has the attributes that were `given` to it; an id that is not there is that of the bundle's owner,
    of the container's root or of the machine's.
    """
    uids, gids = {top.uid, *mounted.users}, {0, top.gid, *mounted.groups}
    keywords: dict[str, tuple[str | None, str | None]] = {}
    for key, number, roots in (("uid", piece.uid, uids), ("gid", piece.gid, gids)):
        if number not in ({given[key]} if key in given else roots):
            keywords[key] = str(given.get(key, getattr(top, key))), str(number)
    if given.get("mode") != f"{piece.mode:04o}":
        keywords["mode"] = str(given.get("mode")), f"{piece.mode:04o}"
    if keywords:
        yield Change(path, "changed", keywords)

"""What lies at a path, by its names and first bytes, for messages: what was given, and what that is good for.

Nothing depends on it but words: what a file is read as, its reader finds out for itself.
"""

import os
import re
import shlex
import stat
from pathlib import Path
from typing import Final, NamedTuple

from bundler.errors import closest, printable

_HEAD: Final = 64 << 10  # bytes; a compose file may begin with a page of comments
_MOST_NEIGHBOURS: Final = 1000
_IS_NO_TEXT: Final = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")


class PathKind(NamedTuple):
    """`what` is the end of a sentence that begins with the path's name; `use` what to do with it, about `{path}`."""

    what: str
    use: str = ""
    is_text: bool = True

    def hint(self, path: str | Path) -> str | None:
        return self.use.format(path=shlex.quote(printable(str(path)))) or None


MISSING: Final = PathKind("does not exist")
EMPTY: Final = PathKind("is empty", "what was to write it may have failed")
TEXT: Final = PathKind("is a text")
FOLDER: Final = PathKind("is a folder", is_text=False)
ARCHIVE: Final = PathKind(
    "is an archive",
    "bundler build {path} if it is an image, bundler unpack {path} -o DIR if bundler packed it",
    is_text=False,
)
FILE_SYSTEM: Final = PathKind(
    "is the image of a file system", "bundler unpack {path} -o DIR if bundler packed it", is_text=False
)
BUNDLE: Final = PathKind(
    "is a bundle", "it is built already: bundler run {path}, bundler explain {path}, bundler pack {path}", is_text=False
)
PROJECT: Final = PathKind(
    "is a project",
    "its bundles are the folders in it: bundler run {path}, bundler verify {path}, bundler explain {path}/SERVICE",
    is_text=False,
)
DELTA: Final = PathKind(
    "is a delta", "bundler apply {path} BUNDLE makes the newer bundle of the one that is there", is_text=False
)
LAYOUT: Final = PathKind("is an OCI layout", "bundler build oci:{path}", is_text=False)
_SKOPEO: Final = PathKind("is a folder that skopeo wrote", "bundler build dir:{path}", is_text=False)
CONTEXT: Final = PathKind(
    "is a folder with a Dockerfile",
    "docker build -t NAME {path} && docker save NAME -o image.tar makes an image of it",
    is_text=False,
)
_ROOTFS: Final = PathKind("is a root filesystem", "bundler build rootfs:{path}", is_text=False)
DOCKERFILE: Final = PathKind(
    "is a Dockerfile", "docker build -t NAME -f {path} . && docker save NAME -o image.tar makes an image of it"
)
_COMPOSE: Final = PathKind(
    "is a compose file",
    "bundler project {path} builds its services, bundler build --from-compose {path}:SERVICE one of them",
)
CONFIG: Final = PathKind("is a config.json", "the folder that it is in is the bundle")
PROJECT_JSON: Final = PathKind("is the project.json of a project", "the folder that it is in is the project")
_KUBERNETES: Final = PathKind(
    "is a Kubernetes manifest", "name the image that it names; its settings go into an overrides file"
)
_OVERRIDES: Final = PathKind("is a text of YAML", "if it is an overrides file: bundler build IMAGE --overrides {path}")
JSON: Final = PathKind("is a text of JSON", "if docker inspect wrote it: bundler build --from-inspect {path}")
_PROGRAM: Final = PathKind(
    "is a program",
    "an image holds programs: docker build makes one, bundler build rootfs:FOLDER takes a root filesystem",
)
ZIP: Final = PathKind("is a zip archive", "images are tar archives: unzip it, and look for one in it", is_text=False)
_PAGE: Final = PathKind(
    "is a web page", "download the file itself: this may be what a server says instead of giving it"
)
_MAGIC: Final = (
    (b"\x1f\x8b", ARCHIVE),
    (b"\x28\xb5\x2f\xfd", ARCHIVE),
    (b"\xfd7zXZ\0", ARCHIVE),
    (b"BZh", ARCHIVE),
    (b"PK\x03\x04", ZIP),
    (b"hsqs", FILE_SYSTEM),
    (b"bundler delta\n", DELTA),
    (b"\x7fELF", _PROGRAM),
    (b"#!", _PROGRAM),
)
_TEXTS: Final = (
    (re.compile(rb"\s*<(?:!doctype html|html)", re.IGNORECASE), _PAGE),
    (re.compile(rb"(?:\s*#[^\n]*\n|\s)*(?:FROM|ARG)\s+\S", re.IGNORECASE), DOCKERFILE),
    (re.compile(rb"\s*\{.*\"bundler\.json\": \"sha256:", re.DOTALL), PROJECT_JSON),
    (re.compile(rb"^services:|^ *\"services\":", re.MULTILINE), _COMPOSE),
    (re.compile(rb"^apiVersion:", re.MULTILINE), _KUBERNETES),
    (re.compile(rb"\s*\{.*\"ociVersion\"", re.DOTALL), CONFIG),
    (re.compile(rb"\s*[\[{]"), JSON),
    (re.compile(rb"^[a-z_]+:(?: |\r?$)", re.MULTILINE), _OVERRIDES),
)
_IN_FOLDER: Final = (
    (("project.json",), PROJECT),
    (("config.json", "rootfs"), BUNDLE),
    (("bundler.json",), BUNDLE),
    (("oci-layout",), LAYOUT),
    (("manifest.json", "version"), _SKOPEO),
    (("Dockerfile",), CONTEXT),
    (("Containerfile",), CONTEXT),
    (("etc", "usr"), _ROOTFS),
    (("bin", "etc"), _ROOTFS),
)


def kind_at(path: str | Path) -> PathKind | None:
    """What lies at `path`; None for a device, a file that may not be read, and bytes of no known kind."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except (OSError, ValueError):
        return None
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            return _of_folder(descriptor)
        return kind_of(os.read(descriptor, _HEAD)) if stat.S_ISREG(mode) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def kind_of(content: bytes) -> PathKind | None:
    """What a file is that begins with `content`."""
    if not content:
        return EMPTY
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    if content[257:262] == b"ustar":
        return ARCHIVE
    if content[1024:1028] == b"\xe2\xe1\xf5\xe0":  # erofs, linux/fs/erofs/erofs_fs.h
        return FILE_SYSTEM
    head = content[:_HEAD]
    if _IS_NO_TEXT.search(head):
        return None
    return next((kind for pattern, kind in _TEXTS if _fits(pattern, head)), TEXT)


def _fits(pattern: re.Pattern[bytes], head: bytes) -> bool:
    """Whether a pattern about any line is in one, and any other at the beginning. That one is looked for nowhere else:
    it would be quadratic over hostile bytes.
    """
    return (pattern.search if pattern.flags & re.MULTILINE else pattern.match)(head) is not None


def _of_folder(descriptor: int) -> PathKind:
    def has(name: str) -> bool:
        try:
            os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except OSError:
            return False
        return True

    return next((kind for names, kind in _IN_FOLDER if all(map(has, names))), FOLDER)


def missing_hint(path: str | Path) -> str | None:
    """What may have been meant by a `path` at which there is nothing: a neighbour of nearly the same name."""
    named = Path(path)
    folder = named.parent
    if str(path).startswith("~"):
        return "a ~ in quotes is left as it is by the shell: put it in front of them, or write $HOME"
    if not folder.is_dir():
        return f"there is no folder {printable(str(folder))}"
    try:
        with os.scandir(folder) as entries:
            neighbours = [entry.name for _, entry in zip(range(_MOST_NEIGHBOURS), entries, strict=False)]
    except OSError:
        return None
    near = closest(named.name, neighbours)
    return None if near is None else f"did you mean {shlex.quote(printable(str(folder / near)))}?"


def place_hint(path: str | Path) -> str:
    """What to say of a `path` at which there is nothing: what may have been meant, or where it was looked for."""
    return missing_hint(path) or f"looked for in {printable(str(Path(path).absolute().parent))}"

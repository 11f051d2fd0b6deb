"""What a person types to say which image: `TRANSPORT:REST`, a registry name, a path, or `-`.

What a text means never depends on what happens to exist in the current folder; only where a file's name ends and the
choice inside it begins does, because both may hold colons.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from bundler.errors import RequestError, printable
from bundler.images.choice import Choice, parse_choice
from bundler.images.image import Image
from bundler.images.registry_reference import RegistryReference

STANDARD_INPUT: Final = "-"
# In the order of the documentation. `docker` is the only one that is followed by two slashes.
TRANSPORT_NAMES: Final = (
    *("docker", "docker-archive", "oci-archive", "oci", "dir", "rootfs-tar", "rootfs"),
    *("docker-daemon", "containers-storage"),
)
_PREFIX: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_SUFFIX: Final = re.compile(r"\.(?:tar(?:\.(?:gz|zst|zstd|xz|bz2))?|tgz|tzst|txz|tbz2?)(?=$|:|@)", re.IGNORECASE)
_PATH_STARTS: Final = ("/", "./", "../")
# What may become the name of a folder: no leading dot or dash, nothing a shell or a terminal could trip over.
_DIRECTORY_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Reference:
    """`transport` is one of TRANSPORT_NAMES, or None for a path or `-`, whose content says what it is."""

    transport: str | None
    rest: str


def parse_reference(text: str) -> Reference:
    """Tell transport, path and registry name apart. Raises RequestError, naming the nearest transport or the fault."""
    if "\0" in text or not text:
        raise RequestError("the name of an image cannot be empty or hold a NUL byte")
    if text == STANDARD_INPUT or text.startswith((f"{STANDARD_INPUT}:", f"{STANDARD_INPUT}@")):
        return Reference(None, text)
    prefixed = _PREFIX.fullmatch(text)
    if prefixed is not None and prefixed[1] in TRANSPORT_NAMES:
        return _with_transport(prefixed[1], prefixed[2])
    if text in (".", "..") or text.startswith(_PATH_STARTS) or text.endswith("/"):
        return Reference(None, text)
    looks_like_path = _SUFFIX.search(text) is not None
    try:
        RegistryReference.parse(text)
        fault = None
    except ValueError as error:
        fault = printable(str(error))
    if prefixed is not None and (fault is not None or looks_like_path):
        _refuse_unknown_transport(text, prefixed[1], prefixed[2])
    if looks_like_path:
        return Reference(None, text)
    if fault is not None:
        raise RequestError(
            f'"{printable(text)}" does not name an image: {fault}', hint="start a path with / or ./, such as ./image"
        )
    return Reference("docker", text)


def _with_transport(transport: str, rest: str) -> Reference:
    if transport == "docker":
        if not rest.startswith("//"):
            raise RequestError(f'"docker:{printable(rest)}" lacks two slashes', hint="write docker://NAME")
        rest = rest[2:]
        try:
            RegistryReference.parse(rest)
        except ValueError as error:
            raise RequestError(
                f'"docker://{printable(rest)}" does not name an image: {printable(str(error))}'
            ) from error
    if not rest:
        raise RequestError(f'"{transport}:" lacks the name or path of an image')
    return Reference(transport, rest)


def _refuse_unknown_transport(text: str, prefix: str, rest: str) -> None:
    """Raise if what stands before the colon was meant as a transport; a host or a folder may also stand there."""
    known = [f"{name}:" for name in TRANSPORT_NAMES]
    if prefix in ("http", "https"):
        raise RequestError(f'"{printable(text)}" is a web address', hint="write docker://HOST/NAME for a registry")
    nearest = difflib.get_close_matches(prefix.lower(), TRANSPORT_NAMES, n=1, cutoff=0.75)
    if not nearest and not rest.startswith("/"):
        return
    hint = f"did you mean {nearest[0]}{'://' if nearest[0] == 'docker' else ':'}?" if nearest else None
    raise RequestError(
        f'"{printable(prefix)}:" is no transport', hint=hint or f"there are: docker://, {', '.join(known[1:])}"
    )


def split_path(rest: str, exists: Callable[[str], bool]) -> tuple[str, Choice]:
    """Part `FILE[:NAME|:@POSITION|@DIGEST]`: the longest FILE that exists wins, else the text parts at the first colon.

    Raises RequestError for a choice that is none.
    """
    ends = [match.start() for match in re.finditer(r"[:@]", rest)]
    for end in [len(rest), *reversed(ends)]:
        # `image@sha256:...` parts at the @, not inside the digest.
        if end > 0 and exists(rest[:end]):
            return rest[:end], parse_choice(rest[end:])
    end = next((end for end in ends if end > 0 and (rest[end] == ":" or rest[end + 1 : end + 4] == "sha")), len(rest))
    return rest[:end], parse_choice(rest[end:])


def default_directory_name(image: Image) -> str | None:
    """What to call the bundle of `image` if nobody says: `nginx` for `docker.io/library/nginx:1.25` and `nginx.tar`.

    The image's own name counts first, then that of its file. None if neither is fit to be the name of a folder.
    """
    candidates = []
    # A layout may name an image by a bare tag (`latest`), which says nothing about what the image is.
    if any(char in image.name for char in "/:@"):
        candidates.append(PurePosixPath(image.name.partition("@")[0]).name.partition(":")[0])
    suffix = _SUFFIX.search(image.file_name)
    candidates.append(image.file_name[: suffix.start()] if suffix else image.file_name)
    return next((name for name in candidates if _DIRECTORY_NAME.fullmatch(name)), None)

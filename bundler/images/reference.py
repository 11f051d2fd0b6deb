"""What a person types to say which image: `TRANSPORT:REST`, a registry name, a path, or `-`; which of several is meant.

Names of images in registries: `domain/path:tag@digest`, as Docker reads and completes them.

Which of several images in one archive or layout is meant.

What a person types to say which image: `TRANSPORT:REST`, a registry name, a path, or `-`.
What a text means never depends on what happens to exist in the current folder; only where a file's name ends and the
choice inside it begins does, because both may hold colons.
"""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Self

from bundler.archives.compression import TAR_ENDINGS
from bundler.errors import RequestError, printable
from bundler.images.digest import Digest
from bundler.images.image import Image

_DEFAULT_DOMAIN: Final = "docker.io"
_OFFICIAL: Final = "library"
_DEFAULT_TAG: Final = "latest"
_MAX_NAME: Final = 255

_DOMAIN: Final = re.compile(
    r"(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*"
    r"|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
)
_COMPONENT: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}")
# Docker takes such a text for an image id, so it is never the name of a repository.
_IMAGE_ID: Final = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True)
class RegistryReference:
    """A complete name: the domain is never empty, and without a tag or digest the tag is `latest`.

    Every part is checked against distribution's grammar, so `str()` is safe as an argument of a program.
    """

    domain: str
    path: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Complete `nginx` to `docker.io/library/nginx:latest`. Raises ValueError, naming the part that is wrong."""
        name, at, digest = text.partition("@")
        head, slash, last = name.rpartition("/")
        last, colon, tag = last.partition(":")
        if colon and not _TAG.fullmatch(tag):
            raise ValueError(f"{tag!r} is not a tag")
        domain, path = _complete(head + slash + last)
        if not _DOMAIN.fullmatch(domain):
            raise ValueError(f"{domain!r} is not the name of a registry")
        if path.lower() != path and _COMPONENT.fullmatch(path.lower().replace("/", "")):
            raise ValueError(f"{path!r} is not the name of a repository: it has to be lowercase")
        if not path or not all(_COMPONENT.fullmatch(component) for component in path.split("/")):
            raise ValueError(f"{path!r} is not the name of a repository")
        if len(domain) + 1 + len(path) > _MAX_NAME:
            raise ValueError(f"the name has more than {_MAX_NAME} characters")
        if _IMAGE_ID.fullmatch(name):
            raise ValueError(f"{name!r} is an image id, not the name of a repository")
        checked = Digest.parse(digest) if at else None
        return cls(domain, path, tag if colon else (None if at else _DEFAULT_TAG), checked)

    @property
    def repository(self) -> str:
        return f"{self.domain}/{self.path}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"


def _complete(name: str) -> tuple[str, str]:
    """Domain and path. A first component is a domain if it cannot be a repository's: a dot, a port, `localhost`."""
    first, slash, rest = name.partition("/")
    if slash and (any(char in ".:" for char in first) or first == "localhost" or first.lower() != first):
        domain, path = first, rest
    else:
        domain, path = _DEFAULT_DOMAIN, name
    if domain == "index.docker.io":
        domain = _DEFAULT_DOMAIN
    if domain == _DEFAULT_DOMAIN and "/" not in path:
        path = f"{_OFFICIAL}/{path}"
    return domain, path


_SHORT_DIGEST: Final = re.compile(r"sha(?:256:[0-9a-f]{4,64}|512:[0-9a-f]{4,128})")
_LISTED: Final = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """At most one field is set; none if nothing was said.

    `position` counts from 0. `digest` is a whole one or its beginning, of at least four digits (`sha256:1a2b`).
    """

    name: str | None = None
    position: int | None = None
    digest: str | None = None


def parse_choice(text: str) -> Choice:
    """Read `:NAME`, `:@POSITION`, `@sha256:DIGEST` or nothing. Raises RequestError."""
    if not text:
        return Choice()
    chosen = text.removeprefix(":")
    if chosen and not chosen.startswith("@"):
        return Choice(name=chosen)
    chosen = chosen.removeprefix("@")
    if re.fullmatch(r"[0-9]{1,9}", chosen):
        return Choice(position=int(chosen))
    if _SHORT_DIGEST.fullmatch(chosen):
        return Choice(digest=chosen)
    raise RequestError(
        f'"{printable(text)}" does not choose an image', hint="write :NAME, :@POSITION (from 0) or @sha256:DIGEST"
    )


def same_name(asked: str, stated: str | None) -> bool:
    """Whether both texts name the same image once they are complete: `nginx` is `docker.io/library/nginx:latest`."""
    if stated is None:
        return False
    if asked == stated:
        return True
    try:
        return RegistryReference.parse(asked) == RegistryReference.parse(stated)
    except ValueError:
        return False


def listing(images: Sequence[tuple[str, str]]) -> str | None:
    """A hint that lists what can be chosen, from (name or "", how to choose it otherwise); None if there is nothing."""
    if not images:
        return None
    shown = [f":{printable(name)}" if name else other for name, other in images[:_LISTED]]
    if len(set(shown)) < len(shown):
        shown = [f"{other}{name and f' ({printable(name)})'}" for name, other in images[:_LISTED]]
    more = f" and {len(images) - _LISTED} more" if len(images) > _LISTED else ""
    return f"choose with one of: {', '.join(shown)}{more}"


STANDARD_INPUT: Final = "-"
# In the order of the documentation. `docker` is the only one that is followed by two slashes.
TRANSPORT_NAMES: Final = (
    *("docker", "docker-archive", "oci-archive", "oci", "dir", "rootfs-tar", "rootfs"),
    *("docker-daemon", "containers-storage"),
)
_PREFIX: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_SUFFIX: Final = re.compile(f"(?:{'|'.join(map(re.escape, TAR_ENDINGS))})(?=$|:|@)", re.IGNORECASE)
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

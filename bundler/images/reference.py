"""What names an image: in a registry, as Docker reads and completes `domain/path:tag@digest`; anywhere, as a person
types it (`parse_reference` in images/transports/table.py reads that); and which of several images in one file is meant.

What a text means never depends on what happens to exist in the current folder; only where a file's name ends and the
choice inside it begins does, because both may hold colons.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final, Self

from bundler.archives.compression import TAR_ENDINGS
from bundler.errors import RequestError, printable
from bundler.images.digest import Digest
from bundler.images.image import Image
from bundler.light_dataclasses import dataclass

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

    @classmethod
    def find(cls, text: str | None) -> Self | None:
        """The name that `text` is; None if it is no such name."""
        try:
            return None if text is None else cls.parse(text)
        except ValueError:
            return None

    def pinned(self, digest: Digest) -> Self:
        """What has this digest in the repository. A name with both a tag and a digest is refused by skopeo."""
        return replace(self, tag=None, digest=digest)

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


# cosign's, those of the referrers tag schema (distribution-spec), and those of bundler's store.
_OF_ATTACHED: Final = re.compile(r"sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{128})(?:\.(?:sig|att|index|gpg))?")


def is_attached(reference: RegistryReference | None) -> bool:
    """Whether it is the name of what is attached to an image, and of no image."""
    return reference is not None and reference.tag is not None and _OF_ATTACHED.fullmatch(reference.tag) is not None


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
    if stated is None or asked == stated:
        return asked == stated
    complete = RegistryReference.find(asked)
    return complete is not None and complete == RegistryReference.find(stated)


def listing(images: Sequence[tuple[str, str]]) -> str | None:
    """A hint that lists what can be chosen, from (name or "", how to choose it otherwise); None if there is nothing."""
    if not images:
        return None
    choices = [f":{printable(name)}" if name else other for name, other in images[:_LISTED]]
    if len(set(choices)) < len(choices):
        choices = [f"{other}{name and f' ({printable(name)})'}" for name, other in images[:_LISTED]]
    more = f" and {len(images) - _LISTED} more" if len(images) > _LISTED else ""
    return f"choose with one of: {', '.join(choices)}{more}"


_SUFFIX: Final = re.compile(f"(?:{'|'.join(map(re.escape, TAR_ENDINGS))})(?=$|:|@)", re.IGNORECASE)
_NO_IMAGES: Final = (".yaml", ".yml", ".json", ".lock", ".squashfs", ".erofs", ".zip", ".iso", ".env", ".toml", ".txt")
# What may become the name of a folder: no leading dot or dash, nothing a shell or a terminal could trip over.
_DIRECTORY_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Reference:
    """What the `text` of a person names; `rest` is the text without a transport.

    `transport` is a name in TRANSPORTS, or None for a path or `-`, whose content says what it is. `registry` is the
    complete name of what is in a registry.
    """

    text: str
    transport: str | None
    rest: str
    registry: RegistryReference | None = None

    @property
    def states_transport(self) -> bool:
        """Whether the transport was typed: docker:// asks the registry itself, even if the store has the image."""
        return self.rest != self.text

    def name_in_registry(self) -> RegistryReference:
        """Raises RequestError for what is not in a registry."""
        if self.registry is None:
            raise RequestError(
                f'"{printable(self.text)}" is not in a registry', hint="a file or folder is built from where it is"
            )
        return self.registry

    def renamed(self, registry: RegistryReference) -> "Reference":
        """The image of another name in a registry, asked for in the way of this one."""
        rest = str(registry)
        return Reference(self.text.removesuffix(self.rest) + rest, self.transport, rest, registry)


def looks_like_file(text: str) -> bool:
    """Whether `text` ends as the names of tar archives do, or says what is wanted of one, or as those of other files
    that are given in the place of an image: in a registry these are asked for with docker:// in front.
    """
    return _SUFFIX.search(text) is not None or text.partition(":")[0].lower().endswith(_NO_IMAGES)


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
    """What to call the bundle of `image` by default: `nginx` for `docker.io/library/nginx:1.25` and `nginx.tar`.

    The image's own name counts first, then that of its file. None if neither is fit to be the name of a folder.
    """
    candidates = []
    # A layout may name an image by a bare tag (`latest`), which says nothing about what the image is.
    if any(char in image.name for char in "/:@"):
        candidates.append(PurePosixPath(image.name.partition("@")[0]).name.partition(":")[0])
    suffix = _SUFFIX.search(image.file_name)
    candidates.append(image.file_name[: suffix.start()] if suffix else image.file_name)
    return next((name for name in candidates if _DIRECTORY_NAME.fullmatch(name)), None)

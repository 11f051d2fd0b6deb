"""Names of images in registries: `domain/path:tag@digest`, as Docker reads and completes them."""

import re
from dataclasses import dataclass
from typing import Final, Self

from bundler.images.digest import Digest

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

"""Names of images as docker's client takes them (distribution/reference, grammar), for what it refuses by itself."""

import re
from typing import Final

from bundler.errors import RequestError, printable

_HOST: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN: Final = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(
    rf"(?P<repository>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)(?P<tag>:\w[\w.-]{{0,127}})?(?P<digest>@.*)?",
    re.ASCII,
)
_ID: Final = re.compile(r"(?:sha256:)?[a-f0-9]{64}")
_DIGEST: Final = re.compile(r"@(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})")
_LONGEST: Final = 255  # bytes of a repository's name
_SHOWN: Final = 200


def check_image(name: str) -> None:
    """Raise RequestError for what is neither the name of an image nor an id."""
    if _ID.fullmatch(name):
        return
    match = _NAME.fullmatch(name)
    if match is None and _NAME.fullmatch(name.lower()):
        raise _refused(name, "the name of a repository is in lower case")
    if match is None:
        raise _refused(name, "it is not [HOST[:PORT]/]NAME[:TAG][@DIGEST]")
    if match["digest"] and not _DIGEST.fullmatch(match["digest"]):
        raise _refused(name, f"{printable(match['digest'][1:_SHOWN])!r} is no digest")
    if len(match["repository"]) > _LONGEST:
        raise _refused(name, f"the name of a repository has at most {_LONGEST} bytes")


def _refused(name: str, why: str) -> RequestError:
    hint = "the image stands behind the flags: from-docker-run -- [FLAGS...] IMAGE [COMMAND...]"
    return RequestError(f"docker takes no image {printable(name[:_SHOWN])!r}: {why}", hint=hint)

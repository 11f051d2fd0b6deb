"""What skopeo says when it fails, and what that means for the person who waits: one row per known message."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bundler import tools
from bundler.errors import BundlerError, ImageError, ToolError, printable
from bundler.images.transports.access import PassingError
from bundler.light_dataclasses import dataclass

_LONG: Final = 300
MORE_THAN_STATED: Final = "the registry sends more than the image states"


class MissingError(ImageError):
    """There is nothing of that name."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    """`words` are what skopeo 1.9 to 1.20 or a library below it says, `what` is what it means, `hint` what to do."""

    words: str
    kind: type[BundlerError]
    what: str
    hint: str | None = None

    def fits(self, message: str) -> bool:
        return re.search(self.words, message, re.IGNORECASE) is not None


_NOT_FOUND: Final = "check name and tag; a file is named with ./ in front"
_NO_HOST: Final = (
    "check the name, and whether the network is there; without one, name a file or what bundler images lists"
)
_DAMAGED: Final = "try again later, and tell who runs the registry"
_FULL: Final = "free some space, or choose another disk: TMPDIR for temporary files, --store for images"
_POLICY: Final = "containers-policy.json(5) says what it allows; --policy FILE names another one"

# The first that fits counts. A PassingError is tried again.
_MEANINGS: Final = (
    _Meaning(
        r"trust policy: (?:invalid|read) ",
        ToolError,
        "the signature policy is not one",
        "containers-policy.json(5) says what it may hold",
    ),
    _Meaning(
        r"policy\.json|trust policy",
        ToolError,
        "skopeo has no signature policy it can read",
        "install /etc/containers/policy.json (on Debian: golang-github-containers-common), or give --policy FILE",
    ),
    _Meaning(
        r"rejected by policy|signature was required|source image rejected", ImageError, "the policy rejects it", _POLICY
    ),
    _Meaning(
        r"unauthorized|authentication required|invalid username/password|no basic auth cred|access .* denied"
        r"|(?<!permission )denied:|insufficient_scope",
        ImageError,
        "the registry wants a login, or the image does not exist",
        "log in with: skopeo login REGISTRY, or give --authfile FILE",
    ),
    _Meaning(
        r"(?:manifest|name) unknown|name not known|(?:no such|not an) image|image not known|does not exist$"
        r"|does not resolve to an image",
        MissingError,
        "not found",
        _NOT_FOUND,
    ),
    _Meaning(r"reading manifest .* StatusCode: 404", MissingError, "not found", _NOT_FOUND),
    _Meaning(
        r"getting username and password",
        ToolError,
        "the stored credentials cannot be read",
        "log in again with: skopeo login REGISTRY, or give another --authfile FILE",
    ),
    _Meaning(
        r"digest did not match|digest \S+ does not match",
        ImageError,
        "what came is not what its digest names",
        _DAMAGED,
    ),
    _Meaning(r"blob unknown|fetching blob: .* ?404", ImageError, "the registry lacks a part of it", _DAMAGED),
    _Meaning(
        r"manifest invalid|unsupported media type",
        ToolError,
        "the registry takes no artifacts",
        "it has to take manifests of OCI (image-spec 1.0), as docker-registry does from 2.7 on",
    ),
    _Meaning(r"exceeded maximum allowed size|file too large$", ImageError, MORE_THAN_STATED),
    _Meaning(
        r"server gave HTTP response to HTTPS client",
        ToolError,
        "the registry speaks plain HTTP",
        "allow that with --tls-verify=false",
    ),
    _Meaning(
        r"x509:|certificate signed by unknown authority|tls: failed to verify",
        ToolError,
        "the registry's certificate is not trusted",
        "put its authority into /etc/containers/certs.d/HOST:PORT/ca.crt, or give --tls-verify=false",
    ),
    _Meaning(
        r"cannot connect to the docker daemon", ToolError, "no Docker daemon answers", "start it, or set DOCKER_HOST"
    ),
    _Meaning(r"connection refused", ToolError, "nothing listens there (connection refused)", _NO_HOST),
    _Meaning(r"temporary failure in name resolution", PassingError, "no name server answers", _NO_HOST),
    _Meaning(r"no such host", ToolError, "there is no such host", _NO_HOST),
    _Meaning(
        r"i/o timeout|context deadline exceeded|TLS handshake timeout|Client\.Timeout exceeded",
        PassingError,
        "the registry does not answer in time",
        "try again later",
    ),
    _Meaning(
        r"(?:status code from registry|StatusCode:) 403",
        ImageError,
        "the registry forbids it",
        "log in as a user who may do that: skopeo login REGISTRY, or give --authfile FILE",
    ),
    _Meaning(
        r"(?:status code from registry|StatusCode:|HTTP status:) 50[0234]",
        PassingError,
        "the registry itself has failed",
        "try again later",
    ),
    _Meaning(
        r"(?:status code from registry|StatusCode:|HTTP status:) 5\d\d", ToolError, "the registry itself has failed"
    ),
    _Meaning(
        r"\bEOF\b|connection reset|broken pipe|closed network connection|stream error|GOAWAY|connection lost"
        r"|blob upload (?:unknown|invalid)",
        PassingError,
        "the connection broke off",
        "try again later",
    ),
    _Meaning(
        r"bearer token|looking for beginning of value", ToolError, "its token service does not answer as one", _DAMAGED
    ),
    _Meaning(r"no space left on device|disk quota exceeded", BundlerError, "no space left on the device", _FULL),
    _Meaning(
        r"toomanyrequests|too many requests|StatusCode: 429",
        ToolError,
        "the registry refuses more requests for now",
        "log in, or try again later",
    ),
)


@contextmanager
def explain(name: str) -> Iterator[None]:
    """Turn a failure of skopeo inside this context into one that says what it means for the image `name`."""
    try:
        yield
    except tools.ToolFailedError as error:
        logged, label = error.reason, printable(name)
        for meaning in _MEANINGS:
            if meaning.fits(logged):
                raise meaning.kind(f"{label}: {meaning.what}", hint=meaning.hint) from error
        raise ToolError(f"{label}: skopeo failed: {printable(logged[:_LONG])}") from error

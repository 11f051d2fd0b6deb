"""What skopeo says when it fails, and what that means for the person who waits: one row per known message."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bundler import tools
from bundler.errors import BundlerError, ImageError, ToolError, printable

_LOGGED: Final = re.compile(r'level=(?:fatal|error) msg="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r'\\(["\\])')
_LONG: Final = 300

# (what skopeo 1.9 to 1.20 and the libraries below it say, the kind of failure, what it means, what to do)
_MEANINGS: Final[tuple[tuple[re.Pattern[str], type[BundlerError], str, str | None], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind, what, hint)
    for pattern, kind, what, hint in (
        (
            r"trust policy: (?:invalid|read) ",
            ToolError,
            "the signature policy is not one",
            "containers-policy.json(5) says what it may hold",
        ),
        (
            r"policy\.json|trust policy",
            ToolError,
            "skopeo has no signature policy it can read",
            "install /etc/containers/policy.json (on Debian: golang-github-containers-common), or give --policy FILE",
        ),
        (r"rejected by policy|signature was required|source image rejected", ImageError, "the policy rejects it", None),
        (
            r"unauthorized|authentication required|invalid username/password|no basic auth cred|access .* denied",
            ImageError,
            "the registry wants a login, or the image does not exist",
            "log in with: skopeo login REGISTRY, or give --authfile FILE",
        ),
        (
            r"(?:manifest|name) unknown|name not known|(?:no such|not an) image|image not known|does not exist$",
            ImageError,
            "not found",
            None,
        ),
        (r"reading manifest .* StatusCode: 404", ImageError, "not found", None),
        (
            r"getting username and password",
            ToolError,
            "the stored credentials cannot be read",
            "log in again with: skopeo login REGISTRY, or give another --authfile FILE",
        ),
        (
            r"digest did not match|digest \S+ does not match",
            ImageError,
            "what came is not what its digest names",
            None,
        ),
        (r"blob unknown|fetching blob: .* 404", ImageError, "the registry lacks a part of it", None),
        (
            r"server gave HTTP response to HTTPS client",
            ToolError,
            "the registry speaks plain HTTP",
            "allow that with --tls-verify=false",
        ),
        (
            r"x509:|certificate signed by unknown authority|tls: failed to verify",
            ToolError,
            "the registry's certificate is not trusted",
            "put its authority into /etc/containers/certs.d/HOST:PORT/ca.crt, or give --tls-verify=false",
        ),
        (r"cannot connect to the docker daemon", ToolError, "no Docker daemon answers", "start it, or set DOCKER_HOST"),
        (r"connection refused", ToolError, "nothing listens there (connection refused)", None),
        (r"no such host|temporary failure in name resolution", ToolError, "there is no such host", None),
        (r"i/o timeout|context deadline exceeded", ToolError, "the registry does not answer in time", None),
        (
            r"(?:status code from registry|StatusCode:) 403",
            ImageError,
            "the registry forbids it",
            "log in as somebody who may pull it: skopeo login REGISTRY, or give --authfile FILE",
        ),
        (
            r"status code from registry 5\d\d|StatusCode: 5\d\d|HTTP status: 5\d\d",
            ToolError,
            "the registry itself has failed",
            "try again later",
        ),
        (r"unexpected EOF|connection reset|broken pipe", ToolError, "the connection broke off", "try again"),
        (r"no space left on device", BundlerError, "no space left on the device", None),
        (
            r"toomanyrequests|too many requests|StatusCode: 429",
            ToolError,
            "the registry refuses more requests for now",
            "log in, or try again later",
        ),
    )
)


@contextmanager
def explain(name: str) -> Iterator[None]:
    """Turn a failure of skopeo inside this context into one that says what it means for the image `name`."""
    try:
        yield
    except tools.ToolFailedError as error:
        said = message(error.stderr)
        shown = printable(name)
        for pattern, kind, what, hint in _MEANINGS:
            if pattern.search(said):
                raise kind(f"{shown}: {what}", hint=hint) from error
        raise ToolError(f"{shown}: skopeo failed: {printable(said[:_LONG])}") from error


def message(stderr: str) -> str:
    """The last message that skopeo logged, without the frame that its logger puts around it."""
    logged = _LOGGED.findall(stderr)
    if not logged:
        return stderr.splitlines()[-1] if stderr else "it printed no reason"
    return _ESCAPED.sub(r"\1", logged[-1])

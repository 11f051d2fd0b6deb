import pytest

from bundler.errors import BundlerError, ImageError, ToolError
from bundler.images.transports.access import PassingError
from bundler.images.transports.skopeo_failures import MissingError, explain
from bundler.tools import SKOPEO, ToolFailedError


def logged(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'time="2020-01-01T00:00:00Z" level=fatal msg="{quoted}"'


BROKEN_REGISTRIES = [
    "reading manifest 1 in h/n: received unexpected HTTP status: 502 Bad Gateway",
    "Error fetching blob: invalid status code from registry 500 (Internal Server Error)",
    "fetching blob: received unexpected HTTP status: 503 Service Unavailable",
    "Requesting bearer token: invalid status code from registry 504 (Gateway Timeout)",
]
BROKEN_CONNECTIONS = [
    'Error parsing image name "docker://h/n:1": unexpected EOF',
    "writing blob: happened during read: unexpected EOF",
    "unexpected EOF (after reconnecting, server did not process a Range: header, status 200)",
    'Get "http://h/v2/n/manifests/1": read tcp 127.0.0.1:2->127.0.0.1:1: read: connection reset by peer',
    'pinging container registry h: Get "https://h/v2/": EOF',
    'writing blob: Patch "http://h/v2/n": write tcp 127.0.0.1:2->127.0.0.1:1: use of closed network connection',
    "writing blob: uploading layer to https://h/v2/n: blob upload unknown: blob upload unknown to registry",
]


@pytest.mark.parametrize(
    ("stderr", "says"),
    [
        (logged('reading "x": no'), 'reading "x": no'),
        ('time="t" level=warning msg="w"\n' + logged("the last"), "the last"),
        ("unknown flag: --x\nsee skopeo --help", "see skopeo --help"),
        ("", "it printed no reason"),
        ('level=fatal msg="bad \\x escape"', "bad \\x escape"),
    ],
)
def test_the_reason_is_taken_out_of_the_log(stderr: str, says: str) -> None:
    assert ToolFailedError(SKOPEO, 1, stderr.encode()).reason == says


@pytest.mark.parametrize(
    ("said", "kind", "says"),
    [
        (
            "Error loading trust policy: open /etc/containers/policy.json: no such file",
            ToolError,
            "no signature policy",
        ),
        ('Error loading trust policy: invalid policy in "p": unexpected end of JSON input', ToolError, "is not one"),
        ("Error loading trust policy: read .: is a directory", ToolError, "is not one"),
        (
            'getting username and password: reading JSON file "/x"',
            ToolError,
            "credentials cannot be read",
        ),
        ("Source image rejected: Running image is rejected by policy.", ImageError, "the policy rejects it"),
        ("reading manifest 1: unauthorized: authentication required", ImageError, "wants a login"),
        ("reading manifest 1: errors: denied: requested access to the resource is denied", ImageError, "wants a login"),
        ("reading manifest x in h/n: manifest unknown: manifest unknown", MissingError, "not found"),
        ("reading manifest x in h/n: name unknown: repository name not known to registry", MissingError, "not found"),
        ("does not resolve to an image ID: identifier is not an image", MissingError, "not found"),
        ('reference "[vfs@/r+/r]localhost/gone:1" does not resolve to an image ID', MissingError, "not found"),
        (
            'initializing source s: reference "h/n:1" does not resolve to an image ID',
            MissingError,
            "not found",
        ),
        ("reading manifest 1 in h/n: denied: access forbidden", ImageError, "wants a login"),
        ("open /x: permission denied", ToolError, "skopeo failed"),
        (
            "loading image from docker engine: Error response from daemon: reference does not exist",
            MissingError,
            "not found",
        ),
        ("http: server gave HTTP response to HTTPS client", ToolError, "plain HTTP"),
        ("x509: certificate signed by unknown authority", ToolError, "certificate is not trusted"),
        ("dial tcp 127.0.0.1:1: connect: connection refused", ToolError, "nothing listens there"),
        ("dial tcp: lookup nowhere.invalid: no such host", ToolError, "no such host"),
        ("write /x: no space left on device", BundlerError, "no space left"),
        ("toomanyrequests: You have reached your pull rate limit", ToolError, "refuses more requests"),
        ("reading manifest 1 in h/n: StatusCode: 403, no", ImageError, "the registry forbids it"),
        ("reading manifest 1 in h/n: StatusCode: 404, no", MissingError, "not found"),
        ("reading manifest 1 in h/n: StatusCode: 429, no", ToolError, "refuses more requests"),
        ("reading manifest 1 in h/n: authentication required", ImageError, "wants a login"),
        ('reading manifest 1 in h/n: StatusCode: 404, "no"', MissingError, "not found"),
        ('Error reading configuration blob: fetching blob: StatusCode: 404, "no"', ImageError, "lacks a part of it"),
        ('fetching blob: StatusCode: 403, "no"', ImageError, "the registry forbids it"),
        (
            "Error fetching blob: invalid status code from registry 501 (Not Implemented)",
            ToolError,
            "itself has failed",
        ),
        ("Requesting bearer token: invalid status code from registry 404 (Not Found)", ToolError, "token service"),
        ("invalid character 'z' looking for beginning of value", ToolError, "token service"),
        ("exceeded maximum allowed size of 4194304 bytes", ImageError, "more than the image states"),
        ("writing blob: write /x/dir-put-blob1: file too large", ImageError, "more than the image states"),
        *((said, PassingError, "the registry itself has failed") for said in BROKEN_REGISTRIES),
        *((said, PassingError, "the connection broke off") for said in BROKEN_CONNECTIONS),
        ('pinging registry h: Get "https://h/v2/": net/http: TLS handshake timeout', PassingError, "in time"),
        ("dial tcp: lookup h: Temporary failure in name resolution", PassingError, "no name server answers"),
        (
            "Download config.json digest sha256:0 does not match expected sha256:1",
            ImageError,
            "not what its digest names",
        ),
        ("uploading manifest 1 to h/n: manifest invalid: manifest invalid", ToolError, "takes no artifacts"),
        ("something\x1b[31m new", ToolError, "skopeo failed: something\\x1b[31m new"),
    ],
)
def test_known_messages_become_a_kind_of_failure_and_a_plain_sentence(
    said: str, kind: type[BundlerError], says: str
) -> None:
    with pytest.raises(BundlerError) as raised, explain("docker://a"):
        raise ToolFailedError(SKOPEO, 1, logged(said).encode())
    assert type(raised.value) is kind
    assert raised.value.what.startswith("docker://a: ")
    assert says in raised.value.what

import pytest

from bundler.errors import BundlerError, ImageError, ToolError
from bundler.images.skopeo_failures import explain, message
from bundler.tools import SKOPEO, ToolFailedError


def logged(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'time="2020-01-01T00:00:00Z" level=fatal msg="{quoted}"'


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
    assert message(stderr) == says


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
        ("reading manifest x in h/n: manifest unknown: manifest unknown", ImageError, "not found"),
        ("reading manifest x in h/n: name unknown: repository name not known to registry", ImageError, "not found"),
        ("does not resolve to an image ID: identifier is not an image", ImageError, "not found"),
        (
            "loading image from docker engine: Error response from daemon: reference does not exist",
            ImageError,
            "not found",
        ),
        ("http: server gave HTTP response to HTTPS client", ToolError, "plain HTTP"),
        ("x509: certificate signed by unknown authority", ToolError, "certificate is not trusted"),
        ("dial tcp 127.0.0.1:1: connect: connection refused", ToolError, "nothing listens there"),
        ("dial tcp: lookup nowhere.invalid: no such host", ToolError, "no such host"),
        ("write /x: no space left on device", BundlerError, "no space left"),
        ("toomanyrequests: You have reached your pull rate limit", ToolError, "refuses more requests"),
        ("reading manifest 1 in h/n: StatusCode: 403, no", ImageError, "the registry forbids it"),
        ("reading manifest 1 in h/n: StatusCode: 404, no", ImageError, "not found"),
        ("reading manifest 1 in h/n: StatusCode: 429, no", ToolError, "refuses more requests"),
        (
            "reading manifest 1 in h/n: received unexpected HTTP status: 502 Bad Gateway",
            ToolError,
            "the registry itself has failed",
        ),
        (
            "Download config.json digest sha256:0 does not match expected sha256:1",
            ImageError,
            "not what its digest names",
        ),
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

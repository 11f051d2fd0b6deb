"""Names of images, as docker's client takes and refuses them."""

import pytest

from bundler.errors import RequestError
from bundler.overrides.docker_run.command_line import check_image

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    "name",
    [
        "nginx",
        "nginx:1.27",
        "library/nginx",
        "a.b__c---d/e",
        "localhost/x",
        "localhost:5000/x:Tag_1.0-x",
        "UPPER.example.org/x",
        "UPPER/x",
        "[::1]:5000/x",
        f"nginx@{DIGEST}",
        f"host:5000/a/b:1@{DIGEST}",
        "0a" * 32,
        DIGEST,
        "x:" + "t" * 128,
    ],
)
def test_the_name_of_an_image_is_taken(name: str) -> None:
    check_image(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("UPPER", "in lower case"),
        ("library/Nginx:1", "in lower case"),
        ("img:tag:tag", "it is not"),
        ("img@sha256:abc", "'sha256:abc' is no digest"),
        (f"img@{DIGEST.upper()}", "is no digest"),
        (f"img@{DIGEST}0", "is no digest"),
        ("img:", "it is not"),
        ("img:-x", "it is not"),
        ("", "it is not"),
        (" ", "it is not"),
        ("-", "it is not"),
        ("/x", "it is not"),
        ("x/", "it is not"),
        ("./x", "it is not"),
        ("http://x/y", "it is not"),
        ("a_-b", "it is not"),
        ("x:" + "t" * 129, "it is not"),
        ("a" * 256, "at most 255 bytes"),
        ("x\n", "it is not"),
    ],
)
def test_what_is_no_name_is_refused(name: str, reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        check_image(name)
    assert reason in refused.value.what

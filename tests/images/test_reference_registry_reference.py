import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.images.reference import RegistryReference

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"nginx:1.25@{DIGEST}", f"docker.io/library/nginx:1.25@{DIGEST}"),
        ("bitnami/nginx", "docker.io/bitnami/nginx:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("quay.io/a/b/c:1", "quay.io/a/b/c:1"),
        ("localhost/a", "localhost/a:latest"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("registry:5000/a:1", "registry:5000/a:1"),
        ("[::1]:5000/a:1", "[::1]:5000/a:1"),
        ("127.0.0.1/a", "127.0.0.1/a:latest"),
        ("Registry/a", "Registry/a:latest"),
        ("a__b/c-d.e_f", "docker.io/a__b/c-d.e_f:latest"),
    ],
)
def test_a_name_is_completed_as_docker_does(text: str, complete: str) -> None:
    assert str(RegistryReference.parse(text)) == complete


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "repository"),
        (":1", "repository"),
        ("a:", "tag"),
        ("a:b:c", "tag"),
        ("a:-x", "tag"),
        ("a:" + "x" * 129, "tag"),
        ("Nginx", "lowercase"),
        ("a/B", "lowercase"),
        ("a//b", "repository"),
        ("a/", "repository"),
        ("/a", "repository"),
        ("a/../b", "repository"),
        ("a b", "repository"),
        ("a\n", "repository"),
        ("-x", "repository"),
        ("a---", "repository"),
        ("a@sha256:12", "digest"),
        ("a@", "digest"),
        ("-x.io/a", "registry"),
        ("host:port/a", "registry"),
        ("a" * 256, "255"),
        ("0123456789abcdef" * 4, "image id"),
    ],
)
def test_what_docker_refuses_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        RegistryReference.parse(text)


@given(st.text(alphabet="abAB01./:@-_[]% \n\0é", max_size=30))
def test_a_complete_name_means_itself_and_is_safe_as_an_argument(text: str) -> None:
    try:
        reference = RegistryReference.parse(text)
    except ValueError:
        return
    assert RegistryReference.parse(str(reference)) == reference
    assert str(reference).isascii()
    assert not set(str(reference)) & set(" \n\0%")
    assert not str(reference).startswith("-")

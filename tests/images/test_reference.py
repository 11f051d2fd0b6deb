from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.archives.compression import TAR_ENDINGS
from bundler.errors import RequestError
from bundler.images.image import Image, in_place
from bundler.images.image_config import parse_image_config
from bundler.images.reference import Choice, default_directory_name, split_path
from bundler.images.transports.table import parse_reference
from tests.support.image_files import sample

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "transport", "rest"),
    [
        ("docker://nginx", "docker", "nginx"),
        ("docker-archive:a.tar:b", "docker-archive", "a.tar:b"),
        ("docker-archive:-", "docker-archive", "-"),
        ("oci-archive:/a.tar", "oci-archive", "/a.tar"),
        ("oci:layout:tag", "oci", "layout:tag"),
        ("dir:x", "dir", "x"),
        ("docker-daemon:a:1", "docker-daemon", "a:1"),
        ("containers-storage:a", "containers-storage", "a"),
        ("-", None, "-"),
        ("-:a/b:1", None, "-:a/b:1"),
        ("layout/", None, "layout/"),
        ("/a", None, "/a"),
        ("./a:b", None, "./a:b"),
        ("../a", None, "../a"),
        (".", None, "."),
        ("a.tar", None, "a.tar"),
        *((f"a{ending}", None, f"a{ending}") for ending in TAR_ENDINGS),
        ("a.TGZ", None, "a.TGZ"),
        ("a.tar.zst:b/c:1", None, "a.tar.zst:b/c:1"),
        (f"a.txz@{DIGEST}", None, f"a.txz@{DIGEST}"),
        ("nginx", "docker", "nginx"),
        ("nginx:1.25", "docker", "nginx:1.25"),
        ("oci", "docker", "oci"),
        ("localhost:5000/a:1", "docker", "localhost:5000/a:1"),
        (f"nginx@{DIGEST}", "docker", f"nginx@{DIGEST}"),
        ("my.tar.company/a", "docker", "my.tar.company/a"),
    ],
)
def test_a_text_means_the_same_in_every_folder(text: str, transport: str | None, rest: str) -> None:
    reference = parse_reference(text)
    assert (reference.text, reference.transport, reference.rest) == (text, transport, rest)
    assert (reference.registry is not None) == (transport == "docker")
    assert reference.states_transport == (text != rest)


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("", "cannot be empty", None),
        ("a\0b", "NUL", None),
        ("docker:nginx", "lacks two slashes", "write docker://NAME"),
        ("docker://", "does not name an image", None),
        ("docker://UPPER", "lowercase", None),
        ("oci:", "lacks the name or path", None),
        ("docker-archve:/a.tar", '"docker-archve:" is no transport', "did you mean docker-archive:?"),
        ("oci-archiv:a.tar", '"oci-archiv:" is no transport', "did you mean oci-archive:?"),
        ("dockr://nginx", '"dockr:" is no transport', "did you mean docker://?"),
        ("OCI:/layout", '"OCI:" is no transport', "did you mean oci:?"),
        ("ftp:///a", '"ftp:" is no transport', "there are: docker://, docker-archive:, oci-archive:"),
        ("https://quay.io/a", "is a web address", "write docker://HOST/NAME"),
        ("Nginx", "lowercase", "start a path with / or ./"),
        ("some folder", "does not name an image", "start a path with / or ./"),
        ("a\x1b[31m", "does not name an image", "start a path"),
    ],
)
def test_what_names_no_image_is_an_error_with_a_way_out(text: str, says: str, hint: str | None) -> None:
    with pytest.raises(RequestError) as raised:
        parse_reference(text)
    assert says in raised.value.what
    assert "\x1b" not in raised.value.what
    assert hint is None or hint in (raised.value.hint or "")


@pytest.mark.parametrize(
    ("rest", "there", "path", "choice"),
    [
        ("a.tar", ["a.tar"], "a.tar", Choice()),
        ("a.tar:b:1", ["a.tar"], "a.tar", Choice(name="b:1")),
        ("a:b.tar", ["a:b.tar"], "a:b.tar", Choice()),
        ("a:b.tar:1", ["a:b.tar", "a"], "a:b.tar", Choice(name="1")),
        ("a:b.tar:1", ["a"], "a", Choice(name="b.tar:1")),
        ("a@b.tar:@1", ["a@b.tar"], "a@b.tar", Choice(position=1)),
        (f"a.tar@{DIGEST}", ["a.tar"], "a.tar", Choice(digest=DIGEST)),
        (f"a.tar:@{DIGEST}", ["a.tar"], "a.tar", Choice(digest=DIGEST)),
        ("gone.tar:1", [], "gone.tar", Choice(name="1")),
        ("gone@host.tar", [], "gone@host.tar", Choice()),
        (f"gone@{DIGEST}", [], "gone", Choice(digest=DIGEST)),
    ],
)
def test_the_longest_file_that_exists_wins(rest: str, there: list[str], path: str, choice: Choice) -> None:
    assert split_path(rest, there.__contains__) == (path, choice)


@given(st.text(alphabet="ab.:@/", min_size=1, max_size=20), st.integers(0, 20))
def test_the_path_is_always_the_beginning_of_the_text(rest: str, length: int) -> None:
    try:
        path, _ = split_path(rest, lambda text: len(text) == length)
    except RequestError:
        return
    assert path
    assert rest.startswith(path)


PLAIN = Image(
    transport="docker-archive", name="", image_config=parse_image_config(sample().config), layers=(), local=in_place(())
)


@pytest.mark.parametrize(
    ("name", "file_name", "directory"),
    [
        ("docker.io/library/nginx:1.25", "", "nginx"),
        (f"quay.io/a/b@{DIGEST}", "", "b"),
        ("golden/full:1", "all.tar", "full"),
        ("localhost:5000/app", "", "app"),
        ("", "nginx-1.25.tar.gz", "nginx-1.25"),
        ("latest", "layout", "layout"),
        ("", "archive.TGZ", "archive"),
        ("a/..:1", "x.tar", "x"),
        ("a/\x1b[31m:1", "x.tar", "x"),
        ("", "-rf.tar", None),
        ("", "..", None),
        ("", "", None),
        ("a/" + "b" * 200, "", None),
    ],
)
def test_a_bundle_is_called_like_its_image(name: str, file_name: str, directory: str | None) -> None:
    assert default_directory_name(replace(PLAIN, name=name, file_name=file_name)) == directory


@given(st.text(), st.text())
def test_a_default_name_stays_in_the_current_folder(name: str, file_name: str) -> None:
    directory = default_directory_name(replace(PLAIN, name=name, file_name=file_name))
    assert directory is None or Path("/x") / directory == Path("/x", directory).resolve()

"""`bundler review` and `bundler explain --html`: what a bundle may touch, as text, for programs, and as a page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import bundler, call_bundler, installed
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.tarballs import file, tarball
from tests.support.terminal import on_a_terminal, screen

OVERRIDES = "read_only: true\ncap_add: [SYS_TIME]\nvolumes: ['/srv:/data']\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bundles of one image."""
    folder = tmp_path_factory.mktemp("review")
    write_archive(folder / "image.tar", layout_files({"1": sample(tarball(file("bin/su", b"", mode=0o4755)))}))
    (folder / "web.yaml").write_text(OVERRIDES)
    bundler("build", "image.tar", "--rootless", "--quiet", "-o", "old", cwd=folder)
    bundler("build", "image.tar", "--rootless", "--quiet", "--overrides", "web.yaml", "-o", "web", cwd=folder)
    return folder


def reviewed(folder: Path, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bundler("review", *arguments, "--json", cwd=folder))
    return found


def rows(document: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {row["what"]: row for section in document["sections"] if section["name"] == name for row in section["rows"]}


def test_a_program_gets_a_shape_that_it_can_count_on(folder: Path) -> None:
    document = reviewed(folder, "web")
    assert list(document) == [
        *("format", "bundle", "profile", "looser", "tighter", "neutral", "warnings", "sections", "facts", "against")
    ]
    assert (document["format"], document["bundle"], document["profile"]) == (1, "web", "docker@28")
    assert rows(document, "privileges")["CAP_SYS_TIME"] == {
        "what": "CAP_SYS_TIME",
        "value": "held",
        "baseline": "not held",
        "verdict": "looser",
        "reasons": ["a privilege of root"],
        "note": "sets the machine's clocks",
        "set_by": ["overrides web.yaml:2:11"],
        "places": [f"/process/capabilities/{kind}[CAP_SYS_TIME]" for kind in ("bounding", "effective", "permitted")],
    }
    assert rows(document, "contents")["/bin/su"]["value"] == "runs as root"


def test_the_counts_are_those_of_the_rows(folder: Path) -> None:
    document = reviewed(folder, "web", "--against", "old")
    for counted in (document, document["against"]):
        verdicts = [row["verdict"] for section in counted["sections"] for row in section["rows"]]
        assert {each: counted[each] for each in ("looser", "tighter", "neutral")} == {
            each: verdicts.count(each) for each in ("looser", "tighter", "neutral")
        }
    assert document["against"]["name"] == "old"
    assert {"/", "/data"} <= rows(document["against"], "files").keys()


def test_the_text_names_what_is_looser_and_who_set_it(folder: Path) -> None:
    lines = bundler("review", "web", cwd=folder).splitlines()
    assert max(map(len, lines)) <= 80
    at = next(number for number, line in enumerate(lines) if line.startswith("LOOSER   CAP_SYS_TIME"))
    assert [line.strip() for line in lines[at : at + 5]][1:] == [
        "Docker: not held",
        "(a privilege of root; sets the machine's clocks)",
        "by overrides web.yaml:2:11",
        "new privileges        can be gained",
    ]


def test_a_page_is_written_and_named(folder: Path) -> None:
    assert bundler("explain", "web", "--html", "web.html", "--against", "old", cwd=folder) == "web.html\n"
    page = (folder / "web.html").read_bytes()
    assert page.startswith(b"<!doctype html>")
    assert b"CAP_SYS_TIME" in page
    assert str(folder).encode() not in page


def test_a_page_may_go_to_standard_output(folder: Path) -> None:
    bundler("explain", "web", "--html", "web.html", cwd=folder)
    assert bundler("explain", "web", "--html", "-", cwd=folder).encode() == (folder / "web.html").read_bytes()
    assert not (folder / "-").exists()


@pytest.mark.slow
def test_the_same_bundle_gives_the_same_page_anywhere(folder: Path, tmp_path: Path) -> None:
    bundler("explain", "web", "--html", "web.html", cwd=folder)
    first = (folder / "web.html").read_bytes()
    bundler("pack", folder / "web", "-o", tmp_path / "web.tar", "--quiet")
    bundler("unpack", tmp_path / "web.tar", "-o", tmp_path / "web", "--quiet")
    done = call_bundler("explain", "web", "--html", "web.html", cwd=tmp_path, env={"TZ": "Asia/Tokyo", "COLUMNS": "20"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "web.html").read_bytes() == first


@pytest.mark.parametrize("name", ["web.tar.gz", "web.tar.zst"])
def test_a_packed_bundle_is_reviewed_like_its_directory(folder: Path, tmp_path: Path, name: str) -> None:
    bundler("pack", folder / "web", "-o", tmp_path / name, "--quiet")
    packed, whole = (
        reviewed(tmp_path, name, "--against", str(folder / "old")),
        reviewed(folder, "web", "--against", "old"),
    )
    assert packed.pop("bundle") == name
    assert packed.pop("warnings") == []
    packed["against"]["name"] = "old"
    assert packed == {key: value for key, value in whole.items() if key not in {"bundle", "warnings"}}
    bundler("explain", name, "--html", "page.html", cwd=tmp_path)
    assert b"CAP_SYS_TIME" in (tmp_path / "page.html").read_bytes()


def test_a_packed_bundle_whose_config_was_exchanged_is_told(folder: Path, tmp_path: Path) -> None:
    bundler("pack", folder / "web", "-o", tmp_path / "web.tar", "--quiet")
    content = (tmp_path / "web.tar").read_bytes()
    assert content.count(b'"ociVersion": "1.1.0') == 1
    (tmp_path / "web.tar").write_bytes(content.replace(b'"ociVersion": "1.1.0', b'"ociVersion": "1.2.0'))
    assert reviewed(tmp_path, "web.tar")["warnings"] == ["config.json is not as it was built (changed)"]


def test_an_older_page_is_replaced(folder: Path) -> None:
    (folder / "page.html").write_text("old")
    bundler("explain", "web", "--html", "page.html", cwd=folder)
    assert (folder / "page.html").read_text() != "old"


def test_what_was_changed_since_the_build_is_told(folder: Path, tmp_path: Path) -> None:
    bundler("build", folder / "image.tar", "--rootless", "--quiet", "-o", tmp_path / "web")
    config = json.loads((tmp_path / "web/config.json").read_text())
    config["process"]["cwd"] = "/srv"
    (tmp_path / "web/config.json").write_text(json.dumps(config))
    with (tmp_path / "web/rootfs.mtree").open("ab") as manifest:
        manifest.write(b"./x type=file mode=4755 uid=0 gid=0 size=0\n")
    document = reviewed(tmp_path, "web")
    assert document["warnings"] == [
        "config.json is not as it was built (changed)",
        "rootfs.mtree is not as it was built (changed)",
    ]
    assert rows(document, "process")["working directory"]["set_by"] == ["unknown"]


def test_a_bundle_of_others_is_reviewed_as_far_as_that_goes(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/config.json").write_text('{"ociVersion": "1.0.0", "mounts": [], "root": {"path": "rootfs"}}')
    document = reviewed(tmp_path, "other")
    assert document["warnings"][0].startswith("there is no bundler.json")
    assert document["facts"] == []
    assert rows(document, "network")["network"]["verdict"] == "looser"


REFUSED: dict[str, tuple[list[str], str]] = {
    "no bundle": (["review", "/nonexistent"], "/nonexistent is not a bundle"),
    "nothing to compare with": (["review", "web", "--against", "/nonexistent"], "/nonexistent"),
    "an image": (["review", "image.tar"], "image.tar holds no bundle: it has no bundler.json"),
    "what is no archive": (["review", "web.yaml"], "web.yaml"),
    "a page of one place": (["explain", "web", "/process", "--html", "x.html"], "--html FILE is about a whole BUNDLE"),
    "a page in a folder that is not there": (["explain", "web", "--html", "none/x.html"], "there is no such folder"),
    "a page in place of a folder": (["explain", "web", "--html", "old"], "old is not a file"),
    "nothing to write": (["explain", "web", "--against", "old"], "--against is for a page"),
    "a manifest that is none": (["review", "broken"], "rootfs.mtree"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_request_is_refused_in_a_line(arguments: list[str], message: str, folder: Path) -> None:
    (folder / "broken").mkdir(exist_ok=True)
    (folder / "broken/config.json").write_text('{"ociVersion": "1.0.0"}')
    (folder / "broken/rootfs.mtree").write_text("#mtree\n. type=dir\n./a type=file mode=worse\n")
    done = call_bundler(*arguments, cwd=folder)
    assert done.returncode == (3 if arguments[1] in {"image.tar", "web.yaml"} else 2)
    assert message in done.stderr
    assert not (folder / "x.html").exists()


TERMINALS: dict[str, tuple[dict[str, str], bool]] = {
    "a terminal": ({"TERM": "xterm"}, True),
    "one that is to have no colours": ({"TERM": "xterm", "NO_COLOR": "1"}, False),
    "one that has none": ({"TERM": "dumb"}, False),
    "a word that says nothing": ({"NO_COLOR": ""}, True),
}


@pytest.mark.parametrize(("environment", "coloured"), TERMINALS.values(), ids=TERMINALS)
def test_a_terminal_has_colours_and_the_same_words(
    folder: Path, environment: dict[str, str], *, coloured: bool
) -> None:
    code, shown = on_a_terminal(installed(), "review", "web", env=environment, cwd=folder)
    assert code == 0
    assert ("\x1b[31m\x1b[1mLOOSER\x1b[0m" in shown) == coloured
    plain = re.sub(r"\x1b\[[0-9]+m", "", shown).replace("\r\n", "\n")
    assert plain == bundler("review", "web", cwd=folder)


def test_a_narrow_terminal_is_not_overrun(folder: Path) -> None:
    _, shown = on_a_terminal(installed(), "review", "web", env={"NO_COLOR": "1"}, columns=56, cwd=folder)
    assert max(map(len, screen(shown))) <= 56

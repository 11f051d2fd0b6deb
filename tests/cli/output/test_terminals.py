"""Tables on terminals of any width and kind, output whose reader goes away, and names that are no UTF-8."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from bundler.cli.output.terminal import fitted, padded, width
from bundler.errors import printable
from tests.support.command import bundler, call_bundler, installed
from tests.support.faulty_registry import faulty_registry
from tests.support.image_files import digits, layout_files, manifest_of, sample, sha256, write_archive
from tests.support.tarballs import file, tarball
from tests.support.terminal import on_a_terminal

REPORTS = [
    "explain bundle",
    "diff bundle docker",
    "doctor",
    "inspect image.tar",
    "verify bundle",
    "images --store none",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terminals")
    image = sample(tarball(file(b"caf\xe9"), file("etc/motd")), Env=["A=\x1b[31m"])
    write_archive(folder / "image.tar", layout_files({"1": image}))
    bundler("build", "image.tar", "--rootless", "-o", "bundle", cwd=folder)
    return folder


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
@pytest.mark.parametrize("words", REPORTS)
def test_without_colours_there_is_no_escape_sequence(folder: Path, words: str, environment: dict[str, str]) -> None:
    _, shown = on_a_terminal(installed(), *words.split(), cwd=folder, env=environment)
    assert "\x1b" not in shown
    _, wrong = on_a_terminal(installed(), "verify", "none", cwd=folder, env=environment)
    assert wrong.startswith("bundler: error: ")


def test_with_colours_the_header_stands_out(folder: Path) -> None:
    _, shown = on_a_terminal(installed(), "explain", "bundle", "/hostname", cwd=folder, columns=200)
    assert shown.startswith("\x1b[1mplace")


@pytest.mark.parametrize("columns", [200, 80, 40, 20])
@pytest.mark.parametrize("words", ["explain bundle", "diff bundle docker", "doctor"])
def test_a_table_fits_its_terminal_or_is_no_table(folder: Path, words: str, columns: int) -> None:
    _, shown = on_a_terminal(installed(), *words.split(), cwd=folder, columns=columns, env={"NO_COLOR": "1"})
    lines = shown.split("\r\n")
    if columns >= 80:
        assert max(map(width, lines)) <= columns
    elif words != "doctor":
        assert [line for line in lines if line.startswith("place: /process/")]
        assert "" in lines[:-1]


@pytest.mark.parametrize(
    "words", ["explain bundle", "explain bundle --json", "diff docker bundle", "--help", "overrides --help"]
)
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(folder: Path, words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen([installed(), *words.split()], stdout=writing, stderr=subprocess.PIPE, cwd=folder) as done:
        os.close(writing)
        assert done.stderr is not None
        assert done.stderr.read() == b""
    assert done.returncode == 141


def test_a_reader_of_messages_that_goes_away_keeps_no_bundle_from_being_made(folder: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words: list[str | Path] = [
        "build",
        folder / "image.tar",
        "--rootless",
        "-o",
        tmp_path / "made",
        "--progress",
        "plain",
    ]
    done = subprocess.run([installed(), *words], stdout=subprocess.PIPE, stderr=writing, check=False)
    os.close(writing)
    assert (done.returncode, done.stdout.decode()) == (0, f"{tmp_path}/made\n")
    assert bundler("verify", tmp_path / "made") == ""


def test_names_that_are_no_utf8_are_escaped_in_text_and_in_documents(folder: Path, tmp_path: Path) -> None:
    made = os.fsencode(tmp_path) + b"/\xff"
    done = subprocess.run(
        [installed(), "build", folder / "image.tar", "--rootless", "-o", made], capture_output=True, check=True
    )
    assert done.stdout == os.fsencode(tmp_path) + b"/\\xff\n"
    Path(os.fsdecode(made), "rootfs/caf\udce9").unlink()
    changes = json.loads(call_bundler("verify", os.fsdecode(made), "--json").stdout)["changes"]
    assert [change["path"] for change in changes if change["what"] == "missing"] == ["./caf\\351"]
    packed = subprocess.run(
        [installed(), "pack", made, "-o", made + b".tar", "--as-is", "--json"], capture_output=True, check=True
    )
    assert json.loads(packed.stdout)["file"] == f"{tmp_path}/\\xff.tar"


def test_a_byte_that_is_no_utf8_is_shown_as_one() -> None:
    assert printable("caf\udce9") == printable(b"caf\xe9") == "caf\\xe9"


@pytest.mark.parametrize(
    ("text", "columns"), [("plain", 5), ("日本", 4), ("e\u0301", 1), ("", 0), ("日本語のイメージ", 16), ("a日", 3)]
)
def test_a_text_has_a_width(text: str, columns: int) -> None:
    assert width(text) == columns
    assert fitted(text, columns) == text
    assert width(fitted(f"{text} and more", max(3, columns))) <= max(3, columns)
    assert width(padded(text, 20)) == 20


@pytest.mark.tool("skopeo")
def test_the_images_of_the_store_fit_eighty_columns(tmp_path: Path) -> None:
    image, store = sample(), ["--store", str(tmp_path)]
    with faulty_registry() as registry:
        for tag in ("team/web:1.27", "team/of/several/departments/web:1.27-bookworm-slim"):
            registry.add(tag, image)
            bundler("fetch", registry.name(tag), "--tls-verify=false", *store)
        name = registry.name("team/web:1.27").removeprefix("docker://")
    _, shown = on_a_terminal(installed(), "images", *store, env={"NO_COLOR": "1"})
    header, *lines = shown.rstrip().split("\r\n")
    assert header.split() == ["name", "platform", "image", "id", "size"]
    assert max(map(len, lines)) <= 80
    short = digits(image.config)[:12]
    assert shown.count(f"  linux/amd64  {short}  ") == 2  # only a name is folded
    assert any(line.split() == [name, "linux/amd64", short, *line.split()[-2:]] for line in lines)
    whole = bundler("images", *store, "--digests", "--no-trunc").splitlines()[0].split()
    assert whole[2:4] == [sha256(image.config), sha256(manifest_of(image)[0])]
    assert int(bundler("images", *store, "--format", "/images/0/size")) > 0

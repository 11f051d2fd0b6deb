"""`pack --attest`: a statement of in-toto about the packed file, signed as the file is."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from bundler.trust.file_signatures import verify_file
from bundler.trust.keys import load_trusted_key
from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attested")
    write_archive(folder / "image.tar", layout_files({"1": sample()}))
    (folder / "web.yaml").write_text("read_only: true\n")
    (folder / "key.pub").write_bytes(MINISIGN)
    (folder / "key.sec").write_bytes(MINISIGN_SECRET)
    for name, words in {"web": "--overrides web.yaml", "again": "--overrides web.yaml", "other": ""}.items():
        bundler("build", "image.tar", "--rootless", *words.split(), "-o", name, cwd=folder)
    bundler("lock", "image.tar", "--overrides", "web.yaml", "-o", "web.lock", cwd=folder)
    return folder


def attest(folder: Path, *words: str) -> dict[str, Any]:
    bundler("pack", "web", "-o", "web.tar.gz", "--force", "--attest", *words, cwd=folder)
    document: dict[str, Any] = json.loads((folder / "web.tar.gz.intoto.json").read_text())
    return document


def test_it_states_the_file_and_what_it_was_made_of(folder: Path) -> None:
    statement = attest(folder, "--lock", "web.lock", "--built-again", "again")
    sha256 = hashlib.sha256((folder / "web.tar.gz").read_bytes()).hexdigest()
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": "web.tar.gz", "digest": {"sha256": sha256}}]
    recorded = json.loads((folder / "web/bundler.json").read_text())
    made_of = {
        each["name"]: each["digest"]["sha256"]
        for each in statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    }
    assert made_of == {
        "web.lock": hashlib.sha256((folder / "web.lock").read_bytes()).hexdigest(),
        "image config": recorded["image"]["id"].removeprefix("sha256:"),
        **{
            f"layer {number}": diff_id.removeprefix("sha256:")
            for number, diff_id in enumerate(recorded["image"]["diff_ids"], 1)
        },
        "web.yaml": hashlib.sha256(b"read_only: true\n").hexdigest(),
    }


@pytest.mark.parametrize(
    ("words", "stated"),
    [((), "not tried"), (("--built-again", "again"), "alike"), (("--built-again", "other"), "different")],
)
def test_it_states_what_a_second_build_gave(folder: Path, words: tuple[str, ...], stated: str) -> None:
    assert attest(folder, *words)["predicate"]["bundler_builtAgain"] == stated


def test_it_is_signed_as_the_file_is(folder: Path) -> None:
    attest(folder, "--sign", "key.sec")
    place = folder / "web.tar.gz.intoto.json"
    with place.open("rb") as statement:
        signed = verify_file(statement.fileno(), place, load_trusted_key(folder / "key.pub"))
    assert signed.comment == "file:web.tar.gz.intoto.json"


def test_the_same_file_has_the_same_statement(folder: Path) -> None:
    assert attest(folder, "--lock", "web.lock") == attest(folder, "--lock", "web.lock")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    {
        "another lock": (("other", "--attest", "--lock", "web.lock"), 6, "other is not as web.lock has it"),
        "no second bundle": (("web", "--attest", "--built-again", "none"), 2, "none is not a bundle"),
        "no lock": (("web", "--attest", "--lock", "none.lock"), 2, "none.lock does not exist"),
        "a lock alone": (("web", "--lock", "web.lock"), 2, "add --attest"),
        "a kit": (("web", "--kit", "--attest"), 2, "--attest is about a packed file"),
    }.values(),
)
def test_what_cannot_be_stated_is_told_before_anything_is_packed(
    folder: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = call_bundler("pack", *words, "-o", "new.tar.gz", cwd=folder)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert not list(folder.glob("new.tar.gz*"))

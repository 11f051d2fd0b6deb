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


@pytest.fixture(scope="module")
def shop(folder: Path) -> Path:
    """With the lock shop.lock, and what the same files and others have given."""
    text = "services: {db: {image: ./image.tar}, web: {image: ./image.tar, read_only: true}}\n"
    (folder / "compose.yaml").write_text(text)
    (folder / "other.yaml").write_text(text.replace("true", "false"))
    for name, words in {"shop": "compose.yaml --lock shop.lock", "twin": "compose.yaml", "odd": "other.yaml"}.items():
        bundler("project", *words.split(), "--name", "shop", "-o", name, cwd=folder)
    return folder / "shop"


@pytest.mark.root
def test_of_a_project_it_states_the_compose_files_and_what_each_bundle_was_made_of(folder: Path, shop: Path) -> None:
    bundler("pack", "shop", "-o", "shop.tar", "--attest", "--lock", "shop.lock", "--built-again", "twin", cwd=folder)
    statement = json.loads((folder / "shop.tar.intoto.json").read_text())
    (subject,) = statement["subject"]
    assert subject["digest"]["sha256"] == hashlib.sha256((folder / "shop.tar").read_bytes()).hexdigest()
    definition, details = (statement["predicate"][name] for name in ("buildDefinition", "runDetails"))
    (record,) = details["byproducts"]
    assert record == {
        "name": "project.json",
        "digest": {"sha256": hashlib.sha256((shop / "project.json").read_bytes()).hexdigest()},
    }
    made_of = {each["name"]: each["digest"]["sha256"] for each in definition["resolvedDependencies"]}
    for name in ("shop.lock", "compose.yaml"):
        assert made_of[name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    image = json.loads((shop / "web/bundler.json").read_text())["image"]
    assert f"sha256:{made_of['web: image config']}" == image["id"]
    assert made_of["db: layer 1"] == made_of["web: layer 1"]
    assert sorted(definition["externalParameters"]) == ["db", "web"]
    assert statement["predicate"]["bundler_builtAgain"] == "alike"


@pytest.mark.root
@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    {
        "another lock": (("odd", "--lock", "shop.lock"), 6, "odd is not as shop.lock has it: files sha256"),
        "the lock of a bundle": (("shop", "--lock", "web.lock"), 2, "web.lock is the lock of a bundle"),
        "no second project": (("shop", "--built-again", "web"), 2, "web"),
    }.values(),
)
def test_what_cannot_be_stated_of_a_project_is_told(
    folder: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = call_bundler("pack", *words, "-o", "none.tar", "--attest", cwd=folder)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert not list(folder.glob("none.tar*"))


@pytest.mark.root
def test_a_project_is_held_against_its_lock_packed_or_not(folder: Path, shop: Path) -> None:
    (folder / "key.sec").chmod(0o600)
    for name in ("shop", "odd"):
        bundler("pack", name, "-o", f"{name}.tar.gz", "--sign", "key.sec", cwd=folder)
    bundler("verify", shop, "--lock", "shop.lock", cwd=folder)
    bundler("verify", "shop.tar.gz", "--lock", "shop.lock", "--key", "key.pub", cwd=folder)
    told = [call_bundler("verify", name, "--lock", "shop.lock", cwd=folder) for name in ("odd", "odd.tar.gz")]
    assert [done.returncode for done in told] == [6, 6]
    assert told[0].stdout == told[1].stdout
    assert "not as locked: project.json" in told[0].stdout
    for name, lock in {"shop.tar.gz": "web.lock", "shop": "web.lock", "web": "shop.lock"}.items():
        done = call_bundler("verify", name, "--lock", lock, cwd=folder)
        assert (done.returncode, f"{lock} is the lock of a" in done.stderr) == (2, True), done.stderr

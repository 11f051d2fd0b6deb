"""A bundle goes to a registry and comes back: the same bytes, with what belongs to it, and nothing twice."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import sha256
from tests.support.installed_tools import python_with
from tests.support.pushed import PLAIN, asked, counting, names, push

pytestmark = pytest.mark.tool("docker-registry", "skopeo")


@pytest.mark.parametrize("source", ["old", "old.tar.zst"])
def test_a_bundle_comes_back_as_it_was(shop: Path, name: str, tmp_path: Path, source: str) -> None:
    push(source, f"{name}:1", cwd=shop)

    bundler("pull", f"{name}:1", "-o", tmp_path / "web", PLAIN)
    bundler("verify", tmp_path / "web")
    bundler("pull", f"{name}:1", "-o", tmp_path / "web.tar.zst", PLAIN)
    assert (tmp_path / "web.tar.zst").read_bytes() == (shop / "old.tar.zst").read_bytes()
    assert (tmp_path / "web.tar.zst").stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["web", "web.tar.zst"]


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".erofs", ".squashfs"])
@pytest.mark.tool("mkfs.erofs", "mksquashfs")
def test_a_pack_of_any_format_comes_back_as_it_was(shop: Path, name: str, tmp_path: Path, suffix: str) -> None:
    packed = tmp_path / f"web{suffix}"
    bundler("pack", shop / "old", "-q", "-o", packed)
    push(packed, f"{name}:1", cwd=tmp_path)

    bundler("pull", f"{name}:1", "-o", f"again{suffix}", PLAIN, cwd=tmp_path)
    assert (tmp_path / f"again{suffix}").read_bytes() == packed.read_bytes()
    bundler("pull", f"{name}:1", "-o", "unpacked", PLAIN, cwd=tmp_path)
    refused = call_bundler("pull", f"{name}:1", "-o", "again.tar.zst", PLAIN, cwd=tmp_path)
    assert refused.returncode == 2, refused.stderr
    assert f"is packed as {suffix}" in refused.stderr


@pytest.mark.root
def test_a_project_comes_back_as_it_was(shop: Path, name: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(f"services: {{web: {{image: {shop}/image.tar}}}}\n")
    bundler("project", "compose.yaml", "-q", "-o", "shop", cwd=tmp_path)
    bundler("pack", "shop", "-q", "-o", "shop.tar.zst", cwd=tmp_path)
    pushed = {push(source, f"{name}:1", cwd=tmp_path) for source in ("shop", "shop.tar.zst")}
    assert len(pushed) == 2  # the file has another name in the registry

    bundler("pull", f"{name}:1", "-o", "there", PLAIN, cwd=tmp_path)
    bundler("verify", "there", cwd=tmp_path)
    bundler("pull", f"{name}:1", "-o", "there", "--force", PLAIN, cwd=tmp_path)
    bundler("pull", f"{name}:1", "-o", "there.tar.zst", PLAIN, cwd=tmp_path)
    assert (tmp_path / "there.tar.zst").read_bytes() == (tmp_path / "shop.tar.zst").read_bytes()
    (tmp_path / "compose.yaml").write_text(f"services: {{web: {{image: {shop}/image.tar, read_only: true}}}}\n")
    bundler("project", "compose.yaml", "-q", "-o", "newer", cwd=tmp_path)
    bundler("push", "newer", f"{name}:2", "--delta-from", "shop", PLAIN, cwd=tmp_path)
    done = call_bundler("pull", f"{name}:2", "-o", "made", "--from", "there", PLAIN, cwd=tmp_path)
    assert (done.returncode, "the whole is fetched" in done.stderr) == (0, False), done.stderr
    assert (tmp_path / "made/project.json").read_bytes() == (tmp_path / "newer/project.json").read_bytes()
    for source, base in ((shop / "old", "shop"), ("shop", shop / "old")):
        refused = call_bundler("push", source, f"{name}:3", "--delta-from", base, PLAIN, cwd=tmp_path)
        assert refused.returncode == 2, refused.stderr
        assert "and what is pushed is none" in refused.stderr
        assert "bundler-push-" not in refused.stderr


def test_nothing_is_sent_twice(shop: Path, name: str, log: Path) -> None:
    with counting(log) as first:
        digest = push("old", f"{name}:1", "--sign", "web.key", cwd=shop)
    with counting(log) as second:
        done = call_bundler("push", "old", f"{name}:1", "--sign", "web.key", PLAIN, cwd=shop)

    assert [line for line in first if line.startswith("PATCH")]
    assert first[-1] == "PUT 1"
    assert second == []
    assert done.stdout.split()[1] == digest
    assert "the registry had it already" in done.stderr


def test_a_second_tag_takes_one_request(shop: Path, name: str, log: Path) -> None:
    push("old", f"{name}:1", cwd=shop)
    with counting(log) as sent:
        push("old", f"{name}:latest", cwd=shop)
    assert sent == ["PUT latest"]


def test_the_digest_tells_neither_when_nor_where_it_was_pushed(shop: Path, name: str, tmp_path: Path) -> None:
    shutil.copytree(shop / "old", tmp_path / "elsewhere", symlinks=True)
    bundler("build", shop / "image.tar", "--rootless", "-q", "-o", tmp_path / "again")
    digests = {push(each, f"{name}:1", cwd=shop) for each in (shop / "old", tmp_path / "again", tmp_path / "elsewhere")}
    assert len(digests) == 1


def test_what_is_signed_comes_with_its_signature(shop: Path, name: str, tmp_path: Path) -> None:
    digest = push("old", f"{name}:1", "--sign", "web.key", cwd=shop)

    done = call_bundler("pull", f"{name}@{digest}", "-o", tmp_path / "a.tar.zst", PLAIN, "--key", "web.pub", cwd=shop)
    assert done.returncode == 0, done.stderr
    assert "signed by the key 5809351700ACA7C0" in done.stderr
    bundler("verify", tmp_path / "a.tar.zst", "--key", "web.pub", cwd=shop)
    bundler("pull", f"{name}:1", "-o", tmp_path / "web", PLAIN, "--key", "web.pub", cwd=shop)
    bundler("pull", f"{name}:1", "-o", tmp_path / "b.tar.zst", PLAIN, cwd=shop)
    bundler("verify", tmp_path / "b.tar.zst", "--key", "web.pub", cwd=shop)
    assert names(tmp_path) == ["a.tar.zst", "a.tar.zst.minisig", "b.tar.zst", "b.tar.zst.minisig", "web"]


@pytest.mark.tool("ssh-keygen")
def test_no_signature_of_the_file_before_stays_beside_the_new_one(shop: Path, name: str, tmp_path: Path) -> None:
    push("old", f"{name}:1", "--sign", "web.key", cwd=shop)
    push("new", f"{name}:2", cwd=shop)
    output = tmp_path / "web.tar.zst"
    bundler("pull", f"{name}:1", "-o", output, PLAIN)
    bundler("pull", f"{name}:1", "-o", output, PLAIN, "--force")
    assert names(tmp_path) == ["web.tar.zst", "web.tar.zst.minisig"]
    bundler("pull", f"{name}:2", "-o", output, PLAIN, "--force")
    assert names(tmp_path) == ["web.tar.zst"]


def test_signatures_of_several_keys_and_those_beside_the_file_are_kept(shop: Path, name: str, tmp_path: Path) -> None:
    bundler("pack", "old", "-q", "-o", tmp_path / "web.tar.zst", "--sign", "ssh.key", cwd=shop)
    push(tmp_path / "web.tar.zst", f"{name}:1", cwd=shop)
    push(tmp_path / "web.tar.zst", f"{name}:1", "--sign", "web.key", cwd=shop)

    for key in ("ssh.pub", "web.pub"):
        bundler("pull", f"{name}:1", "-o", tmp_path / key, PLAIN, "--key", key, cwd=shop)
    refused = call_bundler("pull", f"{name}:1", "-o", tmp_path / "no", PLAIN, "--key", "other.pub", cwd=shop)
    assert refused.returncode == 6
    assert "none of the 2 signatures" in refused.stderr


def test_without_a_signature_nothing_is_pulled_for_a_key(shop: Path, name: str, tmp_path: Path) -> None:
    push("old", f"{name}:1", cwd=shop)
    done = call_bundler("pull", f"{name}:1", "-o", tmp_path / "no", PLAIN, "--key", "web.pub", cwd=shop)
    assert done.returncode == 6
    assert "has no signature in its registry" in done.stderr
    assert names(tmp_path) == []


@pytest.mark.parametrize("base", ["old", "old.tar.zst"])
@pytest.mark.parametrize("output", ["web", "web.tar.zst"])
def test_a_delta_comes_in_the_place_of_the_whole(shop: Path, name: str, tmp_path: Path, base: str, output: str) -> None:
    push("new", f"{name}:2", "--sign", "web.key", "--delta-from", "old", cwd=shop)

    words = ("--from", base, "--key", "web.pub", PLAIN, "--json")
    told = json.loads(bundler("pull", f"{name}:2", "-o", tmp_path / output, *words, cwd=shop))
    assert told["delta"] is True
    assert told["fetched"] < (shop / "new.tar.zst").stat().st_size / 4
    assert told["signed"]["key"] == "5809351700ACA7C0"
    if output == "web":
        bundler("pack", tmp_path / "web", "-q", "-o", tmp_path / "web.tar.zst")
    assert (tmp_path / "web.tar.zst").read_bytes() == (shop / "new.tar.zst").read_bytes()


def test_the_older_bundle_is_replaced_by_the_delta(shop: Path, name: str, tmp_path: Path) -> None:
    push("new.tar.zst", f"{name}:2", "--delta-from", "old", cwd=shop)
    bundler("unpack", shop / "old.tar.zst", "-o", tmp_path / "web")

    bundler("pull", f"{name}:2", "-o", "web", "--from", "web", "--force", PLAIN, cwd=tmp_path)
    bundler("pack", "web", "-q", "-o", "web.tar.zst", cwd=tmp_path)
    assert (tmp_path / "web.tar.zst").read_bytes() == (shop / "new.tar.zst").read_bytes()


@pytest.mark.parametrize("base", ["old", "old.tar.zst"])
def test_of_what_is_here_already_only_the_signature_comes(shop: Path, name: str, tmp_path: Path, base: str) -> None:
    push("old", f"{name}:1", "--sign", "web.key", cwd=shop)
    words = ("--from", base, "--key", "web.pub", PLAIN, "--json")
    told = json.loads(bundler("pull", f"{name}:1", "-o", tmp_path / "web", *words, cwd=shop))
    assert (told["delta"], told["fetched"] < 500) == (True, True)
    bundler("verify", tmp_path / "web")


def test_where_there_is_no_delta_the_whole_comes(shop: Path, name: str, tmp_path: Path) -> None:
    push("new", f"{name}:2", cwd=shop)
    done = call_bundler("pull", f"{name}:2", "-o", tmp_path / "web", "--from", "old", PLAIN, cwd=shop)
    assert done.returncode == 0
    assert "has no delta from old: the whole is fetched" in done.stderr
    bundler("verify", tmp_path / "web")


@pytest.mark.parametrize("by", ["manifest", "bundler.json"])
def test_the_delta_from_a_digest_is_carried_to_the_older_bundle(shop: Path, name: str, tmp_path: Path, by: str) -> None:
    old = push("old", f"{name}:1", cwd=shop)
    push("new", f"{name}:2", "--delta-from", "old", cwd=shop)
    base = old if by == "manifest" else sha256((shop / "old/bundler.json").read_bytes())

    bundler("pull", f"{name}:2", "-o", tmp_path / "web.delta", "--from", base, PLAIN)
    bundler("apply", tmp_path / "web.delta", shop / "old", "-o", tmp_path / "web.tar.zst")
    assert (tmp_path / "web.tar.zst").read_bytes() == (shop / "new.tar.zst").read_bytes()
    none = call_bundler("pull", f"{name}:1", "-o", tmp_path / "no.delta", "--from", base, PLAIN)
    assert none.returncode == 3
    assert "has no delta from" in none.stderr


def test_a_delta_that_would_make_another_file_is_not_pushed(shop: Path, name: str, tmp_path: Path) -> None:
    bundler("pack", shop / "new", "-q", "--level", "19", "-o", tmp_path / "web.tar.zst")
    done = call_bundler("push", tmp_path / "web.tar.zst", f"{name}:2", "--delta-from", "old", PLAIN, cwd=shop)
    assert done.returncode == 2
    assert "is packed at another level" in done.stderr


def test_what_others_have_listed_stays(shop: Path, name: str) -> None:
    """Two who push signatures, one after the other, and a list that another tool has made."""
    digest = push("old", f"{name}:1", "--sign", "web.key", cwd=shop)
    push("old", f"{name}:1", "--delta-from", "new", cwd=shop)
    listed = json.loads(asked(name, f"manifests/sha256-{digest[7:]}", "application/vnd.oci.image.index.v1+json"))
    assert len(listed["manifests"]) == 2
    for entry in listed["manifests"]:
        manifest = json.loads(asked(name, f"manifests/{entry['digest']}"))
        assert manifest["subject"]["digest"] == digest


def test_plain_http_gives_the_packed_file(shop: Path, name: str) -> None:
    digest = push("old", f"{name}:1", cwd=shop)
    raw = asked(name, "manifests/1")
    manifest = json.loads(raw)
    assert sha256(raw) == digest
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    (layer,) = manifest["layers"]
    assert layer["annotations"] == {"org.opencontainers.image.title": "web.tar.zst"}
    assert asked(name, f"blobs/{layer['digest']}") == (shop / "old.tar.zst").read_bytes()


@pytest.fixture(scope="module")
def oras(cache: Path) -> Path:
    return python_with("oras>=0.2", cache, "oras")


def test_oras_gives_the_packed_file(shop: Path, name: str, tmp_path: Path, oras: Path) -> None:
    push("old", f"{name}:1", cwd=shop)
    program = "import sys, oras.client\noras.client.OrasClient(insecure=True).pull(sys.argv[1], outdir=sys.argv[2])"
    words: list[str | Path] = [oras, "-c", program, f"{name.removeprefix('docker://')}:1", tmp_path]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "web.tar.zst").read_bytes() == (shop / "old.tar.zst").read_bytes()

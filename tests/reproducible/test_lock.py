"""bundler.lock: written from what was opened, and held against it later."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bundler.bundles.replacement.replaced_file import replace_file
from bundler.conversion.rule import Inputs
from bundler.conversion.target import Target
from bundler.errors import DifferenceError, RequestError
from bundler.images.digest import Digest
from bundler.images.image import Image, in_place
from bundler.images.manifest import PlatformChoice
from bundler.images.platform import Platform
from bundler.images.reference import Reference
from bundler.images.transports.table import parse_reference
from bundler.overrides.load import load
from bundler.reproducible.lock import Lock, describe, load_lock
from tests.support.inputs import image_config, inputs

MANIFEST = Digest("sha256", "a" * 64)
NAME = "docker.io/library/web:1"
AMD64 = Platform("linux", "amd64")


def image(name: str = NAME, *, transport: str = "docker", architecture: str = "amd64", **config: Any) -> Image:
    return Image(
        transport=transport,
        name=name,
        image_config=image_config(config or None, architecture),
        layers=(),
        local=in_place(()),
        manifest_digest=MANIFEST,
    )


def locked(tmp_path: Path, *images: Image, given: Inputs | None = None) -> Lock:
    path = tmp_path / "bundler.lock"
    replace_file(path, describe(given or inputs(), images or (image(),)))
    return load_lock(path)


def test_a_lock_says_what_was_opened(tmp_path: Path) -> None:
    given = inputs("user: app")
    locked(tmp_path, image(), given=given)
    document = json.loads((tmp_path / "bundler.lock").read_bytes())
    assert document["images"] == [
        {
            "reference": NAME,
            "platform": "linux/amd64",
            "manifest": str(MANIFEST),
            "id": str(image().id),
            "diff_ids": [],
        }
    ]
    assert (document["profile"], document["target"]) == ("docker@28", Target().described())
    assert set(document) == {"format", "bundler", "images", "profile", "target", "overrides"}


def test_the_order_in_which_images_were_opened_does_not_matter() -> None:
    one, other = image(), image("docker.io/library/db:1", Cmd=["db"])
    assert describe(inputs(), [one, other]) == describe(inputs(), [other, one, other])


def test_a_lock_is_replaced_in_one_step_and_readable(tmp_path: Path) -> None:
    locked(tmp_path)
    locked(tmp_path, image(Cmd=["new"]))
    assert [path.name for path in tmp_path.iterdir()] == ["bundler.lock"]
    assert (tmp_path / "bundler.lock").stat().st_mode & 0o777 == 0o644


def pin(lock: Lock, asked: str, platform: Platform = AMD64) -> Reference:
    return lock.pin(parse_reference(asked), platform)


@pytest.mark.parametrize(
    ("asked", "pinned"),
    [
        ("web:1", f"docker.io/library/web@{MANIFEST}"),
        ("docker://web:1", f"docker://docker.io/library/web@{MANIFEST}"),
        (f"web@{MANIFEST}", f"docker.io/library/web@{MANIFEST}"),
        ("./web.tar", "./web.tar"),
        ("-", "-"),
    ],
)
def test_a_name_in_a_registry_becomes_a_digest(tmp_path: Path, asked: str, pinned: str) -> None:
    assert pin(locked(tmp_path), asked) == parse_reference(pinned)


@pytest.mark.parametrize("asked", ["web:2", "other:1", f"web@sha256:{'b' * 64}"])
def test_what_is_not_in_the_lock_is_refused(tmp_path: Path, asked: str) -> None:
    with pytest.raises(DifferenceError, match="is not in it"):
        pin(locked(tmp_path), asked)


def test_a_file_locks_no_tag_of_a_registry(tmp_path: Path) -> None:
    lock = locked(tmp_path, image(transport="docker-archive"))
    with pytest.raises(
        DifferenceError, match=f"no manifest digest of {NAME}, because that was locked from a file"
    ) as refused:
        pin(lock, "web:1")
    assert refused.value.hint == "name that file: bundler build FILE --locked"
    lock.check_image(image(transport="docker"))


def test_of_several_platforms_the_asked_one_is_pinned(tmp_path: Path) -> None:
    other = replace(image(architecture="arm64"), manifest_digest=Digest("sha256", "c" * 64))
    lock = locked(tmp_path, image(), other)
    assert lock.platform is None
    assert pin(lock, "web:1", Platform("linux", "arm64")).text.endswith("c" * 64)
    assert pin(lock, "web:1").text.endswith("a" * 64)


def test_a_platform_that_nothing_is_locked_for_is_a_difference(tmp_path: Path) -> None:
    lock = locked(tmp_path)
    lock.check_platform(PlatformChoice(AMD64, requested=True))
    lock.check_platform(PlatformChoice(Platform("linux", "arm64"), requested=False))
    with pytest.raises(DifferenceError, match="the platform is locked as linux/amd64, and now is linux/arm64"):
        lock.check_platform(PlatformChoice(Platform("linux", "arm64"), requested=True))


def test_a_lock_for_one_image_says_which(tmp_path: Path) -> None:
    assert locked(tmp_path).only_reference == NAME
    assert locked(tmp_path).platform == AMD64
    assert locked(tmp_path, image(), image("docker.io/library/db:1")).only_reference is None
    assert locked(tmp_path, image("")).only_reference is None


def test_the_same_image_from_elsewhere_is_as_good(tmp_path: Path) -> None:
    lock = locked(tmp_path)
    lock.check_image(replace(image("app.tar", transport="oci-archive"), manifest_digest=None))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (image(Cmd=["other"]), f"{NAME}: the image id is locked as {image().id}, and now is sha256:"),
        (image(architecture="arm64"), "the platform is locked as linux/amd64, and now is linux/arm64"),
        (image("x", Cmd=["other"]), "x: the image id is locked as"),
    ],
    ids=["id", "platform", "another name"],
)
def test_another_image_is_refused_with_what_differs(tmp_path: Path, found: Image, said: str) -> None:
    with pytest.raises(DifferenceError) as raised:
        locked(tmp_path).check_image(found)
    assert said in raised.value.what
    assert "bundler lock" in (raised.value.hint or "")


def test_of_a_lock_for_many_an_unknown_image_is_only_said_to_be_missing(tmp_path: Path) -> None:
    lock = locked(tmp_path, image(), image("docker.io/library/db:1"))
    with pytest.raises(DifferenceError, match=r"the image id sha256:[0-9a-f]+ is not in it"):
        lock.check_image(image("x", Cmd=["other"]))


def test_defaults_and_target_are_held_to(tmp_path: Path) -> None:
    lock = locked(tmp_path)
    lock.check_givens(inputs())
    with pytest.raises(DifferenceError, match=r"the target's kernel is locked as 6\.1, and now is 5\.4"):
        lock.check_givens(inputs(target=Target(kernel=(5, 4))))
    with pytest.raises(DifferenceError, match="the target's arch is locked as nothing, and now is amd64"):
        lock.check_givens(inputs(target=Target(architecture="amd64")))
    other = replace(inputs(), profile=replace(inputs().profile, id="docker@29"))
    with pytest.raises(DifferenceError, match="the profile is locked as docker@28, and now is docker@29"):
        lock.check_givens(other)


def test_overrides_are_held_to_by_their_bytes_wherever_they_are(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    one, moved, changed = tmp_path / "web.yaml", tmp_path / "sub/other.yaml", tmp_path / "sub/web.yaml"
    one.write_text("user: app\n")
    moved.write_text("user: app\n")
    changed.write_text("user: root\n")

    def under(*files: Path) -> Inputs:
        return replace(inputs(), overrides=load([str(file) for file in files]))

    lock = locked(tmp_path, given=under(one))
    lock.check_givens(under(moved))
    with pytest.raises(DifferenceError, match=r"the sha256 of web\.yaml is locked as [0-9a-f]{64}, and now is"):
        lock.check_givens(under(changed))
    with pytest.raises(DifferenceError, match="the number of overrides files is locked as 1, and now is 0"):
        lock.check_givens(under())


WRONG = {
    "nothing": "",
    "no JSON": "user: app",
    "no object": "[]",
    "another format": '{"format": 2}',
    "no images": '{"format": 1, "profile": "x", "target": {}, "overrides": []}',
    "a platform that is none": '{"format": 1, "profile": "x", "target": {}, "overrides": [], "images": '
    '[{"reference": "a", "platform": "a/b/c/d", "id": "sha256:0", "diff_ids": []}]}',
    "a name twice": '{"format": 1, "format": 1}',
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_lock_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "wrong.lock").write_text(content)
    with pytest.raises(RequestError, match=r"wrong\.lock"):
        load_lock(tmp_path / "wrong.lock")


@pytest.mark.parametrize("name", ["missing.lock", "."])
def test_a_lock_that_cannot_be_read_is_said_to_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError) as raised:
        load_lock(tmp_path / name)
    assert raised.value.hint == "bundler lock IMAGE makes a lock"

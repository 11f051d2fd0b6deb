"""`config` answers as `build` does: the same document or the same refusal, for every attack and every odd passwd."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.conversion.convert import ConvertedConfig
from bundler.dry_run import preview
from bundler.errors import BundlerError, LayerError
from bundler.images.platform import Platform
from bundler.limits import DEFAULTS
from bundler.pipeline import build
from bundler.request import BuildRequest
from bundler.rootfs.remove import remove_tree
from tests.attacks.attack import Attack, Listing, filled
from tests.attacks.test_layers import EVERY
from tests.support.command import call_bundler
from tests.support.image_files import archive_of, docker_files, sample
from tests.support.tarballs import (
    directory,
    fifo,
    file,
    hard_link,
    opaque,
    pax_header,
    symlink,
    tarball,
    whiteout,
)

PASSWD = b"app:x:77:88::/:/bin/sh\n"
TWO_PAGES = str(2 << 12)
ODD: dict[str, tuple[Listing, ...]] = {
    "none": ([file("f")],),
    "a file": ([file("etc/passwd", PASSWD)],),
    "a hard link": ([file("etc/accounts", PASSWD), hard_link("etc/passwd", "etc/accounts")],),
    "a hard link to a lower layer": ([file("accounts", PASSWD)], [hard_link("etc/passwd", "accounts")]),
    "a hard link whose first name is gone": (
        [file("accounts", PASSWD), hard_link("etc/passwd", "accounts")],
        [whiteout("accounts")],
    ),
    "another program's name": ([file("bin/[", b"x"), hard_link("bin/passwd", "bin/[")],),
    "a symlink": ([file("etc/accounts", PASSWD), symlink("etc/passwd", "accounts")],),
    "through a symlink": ([file("usr/etc/accounts", PASSWD), symlink("etc", "usr/etc")], [file("etc/passwd", PASSWD)]),
    "through a symlink to a hard link": (
        [file("a/b", PASSWD), symlink("etc", "/d/../usr/./etc"), directory("usr/etc"), directory("d")],
        [hard_link("etc/passwd", "a/b")],
    ),
    "with holes": (
        [
            pax_header({"GNU.sparse.size": TWO_PAGES, "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,23"}),
            file("accounts", PASSWD),
            hard_link("etc/passwd", "accounts"),
        ],
    ),
    "replaced": ([file("etc/passwd", b"app:x:1:2::/:/f\n")], [file("etc/passwd", PASSWD)]),
    "hidden": ([file("etc/passwd", PASSWD)], [opaque("etc"), file("etc/other")]),
    "a fifo": ([fifo("etc/passwd")],),
    "a directory": ([directory("etc/passwd")],),
    "too large": ([file("accounts", b"#\n" * (3 << 20)), hard_link("etc/passwd", "accounts")],),
    "a file in the way of the working directory": ([file("etc/passwd", PASSWD), file("work")],),
    "a link in the way of the working directory": ([file("etc/passwd", PASSWD), symlink("work", "work")],),
    "a thousand directories": (
        [*(directory("/".join("d" * count)) for count in range(1, 1001)), file("etc/passwd", PASSWD)],
    ),
}


def requested(tmp_path: Path, layers: list[bytes], **more: object) -> BuildRequest:
    (tmp_path / "image.tar").write_bytes(
        archive_of(docker_files({"t/image:1": sample(*layers, User="app", WorkingDir="/work/here")}))
    )
    return BuildRequest(image=str(tmp_path / "image.tar"), machine=Platform.parse("linux/amd64"), **more)  # type: ignore[arg-type]


def both_ways(request: BuildRequest, tmp_path: Path) -> tuple[object, object]:
    answers: list[object] = []
    asked: list[Callable[[], ConvertedConfig]] = [
        lambda: build(request, tmp_path / "bundle").runtime_config,
        lambda: preview(request),
    ]
    for ask in asked:
        try:
            answers.append(ask().document)
        except BundlerError as error:
            answers.append((type(error), error.what, error.hint))
    remove_tree(tmp_path / "bundle")  # pytest would recurse into it
    return answers[0], answers[1]


@pytest.mark.root
@pytest.mark.timeout(120)
@pytest.mark.parametrize("attack", EVERY.values(), ids=EVERY)
def test_an_attack_is_for_config_what_it_is_for_build(tmp_path: Path, attack: Attack) -> None:
    (tmp_path / "outside").mkdir()
    place = str(tmp_path / "outside").encode()
    layers = [tarball(*(filled(member, place) for member in listing)) for listing in attack.layers]
    request = requested(tmp_path, [*layers, tarball(file("etc/passwd", PASSWD))], limits=attack.limits)
    built, previewed = both_ways(request, tmp_path)
    assert previewed == built
    if not attack.is_applied and attack.error is LayerError and attack.limits == DEFAULTS:
        assert isinstance(built, tuple)


@pytest.mark.root
@pytest.mark.parametrize("layers", ODD.values(), ids=ODD)
def test_accounts_are_for_config_what_they_are_for_build(tmp_path: Path, layers: tuple[Listing, ...]) -> None:
    built, previewed = both_ways(requested(tmp_path, [tarball(*listing) for listing in layers]), tmp_path)
    assert previewed == built


@pytest.mark.root
def test_what_the_rootfs_is_not_to_have_is_for_config_not_there_either(tmp_path: Path) -> None:
    (tmp_path / "overrides.yaml").write_text("rootfs: {exclude: [/etc/passwd]}\n")
    request = requested(tmp_path, [tarball(file("etc/passwd", PASSWD))], overrides=(str(tmp_path / "overrides.yaml"),))
    built, previewed = both_ways(request, tmp_path)
    assert previewed == built
    assert isinstance(built, tuple)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["config", "harden"])
def test_a_deep_image_leaves_nothing_in_tmpdir(tmp_path: Path, command: str) -> None:
    requested(tmp_path, [tarball(*listing) for listing in ODD["a thousand directories"]])
    (tmp_path / "tmp").mkdir()
    done = call_bundler(command, tmp_path / "image.tar", env={"TMPDIR": str(tmp_path / "tmp")})
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []

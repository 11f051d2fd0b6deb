"""A kit of a project, without bundler: installed, upgraded with its data, and refused if it is not what was packed."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.test_kit_upgrade import KILLED, SHELLS, dumps, state
from tests.support.bare_machine import bare_programs, on_a_bare_machine
from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.kit_steps import NO_DISKS, Steps, without_disks
from tests.support.runtime import Ended, call
from tests.support.signing_keys import MINISIGN, MINISIGN_SECRET
from tests.support.tarballs import directory, file, tarball
from tests.support.tree import differences, tree

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc", "unshare")]
NONE = {"network_mode": "none"}
CHECK = {"test": ["CMD", "true"], "interval": "1s"}
OLD = {
    "db": {"image": "./image.tar", "volumes": ["rows:/data", "/own"], "healthcheck": CHECK, **NONE},
    "web": {"image": "./image.tar", "depends_on": {"db": {"condition": "service_healthy"}}, **NONE},
}
NEW = {
    "db": {"image": "./newer.tar", "volumes": ["rows:/data", "more:/more", "/own"], **NONE},
    "proxy": {"image": "./newer.tar", "depends_on": ["db"], **NONE},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the projects `old` and `new`, of which the first shares an image."""
    folder = tmp_path_factory.mktemp("projects")
    for name in ("image", "newer"):
        layer = tarball(directory("data"), file("data/seed", name), file("bin/sh", name, 0o755))
        write_archive(folder / f"{name}.tar", layout_files({"1": sample(layer, Cmd=["sh"])}))
    for name, services, more in (("old", OLD, ("--rootfs", "erofs")), ("new", NEW, ())):
        volumes = {"rows": None} if name == "old" else {"rows": None, "more": None}
        (folder / f"{name}.yaml").write_text(json.dumps({"name": "shop", "services": services, "volumes": volumes}))
        bundler("project", "-q", f"{name}.yaml", "-o", name, *more, cwd=folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """One with the kits of both, for a place in it."""
    for name in ("old", "new"):
        where = ("--directory", str(tmp_path / "srv/shop"))
        bundler("pack", made / name, "--kit", "-o", tmp_path / f"{name}-kit", *where)
    return tmp_path


def kit(folder: Path, name: str, *words: str, shell: str = "sh", env: dict[str, str] | None = None) -> Ended:
    units = [folder / "units"] if words[-1] in ("install", "upgrade", "rollback") else []
    before = ["env", *(f"{name}={value}" for name, value in (env or {}).items())]
    return call([*before, *SHELLS[shell], folder / f"{name}-kit/kit.sh", *words, *units])


def installed(folder: Path, shell: str = "sh") -> Path:
    done = kit(folder, "old", "install", shell=shell)
    assert (done.exit_code, done.stdout) == (0, f"{folder / 'srv/shop'}\n"), done.stderr
    assert "systemctl enable --now shop.target" in done.stderr
    (folder / "srv/shop/volumes/rows/dump").write_text("data")
    (folder / "srv/shop/db/volumes/own/dump").write_text("own")
    return folder / "srv/shop"


def units(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_it_is_the_same_for_the_same_project_and_is_whole(made: Path, tmp_path: Path) -> None:
    bundler("pack", made / "old", "--kit", "-o", tmp_path / "one")
    env = {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "4242"}
    done = call_bundler("pack", made / "old", "--kit", "-o", tmp_path / "other", "--json", env=env, umask=0o077)
    assert differences(tree(tmp_path / "one"), tree(tmp_path / "other")) == {}
    assert sorted(units(tmp_path / "one/units")) == [
        *("shop-db-health.service", "shop-db-health.timer", "shop-db-healthy.service"),
        *("shop-db.service", "shop-web.service", "shop.target"),
    ]
    ended = call(["sh", tmp_path / "one/kit.sh", "verify"])
    assert ended.stdout == f"ok: 9 files, sha256 of SHA256SUMS {json.loads(done.stdout)['sha256']}\n"
    bundler("verify", tmp_path / "one/bundle.tar.gz")


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_unpacked_is_the_project(folder: Path, made: Path, shell: str) -> None:
    for _ in range(2):
        done = kit(folder, "old", "-C", str(folder / "there"), "unpack", shell=shell)
        assert (done.exit_code, done.stdout) == (0, f"{folder / 'there'}\n"), done.stderr
    bundler("verify", folder / "there")
    assert (folder / "there/db/rootfs.erofs").samefile(folder / "there/web/rootfs.erofs")
    refused = kit(folder, "old", "-C", str(folder / "there"), "run", shell=shell)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "a project has several containers, and run starts one" in refused.stderr
    assert "systemctl start shop.target" in refused.stderr


def test_busybox_is_enough(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    ended = on_a_bare_machine(bare_programs(tmp_path / "bin"), folder / "new-kit", "install", folder / "units")
    assert ended.exit_code == 0, ended.stderr
    assert units(folder / "units") == units(folder / "new-kit/units")


def link_bundle(shop: Path) -> None:
    (shop / "web").rename(shop / "w")
    (shop / "web").symlink_to("w")


def link_volume(shop: Path) -> None:
    shutil.rmtree(shop / "volumes/rows")
    (shop / "volumes/rows").symlink_to("/")


TAMPERED: dict[str, Callable[[Path], object]] = {
    "project.json": lambda shop: (shop / "project.json").write_text("{}"),
    "a bundler.json": lambda shop: (shop / "web/bundler.json").write_text("{}"),
    "a config.json": lambda shop: (shop / "web/config.json").write_text("{}"),
    "a file more": lambda shop: (shop / "web/etc/more").write_text(""),
    "a bundle that is a link": link_bundle,
    "a bundle that others may write to": lambda shop: (shop / "db").chmod(0o777),
    "volumes that others may write to": lambda shop: (shop / "volumes").chmod(0o777),
    "a volume that is a link": link_volume,
    "an image that may be written to": lambda shop: (shop / "db/rootfs.erofs").chmod(0o644),
    "upper that is a link": lambda shop: (shop / "web/upper").symlink_to("/"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_was_tampered_with_is_not_taken_for_it(folder: Path, name: str) -> None:
    shop = installed(folder)
    TAMPERED[name](shop)
    again = kit(folder, "old", "install")
    assert (again.exit_code, again.stdout) in ((6, ""), (2, "")), again
    assert "is not what was packed" in again.stderr or "is not this project" in again.stderr


def test_a_damaged_or_unsigned_kit_is_refused(made: Path, folder: Path) -> None:
    (folder / "key").write_bytes(MINISIGN_SECRET)
    (folder / "pub").write_bytes(MINISIGN)
    (folder / "key").chmod(0o600)
    signed = ("pack", made / "old", "--kit", "-o", folder / "signed-kit", "--sign", folder / "key")
    assert json.loads(bundler(*signed, "--json"))["signature"].endswith("SHA256SUMS.minisig")
    if shutil.which("minisign"):
        assert kit(folder, "signed", "verify", "--key", str(folder / "pub")).exit_code == 0
    assert kit(folder, "old", "verify", "--key", str(folder / "pub")).exit_code == 6
    with (folder / "old-kit/units/shop.target").open("a") as stream:
        stream.write("#\n")
    ended = kit(folder, "old", "install")
    assert (ended.exit_code, "the kit is damaged: units/shop.target" in ended.stderr) == (6, True)
    assert not (folder / "srv").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_an_upgrade_keeps_the_volumes_and_goes_back(folder: Path, shell: str) -> None:
    shop = installed(folder, shell)
    (folder / "units/other.service").write_text("mine")
    done = kit(folder, "new", "upgrade", shell=shell)
    assert (done.exit_code, done.stdout) == (0, f"{shop}\n"), done.stderr
    assert "systemctl restart shop.target" in done.stderr
    assert (shop / "volumes/rows/dump").read_text() == "data"
    assert (shop / "db/volumes/own/dump").read_text() == "own"
    assert (shop / "db/rootfs/bin/sh").read_text() == "newer"
    assert units(folder / "units") == {**units(folder / "new-kit/units"), "other.service": "mine"}
    (shop / "volumes/rows/dump").write_text("since")
    assert kit(folder, "new", "upgrade", shell=shell).exit_code == 0
    back = kit(folder, "new", "rollback", shell=shell)
    assert back.exit_code == 0, back.stderr
    assert (shop / "volumes/rows/dump").read_text() == "since"
    assert units(folder / "units") == {**units(folder / "old-kit/units"), "other.service": "mine"}
    assert kit(folder, "old", "rollback", shell=shell).exit_code == 0
    assert kit(folder, "new", "commit", shell=shell).exit_code == 0
    assert sorted(path.name for path in shop.parent.iterdir()) == ["shop"]
    if shell == "sh":  # busybox restores not all times
        bundler("verify", shop)
    assert (shop / "volumes/rows/dump").read_text() == "since"


def test_data_without_a_place_is_refused_unless_it_is_left(folder: Path) -> None:
    shop = installed(folder)
    kit(folder, "new", "upgrade")
    kit(folder, "new", "commit")
    (shop / "volumes/more/x").write_text("more")
    refused = kit(folder, "old", "upgrade")
    assert (refused.exit_code, "volumes/more holds something" in refused.stderr) == (2, True)
    assert (shop / "volumes/more/x").read_text() == "more"
    assert kit(folder, "old", "-l", "upgrade").exit_code == 0
    assert (shop.with_name("shop.old") / "volumes/more/x").read_text() == "more"
    assert (shop / "volumes/rows/dump").read_text() == "data"


def test_killed_at_any_step_the_next_call_finishes_it(folder: Path) -> None:
    installed(folder)
    quick, steps = without_disks(folder), Steps(folder, ("srv", "units"), state, NO_DISKS)
    older = steps.copied("older")

    def is_finished(again: Ended) -> None:
        assert again.exit_code == 0, again.stderr
        assert (folder / "srv/shop/volumes/rows/dump").read_text() == "data"
        assert units(folder / "units") == units(folder / "new-kit/units")

    copies = 0
    for copy in steps.kept(lambda env: is_finished(kit(folder, "new", "upgrade", env=dict(env)))):
        steps.restore(copy)
        assert dumps(folder).count("data") == 1, copy
        is_finished(kit(folder, "new", "upgrade", env=quick))
        copies += 1
    assert copies > 10
    bundler("verify", folder / "srv/shop")
    for nth, when in KILLED:
        steps.restore(older)
        killed = kit(folder, "new", "upgrade", env=steps.killing(nth, when))
        assert killed.exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL), killed.stderr
        assert dumps(folder).count("data") == 1, nth
        is_finished(kit(folder, "new", "upgrade", env=quick))

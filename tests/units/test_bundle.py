"""Units of a bundle on disk."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from bundler.bundles.bundle import Bundle
from bundler.errors import RequestError
from bundler.units.bundle import units_of, write_unit_files
from tests.support.systemd import settings

CONFIG: dict[str, Any] = {"ociVersion": "1.0.2"}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make(tmp_path / "web")


def make(bundle: Path, config: dict[str, Any] = CONFIG, **recorded: Any) -> Path:
    bundle.mkdir(exist_ok=True)
    content = json.dumps(config).encode()
    (bundle / "config.json").write_bytes(content)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    (bundle / "bundler.json").write_text(json.dumps({"format": 2, "config": digest, **recorded}))
    return bundle


def test_name_and_place_are_those_of_the_directory(bundle: Path) -> None:
    texts = units_of(Bundle.open(bundle)).texts
    assert list(texts) == ["web.service"]
    assert settings(texts["web.service"])["ExecStart"] == f"/bin/sh -s %t/bundler-web/run 15 runc {bundle} web"


def test_name_place_and_runtime_can_be_others(bundle: Path) -> None:
    make(bundle, lifecycle={"container_name": "shop"}, target={"runtime": "crun", "cgroup_manager": "systemd"})
    assert list(units_of(Bundle.open(bundle)).texts) == ["shop.service"]
    texts = units_of(Bundle.open(bundle), name="x", directory="//srv/x/").texts
    assert settings(texts["x.service"])["ExecStart"] == "/bin/sh -s %t/bundler-x/run 15 crun /srv/x x --systemd-cgroup"
    texts = units_of(Bundle.open(bundle), runtime="/opt/runc").texts
    assert settings(texts["shop.service"])["ExecStart"].split()[4] == "/opt/runc"


def test_a_bundle_that_shows_the_container_its_hooks_gets_no_units(bundle: Path) -> None:
    for source in (f"{bundle}/hooks", "hooks"):
        make(bundle, CONFIG | {"mounts": [{"destination": "/x", "source": source, "options": ["bind"]}]})
        with pytest.raises(RequestError, match="belongs to the bundle itself"):
            units_of(Bundle.open(bundle))


@pytest.mark.parametrize(
    ("path", "systemd"), [("web.slice:docker:web1", True), ("/web/web1", False), ("web/a:b:c", False), (":x:y", True)]
)
def test_the_form_of_the_cgroup_path_says_who_makes_it(bundle: Path, path: str, systemd: bool) -> None:
    make(bundle, {**CONFIG, "linux": {"cgroupsPath": path}}, target={"cgroup_manager": "systemd"})
    assert ("--systemd-cgroup" in units_of(Bundle.open(bundle)).texts["web.service"]) == systemd


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"name": "a b"}, "cannot be the name"),
        ({"name": "-x"}, "cannot be the name"),
        ({"name": "x\nUser=y"}, "cannot be the name"),
        ({"directory": "srv"}, "--directory: srv is not an absolute path"),
        ({"directory": "/srv/../etc"}, "not an absolute path"),
        ({"runtime": "./runc"}, "--runtime"),
        ({"runtime": "-runc"}, "--runtime"),
        ({"runtime": "runc; rm"}, "--runtime"),
        ({"terminal": "tty8"}, "--tty"),
    ],
)
def test_what_is_no_name_and_no_path_is_refused(bundle: Path, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        units_of(Bundle.open(bundle), **asked)


def test_a_directory_that_can_be_no_name_needs_one(tmp_path: Path) -> None:
    bundle = make(tmp_path / "my web")
    with pytest.raises(RequestError, match="'my web' cannot be the name of a container"):
        units_of(Bundle.open(bundle))
    assert list(units_of(Bundle.open(bundle), name="web").texts) == ["web.service"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nothing", "is not a bundle"), ("file", "a bundle is a directory"), ("folder", "is not a bundle")],
)
def test_what_is_no_bundle_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").write_text("{}")
    (tmp_path / "folder").mkdir()
    with pytest.raises(RequestError, match=reason):
        units_of(Bundle.open(tmp_path / name))


@pytest.mark.parametrize(
    "recorded",
    [
        {"lifecycle": []},
        {"target": 1},
        {"lifecycle": {"stop_signal": {}}},
        {"rootfs": {}},
        {"rootfs": {"sha256": "sha256:$(id)"}},
    ],
)
def test_a_bundler_json_of_another_form_is_refused(bundle: Path, recorded: dict[str, Any]) -> None:
    make(bundle, **recorded)
    with pytest.raises(RequestError, match=r"bundler\.json: \w+: not a"):
        units_of(Bundle.open(bundle))


@pytest.mark.parametrize(
    ("root", "upper"), [({"path": "rootfs"}, "kept"), ({"path": "rootfs", "readonly": True}, "none")]
)
def test_an_image_is_mounted_for_reading_or_with_what_is_written(
    tmp_path: Path, root: dict[str, Any], upper: str
) -> None:
    image = {"format": "erofs", "sha256": f"sha256:{'ab' * 32}"}
    bundle = make(tmp_path / "web", CONFIG | {"root": root}, rootfs=image)
    start = settings(units_of(Bundle.open(bundle)).texts["web.service"])["ExecStart"]
    assert f" -s {upper} {'ab' * 32} " in start


def test_an_image_of_an_ordinary_user_is_not_for_his_manager(bundle: Path) -> None:
    make(bundle, rootfs={"format": "erofs", "sha256": f"sha256:{'ab' * 32}"})
    (bundle / "rootfs.mtree").write_text("#mtree v2.0\n. type=dir mode=0755\n")
    with pytest.raises(RequestError, match="an image, which the manager of an ordinary user may not mount") as raised:
        units_of(Bundle.open(bundle))
    assert "--rootfs dir" in str(raised.value.hint)


def test_a_bundler_json_about_another_config_is_not_believed(bundle: Path) -> None:
    make(bundle, lifecycle={"restart": "always"})
    (bundle / "config.json").write_text('{"ociVersion": "1.0.1"}')
    units = units_of(Bundle.open(bundle))
    assert settings(units.texts["web.service"])["Restart"] == "no"
    assert "changed since" in units.remarks[0]


def test_all_units_are_written_or_none(bundle: Path, tmp_path: Path) -> None:
    make(bundle, lifecycle={"healthcheck": {"test": "x"}})
    folder = tmp_path / "units"
    folder.mkdir()
    units = units_of(Bundle.open(bundle))
    (folder / "web-health.timer").write_text("mine")
    with pytest.raises(RequestError, match=r"web-health\.timer exists already"):
        write_unit_files(units, folder, replace=False)
    assert [path.name for path in folder.iterdir()] == ["web-health.timer"]
    write_unit_files(units, folder, replace=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == units.texts
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}

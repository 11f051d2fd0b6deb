"""Where the paths of a config.json lead on disk: symlinks in a bundle, and absolute paths that end in it."""

from pathlib import Path
from typing import Any

import pytest

from bundler.bundles.reach import check_reach, exposed_here
from bundler.errors import RequestError
from bundler.runtime_spec.runtime_config import RuntimeConfig


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    for name in ("hooks", "rootfs", "etc", "volumes/v", "volumes/w", "own", "images/i"):
        (tmp_path / "machine/bundle" / name).mkdir(parents=True)
    (tmp_path / "data").mkdir()
    return tmp_path / "machine/bundle"


def told(bundle: Path, *mounts: tuple[str, str], here: bool = True, **document: Any) -> list[str]:
    listed = [{"destination": "/x", "source": source, "options": ["bind", word]} for source, word in mounts]
    return [fault.what for fault in exposed_here(bundle, RuntimeConfig({"mounts": listed} | document), here=here)]


@pytest.mark.parametrize("target", ["../hooks", "../hooks/../hooks", "../.", "../rootfs", "../images/i", "{}/etc"])
@pytest.mark.parametrize("link", ["volumes/data", "own/link"])
def test_a_symlink_to_what_the_machine_trusts_is_seen(bundle: Path, link: str, target: str) -> None:
    (bundle / link).symlink_to(target.format(bundle))
    [what] = told(bundle, (link, "rw"))
    assert what.startswith(f"'{link}' leads to '")


def test_a_symlink_on_the_way_is_seen(bundle: Path) -> None:
    (bundle / "volumes/v/up").symlink_to("../..")
    assert told(bundle, ("volumes/v/up/hooks", "ro")) == [
        "'volumes/v/up/hooks' leads to 'hooks', which belongs to the bundle itself"
    ]


def test_a_symlink_to_another_disk_or_volume_is_anybody_s_choice(bundle: Path, tmp_path: Path) -> None:
    (bundle / "volumes/data").symlink_to(tmp_path / "data")
    (bundle / "volumes/same").symlink_to("w")
    assert told(bundle, ("volumes/data", "rw"), ("volumes/same", "rw"), ("volumes/none", "rw")) == []


def test_an_absolute_path_that_ends_in_the_bundle_is_seen_where_it_lies(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(bundle)
    for path in (f"{bundle}/hooks", f"{tmp_path}/alias/hooks", f"{tmp_path}/data/../alias/hooks/"):
        assert told(bundle, (path, "rw")) == [f"'{path}' leads to 'hooks', which belongs to the bundle itself"]
        assert told(bundle, (path, "rw"), here=False) == []
    assert told(bundle, (f"{bundle}/volumes/v", "rw"), (str(tmp_path / "data"), "rw")) == []


def test_a_folder_around_the_bundle_may_be_read(bundle: Path) -> None:
    around = str(bundle.parent)
    assert told(bundle, (around, "rw")) == [f"'{around}' holds the bundle"]
    assert told(bundle, (around, "ro"), ("/", "rw")) == []


@pytest.mark.parametrize("path", ["own/link", "{}", "{}/volumes", "../bundle/hooks"])
def test_a_rootfs_that_is_another_part_of_the_bundle_is_seen(bundle: Path, path: str) -> None:
    (bundle / "own/link").symlink_to("../hooks")
    [what] = told(bundle, root={"path": path.format(bundle)})
    assert "leads to" in what or "holds the bundle" in what


def test_a_rootfs_elsewhere_is_none_of_it(bundle: Path, tmp_path: Path) -> None:
    for path in ("rootfs", str(tmp_path / "data"), "../../data"):
        assert told(bundle, root={"path": path}) == []


def test_a_hook_does_not_lie_where_the_container_can_write(bundle: Path) -> None:
    places = ["hooks/x", "own/x", "volumes/v/bin/x", "volumes/w/x", "rootfs/x"]
    hooks = {"poststop": [{"path": f"{bundle}/{place}"} for place in places] + [{"path": "/bin/sh"}]}
    writable = [f"{bundle}/{place}" for place in ("volumes/v/bin/x", "rootfs/x")]
    told_of = told(bundle, ("volumes/v", "rw"), ("volumes/w", "ro"), hooks=hooks)
    assert told_of == [f"{path[:100]!r} can be changed from inside the container" for path in writable]


def test_the_first_is_told_with_what_to_do(bundle: Path) -> None:
    (bundle / "volumes/data").symlink_to("../hooks")
    mount = {"destination": "/x", "source": "volumes/data", "options": ["bind"]}
    with pytest.raises(RequestError, match=r"^config\.json/mounts/0/source: 'volumes/data' leads to 'hooks'") as told:
        check_reach(bundle, RuntimeConfig({"mounts": [mount]}))
    assert "./volumes/NAME" in str(told.value.hint)

"""Nothing is made where another user could exchange it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bundler.bundles.replacement.ground import check_ground
from bundler.errors import RequestError
from tests.support.acls import GROUP, MASK, OTHER, acl
from tests.support.acls import USER as ACL_USER
from tests.support.ordinary_user import USER, as_user, folder_of_a_user

pytestmark = pytest.mark.root
GROUP_OF_ONE = acl((ACL_USER, 7), (ACL_USER, 7, USER), (GROUP, 5), (MASK, 7), (OTHER, 5))


def make(folder: Path, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> Path:
    folder.mkdir(exist_ok=True)
    os.chown(folder, *owner)
    folder.chmod(mode)
    return folder


def below(folder: Path) -> Path:
    return make(folder / "below")


def behind_a_link(folder: Path) -> Path:
    (folder / "link").symlink_to(below(folder.parent))
    return folder / "link"


def with_an_acl(folder: Path) -> Path:
    os.setxattr(folder, "system.posix_acl_access", GROUP_OF_ONE)
    return folder


UNSAFE: dict[str, Callable[[Path], Path]] = {
    "another user's": lambda folder: make(folder, 0o755, (USER, USER)),
    "written to by all": lambda folder: make(folder, 0o777),
    "written to by a group": lambda folder: make(folder, 0o775, (0, USER)),
    "written to by a user of an ACL": lambda folder: with_an_acl(make(folder)),
    "below another user's": lambda folder: below(make(folder, 0o755, (USER, USER))),
    "below what is written to by all": lambda folder: below(make(folder, 0o777)),
    "behind a link in another user's": lambda folder: behind_a_link(make(folder, 0o755, (USER, USER))),
    "another user's with the sticky bit": lambda folder: make(folder, 0o1777, (USER, USER)),
    "back from another user's": lambda folder: make(folder, 0o755, (USER, USER)) / "..",
}


@pytest.mark.parametrize("kind", UNSAFE)
def test_root_does_not_write_where_others_decide(tmp_path: Path, kind: str) -> None:
    folder = UNSAFE[kind](tmp_path / "folder")
    with pytest.raises(RequestError, match=r"no safe place to write to: .*folder"):
        check_ground(folder)


def test_root_does_not_follow_a_link_that_another_user_has_put_into_a_shared_folder(tmp_path: Path) -> None:
    link = make(tmp_path / "folder", 0o1777) / "link"
    link.symlink_to(below(tmp_path))
    check_ground(link)
    os.chown(link, USER, USER, follow_symlinks=False)
    with pytest.raises(RequestError, match="no safe place"):
        check_ground(link)


SAFE: dict[str, Callable[[Path], Path]] = {
    "root's": make,
    "root's group's": lambda folder: make(folder, 0o775),
    "sticky": lambda folder: make(folder, 0o1777),
    "below what is sticky": lambda folder: below(make(folder, 0o1777)),
    "behind a link": lambda folder: behind_a_link(make(folder)),
}


@pytest.mark.parametrize("kind", SAFE)
def test_root_writes_where_root_alone_decides(tmp_path: Path, kind: str) -> None:
    check_ground(SAFE[kind](tmp_path / "folder"))


def test_an_ordinary_user_writes_at_home_and_where_a_group_may_but_not_where_all_may() -> None:
    with folder_of_a_user() as home:
        shared, open_to_all = make(home / "shared", 0o775, (1, USER)), make(home / "open", 0o777, (USER, USER))
        as_user(lambda: check_ground(home))
        as_user(lambda: check_ground(shared))
        with pytest.raises(RequestError, match="by all users"):
            as_user(lambda: check_ground(open_to_all))


def test_a_relative_path_begins_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make(tmp_path / "folder", 0o755, (USER, USER)))
    with pytest.raises(RequestError, match="folder"):
        check_ground(Path())


def test_an_absolute_path_needs_no_folder_that_we_are_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    check_ground(Path("/"))

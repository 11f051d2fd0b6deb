"""The difference of a bundle is read, and whatever happens meanwhile, the bundle stays as it is."""

from contextlib import suppress

import pytest

from bundler.bundles.bundle import Bundle
from bundler.bundles.verification.bundle_verification import Verification
from bundler.repack.changed_rootfs import open_changed_rootfs
from bundler.rootfs.owners import written_down
from tests.support.bundles import make_bundle
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.tarballs import directory, file


class FailedError(Exception):
    """What fails while the difference is open."""


@pytest.mark.root
def test_modes_that_keep_a_user_from_reading_are_put_back_after_a_failure() -> None:
    with folder_of_a_user() as home:

        def work() -> int:
            members = (directory("closed"), file("closed/f", "built"))
            bundle = Bundle.open(make_bundle(home / "b", *members, owners=written_down()))
            closed = bundle.path / "rootfs/closed"
            (closed / "f").write_text("changed")
            closed.chmod(0o100)
            with (
                suppress(FailedError),
                open_changed_rootfs(bundle, Verification(bundle, opened_up=True)) as (tree, changed),
            ):
                assert set(changed.there) == {b"closed", b"closed/f"}
                assert tree.names(b"closed") == [b"f"]
                raise FailedError
            return closed.stat().st_mode & 0o7777

        assert as_user(work) == 0o100

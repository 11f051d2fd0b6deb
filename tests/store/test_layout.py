"""A store on disk: made, changed and cleared so that it is a valid layout at every moment."""

import errno
import fcntl
import json
import os
import threading
from pathlib import Path

import pytest

from bundler.errors import BundlerError, ImageError, RequestError
from bundler.images.digest import Digest
from bundler.store import default_place, layout
from bundler.store.find import place_of
from bundler.store.layout import Entry, Store, open_store, prepare
from tests.support.image_files import layout_files, sample, write_folder

CONTENT = b"{}"


def entry(name: str, digit: str = "a", **more: object) -> Entry:
    annotations = {"org.opencontainers.image.ref.name": name}
    media_type = "application/vnd.oci.image.manifest.v1+json"
    return {"mediaType": media_type, "digest": f"sha256:{digit * 64}", "size": 2, "annotations": annotations} | more


def names(store: Store) -> list[str]:
    return [one.annotation("org.opencontainers.image.ref.name") or "" for one in store.entries()]


def test_a_new_store_is_an_empty_layout(tmp_path: Path) -> None:
    prepare(tmp_path / "a/b/store")
    with open_store(tmp_path / "a/b/store") as store:
        assert store.entries() == ()
    assert json.loads((tmp_path / "a/b/store/oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert sorted(path.name for path in (tmp_path / "a/b/store").iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_to_prepare_a_store_again_changes_nothing(tmp_path: Path) -> None:
    prepare(tmp_path)
    with open_store(tmp_path) as store:
        store.change(lambda entries: [*entries, entry("a:1")])
    prepare(tmp_path)
    with open_store(tmp_path) as store:
        assert names(store) == ["a:1"]


def test_a_store_half_made_by_a_killed_process_is_made_whole(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / ".bundler-dead").mkdir()
    prepare(tmp_path)
    with open_store(tmp_path) as store:
        assert store.entries() == ()
    assert not (tmp_path / ".bundler-dead").exists()


def test_a_store_that_cannot_be_written_to_is_told_by_its_own_name(tmp_path: Path) -> None:
    prepare(tmp_path)
    with open_store(tmp_path) as store:
        for number, reason in (
            (errno.ENOSPC, f"the store {tmp_path}: no space left on the file system"),
            (errno.EROFS, f"{tmp_path} cannot be written to: a reason"),
        ):
            for named in ((), (str(tmp_path / ".bundler-x/blob"),)):
                with pytest.raises(BundlerError) as raised, store.stage():
                    raise OSError(number, "a reason", *named)
                assert raised.value.what.startswith(reason)
        with pytest.raises(OSError, match="elsewhere"), store.stage():
            raise OSError(errno.EROFS, "a reason", "/elsewhere")


def test_a_store_without_its_index_is_damaged(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "index.json").unlink()
    with open_store(tmp_path) as store, pytest.raises(ImageError, match=r"index\.json does not exist"):
        store.entries()


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RequestError, match="is neither empty nor a store"):
        prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_is_no_store_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is no store"), open_store(tmp_path):
        pass


def test_a_layout_of_another_tool_is_a_store_and_keeps_what_it_wrote(tmp_path: Path) -> None:
    write_folder(tmp_path, layout_files({"1": sample()}))
    written = json.loads((tmp_path / "index.json").read_bytes()) | {"annotations": {"of": "somebody"}}
    (tmp_path / "index.json").write_text(json.dumps(written))
    with open_store(tmp_path) as store:
        store.change(lambda entries: [*entries, entry("a:1")])
    changed = json.loads((tmp_path / "index.json").read_bytes())
    assert changed["annotations"] == {"of": "somebody"}
    assert changed["manifests"] == [*written["manifests"], entry("a:1")]


def test_umocis_empty_layout_lists_nothing(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "index.json").write_text('{"schemaVersion":2,"manifests":null}')
    with open_store(tmp_path) as store:
        assert store.entries() == ()
        store.change(lambda entries: [*entries, entry("a:1")])
        assert names(store) == ["a:1"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"manifests": {}}', '{"manifests": [{"digest": "x"}]}'])
def test_a_damaged_index_is_said_to_be(tmp_path: Path, content: str) -> None:
    prepare(tmp_path)
    (tmp_path / "index.json").write_text(content)
    with open_store(tmp_path) as store:
        with pytest.raises(ImageError, match=r"index\.json"):
            store.entries()
        with pytest.raises(ImageError, match=r"index\.json"):
            store.change(lambda entries: entries)
    assert (tmp_path / "index.json").read_text() == content


def test_entries_are_in_an_order_that_does_not_tell_when_they_came(tmp_path: Path) -> None:
    prepare(tmp_path)
    with open_store(tmp_path) as store:
        for name in ("b:1", "a:2", "a:1"):
            store.change(lambda entries, name=name: [*entries, entry(name)])  # type: ignore[misc]
        assert names(store) == ["a:1", "a:2", "b:1"]


def test_changes_at_once_lose_nothing(tmp_path: Path) -> None:
    prepare(tmp_path)

    def add(number: int) -> None:
        with open_store(tmp_path) as store:
            store.change(lambda entries: [*entries, entry(f"image:{number:02}")])

    threads = [threading.Thread(target=add, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_store(tmp_path) as store:
        assert names(store) == [f"image:{number:02}" for number in range(16)]


@pytest.mark.slow
def test_a_new_store_may_be_made_by_many_at_once(tmp_path: Path) -> None:
    digest = Digest.of(CONTENT)
    together = threading.Barrier(8)
    failures: list[Exception] = []

    def add(path: Path, name: str) -> None:
        together.wait()
        try:
            prepare(path)
            with open_store(path) as store:
                store.put(CONTENT, digest)
                store.change(lambda entries: [*entries, entry(name)])
        except Exception as failure:  # noqa: BLE001 -- shown below
            failures.append(failure)

    for attempt in range(40):
        path = tmp_path / f"new/{attempt}"
        threads = [threading.Thread(target=add, args=(path, f"image:{number}")) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with open_store(path) as store:
            assert names(store) == [f"image:{number}" for number in range(8)]
        assert sorted(one.name for one in path.iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_a_change_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    prepare(tmp_path)
    before = (tmp_path / "index.json").read_bytes()

    def fail(_entries: list[Entry]) -> list[Entry]:
        raise KeyboardInterrupt

    with open_store(tmp_path) as store, pytest.raises(KeyboardInterrupt):
        store.change(fail)
    assert (tmp_path / "index.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_what_others_may_still_need_is_not_cleared_away(tmp_path: Path) -> None:
    prepare(tmp_path)
    with open_store(tmp_path) as store, store.stage() as stage:
        prepare(tmp_path)
        assert stage.exists()


def test_who_wants_a_store_alone_waits_for_the_others(tmp_path: Path) -> None:
    prepare(tmp_path)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        with open_store(tmp_path), pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open_store(tmp_path, alone=True), pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def test_a_blob_is_put_whole_and_with_a_mode_of_its_own(tmp_path: Path) -> None:
    prepare(tmp_path)
    digest = Digest.of(CONTENT)
    before = os.umask(0o077)
    try:
        with open_store(tmp_path) as store:
            store.put(CONTENT, digest)
            store.put(CONTENT, digest)
    finally:
        os.umask(before)
    blob = tmp_path / "blobs/sha256" / digest.encoded
    assert blob.read_bytes() == CONTENT
    assert blob.stat().st_mode & 0o777 == 0o644


def test_the_store_of_a_user_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert default_place() == Path("/home/me/.local/share/bundler")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert default_place() == Path("/home/me/.local/share/bundler")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_place() == tmp_path / "bundler"
    assert place_of(Path("elsewhere")) == Path("elsewhere")


def test_the_largest_index_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path)
    monkeypatch.setattr(layout, "_LARGEST_INDEX", 10)
    with open_store(tmp_path) as store, pytest.raises(ImageError, match="more than 10 bytes"):
        store.entries()

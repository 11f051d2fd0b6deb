"""A registry that says nothing is given up, and what was killed hurts no later one."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.images.media_types import PUSHED_DELTA
from tests.support.command import bundler, call_bundler, installed
from tests.support.faulty_registry import faulty_registry, hold_back, never
from tests.support.image_files import sha256
from tests.support.pushed import PLAIN, Shop, names

pytestmark = pytest.mark.tool("skopeo")
ONCE = (PLAIN, "--timeout", "1", "--retries", "0")


@pytest.fixture
def there() -> Iterator[Shop]:
    with faulty_registry() as served:
        yield Shop(served)


@pytest.fixture(scope="module")
def delta(shop: Path) -> bytes:
    bundler("delta", "old", "new", "-q", "-o", "new.delta", cwd=shop)
    return (shop / "new.delta").read_bytes()


@pytest.fixture
def places(there: Shop, shop: Path, delta: bytes) -> dict[str, str]:
    """The newer bundle is in the registry, with the delta from the older one: what the last word of each path is."""
    pack = (shop / "new.tar.zst").read_bytes()
    subject = there.put_pack(pack)
    base = {"oci-bundler.base": sha256((shop / "old/bundler.json").read_bytes())}
    attached = there.attach(subject, PUSHED_DELTA, delta, annotations=base)
    there.list_referrers(subject, attached)
    listed = sha256(subject).replace(":", "-")
    return {"tag": "1", "list": listed, "a manifest": sha256(attached), "delta": sha256(delta), "pack": sha256(pack)}


def left_in(store: Path) -> list[str]:
    """What is in a store besides an empty index and blobs."""
    listed = (str(path.relative_to(store)) for path in store.rglob("*") if not path.is_dir())
    return [name for name in listed if name not in ("index.json", "oci-layout") and not name.startswith("blobs/")]


@pytest.mark.parametrize("where", ["tag", "list", "a manifest", "delta", "pack"])
def test_a_silent_registry_is_given_up_and_asked_again_later(
    there: Shop, shop: Path, places: dict[str, str], tmp_path: Path, where: str
) -> None:
    folder, store = tmp_path / "here", tmp_path / "store"
    folder.mkdir()
    base = () if where == "pack" else ("--from", str(shop / "old"))
    words = ("pull", f"{there.name}:1", "-o", str(folder / "web"), *base, "--store", str(store), *ONCE)
    released = threading.Event()
    there.served.faults = {places[where]: never(released)}
    done = call_bundler(*words)
    assert (done.returncode, "has not answered for 1 s" in done.stderr) == (5, True), done.stderr
    assert names(folder) == []
    assert left_in(store) == []
    released.set()
    there.served.faults = {}
    assert call_bundler(*words).returncode == 0
    bundler("verify", folder / "web")


@pytest.mark.parametrize("where", ["", "POST"], ids=["the first word", "an upload"])
def test_a_push_to_a_silent_registry_is_given_up_and_begun_again_later(
    there: Shop, shop: Path, tmp_path: Path, where: str
) -> None:
    there.served.blobs.clear()
    released = threading.Event()
    there.served.faults = {where: never(released)}
    words = ("push", "new.tar.zst", f"{there.name}:1", "--sign", "web.key", *ONCE)
    done = call_bundler(*words, cwd=shop, env={"TMPDIR": str(tmp_path)})
    assert (done.returncode, "has not answered for 1 s" in done.stderr) == (5, True), done.stderr
    assert names(tmp_path) == []
    released.set()
    there.served.faults = {}
    assert call_bundler(*words, cwd=shop, env={"TMPDIR": str(tmp_path)}).returncode == 0
    bundler("pull", f"{there.name}:1", "-o", tmp_path / "web", "--key", "web.pub", PLAIN, cwd=shop)


@pytest.mark.parametrize("moment", [None, 0.05, 0.2, 0.4])
def test_a_pull_that_was_killed_hurts_no_later_one(
    there: Shop, shop: Path, places: dict[str, str], tmp_path: Path, moment: float | None
) -> None:
    """The moments are seconds after the delta came; None is while it comes. The older bundle is replaced."""
    folder, store = tmp_path / "here", tmp_path / "store"
    folder.mkdir()
    bundler("unpack", shop / "old.tar.zst", "-o", folder / "web")
    words = ("pull", f"{there.name}:1", "-o", str(folder / "web"), "--from", str(folder / "web"), "--force", PLAIN)
    command = (installed(), *words, "--store", str(store))
    released = threading.Event()
    there.served.faults = {places["delta"]: hold_back(released)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while places["delta"] not in there.served.asked:
            assert process.poll() is None
            time.sleep(0.01)
        if moment is not None:
            released.set()
            time.sleep(moment)
        process.send_signal(signal.SIGKILL)
    released.set()
    there.served.faults = {}
    done = call_bundler(*words, "--store", str(store))
    assert done.returncode == 0, done.stderr
    assert names(folder) == ["web"]
    assert (folder / "web/bundler.json").read_bytes() == (shop / "new/bundler.json").read_bytes()
    bundler("verify", folder / "web")
    assert left_in(store) == []
    assert [path for path in (store / "blobs").rglob("*") if path.is_file()] == []

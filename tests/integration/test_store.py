"""The store as people use it: fetch, carry, build without a network; killed, interrupted and several at once."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler, installed
from tests.support.faulty_registry import FaultyRegistry, faulty_registry, hold_back
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.strace import injecting, listing
from tests.support.tarballs import file, tarball
from tests.support.tree import differences, tree
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("skopeo"), pytest.mark.tool("umoci")]
BASE = tarball(file("base", b"base" * 1000))
ONE = sample(BASE, tarball(file("one", b"1" * 10_000)))
TWO = sample(BASE, tarball(file("two", b"2")), Cmd=["two"])
ARM = sample(architecture="arm64")
INSECURE = "--tls-verify=false"


@pytest.fixture
def served() -> Iterator[FaultyRegistry]:
    with faulty_registry() as registry:
        registry.add("team/one:1", ONE, docker=True)
        registry.add("team/two:1", TWO)
        registry.add("team/many:1", ONE, ARM)
        yield registry


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "store"
    monkeypatch.setenv("BUNDLER_STORE", str(path))
    return path


def names() -> list[str]:
    return [one["name"] for one in json.loads(bundler("images", "--json"))["images"]]


def fetching(*names: str) -> subprocess.Popen[bytes]:
    command = [installed(), "fetch", INSECURE, *names]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.tool("unshare")
def test_what_was_fetched_is_built_and_locked_where_there_is_no_network(
    served: FaultyRegistry, store: Path, tmp_path: Path
) -> None:
    one = served.name("team/one:1")
    layout = write_folder(tmp_path / "layout", layout_files({"1": ONE}))
    bundler("build", f"oci:{layout}", "--output", tmp_path / "from-layout")
    bundler("fetch", INSECURE, one, served.name("team/two:1"))
    carried = store.rename(tmp_path / "carried")

    alone = ["unshare", "--net", installed()]
    for command in (["build", one, "--output", str(tmp_path / "bundle")], ["lock", one, "-o", str(tmp_path / "lock")]):
        subprocess.run([*alone, *command, "--offline", "--store", str(carried)], check=True, capture_output=True)
    assert differences(tree(tmp_path / "bundle"), tree(tmp_path / "from-layout")) == {}


@pytest.mark.tool("unshare", "runc", "busybox")
def test_what_was_fetched_and_carried_runs_where_there_is_no_network(
    served: FaultyRegistry, store: Path, tmp_path: Path
) -> None:
    busybox = tarball(file("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755))
    served.add("team/echo:1", sample(busybox, Cmd=["/bin/busybox", "echo", "carried"]))
    bundler("fetch", INSECURE, served.name("team/echo:1"))
    subprocess.run(["cp", "-r", store, tmp_path / "carried"], check=True)
    shutil.rmtree(store)
    build = [installed(), "build", served.name("team/echo:1"), "--offline", "--store", "carried", "-o", "b"]
    name = f"carried-{os.getpid()}"
    printed = [
        subprocess.run(["unshare", "--net", *command], check=True, capture_output=True, cwd=tmp_path).stdout
        for command in (build, ["runc", "run", "--bundle", "b", name])
    ]
    assert printed == [b"b\n", b"carried\n"]


@pytest.mark.tool("strace")
def test_nothing_opens_a_socket_when_offline(served: FaultyRegistry, store: Path, tmp_path: Path) -> None:
    one, missing = served.name("team/one:1"), served.name("team/missing:1")
    bundler("fetch", INSECURE, one)
    calls = tmp_path / "calls"
    for image in (one, missing):
        command = [*listing("socket,connect", calls), installed(), "build", image]
        subprocess.run([*command, "--offline", "--output", tmp_path / "b"], check=False, capture_output=True)
        assert [line for line in calls.read_text().splitlines() if "AF_INET" in line or "connect(" in line] == []
    assert (tmp_path / "b").is_dir()
    assert store.is_dir()


def test_a_name_is_looked_up_in_the_store_before_the_registry(
    served: FaultyRegistry, store: Path, tmp_path: Path
) -> None:
    one = served.name("team/one:1")
    bundler("fetch", INSECURE, one)
    served.add("team/one:1", TWO)
    served.paths.clear()
    assert json.loads(bundler("inspect", "--json", one, INSECURE))["transport"] == "store"
    assert served.paths == []
    assert json.loads(bundler("inspect", "--json", f"docker://{one}", INSECURE))["config"]["Cmd"] == ["two"]
    refused = call_bundler("build", f"docker://{one}", "--offline", cwd=tmp_path)
    assert (refused.returncode, "bundler fetch" in refused.stderr) == (2, True)
    assert store.is_dir()


def test_images_are_listed_removed_and_freed(served: FaultyRegistry, store: Path) -> None:
    assert bundler("images") == ""
    assert json.loads(bundler("images", "--json"))["images"] == []
    one, many = served.name("team/one:1"), served.name("team/many:1")
    printed = bundler("fetch", INSECURE, one)
    assert printed == f"{one} {json.loads(bundler('images', '--json'))['images'][0]['digest']}\n"
    bundler("fetch", INSECURE, "--all-platforms", many)
    assert [line.split()[:2] for line in bundler("images").splitlines()] == [
        [many, "linux/amd64"],
        [many, "linux/arm64"],
        [one, "linux/amd64"],
    ]
    bundler("rm", many)
    assert names() == [one]
    assert re.fullmatch(r"[0-9.]+ ([KM]iB|bytes) freed\n", freed := bundler("gc"))
    assert freed != "0 bytes freed\n"
    assert bundler("gc") == "0 bytes freed\n"
    bundler("build", one, "--offline", "--output", store.parent / "bundle")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["rm", "never:1"], 3, "is not in the store"),
        (["rm", "UPPER"], 2, "lowercase"),
        (["fetch", "./image.tar"], 2, "is not in a registry"),
        (["fetch", "nginx", "--offline"], 2, "--offline"),
        (["fetch", "nginx", "--platform", "arm64", "--all-platforms"], 2, "exclude each other"),
        (["images", "--store", "/proc"], 2, "is no store"),
        (["gc", "--store", "/proc"], 2, "is no store"),
        (["fetch", "nginx", "--store", "/usr"], 2, "neither empty nor a store"),
    ],
)
def test_a_mistake_is_said_in_a_line_or_two(store: Path, arguments: list[str], exit_code: int, said: str) -> None:
    write_folder(store, layout_files({"1": ONE}))
    done = call_bundler(*arguments)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert said in done.stderr
    assert 1 <= len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)],
    ids=str,
)
def test_a_fetch_that_is_stopped_keeps_its_layers_and_goes_on_later(
    served: FaultyRegistry, store: Path, number: signal.Signals, exit_code: int
) -> None:
    base, large = served.add("team/one:1", ONE)
    released = threading.Event()
    served.faults[large] = hold_back(released)
    process = fetching(served.name("team/one:1"))
    try:
        wait_until(lambda: large in served.asked and (store / "blobs/sha256" / base.removeprefix("sha256:")).exists())
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    finally:
        released.set()
    assert process.returncode == exit_code
    assert "Traceback" not in stderr.decode()
    assert names() == []

    served.faults.clear()
    served.asked.clear()
    bundler("fetch", INSECURE, served.name("team/one:1"))
    assert base not in served.asked
    # Where bundler could not end skopeo any more, that went on, and may have brought the other layer.
    assert large in served.asked or number == signal.SIGKILL
    wait_until(lambda: sorted(path.name for path in store.iterdir()) == ["blobs", "index.json", "oci-layout"])


def test_two_fetches_and_a_collection_at_once_end_well(served: FaultyRegistry, store: Path, tmp_path: Path) -> None:
    bundler("fetch", INSECURE, served.name("team/many:1"))
    bundler("rm", served.name("team/many:1"))  # its base layer is garbage that both fetches would like to use
    fetches = [fetching(served.name("team/one:1")), fetching(served.name("team/two:1"))]
    collections = [call_bundler("gc") for _ in range(4)]
    assert [process.wait(timeout=120) for process in fetches] == [0, 0]
    for process in fetches:
        process.communicate()
    assert [done.returncode for done in collections] == [0] * 4
    for name in ("one", "two"):
        bundler("build", served.name(f"team/{name}:1"), "--offline", "--output", tmp_path / name)
    assert store.is_dir()


def test_many_first_fetches_at_once_share_a_new_store(served: FaultyRegistry, store: Path, tmp_path: Path) -> None:
    images = [served.name(f"team/{name}:1") for name in ("one", "two", "many")]
    fetches = [fetching(images[number % 3]) for number in range(8)]
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in fetches]
    assert ends == [(b"", 0)] * 8
    assert sorted(set(names())) == sorted(images)
    assert sorted(path.name for path in store.iterdir()) == ["blobs", "index.json", "oci-layout"]
    for number, image in enumerate(images):
        bundler("build", image, "--offline", "--output", tmp_path / f"b{number}")


@pytest.mark.tool("strace")
@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP", "EBADF"])
def test_where_there_are_no_locks_what_adds_and_reads_works_and_what_removes_says_why_not(
    served: FaultyRegistry, store: Path, tmp_path: Path, error: str
) -> None:
    one, two = served.name("team/one:1"), served.name("team/two:1")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return call_bundler(*words, cwd=tmp_path, strace=injecting(f"flock:error={error}"))

    for words in (["fetch", INSECURE, one, two], ["rm", two], ["images"], ["inspect", one], ["config", one]):
        done = call(*words)
        assert (done.returncode, done.stderr) == (0, ""), words
    assert names() == [one]
    done = call("gc")
    error, hint = done.stderr.splitlines()
    assert done.returncode == 1
    assert error.startswith(f"bundler: error: {store}: its file system knows no locks")
    assert "--store" in hint
    bundler("gc")
    bundler("build", one, "--offline", "--output", tmp_path / "bundle")


def test_a_collection_waits_for_a_fetch(served: FaultyRegistry, store: Path) -> None:
    _, large = served.add("team/one:1", ONE)
    released = threading.Event()
    served.faults[large] = hold_back(released)
    fetch = fetching(served.name("team/one:1"))
    wait_until(lambda: large in served.asked)
    command = [installed(), "gc"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as collection:
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                collection.wait(timeout=2)
        finally:
            released.set()
        assert fetch.wait(timeout=60) == 0
        assert collection.wait(timeout=60) == 0
    fetch.communicate()
    assert names() == [served.name("team/one:1")]
    assert store.is_dir()


@pytest.mark.tool("mount")
def test_a_disk_that_is_full_is_said_to_be_and_the_store_stays_valid(served: FaultyRegistry, store: Path) -> None:
    served.add("team/big:1", sample(tarball(file("big", os.urandom(3 << 20)))))
    store.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", store], check=True)
    try:
        bundler("fetch", INSECURE, served.name("team/two:1"))
        done = call_bundler("fetch", INSECURE, served.name("team/big:1"))
        assert done.returncode == 1, done.stderr
        assert "no space left" in done.stderr
        assert names() == [served.name("team/two:1")]
    finally:
        subprocess.run(["umount", "--lazy", store], check=True)


@pytest.mark.parametrize("delay", [0.3, 0.45, 0.6])
def test_a_killed_gc_leaves_a_valid_store(served: FaultyRegistry, store: Path, tmp_path: Path, delay: float) -> None:
    one, two = f"{served.host}/team/one:1", f"{served.host}/team/two:1"
    bundler("fetch", INSECURE, one, two)
    bundler("rm", two)
    with subprocess.Popen([installed(), "gc"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as collecting:
        time.sleep(delay)  # somewhere in it, or before it or after it on another machine: it may not matter
        collecting.kill()
    assert names() == [one]
    bundler("build", one, "--offline", "-o", tmp_path / "web")
    bundler("gc")
    bundler("build", one, "--offline", "-o", tmp_path / "again")
    assert differences(tree(tmp_path / "web"), tree(tmp_path / "again")) == {}

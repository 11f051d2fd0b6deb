"""Registries that fail, say nothing or never end; and what is left of it when somebody has had enough."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.children import of_session
from tests.support.command import call_bundler, installed
from tests.support.faulty_registry import Endless, FaultyRegistry, faulty_registry, never, refuse, serve, times
from tests.support.image_files import sample
from tests.support.strace import listing
from tests.support.tarballs import directory, file, tarball
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.tool("skopeo")]
INSECURE = "--tls-verify=false"
IMAGE = sample(
    tarball(directory("etc"), file("etc/passwd", b"app:x:7:7::/:/bin/sh\n")),
    tarball(file("a", b"a" * 5000)),
    User="app",
    Cmd=["/a"],
)
# What reaches registries: words before the image, and whether it takes the layers as well.
COMMANDS: dict[str, tuple[list[str], bool]] = {
    "build": (["build", "--quiet"], True),
    "config": (["config"], True),
    "inspect": (["inspect"], False),
    "lock": (["lock"], False),
    "harden": (["harden"], True),
    "fetch": (["fetch"], True),
}


@pytest.fixture
def served() -> Iterator[FaultyRegistry]:
    with faulty_registry() as registry:
        yield registry


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where everything is that bundler may write to."""
    folder = tmp_path / "place"
    for name in ("tmp", "here"):
        (folder / name).mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    monkeypatch.setenv("BUNDLER_STORE", str(folder / "store"))
    monkeypatch.chdir(folder / "here")
    return folder


def files_in(place: Path) -> list[str]:
    """What is there, but for a store without images."""
    empty = ("store/index.json", "store/oci-layout")
    found = (str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir())
    return [name for name in found if name not in empty]


def fail_at(served: FaultyRegistry, where: str, fault: Callable[..., None] = serve) -> str:
    """Serve IMAGE, with a fault somewhere; gives its name."""
    layers = served.add("team/app:1", IMAGE)
    served.wants_token = where == "token"
    served.faults = {{"manifest": "1", "layer": layers[0]}.get(where, where): fault}
    return served.name("team/app:1")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_registry_that_fails_once_is_asked_again_and_that_is_said(
    served: FaultyRegistry, place: Path, command: str
) -> None:
    words, layers_too = COMMANDS[command]
    name = fail_at(served, "layer" if layers_too else "manifest", times(1, refuse(503)))
    done = call_bundler(*words, INSECURE, name)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "try" in line]
    assert len(told) == 1
    assert f"{served.host}/team/app" in told[0]
    assert told[0].endswith(": the registry itself has failed; try 2 of 4 in 1 s")
    assert place.is_dir()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_registry_that_says_nothing_is_given_up(served: FaultyRegistry, place: Path, command: str) -> None:
    words, layers_too = COMMANDS[command]
    released = threading.Event()
    for where in ("manifest", "token", *(("layer",) if layers_too else ())):
        name = fail_at(served, where, never(released))
        done = call_bundler(*words, INSECURE, "--timeout", "1", name)
        assert done.returncode == 5, done.stderr
        error, hint = done.stderr.splitlines()
        assert error == f"bundler: error: {served.host} has not answered for 1 s"
        assert "--timeout" in hint
    assert [name for name in files_in(place) if not name.startswith("store/blobs")] == []


def test_a_silence_is_told_and_may_end(served: FaultyRegistry, place: Path) -> None:
    def slow(handler: object, content: bytes) -> None:
        time.sleep(11)
        serve(handler, content)  # type: ignore[arg-type]

    name = fail_at(served, "token", times(1, slow))
    done = call_bundler("inspect", INSECURE, name)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"bundler: note: {served.host} has not answered for 10 s\n"
    assert place.is_dir()


@pytest.mark.parametrize("where", ["manifest", "layer"])
@pytest.mark.parametrize("command", ["build", "config", "fetch"])
def test_what_never_ends_is_refused_and_leaves_nothing(
    served: FaultyRegistry, place: Path, command: str, where: str
) -> None:
    endless = Endless()
    name = fail_at(served, where, endless)
    done = call_bundler(*COMMANDS[command][0], INSECURE, name)
    assert done.returncode == 3, done.stderr
    (error,) = done.stderr.splitlines()
    assert error.endswith(": the registry sends more than the image states")
    assert endless.sent < 64 << 20
    left = files_in(place)
    assert [name for name in left if not name.startswith("store/blobs/")] == []
    assert sum((place / name).stat().st_size for name in left) < 10_000  # layers that are whole


WILLING = "exec sleep 100000"
STUBBORN = "trap '' TERM INT HUP; sleep 100000 & while :; do sleep 0.1; done"


@pytest.mark.parametrize(
    ("number", "code", "script"),
    [
        (signal.SIGINT, 130, WILLING),
        (signal.SIGHUP, 129, WILLING),
        (signal.SIGQUIT, -3, WILLING),
        (signal.SIGTERM, 143, STUBBORN),
        (signal.SIGKILL, -9, STUBBORN),
    ],
    ids=str,
)
def test_no_program_lives_on_after_a_signal(
    served: FaultyRegistry, place: Path, number: signal.Signals, code: int, script: str
) -> None:
    programs = place.parent / "programs"
    programs.mkdir()
    fake = programs / "skopeo"
    copying = f'case " $* " in *" copy "*) touch {programs}/copying; {script};; esac'
    fake.write_text(f'#!/bin/sh\n{copying}\nexec {shutil.which("skopeo")} "$@"\n')
    fake.chmod(0o755)
    command = [installed(), "build", "--quiet", INSECURE, fail_at(served, "nowhere")]
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True, env=environment) as process:
        wait_until((programs / "copying").exists)
        process.send_signal(number)
        assert process.wait() == code
    if number in (signal.SIGKILL, signal.SIGQUIT):  # who ends the program then does so a moment later
        wait_until(lambda: of_session(process.pid) == [])
    else:
        assert of_session(process.pid) == []
        assert files_in(place) == []


@pytest.mark.tool("timeout")
def test_timeout_ends_all(served: FaultyRegistry, place: Path) -> None:
    """It sends its signal to bundler, and then to the whole group: a second one, while the first is being obeyed.

    When its time has come it does what it does when it gets a signal itself.
    """
    name = fail_at(served, "layer", never(threading.Event()))
    (layer,) = served.faults
    command = ["timeout", "1h", installed(), "build", "--quiet", INSECURE, name]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as process:
        wait_until(lambda: layer in served.asked)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate()
    assert stderr == b"bundler: error: terminated; nothing was left behind\n"
    assert of_session(process.pid) == []
    assert files_in(place) == []


@pytest.mark.tool("strace")
@pytest.mark.parametrize("command", ["build", "config", "inspect", "lock", "harden"])
def test_offline_opens_no_socket(served: FaultyRegistry, place: Path, command: str) -> None:
    name = fail_at(served, "nowhere")
    words, _ = COMMANDS[command]
    assert call_bundler("fetch", INSECURE, name).returncode == 0
    calls = place.parent / "calls"
    for image, code in ((name, 0), (f"docker://{name}", 2), ("missing:1", 2), ("docker-daemon:missing:1", 2)):
        trace = listing("socket,socketpair,connect", calls)
        done = call_bundler(*words, "--offline", image, strace=trace)
        assert done.returncode == code, done.stderr
        wait_until(lambda: "exited" in calls.read_text())
        assert [line for line in calls.read_text().splitlines() if "exited" not in line] == []

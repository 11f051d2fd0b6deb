"""`bundler doctor` beside what runc then does."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bundler.conversion.bundled_hooks import start
from tests.support.command import bundler, call_bundler
from tests.support.runtime import run

HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
pytestmark = [pytest.mark.root, pytest.mark.tool("runc")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bundle = tmp_path_factory.mktemp("doctor") / "bundle"
    bundler("build", HELLO, "--output", bundle)
    return bundle


@pytest.fixture
def bundle(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "bundle", symlinks=True))


def examined(bundle: Path, *options: str | Path) -> tuple[int, dict[str, str]]:
    """The exit code, and what was found by the check that found it."""
    done = call_bundler("doctor", bundle, "--json", *options)
    assert done.stderr == ""
    return done.returncode, {one["check"]: one["what"] for one in json.loads(done.stdout)["findings"]}


def test_a_bundle_that_runs_has_nothing_that_blocks(bundle: Path) -> None:
    assert examined(bundle)[0] == 0
    assert run(bundle).exit_code == 0


def in_config(change: Callable[[Any], object]) -> Callable[[Path], None]:
    def damage(bundle: Path) -> None:
        document = json.loads((bundle / "config.json").read_text())
        change(document)
        (bundle / "config.json").write_text(json.dumps(document))

    return damage


def a_mount(source: str, destination: str) -> Callable[[Path], None]:
    mount = {"destination": destination, "type": "bind", "source": source, "options": ["rbind"]}
    return in_config(lambda document: document["mounts"].append(mount))


def instead(content: str) -> Callable[[Path], None]:
    def damage(bundle: Path) -> None:
        (bundle / "rootfs/hello").write_text(content)

    return damage


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "no rootfs": ("rootfs", lambda bundle: shutil.rmtree(bundle / "rootfs")),
    "no program": ("program", lambda bundle: (bundle / "rootfs/hello").unlink()),
    "not executable": ("program", lambda bundle: (bundle / "rootfs/hello").chmod(0o644)),
    "no ELF file": ("program", instead("echo hello")),
    "no interpreter": ("program", instead("#!/bin/sh\n")),
    "not on PATH": ("program", in_config(lambda document: document["process"].update(args=["hello"]))),
    "nothing to run": ("form", in_config(lambda document: document["process"].update(args=[]))),
    "no source": ("mount-sources", a_mount("/nonexistent-source", "/srv")),
    "a directory onto a file": ("mount-kinds", a_mount("/etc", "/hello")),
    "a file onto a directory": ("mount-kinds", a_mount("/etc/passwd", "/home")),
    "no namespace": (
        "namespace-paths",
        in_config(lambda document: document["linux"]["namespaces"][1].update(path="/run/netns/nonexistent")),
    ),
    "no hook": (
        "hooks",
        in_config(lambda document: document.update(hooks={"createRuntime": [{"path": "/nonexistent"}]})),
    ),
    "no carried hook": (
        "hooks",
        in_config(lambda document: document.update(hooks={"createRuntime": [start("hooks/nonexistent")]})),
    ),
    "no AppArmor": (
        "apparmor",
        in_config(lambda document: document["process"].update(apparmorProfile="nonexistent-profile")),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_blocks_is_what_runc_does_not_start(bundle: Path, damage: str) -> None:
    check, damaged = DAMAGES[damage]
    damaged(bundle)
    code, findings = examined(bundle)
    assert code == 1
    assert check in findings
    assert run(bundle).exit_code != 0


def test_a_program_for_another_processor_is_told(tmp_path: Path) -> None:
    bundler("build", HELLO.with_name("hello-arm64.tar"), "--platform", "linux/arm64", "--output", tmp_path / "arm")
    assert examined(tmp_path / "arm")[1]["architecture"].startswith("/hello is for arm64")


def test_another_machine_judges_by_what_it_has_dumped(bundle: Path, tmp_path: Path) -> None:
    dumped = tmp_path / "machine.json"
    dumped.write_text(bundler("doctor", "--dump"))
    assert examined(bundle, "--target-features", dumped)[0] == 0
    other = json.loads(dumped.read_text()) | {"arch": "s390x", "namespaces": ["mount"]}
    dumped.write_text(json.dumps(other))
    code, findings = examined(bundle, "--target-features", dumped)
    assert code == 1
    assert {"architecture", "namespaces"} <= findings.keys()


def test_what_was_dumped_is_a_target_to_build_for(tmp_path: Path) -> None:
    (tmp_path / "machine.json").write_text(bundler("doctor", "--dump"))
    for name, target in (("a", "machine.json"), ("b", "host")):
        bundler("build", HELLO, "--target", target, "-o", tmp_path / name, cwd=tmp_path)
    recorded = [json.loads((tmp_path / name / "bundler.json").read_text())["target"] for name in ("a", "b")]
    assert recorded[0] == recorded[1] == json.loads((tmp_path / "machine.json").read_text())


@pytest.mark.tool("crun")
def test_a_bundle_is_judged_by_the_runtime_that_it_was_built_for(tmp_path: Path) -> None:
    (tmp_path / "crun.yaml").write_text("target: {runtime: crun}")
    bundler("build", HELLO, "--overrides", tmp_path / "crun.yaml", "-o", tmp_path / "b")

    def judged_by(*options: str) -> str:
        return str(json.loads(call_bundler("doctor", tmp_path / "b", "--json", *options).stdout)["target"]["runtime"])

    assert judged_by() == "crun"
    assert judged_by("--runtime", "runc") == "runc"
    assert json.loads(bundler("doctor", "--dump", "--runtime", "crun"))["runtime"] == "crun"


def test_on_a_machine_facts_come_first_and_findings_are_lines(tmp_path: Path) -> None:
    done = call_bundler("doctor", "--store", tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("runc ")
    assert "control groups" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dump", "x"], "--dump is about this machine"),
        (["--runtime", "youki"], "--runtime: youki is not known"),
        (["--runtime", "runc", "--target-features", "x", "."], "--target-features says which runtime there is"),
        (["--target-features", "x"], "--target-features is for a bundle"),
        (["nonexistent"], "nonexistent is not a bundle: there is no such directory"),
        (["/etc"], "it has no config.json"),
    ],
)
def test_a_wrong_request_is_one_line(arguments: list[str], message: str) -> None:
    done = call_bundler("doctor", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr

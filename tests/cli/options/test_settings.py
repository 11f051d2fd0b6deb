"""Settings without a file, as a person types them: above all files, in Docker's grammar."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundler.cli.options.settings import FLAGS
from bundler.overrides.docker_run import flags
from tests.support.command import call_bundler
from tests.support.image_files import layout_files, sample, write_archive


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("settings")
    write_archive(folder / "image.tar", layout_files({"1": sample()}))
    (folder / "web.yaml").write_text("environment: {A: file, B: file}\nuser: '5'\n")
    (folder / "host.yaml").write_text("network_mode: host\n")
    (folder / "ports.yaml").write_text("ports: ['80:80']\n")
    (folder / "inspect.json").write_text(
        json.dumps(
            [
                {"Id": name * 32, "Name": f"/{name}", "HostConfig": {}, "Config": {"Env": [f"IS={name}"]}}
                for name in ("aa", "bb")
            ]
        )
    )
    return folder


def config(folder: Path, *words: str) -> tuple[dict[str, Any], str]:
    done = call_bundler("config", "image.tar", *words, cwd=folder, env={"HERE": "1"})
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document, done.stderr


def test_every_flag_is_one_of_docker_with_its_short_form() -> None:
    shown = call_bundler("build", "--help").stdout
    for name in FLAGS:
        short = flags.FLAGS[name].short
        assert f"--{name}" in shown
        assert not short or f"-{short}" in shown


def test_they_lie_above_all_files(folder: Path) -> None:
    words = ["-e", "A=1", "-eHERE", "-u", "7", "-w", "/srv", "--read-only", "--cap-drop", "ALL", "--cap-add", "chown"]
    document, _ = config(folder, "--overrides", "web.yaml", *words)
    process = document["process"]
    assert {"A=1", "B=file", "HERE=1"} <= {*process["env"]}
    assert (process["user"]["uid"], process["cwd"], document["root"]["readonly"]) == (7, "/srv", True)
    assert process["capabilities"]["bounding"] == ["CAP_CHOWN"]


def test_a_relative_volume_lies_here_and_a_name_is_one_of_the_bundle(folder: Path) -> None:
    document, _ = config(folder, "-v", "./site:/site:ro", "-v", "data:/data")
    sources = {mount["destination"]: mount["source"] for mount in document["mounts"]}
    assert (sources["/site"], sources["/data"]) == (f"{folder}/site", "volumes/data")


@pytest.mark.parametrize(
    ("words", "connected", "warns"),
    [
        (["-p", "8080:80"], True, False),
        (["--network", "bridge"], True, False),
        (["--net", "none", "-p", "8080:80"], False, True),
        (["--overrides", "host.yaml", "-p", "8080:80"], False, True),
        (["--overrides", "ports.yaml"], False, True),
        (["--overrides", "ports.yaml", "--network", "bridge"], True, False),
    ],
)
def test_a_port_brings_the_bridge_unless_a_network_is_chosen(
    folder: Path, words: list[str], connected: bool, warns: bool
) -> None:
    document, told = config(folder, *words)
    assert ("hooks" in document) == connected
    assert ("ports: has no effect" in told) == warns


def test_ports_of_a_file_that_mean_nothing_say_what_to_do(folder: Path) -> None:
    _, told = config(folder, "--overrides", "ports.yaml")
    assert told == (
        "bundler: warning: ports.yaml:1:8: ports: has no effect since nothing connects the container; "
        "write network_mode: bridge, or build with --network bridge\n"
    )


def test_the_bundle_says_which_flag_set_a_value(folder: Path, tmp_path: Path) -> None:
    words = ["-e", "A=1", "--name", "web", "-p", "8080:80"]
    bundle = tmp_path / "b"
    done = call_bundler("build", "image.tar", "--rootless", "-q", "-o", str(bundle), *words, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    shown = call_bundler("explain", str(bundle)).stdout
    assert '"A=1"' in next(line for line in shown.splitlines() if "overrides --env A" in line)
    assert "overrides --publish 8080:80" in shown
    recorded = json.loads((bundle / "bundler.json").read_text())
    assert [file["name"] for file in recorded["overrides"]] == ["command line"]
    assert call_bundler("unit", str(bundle)).stdout.count("web") > 0


def test_a_lock_holds_a_build_to_its_settings(folder: Path, tmp_path: Path) -> None:
    lock = str(tmp_path / "l.lock")
    build = ("build", str(folder / "image.tar"), "--rootless", "-q", "--lock", lock)
    assert call_bundler(*build, "-o", str(tmp_path / "a"), "-e", "A=1").returncode == 0
    assert call_bundler(*build, "-o", str(tmp_path / "b"), "-e", "A=1", "--locked").returncode == 0
    other = call_bundler(*build, "-o", str(tmp_path / "c"), "-e", "A=2", "--locked")
    assert (other.returncode, "the sha256 of command line" in other.stderr) == (6, True)
    assert call_bundler(*build, "-o", str(tmp_path / "d"), "--locked").returncode == 6


def test_a_second_build_has_the_same_settings(folder: Path, tmp_path: Path) -> None:
    words = ("-e", "A=1", "-e", "HERE", "-v", "./x:/y", "--read-only", "--check-reproducible")
    done = call_bundler(
        "build", "image.tar", "--rootless", "-q", "-o", str(tmp_path / "b"), *words, cwd=folder, env={"HERE": "1"}
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_with_an_inspect_a_name_chooses_the_container(folder: Path) -> None:
    document, _ = config(folder, "--from-inspect", "inspect.json", "--name", "bb")
    assert "IS=bb" in document["process"]["env"]


def test_what_docker_refuses_ends_with_2(folder: Path) -> None:
    done = call_bundler("config", "image.tar", "-p", "80:x", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bundler: error: -p, --publish '80:x': ")

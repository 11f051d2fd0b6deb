"""What is offered for each kind of value; in a folder with something of every kind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bundler import data
from bundler.completion.answer import TABLE, offered
from bundler.completion.candidate import MOST
from tests.support.completable import make_completable

Offered = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("completion") / "work"
    return folder, make_completable(folder)


@pytest.fixture
def words(places: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Offered:
    folder, environment = places
    monkeypatch.chdir(folder)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def complete(line: str) -> list[str]:
        return [each.value for each in offered(data.load(TABLE), line.split(" "))]

    return complete


TRANSPORTS = [
    *("docker://", "docker-archive:", "oci-archive:", "oci:", "dir:", "rootfs-tar:", "rootfs:", "docker-daemon:"),
    "containers-storage:",
]
STORED = ["nginx:1.27", "registry.example:5000/team/web:2"]
DIRECTORIES = ["layout/", "srv/"]
FILES = ["compose.yaml", "inspect.json", "layout/", "layout.tar", "notes.txt", "saved.tar", "srv/", "two words.tar"]

OFFERED = {
    "build ": [*STORED, *TRANSPORTS, "layout/", "layout.tar", "saved.tar", "srv/", "two words.tar"],
    "build ./": [f"./{name}" for name in FILES],
    "build ./.": ["./.hidden.tar"],
    "build ~/work/no": ["~/work/notes.txt"],
    "build docker.io/li": ["docker.io/library/nginx:1.27"],
    "build docker://docker.io/l": ["docker://docker.io/library/nginx:1.27"],
    "build oci:": ["oci:layout/", "oci:srv/"],
    "build rootfs:": ["rootfs:layout/", "rootfs:srv/"],
    "build oci:layout:": ["oci:layout:v1", "oci:layout:v2"],
    "build docker-archive:saved.tar:": ["docker-archive:saved.tar:web:1", "docker-archive:saved.tar:web:2"],
    "build ./saved.tar:": ["./saved.tar:web:1", "./saved.tar:web:2"],
    "build oci-archive:layout.tar:": ["oci-archive:layout.tar:v1"],
    "build rootfs-tar:saved.tar:": [],
    "build docker-archive:notes.txt:": [],
    "build docker-daemon:": [],
    "fetch ngi": ["nginx:1.27"],
    "rm ": STORED,
    "rm nginx:1.27 reg": ["registry.example:5000/team/web:2"],
    "rm --store none ": [],
    "build nginx:1.27 --platform ": ["linux/amd64", "linux/arm64/v8"],
    "run nginx:1.27 --platform linux/a": ["linux/amd64", "linux/arm64/v8"],
    "run srv/w": ["srv/web"],
    "run ngi": ["nginx:1.27"],
    "build docker.io/library/nginx:1.27 --platform ": ["linux/amd64", "linux/arm64/v8"],
    "build registry.example:5000/team/web:2 --platform ": ["linux/arm64"],
    "build oci:layout:v2 --platform ": ["linux/arm64"],
    "build unknown --platform linux/arm": ["linux/arm64", "linux/arm/v7", "linux/arm/v6"],
    "build --tls-verify ": ["true", "false"],
    "build --tls-verify=t": ["--tls-verify=true"],
    "build --unpacker ": ["native", "umoci"],
    "build --target ": ["host", *FILES],
    "build --limit ent": ["entries="],
    "build --limit=ent": ["--limit=entries="],
    "build --uid-map ": [],
    "build --cap-add NET_A": ["NET_ADMIN"],
    "build --cap-drop AL": ["ALL"],
    "build -v no": ["notes.txt"],
    "build -e BUNDLER_ST": ["BUNDLER_STORE"],
    "build -w ": [],
    "build -o ": DIRECTORIES,
    "backup ": ["srv/"],
    "backup srv/": ["srv/web"],
    "backup layout/": ["layout/blobs/"],
    "run srv/web -- ": [],
    "verify sr": ["srv/"],
    "verify srv/": ["srv/web"],
    "diff ": ["docker", "docker@28", "docker@29", "none", "srv/", "inspect.json", "layout/"],
    "explain --profile no": ["none"],
    "explain srv/web ": ["/ociVersion", "/process", "/process/", "/annotations", "/annotations/"],
    "explain srv/web /process/": ["/process/args", "/process/args/", "/process/env"],
    "explain srv/web /process/args/": ["/process/args/0"],
    "explain srv/web /annotations/": ["/annotations/a~1b"],
    "explain srv/web /nonsense/": [],
    "explain --config srv/web/config.json /oci": ["/ociVersion"],
    "explain srv /": [],
    "build --from-compose com": ["compose.yaml"],
    "build --from-compose compose.yaml:": ["compose.yaml:web", "compose.yaml:db"],
    "build --from-compose=compose.yaml:d": ["--from-compose=compose.yaml:db"],
    "build --from-compose notes.txt:": [],
    "build --from-compose none:": [],
    "overrides from-compose compose.yaml ": ["web", "db"],
    "project com": ["compose.yaml"],
    "project compose.yaml ": ["web", "db"],
    "project compose.yaml web d": ["db"],
    "project compose.yaml --profile ": ["debug", "tools"],
    "project none --profile ": [],
    "project compose.yaml --overrides d": ["db="],
    "project compose.yaml --overrides db=not": ["db=notes.txt"],
    "project compose.yaml --subnet ": [],
    "overrides from-inspect inspect.json --name ": ["shop"],
    "build --from-inspect inspect.json --name ": ["shop"],
    "overrides ch": ["check"],
    "overrides from-docker-run -- --read": ["--read-only"],
    "overrides from-docker-run -- ": [],
    "harden --q": ["--quiet"],
    "help ver": ["verify"],
    "help overrides ch": ["check"],
    "hel": ["help"],
    "nonsense ": [],
    "build --json": [],
}


@pytest.mark.parametrize("line", OFFERED)
def test_what_a_value_may_be_is_offered(line: str, words: Offered) -> None:
    assert words(line) == OFFERED[line]


def test_installed_runtimes_are_offered(words: Offered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "crun").write_text("")
    (tmp_path / "crun").chmod(0o755)
    (tmp_path / "runc").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert words("run --runtime ") == words("doctor --runtime ") == ["crun"]
    assert words(f"run --runtime {tmp_path}/") == [f"{tmp_path}/crun"]


def test_options_are_offered_once_a_dash_is_typed(words: Offered) -> None:
    assert "--limit" in words("build --limit a=1 --l")
    assert "--offline" not in words("build --offline --o")
    assert {"-o", "-q", "--output"} <= {*words("build -")}
    assert words("build -- -") == []


def test_a_command_without_arguments_offers_its_options(words: Offered) -> None:
    assert "--json" in words("images ")


def test_what_is_offered_has_an_end(words: Offered, tmp_path: Path) -> None:
    for number in range(MOST + 20):
        (tmp_path / f"{number}.yaml").write_text("")
    assert len(words(f"overrides check {tmp_path}/")) == MOST

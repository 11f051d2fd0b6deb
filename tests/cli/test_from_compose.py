"""`bundler overrides from-compose` as a person runs it: the file on standard output, the rest beside it."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.command import bundler, call_bundler

HELLO = Path(__file__).parents[2] / "testdata" / "hello-amd64.tar"

FILE = """
services:
  web:
    image: "shop/web:${TAG:-latest}"
    build: .
    volumes: ["./site:/srv:ro"]
    environment: ["HERE", "MODE=$MODE"]
  db: {image: mariadb}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "compose.yaml").write_text(FILE)
    (tmp_path / ".env").write_text("MODE=never read\nTAG=never read\n")
    return tmp_path


def test_the_overrides_file_is_on_standard_output_and_the_rest_beside_it(project: Path) -> None:
    done = call_bundler("overrides", "from-compose", "compose.yaml", "web", cwd=project, env={"HERE": "1", "TAG": "2"})
    assert done.returncode == 0
    assert done.stdout.startswith('image: shop/web:latest\nenvironment:\n  HERE: null\n  MODE: ""\nvolumes:')
    assert YAML(typ="safe", pure=True).load(done.stdout)["volumes"] == [f"{project}/site:/srv:ro"]
    assert done.stderr.splitlines() == [
        "bundler: note: .env is read only where it is named as a file of variables",
        "bundler: warning: compose.yaml:7:27: the variable MODE is not set, and nothing stands in its place",
        "bundler: note: without meaning for a bundle: build (compose.yaml)",
    ]
    (project / "web.yaml").write_text(done.stdout)
    bundler("overrides", "check", project / "web.yaml")


def test_variables_come_from_the_command_line_and_files_lie_over_each_other(project: Path) -> None:
    (project / "prod.yaml").write_text("services: {web: {build: !reset null, tty: true}}")
    (project / "prod.env").write_text("TAG='1.2' # now\nMODE=file\n")
    words = ["compose.yaml", "web", "-f", "prod.yaml", "--env-file", "prod.env", "-e", "MODE=word", "-e", "HERE=a=b"]
    done = call_bundler("overrides", "from-compose", *words, cwd=project)
    assert done.stderr == ""
    assert "image: shop/web:1.2\n" in done.stdout
    assert '  HERE: "a=b"\n  MODE: word\n' in done.stdout
    assert "tty: true\n" in done.stdout


def test_variables_of_the_command_line_count_inside_files_of_variables(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        'services: {s: {image: x, volumes: ["${APP}/J:/c"], environment: [BAR=$BAR]}}'
    )
    (tmp_path / "prod.env").write_text("APP=/srv/${ID}\nFOO=foo\nBAR=${FOO}\n")
    words = ["compose.yaml", "--env", "ID=1000", "--env", "FOO=word", "--env-file", "prod.env"]
    done = call_bundler("overrides", "from-compose", *words, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("image: x\nenvironment:\n  BAR: word\nvolumes: [/srv/1000/J:/c]\n", "")


def test_the_folder_that_compose_would_be_called_in_is_that_of_the_compose_file(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    text = 'services: {s: {image: x, volumes: ["$PWD/data:/data", "${LOGS}:/logs"]}}'
    (tmp_path / "project/compose.yaml").write_text(text)
    (tmp_path / "logs.env").write_text("LOGS=${PWD}/logs\n")
    words = ["project/compose.yaml", "--env-file", "logs.env"]
    done = call_bundler("overrides", "from-compose", *words, cwd=tmp_path, env={"PWD": "/elsewhere"})
    folder = f"{tmp_path}/project"
    assert (done.stdout, done.stderr) == (f"image: x\nvolumes:\n  - {folder}/data:/data\n  - {folder}/logs:/logs\n", "")
    given = call_bundler("overrides", "from-compose", *words, "--env", "PWD=/srv", cwd=tmp_path)
    assert "volumes: [/srv/data:/data, /srv/logs:/logs]" in given.stdout


def test_a_compose_file_may_come_through_a_pipe(tmp_path: Path) -> None:
    done = call_bundler("overrides", "from-compose", "-", stdin=b"services: {a: {image: x}}", cwd=tmp_path)
    assert done.stdout == "image: x\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compose.yaml", "wbe"], "bundler: hint: did you mean 'web'?"),
        (["compose.yaml"], "compose.yaml has 2 services: name one"),
        (["."], "the file . is a folder, not a file"),
        (["nope.yaml", "web"], "the file nope.yaml does not exist"),
        (["compose.yaml", "web", "-e", "MODE"], "--env 'MODE': it is not NAME=VALUE"),
        (["compose.yaml", "web", "--env-file", "nope.env"], "the file nope.env does not exist"),
        (["compose.yaml", "\udcff"], "compose.yaml has no service '\\\\xff'"),
        (["/dev/zero", "web"], "/dev/zero is a device, not a file"),
    ],
    ids=range(8),
)
def test_what_cannot_be_done_ends_with_2(words: list[str], message: str, project: Path) -> None:
    done = call_bundler("overrides", "from-compose", *words, cwd=project)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2


HELLO_FILE = """
services:
  hello:
    build: .
    user: "0"
    environment: {GREETING: "${GREETING:-hi}"}
    depends_on: [other]
    volumes: ["cache:/cache"]
volumes: {cache: }
"""


def config(*words: str, cwd: Path) -> tuple[dict[str, Any], str]:
    done = call_bundler("config", str(HELLO), *words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_a_bundle_is_built_in_one_step_below_all_overrides(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(HELLO_FILE)
    (tmp_path / "prod.yaml").write_text("services: {hello: {hostname: prod}}")
    (tmp_path / "over.yaml").write_text("hostname: over\n")
    words = ["--from-compose=compose.yaml:hello", "--from-compose=prod.yaml", "--compose-env=GREETING=hello"]
    document, told = config(*words, cwd=tmp_path)
    assert "GREETING=hello" in document["process"]["env"]
    assert document["hostname"] == "prod"
    assert told.splitlines() == [
        "bundler: note: without meaning for a bundle: build (compose.yaml)",
        "bundler: note: only bundler project follows depends_on (compose.yaml)",
    ]
    assert config(*words, "--overrides=over.yaml", cwd=tmp_path)[0]["hostname"] == "over"
    bundler("build", HELLO, *words, "--output=bundle", "--rootless", "--check-reproducible", cwd=tmp_path)
    origins = bundler("explain", "bundle", "/process/env", cwd=tmp_path)
    assert "compose.yaml:6:29" in origins
    written = json.loads((tmp_path / "bundle" / "bundler.json").read_text())
    assert [file["name"] for file in written["overrides"]] == ["compose.yaml", "prod.yaml"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from-compose", "compose.yaml:helo"], "compose.yaml has no service 'helo'"),
        (["--from-compose", "compose.yaml:a", "--from-compose", "compose.yaml:b"], "one bundle is one service"),
        (["--compose-env", "A=1"], "are for the variables of --from-compose FILE"),
        (["--from-compose", "-", "--overrides", "-"], "standard input can be read only once"),
    ],
    ids=range(4),
)
def test_a_build_that_cannot_be_done_ends_with_2(words: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(HELLO_FILE)
    done = call_bundler("config", str(HELLO), *words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_service_that_is_built_needs_an_image_from_somewhere(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(HELLO_FILE)
    done = call_bundler("config", "--from-compose=compose.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "compose.yaml:4:12: hello is built, and no image is named" in done.stderr


CARRIED = """
services:
  s:
    image: x
    command: [/hello]
    network_mode: bridge
    extra_hosts: ["host.docker.internal:host-gateway"]
    configs: [{source: app, target: /etc/app.conf}]
configs: {app: {content: "level = info\\n"}}
"""


def test_a_config_of_the_compose_file_is_a_file_of_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(CARRIED)
    bundler("build", HELLO, "--from-compose", "compose.yaml:s", "-o", "bundle", cwd=tmp_path)
    carried = tmp_path / "bundle/etc/content-etc-app.conf"
    assert carried.read_text() == "level = info\n"
    assert carried.stat().st_mtime == 0
    assert "10.90.0.1\thost.docker.internal\n" in (tmp_path / "bundle/etc/hosts").read_text()
    bundler("verify", "bundle", cwd=tmp_path)


def test_the_machine_has_no_address_where_no_bridge_is_made(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(CARRIED.replace("bridge", "none"))
    refused = call_bundler("overrides", "from-compose", "compose.yaml", cwd=tmp_path)
    assert refused.returncode == 2
    assert "host-gateway is an address that a daemon chooses" in refused.stderr
    done = call_bundler("config", HELLO, "--from-compose", "compose.yaml:s", cwd=tmp_path)
    assert done.returncode == 2

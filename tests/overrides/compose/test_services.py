"""Services: extended, included and laid over each other by compose's rules."""

from pathlib import Path

import pytest

from tests.support.compose import keys, refused
from tests.support.messages import tells

BASE = "services: {base: {image: base, command: [serve], environment: {A: 1, B: 2}, volumes: ['./in:/in']}}"


@pytest.mark.parametrize(
    ("below", "above", "merged"),
    [
        ("command: [a]", "command: b c", {"command": "b c"}),
        ("command: [a]", "command: null", {"command": ["a"]}),
        ("entrypoint: [a, b]", "entrypoint: [c]", {"entrypoint": ["c"]}),
        ("environment: {A: 1, B: x}", "environment: [B=2, C=3]", {"environment": {"A": "1", "B": "2", "C": "3"}}),
        ("environment: [A=1]", "environment: {A: }", {"environment": {"A": None}}),
        (
            "environment: {A: 1.10, B: TRUE, C: '1.10', D: 0x10, E: 1e3, F: 1e-7, G: 1e21, H: 010, I: 0.0}",
            "labels: {x: , y: 2.0}",
            {
                "environment": {
                    "A": "1.1",
                    "B": "true",
                    "C": "1.10",
                    "D": "16",
                    "E": "1000",
                    "F": "1e-07",
                    "G": "1e+21",
                    "H": "8",
                    "I": "0",
                },
                "labels": {"x": "", "y": "2"},
            },
        ),
        ("labels: {a: 1}", "labels: ['a=2', b]", {"labels": {"a": "2", "b": ""}}),
        ("sysctls: {a.b: 1}", "sysctls: ['a.b=2']", {"sysctls": {"a.b": "2"}}),
        ("cap_add: [BPF, KILL]", "cap_add: [KILL, CHOWN]", {"cap_add": ["BPF", "KILL", "CHOWN"]}),
        ("dns: 1.1.1.1", "dns: [9.9.9.9, 1.1.1.1]", {"dns": ["1.1.1.1", "9.9.9.9"]}),
        ("tmpfs: /run", "tmpfs: ['/tmp', '/run:size=1m']", {"tmpfs": ["/run:size=1m", "/tmp"]}),
        ("devices: ['/dev/a:/dev/x']", "devices: ['/dev/b:/dev/x:r']", {"devices": ["/dev/b:/dev/x:r"]}),
        ("volumes: ['/a:/x', /y]", "volumes: ['/b:/x/:ro']", {"volumes": ["/b:/x/:ro", "/y"]}),
        ("ports: ['80:80']", "ports: ['443:443', '80:80']", {"ports": ["80:80", "443:443"]}),
        ("expose: [80]", "expose: [81, 80]", {"expose": [80, 81]}),
        ("extra_hosts: {a: 10.0.0.1}", "extra_hosts: ['b:10.0.0.2']", {"extra_hosts": ["a=10.0.0.1", "b:10.0.0.2"]}),
        (
            "ulimits: {nofile: {soft: 1, hard: 2}}",
            "ulimits: {nofile: 3, core: 0}",
            {"ulimits": {"nofile": 3, "core": 0}},
        ),
        (
            "healthcheck: {test: [CMD, a], interval: 5s}",
            "healthcheck: {test: b, retries: 2}",
            {"healthcheck": {"test": "b", "interval": "5s", "retries": 2}},
        ),
        (
            "logging: {driver: a, options: {x: 1}}",
            "logging: {options: {y: 2}}",
            {"logging": {"driver": "a", "options": {"x": 1, "y": 2}}},
        ),
        (
            "logging: {driver: a, options: {x: 1}}",
            "logging: {driver: b}",
            {"logging": {"driver": "b"}},
        ),
        (
            "deploy: {resources: {limits: {cpus: '1', memory: 1g}}}",
            "deploy: {resources: {limits: {memory: 2g}}}",
            {"cpus": "1", "mem_limit": "2g"},
        ),
        (
            "blkio_config: {weight: 10, device_read_bps: [{path: '8:0', rate: 1}]}",
            "blkio_config: {weight: 20, device_read_bps: [{path: '8:1', rate: 2}]}",
            {
                "blkio_config": {
                    "weight": 20,
                    "device_read_bps": [{"path": "8:0", "rate": 1}, {"path": "8:1", "rate": 2}],
                }
            },
        ),
        (
            "security_opt: [label=x]",
            "security_opt: !override [no-new-privileges]",
            {"security_opt": ["no-new-privileges"]},
        ),
        ("cap_add: [BPF]\n    tty: true", "cap_add: !override [KILL]\n    tty: !reset null", {"cap_add": ["KILL"]}),
        ("environment: {A: 1, B: 2}", "environment: !reset {}", {}),
        (
            "healthcheck: {test: a, interval: 5s}",
            "healthcheck: {interval: !reset null}",
            {"healthcheck": {"test": "a"}},
        ),
        ("read_only: true", "read_only: no", {"read_only": False}),
        ("networks: [a, b]", "networks: {b: {aliases: [x]}}", {"networks": {"a": None, "b": {"aliases": ["x"]}}}),
        ("env_file: [a.env]", "env_file: a.env", {"env_file": [{"path": "a.env", "variables": ["A=1"]}]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_over_another(below: str, above: str, merged: dict[str, object], tmp_path: Path) -> None:
    files = {
        "compose.yaml": f"services:\n  web:\n    image: x\n    {below}\nnetworks: {{a: , b: }}\n",
        "over.yaml": f"services:\n  web:\n    {above}\n",
        "a.env": "A=1\n",
    }
    found = keys(tmp_path, files, over=("over.yaml",))
    assert found == {"image": "x"} | merged
    # What lies below by extends is merged by the same rules.
    extending = f"services:\n  base:\n    image: x\n    {below}\n  web:\n    extends: base\n    {above}\n"
    extended = keys(tmp_path, files | {"compose.yaml": extending + "networks: {a: , b: }\n"})
    assert extended == {"image": "x"} | merged


def test_a_chain_of_services_through_several_files(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "services: {web: {extends: {file: a/one.yaml, service: mid}, environment: {B: web}}}",
        "a/one.yaml": "services: {mid: {extends: {file: ../b/two.yaml, service: base}, volumes: ['./mid:/mid']}}",
        "b/two.yaml": BASE,
    }
    assert keys(tmp_path, files) == {
        "image": "base",
        "command": ["serve"],
        "environment": {"A": "1", "B": "web"},
        "volumes": ["FOLDER/b/in:/in", "FOLDER/a/mid:/mid"],
    }


def test_fragments_and_merge_keys(tmp_path: Path) -> None:
    text = """
x-common: &common
  restart: always
  environment: &env {TZ: UTC}
services:
  web:
    <<: *common
    image: x
    environment: {<<: *env, A: 1}
"""
    assert keys(tmp_path, text) == {
        "image": "x",
        "restart": "always",
        "environment": {"A": "1", "TZ": "UTC"},
    }


def test_included_files_have_their_own_folder_and_variables(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "include: [{path: db/c.yaml, env_file: db.env}]\nservices: {web: {image: w}, db: {tty: true}}",
        "db/c.yaml": "services: {db: {image: 'db:$TAG-$MORE', volumes: ['./data:/data']}}",
        "db.env": "TAG=file\nMORE=file\n",
    }
    assert keys(tmp_path, files, "db", TAG="given") == {
        "image": "db:given-file",
        "tty": True,
        "volumes": ["FOLDER/db/data:/data"],
    }
    assert keys(tmp_path, files) == {"image": "w"}


def test_paths_of_later_files_are_relative_to_the_first(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "services: {web: {image: x}}",
        "prod/c.yaml": "services: {web: {volumes: ['./a:/a', '../b:/b', '.:/c']}}",
    }
    above = tmp_path / "project"
    assert keys(above, files, over=("prod/c.yaml",))["volumes"] == ["FOLDER/a:/a", f"{tmp_path}/b:/b", "FOLDER:/c"]


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ("services: {wbe: {image: x}}", "compose.yaml has no service 'web'", "did you mean 'wbe'?"),
        ("{}", "compose.yaml has no service 'web'", "known here: none"),
        ("services: {web: }", "compose.yaml:1:16: a service is a map of keys", None),
        ("services: [web]", "compose.yaml:1:11: services: a map of names is expected here", None),
        ("servces: {}", "compose.yaml:1:1: unknown key 'servces'", "did you mean 'services'?"),
        ("services: {web: {imag: x}}", "compose.yaml:1:18: unknown key 'imag'", "did you mean 'image'?"),
        ("services: {web: {image: x, tty: 1}}", "compose.yaml:1:33: tty: found 1", None),
        ("services: {web: {extends: a}, a: {extends: web}}", "cannot extend itself (web → a → web)", None),
        (
            "services: {web: {extends: {service: web, file: ./compose.yaml}}}",
            "cannot extend itself (web → web)",
            None,
        ),
        ("services: {web: {extends: wbe}, web2: {}}", "compose.yaml:1:27: compose.yaml has no service 'wbe'", None),
        ("services: {web: {extends: {file: x.yaml}}}", "extends: service is missing", None),
        ("services: {web: {extends: {file: x.yaml, service: a}}}", "x.yaml does not exist", None),
        ("services: {web: {extends: {file: /, service: a}}}", "the file / is a folder, not a file", None),
        ("include: [compose.yaml]", "include: compose.yaml includes itself", None),
        ("include: [{paths: a}]", "include: unknown key 'paths'", None),
        ("include: {path: a}", "include: a list of files is expected here", None),
        ("services: {web: {image: '${X:?why}'}}", "compose.yaml:1:25: the variable X is not set: why", None),
        ("services: {web: {build: .}}", "web is built, and no image is named", None),
        ("services: {web: {tty: true}}", "web has no image", "name one with image:"),
        ("services: {web: {image: x, volumes: ['~/x:/y']}}", "is below the home of the user who runs compose", None),
        ("services: {web: {image: x, networks: [a]}}", "networks: 'a' is not defined", "add it under networks:"),
        (
            "services: {web: {image: x, networks: {b: }}}\nnetworks: {bb: }",
            "networks: 'b' is not",
            "did you mean 'bb'?",
        ),
        ("services: {web: {image: x, networks: [default], network_mode: host}}", "network_mode says otherwise", None),
        ("services: {web: {image: x, env_file: no.env}}", "no.env does not exist", None),
        ("services: {web: {image: x, env_file: {path: a, format: z}}}", "env_file: found a map", None),
        ("a: &a [b]\nservices: {web: *c}", "compose.yaml:2:17: the alias *c has no anchor above it", None),
        ("services: {web: &a {image: *a}}", "an alias that holds itself", None),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_a_mistake_is_named_with_its_place(files: str, message: str, hint: str | None, tmp_path: Path) -> None:
    error = refused(tmp_path, files)
    assert message in error.what
    assert (error.hint or "").startswith(hint or "")


def test_services_that_extend_each_other_without_end_are_refused(tmp_path: Path) -> None:
    chain = "".join(f"  s{number}: {{extends: s{number + 1}}}\n" for number in range(3000))
    error = refused(tmp_path, f"services:\n{chain}  s3000: {{image: x}}\n", "s0")
    assert "cannot extend itself" in error.what


def test_services_in_terms_of_two_others_each_are_counted(tmp_path: Path) -> None:
    lines = (f"  s{number}: {{image: x, volumes_from: [s{number + 1}, s{number + 1}]}}\n" for number in range(15))
    error = refused(tmp_path, f"services:\n{''.join(lines)}  s15: {{image: x}}\n", "s0")
    assert "more than 1000 services are said in terms of others" in error.what


def test_files_that_include_each_other_without_end_are_refused(tmp_path: Path) -> None:
    twice = {f"{number}.yaml": f"include: [{number + 1}.yaml, {number + 1}.yaml]" for number in range(20)}
    error = refused(tmp_path, {"compose.yaml": "include: [0.yaml]", "20.yaml": "{}"} | twice)
    assert "a project of more than 100 files" in error.what


def test_a_variable_cannot_make_of_a_file_a_thousand(tmp_path: Path) -> None:
    lines = "".join(f"      N{number}: $BIG\n" for number in range(200))
    text = f"services:\n  web:\n    image: i\n    environment:\n{lines}"
    error = refused(tmp_path, text, BIG="x" * 100_000)
    assert tells(error.what, "compose.yaml:172:13: ", "16777216 characters")


@pytest.mark.slow
def test_files_of_a_project_are_counted_together(tmp_path: Path) -> None:
    listed = "[" + "1," * 20_000 + "]"
    files = {f"{number}.yaml": f"x-much: {listed}" for number in range(3)}
    error = refused(tmp_path, {"compose.yaml": "include: [0.yaml, 1.yaml, 2.yaml]"} | files)
    assert tells(error.what, "2.yaml:1:19988: ", "50000 values")


@pytest.mark.parametrize("key", ["env_file", "label_file"])
def test_files_of_variables_are_counted(key: str, tmp_path: Path) -> None:
    names = [f"{number}.env" for number in range(101)]
    text = f"services:\n  web:\n    image: i\n    {key}: [{', '.join(names)}]\n"
    error = refused(tmp_path, {"compose.yaml": text} | dict.fromkeys(names, "A=1\n"))
    assert "a project of more than 100 files" in error.what


def test_what_is_octal_to_compose_is_octal(tmp_path: Path) -> None:
    text = """
services:
  web:
    image: x
    volumes: [{type: tmpfs, target: /t, tmpfs: {mode: 01777}}]
    group_add: [010]
"""
    assert keys(tmp_path, text) == {
        "image": "x",
        "volumes": [{"type": "tmpfs", "target": "/t", "tmpfs": {"mode": 0o1777}}],
        "group_add": [8],
    }


TEXTS = (
    *("container_name", "platform", "runtime", "isolation", "hostname", "domainname", "mac_address", "dns", "user"),
    *("working_dir", "restart", "stop_signal", "network_mode", "ipc", "pid", "uts", "userns_mode", "cgroup_parent"),
    "cpuset",
)


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_that_is_empty_counts_as_not_given(key: str, tmp_path: Path) -> None:
    assert keys(tmp_path, f'services: {{web: {{image: a, {key}: "${{NONE-}}"}}}}') == {"image": "a"}


@pytest.mark.parametrize("key", ["hostname", "user"])
def test_a_text_that_is_empty_takes_away_what_lies_below(key: str, tmp_path: Path) -> None:
    files = {
        "compose.yaml": f"services: {{web: {{image: a, {key}: below}}}}",
        "over.yaml": f"services: {{web: {{{key}: ''}}}}",
    }
    assert keys(tmp_path, files, over=("over.yaml",)) == {"image": "a"}


@pytest.mark.parametrize("key", ["tty", "read_only", "cpus", "mem_limit", "pids_limit", "init", "stop_grace_period"])
def test_a_number_or_a_switch_that_is_empty_is_refused_as_by_compose(key: str, tmp_path: Path) -> None:
    assert key in refused(tmp_path, f'services: {{web: {{image: a, {key}: "${{NONE-}}"}}}}').what


def test_a_limit_that_compose_leaves_out_is_none(tmp_path: Path) -> None:
    text = "services: {web: {image: a, ulimits: {core: {hard: 5}, nofile: {soft: 1, hard: 2}, nproc: 7}}}"
    found = keys(tmp_path, text)["ulimits"]
    assert found == {"core": {"soft": 0, "hard": 5}, "nofile": {"soft": 1, "hard": 2}, "nproc": 7}

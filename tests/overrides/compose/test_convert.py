"""A service of a compose file as an overrides file: every key, what is said beside it, and the same as docker run."""

from pathlib import Path
from typing import Any

import pytest

from bundler.overrides import schema
from bundler.overrides.docker_run.environment import Client
from bundler.overrides.docker_run.settings import convert as convert_line
from bundler.overrides.load import load_one
from tests.support.compose import imported, keys, refused, remarks
from tests.support.inputs import converted
from tests.support.projects import project

# Every key of a service that compose knows: a value, and the key it becomes ("" for those that are reported).
KEYS = {
    "annotations": ("{a: b}", "annotations"),
    "attach": ("false", ""),
    "blkio_config": ("{weight: 300}", "blkio_config"),
    "build": (".", ""),
    "cap_add": ("[NET_ADMIN]", "cap_add"),
    "cap_drop": ("[ALL]", "cap_drop"),
    "cgroup": ("host", "cgroup"),
    "cgroup_parent": ("/x", "cgroup_parent"),
    "command": ("[a]", "command"),
    "configs": ("[conf]", "volumes"),
    "container_name": ("web1", "container_name"),
    "cpu_count": ("2", ""),
    "cpu_percent": ("50", ""),
    "cpu_period": ("'50000'", "cpu_period"),
    "cpu_quota": ("25000", "cpu_quota"),
    "cpu_rt_period": ("'1ms'", "cpu_rt_period"),
    "cpu_rt_runtime": ("950", "cpu_rt_runtime"),
    "cpu_shares": ("512", "cpu_shares"),
    "cpus": ("'0.5'", "cpus"),
    "cpuset": ("0-1", "cpuset"),
    "credential_spec": ("{file: a}", ""),
    "depends_on": ("{db: {condition: service_started}}", ""),
    "deploy": ("{resources: {limits: {pids: 5}}}", "pids_limit"),
    "develop": ("{watch: []}", ""),
    "device_cgroup_rules": ("['c 1:* r']", "device_cgroup_rules"),
    "devices": ("[/dev/fuse]", "devices"),
    "dns": ("9.9.9.9", "dns"),
    "dns_opt": ("[ndots:2]", "dns_opt"),
    "dns_search": ("example.org", "dns_search"),
    "domainname": ("example.org", "domainname"),
    "entrypoint": ("[a]", "entrypoint"),
    "env_file": ("[{path: x.env, format: raw}]", "env_file"),
    "environment": ("[A=1]", "environment"),
    "expose": ("[80]", "expose"),
    "extends": ("other", "stdin_open"),
    "external_links": ("[db]", ""),
    "extra_hosts": ("['a:10.0.0.1']", "extra_hosts"),
    "group_add": ("[audio, 7]", "group_add"),
    "healthcheck": ("{test: [CMD, a]}", "healthcheck"),
    "hostname": ("web", "hostname"),
    "image": ("x", "image"),
    "init": ("true", "init"),
    "ipc": ("host", "ipc"),
    "isolation": ("default", ""),
    "label_file": ("x.env", "labels"),
    "labels": ("{a: 1}", "labels"),
    "links": ("[db]", ""),
    "logging": ("{driver: journald}", "logging"),
    "mac_address": ("'02:42:ac:11:65:43'", "mac_address"),
    "mem_limit": ("64m", "mem_limit"),
    "mem_reservation": ("32m", "mem_reservation"),
    "mem_swappiness": ("'10'", "mem_swappiness"),
    "memswap_limit": ("-1", "memswap_limit"),
    "models": ("[llm]", ""),
    "network_mode": ("host", "network_mode"),
    "networks": ("[front]", "networks"),
    "oom_kill_disable": ("true", "oom_kill_disable"),
    "oom_score_adj": ("'5'", "oom_score_adj"),
    "pid": ("host", "pid"),
    "pids_limit": ("5", "pids_limit"),
    "platform": ("linux/amd64", "platform"),
    "ports": ("['80:80']", "ports"),
    "post_start": ("[{command: a}]", ""),
    "pre_stop": ("[{command: a}]", ""),
    "privileged": ("'true'", "privileged"),
    "provider": ("{type: a}", ""),
    "pull_policy": ("always", ""),
    "pull_refresh_after": ("24h", ""),
    "read_only": ("true", "read_only"),
    "restart": ("always", "restart"),
    "runtime": ("runc", ""),
    "scale": ("2", ""),
    "secrets": ("[token]", "volumes"),
    "security_opt": ("[no-new-privileges]", "security_opt"),
    "shm_size": ("64m", "shm_size"),
    "stdin_open": ("true", "stdin_open"),
    "stop_grace_period": ("10s", "stop_grace_period"),
    "stop_signal": ("SIGUSR1", "stop_signal"),
    "storage_opt": ("{size: 1g}", ""),
    "sysctls": ("{net.core.somaxconn: 9}", "sysctls"),
    "tmpfs": ("/run", "tmpfs"),
    "tty": ("'on'", "tty"),
    "ulimits": ("{nofile: 9}", "ulimits"),
    "use_api_socket": ("false", ""),
    "user": ("'33:33'", "user"),
    "userns_mode": ("host", "userns_mode"),
    "uts": ("host", "uts"),
    "volumes": ("['data:/x']", "volumes"),
    "volumes_from": ("[other]", "volumes"),
    "working_dir": ("/x", "working_dir"),
}
REFUSED = {"gpus": "all"}
NO_KEYS_OF_THE_BUNDLE = ("profiles",)
PROJECT = """
services:
  web:
    image: x
    {}: {}
  other: {{stdin_open: true, volumes: ['/a:/a']}}
networks: {{front: }}
volumes: {{data: }}
configs: {{conf: {{file: a}}}}
secrets: {{token: {{file: a}}}}
"""

OF_PROJECTS = ("depends_on", "links", "scale")


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_compose_is_carried_or_reported(key: str, tmp_path: Path) -> None:
    value, becomes = KEYS[key]
    text = PROJECT.format(key, value).replace("    image: x\n    image", "    image")
    found = imported(tmp_path, {"compose.yaml": text, "x.env": "A=1"})
    load_one(found.text.encode(), "web.yaml")
    if becomes:
        assert becomes in found.keys
        assert not any(key in remark for remark in found.remarks)
    else:
        assert list(found.keys) == ["image"]
        lost = "only bundler project follows" if key in OF_PROJECTS else "without meaning for a bundle:"
        assert f"note: {lost} {key} (compose.yaml)" in found.remarks


def test_replicas_are_a_projects(tmp_path: Path) -> None:
    text = "services: {web: {image: x, deploy: {replicas: 2, endpoint_mode: vip}}}"
    assert imported(tmp_path, text).remarks == (
        "note: without meaning for a bundle: deploy.endpoint_mode (compose.yaml)",
        "note: only bundler project follows deploy.replicas (compose.yaml)",
    )
    assert project(tmp_path, text).remarks == imported(tmp_path, text).remarks[:1]


def test_no_key_of_compose_was_forgotten() -> None:
    rules = schema.document()["properties"]
    assert {key for key, rule in rules.items() if "ignored" in rule} <= {*KEYS, *NO_KEYS_OF_THE_BUNDLE}
    assert {*KEYS, *REFUSED, *NO_KEYS_OF_THE_BUNDLE} <= set(rules)
    assert len({*KEYS, *REFUSED, *NO_KEYS_OF_THE_BUNDLE}) == 92


@pytest.mark.parametrize("key", REFUSED)
def test_what_no_bundle_can_have_is_refused_where_it_stands(key: str, tmp_path: Path) -> None:
    text = PROJECT.format(key, REFUSED[key])
    assert refused(tmp_path, text).what.startswith(f"compose.yaml:5:11: {key}: ")


def test_a_mistake_in_a_value_is_told_with_its_place_in_the_compose_file(tmp_path: Path) -> None:
    text = "services:\n  web:\n    image: x\n    volumes:\n      - /a:/b\n      - /c:/d:wrong\n"
    assert refused(tmp_path, text).what.startswith("compose.yaml:6:9: volumes: unknown option 'wrong'")


def test_a_service_behind_a_profile_can_be_named(tmp_path: Path) -> None:
    told = remarks(tmp_path, "services: {web: {image: x, profiles: [debug, ci]}}")
    assert told == ["note: compose starts web only with the profile debug, ci; it was named, so it is taken"]


def test_of_each_variable_only_what_counts_is_left(tmp_path: Path) -> None:
    files = {
        "compose.yaml": """
services:
  web:
    image: x
    env_file: [a.env, {path: in/b.env, format: raw}, {path: none.env, required: false}]
    environment: {C: own, D: , GIVEN: , E: 1e3}
""",
        "a.env": "A='a' # 1\nB=a\nC=a\nD=a\nS=$C-$GIVEN\n",
        "in/b.env": "B='b' # 2\n",
    }
    assert keys(tmp_path, files, GIVEN="given") == {
        "image": "x",
        "env_file": [
            {"path": "a.env", "variables": ["A=a", "S=own-given"]},
            {"path": "in/b.env", "variables": ["B='b' # 2"]},
        ],
        "environment": {"C": "own", "D": None, "GIVEN": "given", "E": "1000"},
    }


def test_a_seccomp_profile_is_read_in(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "services: {web: {image: x, security_opt: ['seccomp:./s.json', 'label:disable']}}",
        "s.json": '{"defaultAction": "SCMP_ACT_ALLOW"}',
    }
    assert keys(tmp_path, files) == {
        "image": "x",
        "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"},
        "security_opt": ["label:disable"],
    }


def test_a_profile_of_apparmor_is_not_lost(tmp_path: Path) -> None:
    found = keys(tmp_path, "services: {web: {image: x, security_opt: ['apparmor:mine']}}")
    assert found == {"image": "x", "security_opt": ["apparmor:mine"], "target": {"apparmor": True}}


def test_a_value_never_refers_to_the_images(tmp_path: Path) -> None:
    found = imported(tmp_path, "services: {web: {image: x, environment: {A: 'x=$${image:PATH}'}}}")
    image = {"Env": ["PATH=/bin"], "Cmd": ["a"]}
    assert "A=x=${image:PATH}" in converted(found.text, config=image)["process"]["env"]


def test_the_projects_name_is_a_variable(tmp_path: Path) -> None:
    text = "name: shop\nservices: {web: {image: '$COMPOSE_PROJECT_NAME/web'}}"
    assert keys(tmp_path, text)["image"] == "shop/web"


def test_without_a_name_the_only_service_is_taken(tmp_path: Path) -> None:
    assert imported(tmp_path, "services: {any: {image: x}}", None).keys == {"image": "x"}
    assert "has 2 services: name one" in refused(tmp_path, "services: {a: {}, b: {}}", None).what


def test_the_text_is_the_same_each_time_and_each_value_has_its_place(tmp_path: Path) -> None:
    text = "services:\n  web:\n    image: x\n    environment: {B: 1, A: 2}\n    cap_add: [BPF, KILL]\n"
    first, second = (imported(tmp_path, text) for _ in range(2))
    assert first.text == second.text == 'image: x\ncap_add: [BPF, KILL]\nenvironment:\n  B: "1"\n  A: "2"\n'
    assert first.root.entries()["environment"].entries()["A"].origin.where == "compose.yaml:4:28"
    assert first.root.entries()["cap_add"].items()[1].origin.where == "compose.yaml:5:20"
    assert [file.name for file in first.files] == ["compose.yaml"]


LISTINGS: dict[str, tuple[str, list[str]]] = {
    "a web server": (
        """
    image: nginx:1.27
    command: [nginx, -g, 'daemon off;']
    user: '101:101'
    read_only: true
    tmpfs: [/run, '/tmp:size=64m']
    volumes: ['/srv/www:/var/www:ro', 'cache:/var/cache/nginx']
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    security_opt: ['no-new-privileges:true']
    environment: {TZ: Europe/Berlin, A: '1'}
    deploy: {resources: {limits: {cpus: '1.50', memory: 512M, pids: 200}}}
    hostname: web1
""",
        [
            *["-u", "101:101", "--read-only", "--tmpfs", "/run", "--tmpfs", "/tmp:size=64m"],
            *["-v", "/srv/www:/var/www:ro", "-v", "cache:/var/cache/nginx", "--cap-drop", "ALL"],
            *["--cap-add", "NET_BIND_SERVICE", "--security-opt", "no-new-privileges:true"],
            *["-e", "TZ=Europe/Berlin", "-e", "A=1", "--cpus", "1.50", "-m", "512m", "--pids-limit", "200"],
            *["--hostname", "web1", "nginx:1.27", "nginx", "-g", "daemon off;"],
        ],
    ),
    "a database": (
        """
    image: mariadb:11
    entrypoint: docker-entrypoint.sh
    command: mariadbd --max-connections "50"
    working_dir: /var/lib/mysql
    volumes: [{type: bind, source: /srv/db, target: /var/lib/mysql, bind: {propagation: rslave}}]
    environment: [MARIADB_ROOT_PASSWORD=s3cret, MARIADB_DATABASE=shop]
    ulimits: {nofile: {soft: 1024, hard: 65536}, core: 0}
    sysctls: {net.core.somaxconn: 1024}
    shm_size: 128m
    mem_limit: 1g
    mem_reservation: 512m
    memswap_limit: 1g
    init: true
    tty: true
    oom_score_adj: -500
    stop_signal: SIGTERM
    group_add: ['44']
""",
        [
            *["--entrypoint", "docker-entrypoint.sh", "-w", "/var/lib/mysql", "-e", "MARIADB_ROOT_PASSWORD=s3cret"],
            *["--mount", "type=bind,src=/srv/db,dst=/var/lib/mysql,bind-propagation=rslave"],
            *["-e", "MARIADB_DATABASE=shop", "--ulimit", "nofile=1024:65536", "--ulimit", "core=0"],
            *["--sysctl", "net.core.somaxconn=1024", "--shm-size", "128m", "-m", "1g", "--memory-reservation", "512m"],
            *["--memory-swap", "1g", "--init", "-t", "--oom-score-adj", "-500", "--stop-signal", "SIGTERM"],
            *["--group-add", "44", "mariadb:11", "mariadbd", "--max-connections", "50"],
        ],
    ),
    "a worker near the machine": (
        """
    image: worker
    network_mode: host
    pid: host
    ipc: host
    uts: host
    userns_mode: host
    privileged: true
    devices: ['/dev/fuse:/dev/fuse:r']
    device_cgroup_rules: ['c 42:* rwm']
    cpu_shares: 256
    cpuset: 0-1
    blkio_config: {weight: 300}
    cgroup_parent: /work
    dns: [9.9.9.9]
    extra_hosts: ['db:10.0.0.5']
    annotations: {org.example.team: web}
""",
        [
            *["--network", "host", "--pid", "host", "--ipc", "host", "--uts", "host", "--userns", "host"],
            *["--privileged", "--device", "/dev/fuse:/dev/fuse:r", "--device-cgroup-rule", "c 42:* rwm"],
            *["--cpu-shares", "256", "--cpuset-cpus", "0-1", "--blkio-weight", "300", "--cgroup-parent", "/work"],
            *["--dns", "9.9.9.9", "--add-host", "db:10.0.0.5", "--annotation", "org.example.team=web", "worker"],
        ],
    ),
}


@pytest.mark.parametrize("title", LISTINGS)
def test_config_json_is_the_same_as_from_the_docker_run_line_that_says_the_same(title: str, tmp_path: Path) -> None:
    service, line = LISTINGS[title]
    found = imported(tmp_path, f"services:\n  web:{service}\nvolumes: {{cache: }}\n")
    image: dict[str, Any] = {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], "Volumes": {"/var/cache/nginx": {}}}
    from_line = convert_line(line, Client()).text
    assert converted(found.text, config=image) == converted(from_line, config=image)


@pytest.mark.parametrize("value", ["\udcff", "a\0"])
def test_a_variable_that_is_no_text_is_refused_where_it_stands(tmp_path: Path, value: str) -> None:
    text = "services: {web: {image: x, labels: {a: '$WORD'}}}"
    assert refused(tmp_path, text, WORD=value).what.startswith("compose.yaml:1:40: text cannot hold a NUL")

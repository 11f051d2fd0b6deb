"""Services in the namespaces of another one: what each of the two is built with."""

from pathlib import Path

import pytest

from tests.support.messages import tells
from tests.support.projects import keys, project, refused

PLACE = "ns:/run/bundler/namespaces/shop-db"


def services(text: str) -> str:
    return f"services: {{db: {{image: x}}, app: {{image: x}}, web: {{image: x, {text}}}}}"


def test_one_joins_the_namespaces_that_the_other_keeps(tmp_path: Path) -> None:
    made = project(tmp_path, services("network_mode: 'service:db', pid: 'service:db'"))
    web, database = keys(made, "web"), keys(made, "db")
    assert (web["network_mode"], web["pid"]) == (f"{PLACE}/network", f"{PLACE}/pid")
    assert "bridges" not in web
    assert database["shared_namespaces"] == ["network", "pid"]
    assert "shared_namespaces" not in keys(made, "app")
    assert [bundle.name for bundle in made.record.bundles].index("db") == 0
    assert made.record.of_service("web")[0].depends_on["db"].restart


def test_who_is_in_a_network_knows_the_names_that_are_known_there(tmp_path: Path) -> None:
    made = project(tmp_path, services("network_mode: 'service:db', extra_hosts: ['a:10.0.0.1']"))
    known = keys(made, "db")["extra_hosts"]
    assert keys(made, "web")["extra_hosts"] == {**known, "a": ["10.0.0.1"]}
    assert "web" not in known  # it has no address of its own


def test_who_is_in_a_network_has_its_files_and_its_host_name(tmp_path: Path) -> None:
    text = "{db: {image: x, %s}, web: {image: x, network_mode: 'service:db', %s}}"
    web = keys(project(tmp_path, f"services: {text % ('scale: 1', '')}"), "web")
    place = "/run/bundler/namespaces/shop-db"
    assert web["etc_files"] == {
        "hosts": f"{place}/hosts",
        "hostname": f"{place}/hostname",
        "resolv_conf": f"{place}/resolv.conf",
    }
    assert (web["name"], web["container_name"]) == ("shop-db", "shop-web")
    assert "extra_hosts" not in web
    web = keys(project(tmp_path, f"services: {text % ('hostname: h, domainname: d.test', '')}"), "web")
    assert (web["name"], web["domainname"]) == ("h", "d.test")


def test_names_that_it_says_itself_are_its_own(tmp_path: Path) -> None:
    web = keys(project(tmp_path, services("network_mode: 'service:db', dns: 10.0.0.1, hostname: own")), "web")
    assert web["etc_files"] == {"hosts": "/run/bundler/namespaces/shop-db/hosts"}
    assert web["hostname"] == "own"


def test_shared_memory_comes_with_a_namespace_for_ipc(tmp_path: Path) -> None:
    made = project(tmp_path, services("ipc: 'service:db', volumes: ['/srv:/srv']"))
    assert keys(made, "db")["ipc"] == "shareable"
    web = keys(made, "web")
    assert web["ipc"] == f"{PLACE}/ipc"
    shm = {"type": "bind", "source": "/run/bundler/namespaces/shop-db/shm", "target": "/dev/shm"}
    assert web["volumes"] == ["/srv:/srv", shm]


def test_a_namespace_is_that_of_the_last_in_a_row(tmp_path: Path) -> None:
    text = "{a: {image: x}, b: {image: x, network_mode: 'service:a'}, c: {image: x, network_mode: 'service:b'}}"
    made = project(tmp_path, f"services: {text}")
    assert keys(made, "c")["network_mode"] == "ns:/run/bundler/namespaces/shop-a/network"


@pytest.mark.parametrize(("key", "becomes"), [("network_mode", "host"), ("ipc", "host"), ("pid", "host")])
def test_who_joins_a_service_that_is_in_the_machines_is_in_it_too(tmp_path: Path, key: str, becomes: str) -> None:
    text = f"{{a: {{image: x, {key}: host}}, b: {{image: x, {key}: 'service:a'}}, c: {{image: x, {key}: 'service:b'}}}}"
    made = project(tmp_path, f"services: {text}")
    assert keys(made, "b")[key] == keys(made, "c")[key] == becomes
    assert "shared_namespaces" not in keys(made, "a")
    assert "etc_files" not in keys(made, "b")


def test_a_container_that_has_a_name_is_found_by_it(tmp_path: Path) -> None:
    text = "{a: {image: x, container_name: one}, b: {image: x, pid: 'service:a'}}"
    assert keys(project(tmp_path, f"services: {text}"), "b")["pid"] == "ns:/run/bundler/namespaces/one/pid"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{a: {image: x, scale: 2}, b: {image: x, pid: 'service:a'}}", "a has 2 containers one's"),
        ("{a: {image: x, scale: 0}, b: {image: x, ipc: 'service:a'}}", "ipc: a has no container"),
        ("{a: {image: x, pid: 'service:b'}, b: {image: x, pid: 'service:a'}}", "a circle"),
    ],
)
def test_what_is_not_one_containers_cannot_be_joined(tmp_path: Path, text: str, words: str) -> None:
    assert tells(refused(tmp_path, f"services: {text}").what, "compose.yaml:1:", words)

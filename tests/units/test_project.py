"""The units of a project: a target, services in their order, and gates between those that wait."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from bundler.errors import RequestError
from bundler.project.dependency import Condition, Dependency
from bundler.project.record import ProjectBundle
from bundler.units.project import units_of_project
from tests.support.made_projects import CHECK, depends, made_project
from tests.support.systemd import commands, complaints, settings

HEALTHY, COMPLETED, STARTED = Condition.HEALTHY, Condition.COMPLETED, Condition.STARTED


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return made_project(
        tmp_path / "shop",
        ProjectBundle("db", "db"),
        ProjectBundle("migrate", "migrate", depends(db=HEALTHY)),
        ProjectBundle("web-1", "web", depends(db=HEALTHY, migrate=COMPLETED)),
        ProjectBundle("web-2", "web", depends(db=HEALTHY, migrate=COMPLETED)),
        ProjectBundle("proxy", "proxy", depends("web")),
        lifecycles={"db": {"healthcheck": CHECK, "restart": "always"}, "web-1": {"stop_grace_period": "1m"}},
    )


def lines(text: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def test_a_project_is_a_target_that_wants_all_services(shop: Path) -> None:
    texts = units_of_project(shop).texts
    assert texts["shop.target"] == (
        "[Unit]\nDescription=Project shop\n"
        "Wants=shop-db.service shop-migrate.service shop-web-1.service shop-web-2.service shop-proxy.service\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    assert list(texts) == [
        "shop.target",
        "shop-db.service",
        "shop-db-health.service",
        "shop-db-health.timer",
        "shop-migrate.service",
        "shop-web-1.service",
        "shop-web-2.service",
        "shop-proxy.service",
        "shop-db-healthy.service",
        "shop-migrate-completed.service",
        "shop-web-1-started.service",
        "shop-web-2-started.service",
    ]


def test_a_service_waits_at_the_gates_of_what_it_depends_on(shop: Path) -> None:
    proxy = units_of_project(shop).texts["shop-proxy.service"]
    assert settings(proxy)["PartOf"] == "shop.target"
    assert lines(proxy, "Wants")[1:] == ["shop-web-1-started.service shop-web-2-started.service"]
    assert lines(proxy, "After")[1:] == [
        "shop-web-1.service shop-web-1-started.service shop-web-2.service shop-web-2-started.service"
    ]
    looks = [command[3:] for command in commands(proxy, "ExecStartPre") if command[1:2] == ["-c"]]
    assert looks == [
        ["shop-web-1-started.service", "shop-web-1 has not started", "--system"],
        ["shop-web-2-started.service", "shop-web-2 has not started", "--system"],
    ]
    assert "[Install]" not in proxy


def test_a_gate_neither_stops_nor_is_stopped_with_what_is_behind_it(shop: Path) -> None:
    """Requires= would stop the web with the database, and restart one with the other."""
    for text in units_of_project(shop).texts.values():
        assert not {"Requires", "BindsTo", "Requisite", "Upholds"} & set(settings(text))


def test_a_gate_asks_for_a_condition_of_a_container(shop: Path) -> None:
    texts = units_of_project(shop).texts
    starts = {name: settings(text)["ExecStart"] for name, text in texts.items() if text.count("is healthy\n")}
    assert starts == {
        "shop-db-healthy.service": "/bin/sh -s healthy %t/bundler-shop-db shop-db 5 --system",
    }
    gate = texts["shop-migrate-completed.service"]
    assert settings(gate)["ExecStart"] == "/bin/sh -s completed %t/bundler-shop-migrate shop-migrate 0 --system"
    assert (settings(gate)["Type"], settings(gate)["PartOf"]) == ("oneshot", "shop.target")
    assert settings(gate)["Wants"] == settings(gate)["After"] == "shop-migrate.service"


def test_what_completes_is_a_job_that_stays_done(shop: Path) -> None:
    texts = units_of_project(shop).texts
    kinds = {
        name: (settings(text)["Type"], settings(text).get("RemainAfterExit"))
        for name, text in texts.items()
        if name in {"shop-migrate.service", "shop-db.service"}
    }
    assert kinds == {"shop-migrate.service": ("oneshot", "yes"), "shop-db.service": ("exec", None)}


def test_who_waits_for_the_start_of_what_completes_does_not_wait_for_its_end(tmp_path: Path) -> None:
    shop = made_project(
        tmp_path / "shop",
        ProjectBundle("seed", "seed"),
        ProjectBundle("one", "one", depends("seed")),
        ProjectBundle("two", "two", depends(seed=COMPLETED)),
    )
    seed = settings(units_of_project(shop).texts["shop-seed.service"])
    assert (seed["Type"], seed["RemainAfterExit"]) == ("exec", "yes")


@pytest.mark.parametrize("policy", ["always", "unless-stopped"])
def test_what_never_ends_is_not_waited_for_to_complete(tmp_path: Path, policy: str) -> None:
    shop = made_project(
        tmp_path / "shop",
        ProjectBundle("seed", "seed"),
        ProjectBundle("web", "web", depends(seed=COMPLETED)),
        lifecycles={"seed": {"restart": policy}},
    )
    with pytest.raises(RequestError, match="shop-seed is started again whenever it ends, and another") as caught:
        units_of_project(shop)
    assert "restart: on-failure" in str(caught.value.hint)


def test_restart_true_takes_a_service_along_and_what_is_not_required_is_not_missed(tmp_path: Path) -> None:
    waits = {"db": Dependency(STARTED, restart=True), "cache": Dependency(STARTED, required=False)}
    shop = made_project(
        tmp_path / "shop", *(ProjectBundle(name, name) for name in waits), ProjectBundle("web", "web", waits)
    )
    web = units_of_project(shop).texts["shop-web.service"]
    assert settings(web)["PartOf"] == "shop.target shop-db.service"
    assert settings(web)["Wants"] == "shop-cache-started.service shop-db-started.service"
    assert [command[3] for command in commands(web, "ExecStartPre") if command[1:2] == ["-c"]] == [
        "shop-db-started.service"
    ]


def test_one_that_is_not_required_and_not_there_is_not_waited_for(tmp_path: Path) -> None:
    waits = {"cache": Dependency(STARTED, required=False)}
    shop = made_project(tmp_path / "shop", ProjectBundle("web", "web", waits))
    assert list(units_of_project(shop).texts) == ["shop.target", "shop-web.service"]


def test_the_place_and_the_runtime_are_those_of_the_target(shop: Path) -> None:
    texts = units_of_project(shop, name="other", directory="/srv/shop/", runtime="/opt/runc").texts
    assert next(iter(texts)) == "other.target"
    start = settings(texts["shop-web-2.service"])["ExecStart"]
    assert start == "/bin/sh -s %t/bundler-shop-web-2/run 15 /opt/runc /srv/shop/web-2 shop-web-2"


def test_a_gate_keeps_a_stop_for_seconds(shop: Path) -> None:
    gates = [text for text in units_of_project(shop).texts.values() if "/bin/sh -s healthy" in text]
    assert [settings(text)["TimeoutStopSec"] for text in gates] == ["2s"]


@pytest.mark.tool("systemd-analyze")
def test_systemd_has_nothing_to_complain_of(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    assert complaints(units_of_project(shop, runtime="/bin/true").texts, tmp_path / "units") == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "multi-user"}, r"multi-user\.target is systemd's own"),
        ({"name": "Shop"}, "no name of a project"),
        ({"name": "../x"}, "no name of a project"),
        ({"directory": "srv"}, "--directory: srv is not an absolute path"),
        ({"runtime": "./runc"}, "--runtime"),
    ],
)
def test_what_is_no_name_and_no_place_is_refused(shop: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        units_of_project(shop, **options)


def test_a_project_called_as_a_target_of_systemd_needs_another_name(tmp_path: Path) -> None:
    shop = made_project(tmp_path / "network", ProjectBundle("web", "web"), name="network")
    with pytest.raises(RequestError, match=r"network\.target is systemd's own") as caught:
        units_of_project(shop)
    assert caught.value.hint == "--name gives the target another name"
    assert "network-web.service" in units_of_project(shop, name="net").texts


@pytest.mark.parametrize(
    "names",
    [("same", "same"), ("x", "x-started"), ("shop-one-started", "y")],
    ids=["of two containers", "of a gate and a container", "of a container and a gate"],
)
def test_two_units_of_one_name_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    shop = made_project(
        tmp_path / "shop",
        ProjectBundle("one", "one"),
        ProjectBundle("two", "two"),
        ProjectBundle("web", "web", depends("one")),
        lifecycles={
            "one": {"container_name": names[0]} if names[0] != "shop-one-started" else {},
            "two": {"container_name": names[1] if names[0] != "shop-one-started" else names[0]},
        },
    )
    with pytest.raises(RequestError, match="there are two units"):
        units_of_project(shop)


def test_what_does_not_start_before_it_is_waited_for_is_refused(tmp_path: Path) -> None:
    shop = made_project(
        tmp_path / "shop", ProjectBundle("web", "web", depends("db")), ProjectBundle("db", "db", depends("web"))
    )
    with pytest.raises(RequestError, match=r"project\.json: web depends on db, which does not start before"):
        units_of_project(shop)


def test_who_is_never_asked_cannot_be_waited_for_to_be_healthy(tmp_path: Path) -> None:
    shop = made_project(tmp_path / "shop", ProjectBundle("db", "db"), ProjectBundle("web", "web", depends(db=HEALTHY)))
    with pytest.raises(RequestError, match="db has no health check to be waited for"):
        units_of_project(shop)


def test_a_name_in_project_json_is_no_line_of_a_unit(tmp_path: Path) -> None:
    shop = made_project(tmp_path / "shop", ProjectBundle("web", "web"), name="x\n[Service]\nExecStart=/bin/id")
    (shop / "web/bundler.json").unlink()
    with pytest.raises(RequestError, match="no name of a project"):
        units_of_project(shop)
    assert "[Service]" not in units_of_project(shop, name="shop").texts["shop.target"]


def test_a_service_with_a_terminal_is_named_and_told_what_to_do(tmp_path: Path) -> None:
    process = {"process": {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "terminal": True}}
    shop = made_project(tmp_path / "shop", ProjectBundle("web", "web"), configs={"web": process})
    with pytest.raises(RequestError, match=r"shop-web: config\.json has a terminal") as caught:
        units_of_project(shop)
    assert caught.value.hint is not None
    assert "bundler project FILE --overrides SERVICE=" in caught.value.hint


def test_a_project_without_a_service_has_no_units(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    with pytest.raises(RequestError, match="the project has no service"):
        units_of_project(made_project(tmp_path / "shop"))


def test_a_volume_that_a_container_has_made_a_symlink_is_not_mounted(tmp_path: Path) -> None:
    mounts = [{"destination": "/data", "source": "../volumes/rows/a/b", "options": ["bind"], "type": "bind"}]
    web = ProjectBundle("web", "web", volumes=("rows",))
    shop = made_project(tmp_path / "shop", web, volumes=("rows",), configs={"web": {"mounts": mounts}})
    (check,) = (
        command
        for command in commands(units_of_project(shop).texts["shop-web.service"], "ExecStartPre")
        if command[1:2] == ["-c"]
    )
    assert check[3:] == [f"{shop}/volumes{part}" for part in ("", "/rows", "/rows/a", "/rows/a/b")]
    inside = shop / "volumes/rows/a"
    inside.mkdir(parents=True)
    (inside / "b").mkdir()
    assert subprocess.run(check, check=False).returncode == 0
    (inside / "b").rmdir()
    (inside / "b").symlink_to("/etc")
    done = subprocess.run(check, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        6,
        f"bundler: error: {inside}/b is a symlink, and what it leads to would be mounted\n",
    )

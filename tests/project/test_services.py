"""Which services a project starts, and which of them first."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bundler.project.dependency import Condition, Dependency
from tests.support.projects import bundles, project, refused

FILE = """
services:
  web: {image: web, depends_on: [app]}
  app: {image: app, depends_on: {db: {condition: service_healthy, restart: true}}}
  db: {image: db}
  admin: {image: admin, profiles: [tools], depends_on: [db]}
  shell: {image: shell, profiles: [tools, debug]}
"""


def test_services_without_a_profile_start_each_after_what_it_depends_on(tmp_path: Path) -> None:
    assert bundles(project(tmp_path, FILE)) == ["db", "app", "web"]


@pytest.mark.parametrize(
    ("profiles", "more"), [(("tools",), ["admin", "shell"]), (("debug",), ["shell"]), (("*",), ["admin", "shell"])]
)
def test_a_profile_turns_services_on(tmp_path: Path, profiles: tuple[str, ...], more: list[str]) -> None:
    assert bundles(project(tmp_path, FILE, profiles=profiles)) == ["db", "app", "web", *more]


def test_a_service_that_is_named_comes_with_what_it_depends_on_and_its_profiles(tmp_path: Path) -> None:
    assert bundles(project(tmp_path, FILE, "app")) == ["db", "app"]
    assert bundles(project(tmp_path, FILE, "admin")) == ["db", "admin"]


def test_what_shares_something_with_another_waits_for_it(tmp_path: Path) -> None:
    text = """
services:
  a: {image: x, links: ["b:other"]}
  b: {image: x, volumes_from: [c]}
  c: {image: x}
"""
    made = project(tmp_path, text)
    assert bundles(made) == ["c", "b", "a"]
    assert made.record.of_service("a")[0].depends_on == {"b": Dependency(restart=True)}
    assert made.record.of_service("b")[0].depends_on == {"c": Dependency()}


def test_conditions_are_compose_s(tmp_path: Path) -> None:
    depends_on = project(tmp_path, FILE).record.of_service("app")[0].depends_on
    assert depends_on == {"db": Dependency(Condition.HEALTHY, restart=True)}
    assert depends_on["db"].where == "compose.yaml:4:38"


def test_what_need_not_be_there_is_left_out_with_its_profile(tmp_path: Path) -> None:
    text = "services: {a: {image: x, depends_on: {b: {required: false}}}, b: {image: x, profiles: [p]}}"
    assert bundles(project(tmp_path, text)) == ["a"]
    made = project(tmp_path, text, profiles=("p",)).record
    assert made.of_service("a")[0].depends_on == {"b": Dependency(required=False)}


def test_extends_includes_and_further_files_are_followed(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "include: [more.yaml]\nservices: {a: {extends: {service: base, file: base.yaml}}}",
        "base.yaml": "services: {base: {image: x, depends_on: [b]}}",
        "more.yaml": "services: {b: {image: y}}",
    }
    assert bundles(project(tmp_path, files)) == ["b", "a"]


def test_replicas_are_bundles_with_numbers(tmp_path: Path) -> None:
    text = "services: {a: {image: x, scale: 2}, b: {image: x, deploy: {replicas: '3'}}, c: {image: x, scale: 0}}"
    assert bundles(project(tmp_path, text)) == ["a-1", "a-2", "b-1", "b-2", "b-3"]


@pytest.mark.parametrize(
    ("services", "complaint"),
    [
        ("{a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}", "compose.yaml:1:71: depends_on: a circle"),
        (
            "{a: {image: x, depends_on: [a]}}",
            "compose.yaml:1:39: depends_on: a circle, in which none can be first: a → a",
        ),
        ("{a: {image: x, depends_on: [bb]}, b: {image: x}}", "compose.yaml:1:39: 'bb' is no service here"),
        ("{a: {image: x, depends_on: [b]}, b: {image: x, profiles: [p]}}", "compose.yaml:1:39: 'b' is needed, and its"),
        (
            "{a: {image: x, depends_on: {b: {condition: up}}}, b: {image: x}}",
            "compose.yaml:1:42: depends_on: 'up' is no",
        ),
        ("{a: {image: x, depends_on: {b: {colour: 1}}}, b: {image: x}}", "compose.yaml:1:43: depends_on: unknown key"),
        ("{volumes: {image: x}}", "compose.yaml:1:12: a service's bundle is called like it, and 'volumes' is the name"),
        ("{-a: {image: x}}", "compose.yaml:1:12: a service's bundle is called like it, and '-a' cannot be a folder"),
        ("{a: {image: x, scale: -1}}", "compose.yaml:1:33: scale: -1 is out of range"),
        ("{a: {image: x, scale: 101}}", "compose.yaml:1:33: scale: 101 is out of range"),
        ("{a: {image: x, scale: 2, container_name: b}}", "compose.yaml:1:52: container_name: 2 containers"),
        ("{a: {image: x, scale: 2}, a-1: {image: x}}", "compose.yaml:1:37: the bundle a-1 would be that of a, too"),
        ("{a: {image: x}, A: {image: x}}", "the bundle A would be that of a, too"),
        ("{a: {build: .}}", "compose.yaml:1:23: a is built, and no image is named"),
        ("{a: {image: x, profiles: [p]}}", "compose.yaml has no service without a profile"),
        ("{}", "compose.yaml has no services"),
    ],
)
def test_what_cannot_be_started_is_refused_where_it_stands(tmp_path: Path, services: str, complaint: str) -> None:
    error = refused(tmp_path, f"services: {services}")
    assert error.what.startswith(complaint) or complaint in error.what
    assert error.hint


def test_a_service_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    error = refused(tmp_path, FILE, "wep")
    assert (error.what, error.hint) == ("compose.yaml has no service 'wep'", "did you mean 'web'?")


def test_hundreds_of_services_in_a_row_are_no_recursion(tmp_path: Path) -> None:
    listed = ", ".join(f"s{number}: {{image: x, depends_on: [s{number + 1}]}}" for number in range(499))
    made = project(tmp_path, f"services: {{{listed}, s499: {{image: x}}}}", pool=IPv4Network("10.0.0.0/16"))
    assert bundles(made)[:2] == ["s499", "s498"]

"""What the bundles of a project mount: volumes that they share, folders of the machine, configs and secrets."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.projects import keys, project, refused

SHARED = {"shared": True}


def mounted(folder: Path, service: str, more: str = "", *, files: dict[str, str] | None = None, **given: Any) -> Any:
    text = f"services: {{a: {{image: x, {service}}}, b: {{image: x, volumes: ['rows:/b', /anon]}}}}\n{more}"
    return keys(project(folder, {"compose.yaml": text, **(files or {})}, **given), "a")["volumes"]


def test_a_named_volume_is_of_the_project(tmp_path: Path) -> None:
    rows = {"type": "volume", "source": "rows", "target": "/rows", "volume": SHARED}
    assert mounted(tmp_path, "volumes: ['rows:/rows:ro']", "volumes: {rows: }") == [rows | {"read_only": True}]
    made = project(tmp_path, (tmp_path / "compose.yaml").read_text())
    assert made.record.volumes == ("rows",)
    assert [bundle.volumes for bundle in made.record.bundles] == [("rows",), ("rows",)]


def test_a_volume_has_the_name_that_its_definition_gives(tmp_path: Path) -> None:
    (volume,) = mounted(tmp_path, "volumes: ['rows:/rows']", "volumes: {rows: {name: shop_rows}}")
    assert volume["source"] == "shop_rows"


def test_nocopy_and_a_folder_of_a_volume_stay(tmp_path: Path) -> None:
    entry = "{type: volume, source: rows, target: /r, volume: {nocopy: true, subpath: a}}"
    (volume,) = mounted(tmp_path, f"volumes: [{entry}]", "volumes: {rows: }")
    assert volume["volume"] == {"nocopy": True, "subpath": "a", "shared": True}


def test_an_external_volume_is_a_folder_that_the_command_line_names(tmp_path: Path) -> None:
    more = "volumes: {rows: {external: true, name: old}}"
    found = mounted(tmp_path, "volumes: ['rows:/rows:ro']", more, external={"old": "/srv/old"})
    assert found == [{"target": "/rows", "read_only": True, "type": "bind", "source": "/srv/old"}]
    error = refused(tmp_path, (tmp_path / "compose.yaml").read_text())
    assert "volumes: 'old' is external: only a daemon has it" in error.what
    assert error.hint == "--volume old=/FOLDER says which folder of the machine it is"


def test_binds_anonymous_volumes_and_tmpfs_are_as_for_one_service(tmp_path: Path) -> None:
    found = mounted(tmp_path, "volumes: ['./x:/x', /anon, {type: tmpfs, target: /t}]", "volumes: {rows: }")
    assert found == [f"{tmp_path}/x:/x", "/anon", {"type": "tmpfs", "target": "/t"}]


def test_volumes_of_another_service_are_shared_with_it(tmp_path: Path) -> None:
    text = """
services:
  a: {image: x, volumes_from: ["b:ro"]}
  b: {image: x, volumes: ["rows:/rows"]}
volumes: {rows: }
"""
    (volume,) = keys(project(tmp_path, text), "a")["volumes"]
    assert (volume["source"], volume["volume"], volume["read_only"]) == ("rows", SHARED, True)


@pytest.mark.parametrize("how", ["secrets", "configs"])
def test_files_come_along(tmp_path: Path, how: str) -> None:
    more = f"{how}: {{key: {{file: ./key}}, text: {{content: a}}, var: {{environment: V}}}}\nvolumes: {{rows: }}"
    service = f"{how}: [key, {{source: text, target: /t, uid: '7', mode: 0400}}, var]"
    found = mounted(tmp_path, service, more, files={"key": "secret\n"}, assignments=["V=w"])
    assert [(each["content"], each["target"].rpartition("/")[2]) for each in found] == [
        ("secret\n", "key"),
        ("a", "t"),
        ("w", "var"),
    ]
    assert (found[1]["uid"], found[1]["mode"]) == (7, "0400")


@pytest.mark.parametrize(
    ("service", "more", "complaint"),
    [
        ("volumes: ['none:/x']", "volumes: {rows: }", "volumes: 'none' is not defined in the compose file"),
        ("volumes_from: [b]", "volumes: {rows: }", "volumes_from: the volume at /anon of b has no name"),
        ("secrets: [k]", "secrets: {k: {file: ./none}}\nvolumes: {rows: }", "none does not exist"),
        ("secrets: [k]", "secrets: {k: {external: true}}\nvolumes: {rows: }", "secrets: 'k' is external"),
    ],
)
def test_what_no_project_has_is_refused_where_it_stands(
    tmp_path: Path, service: str, more: str, complaint: str
) -> None:
    text = f"services: {{a: {{image: x, {service}}}, b: {{image: x, volumes: ['rows:/b', /anon]}}}}\n{more}"
    error = refused(tmp_path, text)
    assert complaint in error.what
    assert error.what.startswith("compose.yaml:")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\x00")
    text = "services: {a: {image: x, secrets: [k]}}\nsecrets: {k: {file: ./key}}"
    assert "secrets: 'k' is no text, and a project carries text alone" in refused(tmp_path, text).what

"""Hooks as config.json has them, and those whose file comes with the bundle."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bundler.conversion.bundled_hooks import STARTER, CarriedFile, start
from bundler.conversion.convert import convert
from bundler.conversion.hooks import carried_files
from bundler.conversion.rule import Inputs
from bundler.errors import RequestError
from bundler.overrides.load import load
from bundler.profiles import load_profile
from tests.support.inputs import converted, image_config, inputs

ODD_NAMES = [
    "plain",
    "with a blank",
    "a \"quote\" and 'another'",
    "back\\slash \\n \\u0041 \\\\",
    "<&> $(touch evil) `x` ; *",
    "tab\there",
    "é ☃",
    '","bundle":"/elsewhere',
]


def loaded(folder: Path, text: str) -> Inputs:
    """Inputs with an overrides file in `folder`, which is read as `bundler` reads it."""
    (folder / "o.yaml").write_text(text)
    return Inputs(
        image_config=image_config(), overrides=load([str(folder / "o.yaml")]), profile=load_profile("docker@28")
    )


def state_of_runc(bundle: Path) -> str:
    """As Go encodes it: < > & are numbers."""
    members = {"ociVersion": "1.0.2", "id": "a", "pid": 7, "bundle": str(bundle)}
    text = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
    text = text[:-1] + ',"annotations":{"bundle":"/elsewhere"}}'
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def state_of_crun(bundle: Path) -> str:
    members = {"ociVersion": "1.0", "id": "a", "pid": 7, "root": "rootfs", "bundle": str(bundle), "status": "created"}
    return json.dumps(members | {"annotations": {"bundle": "/elsewhere"}}, ensure_ascii=False)


def state_on_lines(bundle: Path) -> str:
    return json.dumps({"id": 'x","bundle":"/', "bundle": str(bundle)}, ensure_ascii=False, indent=4)


def test_hooks_are_written_with_the_members_that_are_given() -> None:
    text = (
        "hooks: {poststop: [{path: /a/b, timeout: 3}], create_runtime: [{path: /c, args: [x, y], env: [A=b], name: n}]}"
    )
    assert converted(text)["hooks"] == {
        "createRuntime": [{"path": "/c", "args": ["x", "y"], "env": ["A=b"]}],
        "poststop": [{"path": "/a/b", "args": ["b"], "timeout": 3}],
    }


def test_the_newer_hooks_need_a_later_version() -> None:
    assert converted("hooks: {poststop: [{path: /a}]}\nseccomp: unconfined")["ociVersion"] == "1.0.0"
    assert converted("hooks: {create_container: [{path: /a}]}\nseccomp: unconfined")["ociVersion"] == "1.0.2"


def test_a_file_that_is_embedded_is_carried_and_started_from_wherever_the_bundle_lies(tmp_path: Path) -> None:
    (tmp_path / "hook").write_bytes(b"#!/bin/sh\n")
    text = "hooks: {poststop: [{path: ./hook, embed: true, args: [x, '$(y)'], timeout: 3}]}"
    read = loaded(tmp_path, text)
    assert carried_files(read) == {"hooks/hook": CarriedFile(b"#!/bin/sh\n")}
    assert convert(read).document["hooks"] == {
        "poststop": [
            {
                "path": "/bin/sh",
                "args": ["sh", "-c", STARTER, "hooks/hook", "$(y)"],
                "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "timeout": 3,
            }
        ]
    }
    assert [file.name for file in read.overrides.files] == ["o.yaml", "hook"]


def test_an_image_that_would_reach_a_hook_is_named() -> None:
    image = {"Cmd": ["x"], "Env": ["LD_PRELOAD=./evil.so", "A=b"]}
    text = "hooks: {create_container: [{path: /a}, {path: /b, env: [A=b]}], create_runtime: [{path: /c}]}"
    (warning,) = convert(inputs(text, config=image)).warnings
    assert warning.startswith("0.yaml:1:28: hooks: runc starts createContainer hooks with the container's environment")
    assert "the image sets LD_PRELOAD" in warning
    assert convert(inputs(text)).warnings == ()


def test_the_environment_that_is_given_is_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "hook").touch()
    text = "hooks: {create_container: [{path: hook, embed: true, env: [A=b]}]}"
    assert convert(loaded(tmp_path, text)).document["hooks"]["createContainer"][0]["env"] == ["A=b"]


def test_one_file_may_be_several_hooks_and_two_of_one_name_may_not(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for path in ("hook", "a/hook"):
        (tmp_path / path).write_bytes(b"the same")
    text = "hooks: {poststop: [{path: hook, embed: true}, {path: a/hook, embed: true}]}"
    assert list(carried_files(loaded(tmp_path, text))) == ["hooks/hook"]
    (tmp_path / "a/hook").write_bytes(b"another")
    with pytest.raises(RequestError, match=r"o\.yaml:1:47: hooks: a different file is hooks/hook of the bundle"):
        carried_files(loaded(tmp_path, text))


@pytest.mark.parametrize("shell", [["sh"], ["bash"], ["busybox", "sh"]], ids=["sh", "bash", "busybox"])
@pytest.mark.parametrize("state", [state_of_runc, state_of_crun, state_on_lines])
def test_the_bundle_is_found_under_any_name(tmp_path: Path, shell: list[str], state: Any) -> None:
    for name in ODD_NAMES:
        bundle = tmp_path / name
        (bundle / "hooks").mkdir(parents=True, exist_ok=True)
        (bundle / "hooks/h").write_text('#!/bin/sh\nprintf "%s\\n" "$PWD" "$@"\ncat\n')
        (bundle / "hooks/h").chmod(0o755)
        arguments = start("hooks/h", ["one two", "$(touch evil)"])["args"]
        given = state(bundle)
        done = subprocess.run([*shell, *arguments[1:]], input=given.encode(), capture_output=True, check=False, cwd="/")
        assert done.stdout.decode() == f"{bundle}\none two\n$(touch evil)\n{given}\n", done.stderr
    assert list(tmp_path.rglob("evil")) == []


@pytest.mark.parametrize("state", ["", "{}", "nonsense", '{"annotations":{"bundle":"/"}}', '{"bundle":"/nowhere"}'])
def test_without_a_bundle_nothing_is_started(state: str) -> None:
    done = subprocess.run(
        ["sh", *start("hooks/h")["args"][1:]], input=state.encode(), capture_output=True, check=False, cwd="/"
    )
    assert done.returncode == 1
    assert b"/hooks/h is not there, or is not executable\n" in done.stderr

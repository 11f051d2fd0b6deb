"""Recorded answers of a real dockerd: which lines it was given, and what it wrote to config.json or refused.

testdata/docker/cases.json        the lines, one for each case
testdata/docker/fixtures/         files that the lines name below /fixtures
testdata/docker/images/           config, passwd and group of each image
testdata/docker/VERSION/NAME.json the leaves in which a case differs from `default`, or the reason it was refused for
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from bundler.conversion.process.accounts import parse_accounts
from bundler.conversion.rule import Inputs
from bundler.conversion.target import Target
from bundler.errors import RequestError
from bundler.images.image_config import parse_image_config
from bundler.overrides.docker_run.environment import Client
from bundler.overrides.docker_run.settings import convert as from_docker_run
from bundler.profiles import load_profile
from tests.support.inputs import overrides
from tests.support.runtime_leaves import Leaves

FOLDER = Path(__file__).parents[2] / "testdata/docker"
BASE = "default"


@dataclass(frozen=True)
class Case:
    """One `docker run` line, and what the client's machine adds to it."""

    name: str
    image: str
    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    console: tuple[int, int] | None = None

    def client(self) -> Client:
        return Client(environment=self.environment, folder="/fixtures", read=_fixture, console=self.console)


def cases() -> dict[str, Case]:
    """Every case, by name."""
    listed = json.loads((FOLDER / "cases.json").read_bytes())
    return {
        name: Case(
            name,
            case["image"],
            (*case["args"], f"golden/{case['image']}:1", *case["command"]),
            case.get("environment", {}),
            tuple(case["console"]) if "console" in case else None,
        )
        for name, case in listed.items()
    }


def _fixture(path: str) -> bytes:
    found = FOLDER / "fixtures" / path.removeprefix("/fixtures/")
    if not path.startswith("/fixtures/") or not found.is_file():
        raise RequestError(f"cannot read {path}: No such file or directory")
    return found.read_bytes()


def inputs(case: Case, target: Target) -> Inputs:
    """What the conversion of a case starts from: the overrides file of its line, and its image."""
    converted = from_docker_run(case.words, case.client())
    image = json.loads((FOLDER / "images" / f"{case.image}.json").read_bytes())
    return Inputs(
        image_config=parse_image_config(json.dumps(image["image_config"]).encode()),
        overrides=overrides(converted.text),
        profile=load_profile("docker@28"),
        target=target,
        accounts=parse_accounts(_encoded(image["passwd"]), _encoded(image["group"])),
    )


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


@cache
def recorded(version: str) -> dict[str, Leaves | str]:
    """What a daemon wrote, by case: leaves, or the text of its refusal."""
    folder = FOLDER / version
    base = json.loads((folder / f"{BASE}.json").read_bytes())
    found: dict[str, Leaves | str] = {}
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_bytes())
        found[path.stem] = document["refused"] if "refused" in document else _applied(base, document)
    return found


def record(version: str, answers: Mapping[str, Leaves | str]) -> None:
    """Write `answers` as `recorded` reads them; `default` is among them."""
    folder = FOLDER / version
    folder.mkdir(parents=True, exist_ok=True)
    base = answers[BASE]
    assert isinstance(base, dict)
    for name, answer in answers.items():
        if isinstance(answer, str):
            document: dict[str, Any] = {"refused": answer}
        else:
            document = dict(sorted(answer.items())) if name == BASE else _difference(base, answer)
        lines = (f" {json.dumps(place)}: {json.dumps(value)}" for place, value in document.items())
        (folder / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n" if document else "{}\n")


def _difference(base: Leaves, answer: Leaves) -> dict[str, Any]:
    """Null for a leaf that is missing; for a whole filter that is missing or another one, null at its root."""
    changed = {place: answer.get(place) for place in sorted({*base, *answer}) if base.get(place) != answer.get(place)}
    filters = [place for place in changed if place.startswith("/linux/seccomp")]
    if len(filters) > len([place for place in answer if place.startswith("/linux/seccomp")]) + 100:
        own = {place: value for place, value in answer.items() if place.startswith("/linux/seccomp/")}
        changed = {place: value for place, value in changed.items() if place not in filters}
        changed |= {
            "/linux/seccomp/": None,
            "/linux/seccomp": answer.get("/linux/seccomp"),
            **dict(sorted(own.items())),
        }
    return changed


def _applied(base: Leaves, changed: Mapping[str, Any]) -> Leaves:
    dropped = "/linux/seccomp/" in changed
    kept = {place: value for place, value in base.items() if not (dropped and place.startswith("/linux/seccomp/"))}
    return {place: value for place, value in (kept | dict(changed)).items() if value is not None}

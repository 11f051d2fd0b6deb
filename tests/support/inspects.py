"""What `docker inspect` said of the containers of cases, recorded as what differs from the case `default`.

testdata/docker/VERSION/inspect/NAME.json has fields by path: HostConfig/CapAdd, Config/Env, Mounts. What is chance is
taken out: ids are counted, and what is about the machine, the daemon and the moment is empty.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from tests.support.goldens import BASE, FOLDER

_CHANCE = (
    *("Created", "State", "Image", "GraphDriver", "NetworkSettings", "ResolvConfPath", "HostnamePath", "HostsPath"),
    *("LogPath", "Name", "Driver"),
)
_NESTED = ("HostConfig", "Config")
_ID = re.compile("[0-9a-f]{64}")


@cache
def inspects(version: str) -> dict[str, bytes]:
    """What inspect said, by case, as the file that people would have."""
    folder = FOLDER / version / "inspect"
    base = json.loads((folder / f"{BASE}.json").read_bytes())
    found = {}
    for path in sorted(folder.glob("*.json")):
        container: dict[str, Any] = {part: {} for part in _NESTED}
        for place, value in (base | json.loads(path.read_bytes())).items():
            part, _, name = place.rpartition("/")
            (container[part] if part else container)[name] = value
        found[path.stem] = json.dumps([container | {"Name": f"/{path.stem}"}], indent=4).encode()
    return found


def record_inspects(version: str, containers: Mapping[str, Mapping[str, Any]]) -> None:
    """Write what `inspects` reads; `default` is among them."""
    folder = FOLDER / version / "inspect"
    folder.mkdir(parents=True, exist_ok=True)
    base = _fields(containers[BASE])
    for name, container in containers.items():
        fields = _fields(container)
        changed = {place: fields.get(place) for place in [*base, *fields] if fields.get(place) != base.get(place)}
        kept = fields if name == BASE else changed
        lines = (f" {json.dumps(place)}: {json.dumps(value)}" for place, value in kept.items())
        (folder / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n" if kept else "{}\n")


def _fields(container: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by path, each id by the number of its first appearance."""
    listed = sorted(container.get("Mounts") or [], key=lambda mount: str(mount["Destination"]))
    counted: dict[str, str] = {}
    text = json.dumps({**container, **dict.fromkeys(_CHANCE, ""), "Mounts": listed})
    text = text.replace(f'"{container["Id"][:12]}"', '"000000000000"')
    text = _ID.sub(lambda found: counted.setdefault(found[0], f"{len(counted):064x}"), text)
    plain = json.loads(text)
    fields = {name: value for name, value in plain.items() if name not in _NESTED}
    return fields | {f"{part}/{name}": value for part in _NESTED for name, value in plain[part].items()}


def fields(version: str) -> set[str]:
    """The paths of all fields that the recorded inspects of a version have."""
    return {place for path in (FOLDER / version / "inspect").glob("*.json") for place in json.loads(path.read_bytes())}

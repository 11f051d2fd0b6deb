"""What dockerd 28.5.2 wrote to config.json, leaf by leaf (recorded by scripts/record-golden)."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundler.conversion.accounts import parse_accounts
from bundler.conversion.convert import convert
from bundler.conversion.givens import Givens
from bundler.conversion.target import Target
from bundler.images.image_config import parse_image_config
from bundler.profiles import load_profile
from tests.support.givens import overrides

RECORDED = Path(__file__).parents[2] / "testdata/docker/28.5.2"
CASES = sorted(path.stem for path in RECORDED.glob("*.json") if path.stem != "seccomp")
HOST = Target(kernel=(6, 1), cgroup="v2", apparmor=True)  # the machine that dockerd ran on


def encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def givens_of(case: dict[str, Any]) -> Givens:
    return Givens(
        image_config=parse_image_config(json.dumps(case["image_config"]).encode()),
        overrides=overrides(case["overrides"]),
        profile=load_profile("docker@28"),
        target=HOST,
        accounts=parse_accounts(encoded(case["passwd"]), encoded(case["group"])),
    )


def recorded(name: str) -> dict[str, Any]:
    case: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_bytes())
    case["config"]["linux"]["seccomp"] = json.loads((RECORDED / "seccomp.json").read_bytes())
    return case


def comparable(config: dict[str, Any]) -> dict[str, Any]:
    """What dockerd decides: not the container's id, nor where Docker keeps its files and we keep ours."""
    generated = f"HOSTNAME={config.get('hostname')}"
    env = ["HOSTNAME=..." if entry == generated else entry for entry in config["process"]["env"]]
    own = ("volumes/", "etc/")
    mounts = [{**mount, "source": "..."} if mount["source"].startswith(own) else mount for mount in config["mounts"]]
    root = {key: value for key, value in config["root"].items() if key != "path"}
    rest = {key: value for key, value in config.items() if key not in ("ociVersion", "hostname")}
    linux = config["linux"]
    rules = [{**rule, "names": sorted(rule["names"])} for rule in linux["seccomp"]["syscalls"]]
    rest["linux"] = linux | {"seccomp": linux["seccomp"] | {"syscalls": rules}}
    return rest | {"process": config["process"] | {"env": env}, "mounts": mounts, "root": root}


def leaves(value: Any, pointer: str = "") -> dict[str, Any]:
    """Every value that holds no other, by its place; what is empty is one, too. A mount's place is its destination,
    since Docker's order of those at one depth is that of chance.
    """
    if isinstance(value, list) and value and pointer == "/mounts":
        value = {mount["destination"]: mount for mount in value}
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict) or not value:
        return {pointer: value}
    return {place: leaf for key, inner in value.items() for place, leaf in leaves(inner, f"{pointer}/{key}").items()}


def nested(mounts: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """The pairs of mounts of which the later one is inside the earlier: were they swapped, it would be hidden."""
    order = [mount["destination"] for mount in mounts]
    return {(outer, inner) for at, outer in enumerate(order) for inner in order[at:] if inner.startswith(f"{outer}/")}


@pytest.mark.parametrize("name", CASES)
def test_config_json_is_dockers_in_every_leaf(name: str) -> None:
    case = recorded(name)
    ours = comparable(convert(givens_of(case)).document)
    assert leaves(ours) == leaves(comparable(case["config"]))
    assert nested(ours["mounts"]) == nested(case["config"]["mounts"])


def test_the_goldens_are_the_five_images() -> None:
    assert CASES == ["bare-uid-0", "default", "default-full", "default-numeric", "default-weird"]


@pytest.mark.parametrize("pointer", ["process/user", "process/capabilities", "linux/seccomp/syscalls", "mounts"])
def test_the_comparison_sees_what_is_missing(pointer: str) -> None:
    config = recorded("default")["config"]
    damaged = json.loads(json.dumps(config))
    *parents, last = pointer.split("/")
    holder = damaged
    for parent in parents:
        holder = holder[parent]
    holder[last].pop() if isinstance(holder[last], list) else holder[last].popitem()
    assert leaves(damaged) != leaves(config)


@pytest.mark.parametrize("name", CASES)
def test_the_lowest_version_is_one_that_debian_12s_runtimes_take(name: str) -> None:
    assert convert(givens_of(recorded(name))).document["ociVersion"] == "1.1.0"

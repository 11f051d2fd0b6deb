"""Every key of an overrides file does what the schema says of it: each of its examples is used."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bundler import data
from bundler.conversion.annotations import lifecycle
from bundler.conversion.convert import RULES, convert
from bundler.conversion.hooks import carried_files
from bundler.conversion.mounts.etc_files import generated_files
from bundler.errors import RequestError
from bundler.origins import UNSET, pointer_tokens
from bundler.overrides import schema
from bundler.overrides.keys.mounts import PROPAGATIONS
from bundler.overrides.load import load
from bundler.profiles import PROFILES, load_profile
from bundler.subnets import SUBNET
from bundler.targets import load_target
from tests.support.elf import program
from tests.support.inputs import inputs

KEYS = schema.document()["properties"]
READ = [key for key, rule in KEYS.items() if "ignored" not in rule]
BEFORE = ("image", "platform")  # which image it is: read before there is anything to convert
REFUSED = "gpus"
SILENT = ("expose",)  # says what is so anyway, to networks that cannot do it
BRIDGED = {"network_mode": "bridge"}
ON_V1 = {"target": {"cgroup": "v1"}}
# What has to be said beside a key so that it shows.
BESIDE: dict[str, dict[str, Any]] = {
    "apparmor": {"target": {"apparmor": True}},
    "bridges": BRIDGED,
    "cni": {"network_mode": "cni", "cni": {"name": "other", "plugins": [{"type": "bridge"}]}},
    "console_size": {"tty": True},
    "cpu_rt_period": ON_V1,
    "cpu_rt_runtime": ON_V1,
    "enable_ipv6": BRIDGED,
    "label_policy": {"labels": {"com.example.team": "web"}},
    "labels": {"label_policy": "safe"},
    "mac_address": BRIDGED,
    "memswap_limit": {"mem_limit": "600m"},
    "mem_swappiness": ON_V1,
    "net_cls": ON_V1,
    "netns": {"network_mode": "netns"},
    "networks": BRIDGED,
    "oom_kill_disable": ON_V1,
    "ports": BRIDGED,
    "read_only_tmpfs": {"read_only": True},
    "shared_namespaces": {"container_name": "web1"},
    "time_offsets": {"time": "private"},
    "userns_mode": {"uid_map": ["0:100000:65536"]},
}
# Values that show, where an example of the schema says what is so anyway, or needs what is not there.
CDI_DEVICE = {"name": "0", "containerEdits": {"env": ["GPU=0"]}}
VALUES: dict[str, Any] = {
    "cdi": {
        "devices": ["vendor.com/gpu=0"],
        "specs": [{"cdiVersion": "0.6.0", "kind": "vendor.com/gpu", "devices": [CDI_DEVICE]}],
    },
    "image_volumes": "tmpfs",
    "label_policy": "safe",
    "networks": {"front": {"ipv4_address": str(SUBNET[9])}},
    "privileged": True,
    "rootfs": {"propagation": "rshared"},
    "seccomp": "unconfined",
    "target": {"oci_version": "1.2.0"},
    "user": "app",
}
# What else is other then. The mounts that a container gets by itself are read-only, too; some keys stand for others.
ALSO = {"read_only": ["/mounts"], "security_opt": [""], "deploy": [""]}

Outcome = Callable[[dict[str, Any]], tuple[Any, ...]]


@pytest.fixture
def outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """What an overrides file leads to: config.json first, and what else the bundle has from it."""
    monkeypatch.chdir(tmp_path)
    for name in ("web.env", "local.env"):
        (tmp_path / name).write_text(f"FROM={name}\n")
    for name in ("tini-static", "register"):
        (tmp_path / name).write_bytes(program())

    def outcome_of(keys: dict[str, Any]) -> tuple[Any, ...]:
        (tmp_path / "o.yaml").write_text(json.dumps(keys))
        overrides = load([str(tmp_path / "o.yaml")])
        profile = overrides.get("profile")
        given = replace(
            inputs(config={"Cmd": ["/app"], "Volumes": {"/var/cache": {}}}),
            overrides=overrides,
            target=load_target(None, overrides),
            profile=load_profile() if profile is UNSET else load_profile(profile.plain()),
        )
        config = convert(given)
        return config.document, lifecycle(given), generated_files(given), carried_files(given), config.without_meaning

    return outcome_of


def at(document: Any, pointer: str) -> Any:
    for token in pointer_tokens(pointer):
        document = document.get(token) if isinstance(document, dict) else None
    return document


@pytest.mark.parametrize("key", sorted(KEYS))
def test_the_schema_says_what_a_key_takes_and_does(key: str) -> None:
    assert KEYS[key]["title"]
    assert KEYS[key]["description"]
    assert KEYS[key]["examples"]


@pytest.mark.parametrize("key", [key for key in READ if key not in (*BEFORE, *SILENT, REFUSED)])
def test_a_key_changes_what_the_schema_says_and_nothing_besides(key: str, outcome: Outcome) -> None:
    before = outcome(BESIDE.get(key, {}))
    places = (*KEYS[key].get("config", ()), *ALSO.get(key, ()))
    for value in [VALUES[key]] if key in VALUES else KEYS[key]["examples"]:
        after = outcome(BESIDE.get(key, {}) | {key: value})
        assert after != before, f"{key}: {value} changes nothing"
        changed = [rule for rule in RULES if at(after[0], rule) != at(before[0], rule)]
        assert [rule for rule in changed if "" not in places and not rule.startswith(places)] == []


@pytest.mark.parametrize("key", [*BEFORE, *SILENT])
def test_a_key_that_changes_no_bundle_is_read(key: str, tmp_path: Path) -> None:
    for value in KEYS[key]["examples"]:
        (tmp_path / "o.yaml").write_text(json.dumps({key: value}))
        assert load([str(tmp_path / "o.yaml")]).entries[key].plain() == value


@pytest.mark.parametrize("key", [key for key in KEYS if key not in READ])
def test_a_key_without_meaning_is_named_and_changes_nothing(key: str, outcome: Outcome) -> None:
    *nothing, _ = outcome({})
    for value in KEYS[key]["examples"]:
        assert outcome({key: value}) == (*nothing, f"{key} (o.yaml)")


def test_a_key_that_no_bundle_can_have_is_refused_with_another_way(outcome: Outcome) -> None:
    with pytest.raises(RequestError) as refusal:
        outcome({REFUSED: "all"})
    assert "cdi" in str(refusal.value.hint)


@pytest.mark.parametrize("key", [key for key, rule in KEYS.items() if re.search(r"from -?\d+ to -?\d+", rule["title"])])
def test_a_range_in_a_title_is_the_one_that_is_checked(key: str) -> None:
    lowest, highest = map(int, re.findall(r"-?\d+", KEYS[key]["title"])[:2])
    numbers = (lowest - 1, lowest, highest, highest + 1)
    assert [schema.is_allowed(number, KEYS[key]) for number in numbers] == [False, True, True, False] or lowest == 0


def test_the_names_of_profiles_are_those_that_there_are() -> None:
    base = schema.form("profile")["properties"]["base"]["enum"]
    assert schema.rule("profile")["words"] == base == list(PROFILES)


def test_the_words_for_propagation_are_those_of_short_mounts() -> None:
    assert schema.form("propagation")["enum"] == list(PROPAGATIONS)


@pytest.mark.parametrize("pointer", [pointer for pointer, rule in RULES.items() if not isinstance(rule, str)])
def test_a_rule_says_what_it_implements(pointer: str) -> None:
    documented = RULES[pointer].__doc__ or ""

    assert re.search(r"config(-linux)?\.md|[Dd]ocker|image-spec|runtime-spec", documented), f"{pointer}: {documented}"


@pytest.mark.parametrize(("pointer", "key"), [(pointer, key) for pointer, key in RULES.items() if isinstance(key, str)])
def test_a_key_that_is_copied_has_the_range_that_a_runtime_takes(pointer: str, key: str) -> None:
    forms = data.load("runtime-config.schema.json")
    place = forms
    for token in pointer_tokens(pointer):
        place = place["properties"][token]
        place = forms["$defs"][place["$ref"].rpartition("/")[2]] if "$ref" in place else place
    for bound in ("minimum", "maximum"):
        assert KEYS[key].get(bound, place.get(bound)) == place.get(bound)

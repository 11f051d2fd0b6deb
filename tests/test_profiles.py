"""Profiles: named sets of defaults, and those of one's own."""

from pathlib import Path

import pytest

from bundler.errors import RequestError
from bundler.overrides.load import load
from bundler.profiles import PROFILES, load_profile

SOCKET = [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]


def socket_tests(name: str) -> list[object]:
    return [rule["args"] for rule in load_profile(name).seccomp["syscalls"] if rule["names"] == ["socket"]]


def profile_of(tmp_path: Path, text: str) -> object:
    (tmp_path / "ours.yaml").write_text(text)
    overrides = tmp_path / "o.yaml"
    overrides.write_text("profile: ours.yaml\n")
    return load([str(overrides)]).entries["profile"].plain()


def test_docker_means_docker_28() -> None:
    assert load_profile("docker") == load_profile("docker@28")


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_profile_says_its_id(name: str) -> None:
    assert load_profile(name).id.startswith(name.partition("@")[0])


def test_docker_29_has_a_time_namespace_of_its_own() -> None:
    of_28, of_29 = (
        [entry["type"] for entry in load_profile(name).defaults["linux"]["namespaces"]]
        for name in ("docker@28", "docker@29")
    )

    assert of_29 == ["mount", "network", "time", "uts", "pid", "ipc", "cgroup"]
    assert of_28 == [kind for kind in of_29 if kind != "time"]


def test_docker_29_blocks_af_alg_besides_af_vsock() -> None:
    assert socket_tests("docker@28") == [SOCKET]
    assert socket_tests("docker@29") == [
        [{"index": 0, "value": 38, "op": "SCMP_CMP_LT"}],
        [{"index": 0, "value": 39, "op": "SCMP_CMP_EQ"}],
        [{"index": 0, "value": 40, "op": "SCMP_CMP_GT"}],
    ]


def test_none_has_no_filter_and_no_capabilities() -> None:
    profile = load_profile("none")

    assert profile.seccomp is None
    assert profile.items("/process/capabilities") == []


def test_a_profile_in_a_file_says_only_what_differs_from_its_base(tmp_path: Path) -> None:
    ours = profile_of(tmp_path, "{id: ours@1, base: docker, defaults: {process: {oomScoreAdj: 100}}}")

    assert isinstance(ours, dict)
    profile, docker = load_profile(ours), load_profile("docker")
    assert profile.id == "ours@1"
    assert profile.defaults["process"] == docker.defaults["process"] | {"oomScoreAdj": 100}
    assert profile.seccomp == docker.seccomp


def test_a_profile_can_do_without_a_filter(tmp_path: Path) -> None:
    ours = profile_of(tmp_path, "{id: ours@1, base: docker, seccomp: null}")

    assert isinstance(ours, dict)
    assert load_profile(ours).seccomp is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"ours.yaml:1:1: profile: found no map"),
        ("{base: docker}", r"ours.yaml:1:1: .*id"),
        ("{id: ours, base: podman}", r"ours.yaml:1:18: .*podman"),
        ("{id: ours, defaults: {mounts: 3}}", r"ours.yaml:1:31: .*mounts"),
        ("{id: ours, seccomp: /etc/passwd}", r"ours.yaml:1:21: .*seccomp"),
        ("{id: ours, defaults: {process: {args: [x]}}}", r"ours.yaml:1:33: .*args"),
    ],
    ids=["list", "no id", "unknown base", "mounts", "a path as filter", "a key that no rule reads"],
)
def test_a_profile_that_is_none_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        profile_of(tmp_path, text)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(RequestError, match="unknown profile 'podman'"):
        load_profile("podman")

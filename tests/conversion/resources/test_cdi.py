"""CDI devices: specs from files become parts of a runtime config."""

from pathlib import Path
from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.rule import Inputs
from bundler.errors import RequestError
from bundler.overrides.load import load
from bundler.profiles import load_profile
from tests.support.inputs import converted, image_config

SPEC = """\
cdiVersion: 0.6.0
kind: vendor.com/gpu
containerEdits:
  env: [DRIVER=1, PATH=/opt/vendor]
  hooks: [{hookName: createContainer, path: /usr/bin/hook, args: [hook, ldcache], timeout: 5}]
devices:
- name: "0"
  containerEdits:
    deviceNodes: [{path: /dev/nvidia0}, {path: /dev/vendor0, type: c, major: 511, minor: 0, permissions: rw}]
    mounts: [{hostPath: /usr/lib/libv.so, containerPath: /usr/lib/libv.so/, options: [ro, nosuid, bind]}]
- name: "1"
  containerEdits:
    additionalGids: [44, 0]
    netDevices: [{hostInterfaceName: ib0, name: ib}]
    intelRdt: {closID: fast, l3CacheSchema: "L3:0=f"}
"""


def config(folder: Path, overrides: str) -> dict[str, Any]:
    """config.json for an overrides file in `folder`, which is read as `bundler` reads it."""
    path = folder / "web.yaml"
    path.write_text(overrides)
    inputs = Inputs(image_config=image_config(), overrides=load([str(path)]), profile=load_profile())
    return convert(inputs).document


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    (tmp_path / "cdi").mkdir()
    (tmp_path / "cdi/vendor.yaml").write_text(SPEC)
    return tmp_path


def test_edits_of_the_spec_and_of_the_device_reach_their_places(specs: Path) -> None:
    found = config(specs, "cdi: {devices: [vendor.com/gpu=0], spec_dirs: [cdi]}")
    assert [device["path"] for device in found["linux"]["devices"]] == ["/dev/nvidia0", "/dev/vendor0"]
    assert found["linux"]["resources"]["devices"][-2:] == [
        {"allow": True, "type": "c", "major": 195, "minor": 0, "access": "rwm"},
        {"allow": True, "type": "c", "major": 511, "minor": 0, "access": "rw"},
    ]
    assert "DRIVER=1" in found["process"]["env"]
    assert found["process"]["env"][0] == "PATH=/opt/vendor"
    hook = {"path": "/usr/bin/hook", "args": ["hook", "ldcache"], "timeout": 5}
    assert found["hooks"] == {"createContainer": [hook]}
    mount = next(mount for mount in found["mounts"] if mount["destination"] == "/usr/lib/libv.so")
    assert mount["options"] == ["ro", "nosuid", "bind"]


def test_edits_of_the_spec_are_made_once(specs: Path) -> None:
    found = config(specs, "cdi: {devices: [vendor.com/gpu=0, vendor.com/gpu=1], spec_dirs: [./cdi]}")
    assert len(found["hooks"]["createContainer"]) == 1
    assert found["process"]["user"]["additionalGids"] == [0, 44]
    assert found["linux"]["netDevices"] == {"ib0": {"name": "ib"}}
    assert found["linux"]["intelRdt"] == {"closID": "fast", "l3CacheSchema": "L3:0=f"}


def test_a_device_belongs_to_the_process_unless_the_spec_says_otherwise(specs: Path) -> None:
    found = config(specs, "user: 7:8\ncdi: {devices: [vendor.com/gpu=0], spec_dirs: [cdi]}")
    assert [(device["uid"], device["gid"]) for device in found["linux"]["devices"]] == [(7, 8), (7, 8)]


def test_nothing_is_edited_without_a_device(specs: Path) -> None:
    assert config(specs, "cdi: {spec_dirs: [cdi]}") == config(specs, "{}")


def test_requests_of_several_files_follow_one_another() -> None:
    spec = "{cdiVersion: 0.5.0, kind: a.com/b, devices: [{name: x, containerEdits: "
    one = f"cdi:\n  devices: [a.com/b=x]\n  specs: [{spec}"
    found = converted(one + "{env: [A=1]}}]}]", one.replace("a.com/b", "c.com/d") + "{env: [B=2]}}]}]")
    assert found["process"]["env"][-2:] == ["A=1", "B=2"]


def test_a_later_directory_wins_and_the_overrides_file_over_all(specs: Path) -> None:
    (specs / "late").mkdir()
    late = "cdiVersion: 0.6.0\nkind: vendor.com/gpu\ndevices: [{name: '0', containerEdits: {env: [LATE=1]}}]\n"
    (specs / "late/a.yaml").write_text(late)

    def variables(request: str) -> set[str]:
        return {*config(specs, f"cdi: {{{request}}}")["process"]["env"]} & {"DRIVER=1", "LATE=1", "HERE=1"}

    assert variables("devices: [vendor.com/gpu=0], spec_dirs: [cdi, late]") == {"LATE=1"}
    assert variables("devices: [vendor.com/gpu=0], spec_dirs: [late, cdi]") == {"DRIVER=1"}
    # What the later one does not describe is the earlier one's.
    assert variables("devices: [vendor.com/gpu=1], spec_dirs: [cdi, late]") == {"DRIVER=1"}
    here = late.replace("LATE", "HERE").replace("\n", ", ", 2)
    own = f"devices: [vendor.com/gpu=0], spec_dirs: [cdi], specs: [{{{here.strip()}}}]"
    assert variables(own) == {"HERE=1"}


def test_two_specs_of_one_directory_may_not_describe_one_device(specs: Path) -> None:
    (specs / "cdi/z.yaml").write_text(SPEC)
    with pytest.raises(
        RequestError, match=r"vendor\.yaml:7:3: cdi: vendor\.com/gpu=0 is described again at z\.yaml:7:3"
    ):
        config(specs, "cdi: {devices: [vendor.com/gpu=0], spec_dirs: [cdi]}")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            "cdi: {devices: [vendor.com/gpu=9], spec_dirs: [cdi]}",
            "web.yaml:1:17: cdi: no spec describes",
        ),
        ("cdi: {devices: [vendor.com/gpu=0]}", "no spec describes vendor.com/gpu=0"),
        ("cdi: {devices: [vendor.com/gpu=0], spec_dirs: [nowhere]}", "No such file or directory"),
        ("cdi: {devices: [gpu], spec_dirs: [cdi]}", "web.yaml:1:17: cdi.devices[0]"),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused(specs: Path, overrides: str, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        config(specs, overrides)
    assert message in refused.value.what


@pytest.mark.parametrize(
    ("was", "becomes", "place"),
    [
        ("0.6.0", "9.0.0", "vendor.yaml:1:13"),
        ("hookName: createContainer", "hookName: whenever", "vendor.yaml:5:22"),
        ("path: /usr/bin/hook", "path: hook", "vendor.yaml:5:"),
        ("DRIVER=1", "DRIVER", "vendor.yaml:4:9"),
        ("hostPath: /usr/lib/libv.so,", "", "vendor.yaml:10:14"),
        ("path: /dev/nvidia0", "path: /dev/unknown0", "vendor.yaml:9:19"),
        ("devices:\n", "device:\n", "vendor.yaml:"),
        ('"1"', '"0"', "vendor.yaml:"),
        ("kind: vendor.com/gpu", "kind: [vendor.com/gpu", "vendor.yaml:"),
    ],
)
def test_a_hostile_spec_is_refused_where_it_is_wrong(specs: Path, was: str, becomes: str, place: str) -> None:
    (specs / "cdi/vendor.yaml").write_text(SPEC.replace(was, becomes, 1))
    with pytest.raises(RequestError) as refused:
        config(specs, "cdi: {devices: [vendor.com/gpu=0], spec_dirs: [cdi]}")
    assert place in refused.value.what

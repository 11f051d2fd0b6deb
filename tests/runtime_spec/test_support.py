"""What the target's runtime understands, and the version of the runtime-spec that is asked for."""

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.target import Target
from bundler.errors import RequestError
from bundler.runtime_spec.features import Features
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.runtime_spec.support import Runtime, shortcomings, unsupported
from tests.support.inputs import inputs
from tests.support.messages import tells

ALL = "{scheduler: {policy: batch}, io_priority: be, exec_cpu_affinity: {initial: 0}, cpu_idle: 1}"


def warnings(text: str, runtime: str, version: tuple[int, ...]) -> tuple[str, ...]:
    return convert(inputs(text, target=Target(runtime=runtime, runtime_version=version))).warnings


def test_fields_that_a_runtime_passes_over_are_named() -> None:
    said = warnings(ALL, "runc", (1, 1, 5))
    assert tells(said[0], "runc 1.1.5 ignores /linux/resources/cpu/idle", "first 1.2")
    assert len(said) == 4
    (ignored,) = warnings(ALL, "runc", (1, 2, 0))
    assert tells(ignored, "runc 1.2.0 ignores /process/execCPUAffinity", "first 1.3")


@pytest.mark.parametrize(
    ("runtime", "version"), [("runc", ()), ("runc", (1, 4, 0)), ("runsc", (1,)), ("crun", (1, 20))]
)
def test_nothing_is_said_of_versions_that_are_new_enough_or_unknown(runtime: str, version: tuple[int, ...]) -> None:
    assert warnings(ALL, runtime, version) == ()


def test_a_field_that_a_runtime_refuses_is_refused() -> None:
    with pytest.raises(RequestError, match=r"runc 1\.1\.5 refuses /linux/namespaces/\*/type \(time\)"):
        warnings("time: private", "runc", (1, 1, 5))
    assert warnings("time: private", "runc", (1, 2)) == ()


@pytest.mark.parametrize(("pinned", "written"), [("auto", "1.1.0"), ("1.1.0", "1.1.0"), ("1.3.0", "1.3.0")])
def test_a_version_can_be_pinned(pinned: str, written: str) -> None:
    assert convert(inputs(target=Target(oci_version=pinned))).document["ociVersion"] == written


def test_a_version_below_a_field_in_use_is_refused() -> None:
    with pytest.raises(RequestError, match=r"oci_version 1\.0\.2 does not have /linux/seccomp/defaultErrnoRet"):
        convert(inputs(target=Target(oci_version="1.0.2")))
    with pytest.raises(
        RequestError, match=r"oci_version 1\.1\.0 does not have /linux/memoryPolicy, which came with 1\.3\.0"
    ):
        convert(inputs("memory_policy: {mode: BIND, nodes: 0-1}", target=Target(oci_version="1.1.0")))


def test_a_runtime_that_says_what_it_knows_is_taken_at_its_word() -> None:
    config = convert(inputs("seccomp: unconfined"))
    knows = Features(namespaces=("mount", "network", "uts", "pid", "ipc", "cgroup"), capabilities=("CAP_KILL",))
    runtime = Runtime("youki", features=knows)
    said = unsupported(config, runtime)
    assert tells(said[0], "youki ignores CAP_CHOWN", "/process/capabilities/*")
    assert len(said) == 13
    with pytest.raises(RequestError, match="youki refuses network in /linux/namespaces"):
        unsupported(config, Runtime("youki", features=Features(namespaces=("mount",))))


def test_features_that_nobody_has_told_of_decide_nothing() -> None:
    assert unsupported(convert(inputs()), Runtime("runc", features=Features())) == ()


@pytest.mark.parametrize(("version", "refused"), [((1, 8, 1), True), ((1, 9), False), ((), False)])
def test_old_versions_of_crun_refuse_new_ones_of_the_runtime_spec(version: tuple[int, ...], *, refused: bool) -> None:
    crun = Runtime("crun", version)
    found = [one for one in shortcomings(RuntimeConfig({"ociVersion": "1.2.0"}), crun) if one.refuses]
    assert bool(found) is refused
    assert not list(shortcomings(RuntimeConfig({"ociVersion": "1.1.0"}), crun))

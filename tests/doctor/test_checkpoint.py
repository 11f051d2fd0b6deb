"""What criu could not keep of a bundle, told where criu works; and why it does not work."""

from dataclasses import replace

import pytest

from bundler.conversion.target import Target
from bundler.doctor import host_judges, machine_judges
from bundler.doctor.host_facts import HostFacts
from bundler.doctor.host_judges import Machine
from tests.doctor.test_checks import HERE, TARGET, subject

WITH_CRIU = replace(HERE, criu="")
CRUN = Target(runtime="crun", runtime_version=(1, 21, 0), architecture="amd64")


@pytest.mark.parametrize(
    ("criu", "told"), [(None, []), ("", []), ("criu 3.0.0 or newer is needed", ["criu 3.0.0 or newer is needed"])]
)
def test_a_machine_says_why_criu_does_not_work(criu: str | None, told: list[str]) -> None:
    assert list(host_judges.checkpoint(Machine(TARGET, replace(HERE, criu=criu)))) == told


@pytest.mark.parametrize(
    ("text", "target", "told"),
    [
        ("volumes: [kept:/kept]", TARGET, []),
        ("tty: true", TARGET, ["/process/terminal"]),
        ("pid: host", TARGET, ["/linux/namespaces"]),
        ("volumes: [kept:/kept]", CRUN, ["/mounts"]),
    ],
)
def test_what_a_bundle_has_that_cannot_be_kept(text: str, target: Target, told: list[str]) -> None:
    assert [
        line.partition(":")[0] for line in machine_judges.checkpoint(subject(text, around=WITH_CRIU, target=target))
    ] == told


@pytest.mark.parametrize(
    "around", [None, HERE, replace(HERE, criu="it failed")], ids=["elsewhere", "unasked", "failed"]
)
def test_nothing_is_said_where_criu_does_not_work(around: HostFacts | None) -> None:
    assert list(machine_judges.checkpoint(subject("tty: true", around=around))) == []

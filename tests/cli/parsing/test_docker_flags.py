"""A flag of Docker's that is no option is answered with the key that it is in an overrides file."""

import pytest

from bundler.cli.parsing.docker_flags import hint_at
from tests.support.command import call_bundler


@pytest.mark.parametrize("command", ["build", "config", "run", "upgrade"])
def test_a_flag_of_docker_is_said_to_be_a_key(command: str) -> None:
    done = call_bundler(command, "--memory", "64m", "./none")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "bundler: error: no such option: --memory\n"
        "bundler: hint: docker's -m, --memory is `mem_limit` in an overrides file; "
        "`bundler overrides from-docker-run` makes one of a whole line\n"
    )


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("-m", "docker's -m, --memory is `mem_limit`"),
        ("--tmpfs", "docker's --tmpfs belongs in an overrides file"),
        ("--entrypoint", "docker's --entrypoint belongs in an overrides file"),
        ("--log-driver", "docker's --log-driver leaves no trace in a bundle: Docker's daemon sees to it"),
        ("--dns-opt", "docker's --dns-option is `dns_opt`"),
        ("--nonsense", None),
        ("-Z", None),
        ("", None),
    ],
)
def test_each_kind_of_flag_has_its_answer(option: str, hint: str | None) -> None:
    said = hint_at(option)
    assert (said or "").startswith(hint or "")
    assert (said is None) == (hint is None)


def test_what_docker_does_not_know_either_is_told_as_ever() -> None:
    done = call_bundler("build", "--nonsense", "x")
    assert done.returncode == 2
    assert done.stderr.startswith("bundler: error: no such option: --nonsense\nbundler: hint: bundler build --help")

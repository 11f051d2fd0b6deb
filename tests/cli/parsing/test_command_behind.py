"""Where the options of `bundler run` end, and the words of what is run begin."""

import pytest

from bundler.cli.parsing.command_behind import with_separator
from tests.support.command import call_bundler

TAKES = {"-e": True, "--env": True, "-i": False, "-t": False, "-T": False, "--rm": False, "--name": True}


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("web", "web"),
        ("web sh", "web -- sh"),
        ("web sh -c id", "web -- sh -c id"),
        ("-it web sh -c id", "-it web -- sh -c id"),
        ("web -it sh -c id", "web -it -- sh -c id"),
        ("-e A=1 web id -u", "-e A=1 web -- id -u"),
        ("-eA=1 web id -u", "-eA=1 web -- id -u"),
        ("-ite A web id", "-ite A web -- id"),
        ("-iteA web id", "-iteA web -- id"),
        ("--env A web id --env", "--env A web -- id --env"),
        ("--env=A web id", "--env=A web -- id"),
        ("--rm --name x web --unknown y", "--rm --name x web --unknown -- y"),
        ("- sh -c id", "- -- sh -c id"),
        ("web -- sh -- x", "web -- sh -- x"),
        ("-- web sh -c id", "-- web sh -c id"),
        ("web sh -- x", "web -- sh -- x"),
        ("web --rm", "web --rm"),
        ("web -e", "web -e"),
        ("-e -- web sh", "-e -- web -- sh"),
        ("", ""),
    ],
)
def test_options_end_at_the_first_word_of_what_is_run(line: str, read: str) -> None:
    assert with_separator(line.split(), TAKES) == read.split()


def test_what_is_run_may_have_options_that_run_has_too() -> None:
    done = call_bundler("run", "./none", "id", "-u")
    assert (done.returncode, "./none is not there" in done.stderr) == (2, True)
    assert "no such option" in call_bundler("run", "./none", "--nonsense", "id").stderr

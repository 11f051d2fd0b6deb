"""Whether a program can be started at all: it is there, and this machine or its emulator runs it."""

import os
from pathlib import Path

import pytest

from bundler.doctor.program_start import check_program
from bundler.errors import ImageError, RequestError
from bundler.targets import architecture
from tests.support.command import bundler

pytestmark = pytest.mark.root  # who gives files the owners that the image has
HERE = architecture(os.uname().machine)
OTHER = "s390x"
HELLO = Path(__file__).parents[2] / "testdata"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles for two processors, of which this machine is one at the most."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("amd64", "arm64"):
        bundler("build", str(HELLO / f"hello-{name}.tar"), "-q", "-o", name, cwd=folder)
    return folder


@pytest.mark.parametrize("arguments", [["/hello"], ["/hello", "more"], []])
def test_what_is_for_this_machine_starts(folder: Path, arguments: list[str]) -> None:
    check_program(folder / HERE, arguments, f"linux/{HERE}", label="web")


@pytest.mark.parametrize(("program", "why"), [("nosuch", "in no directory of PATH"), ("/etc", "is a directory")])
def test_what_is_no_program_is_told_with_what_the_image_runs(folder: Path, program: str, why: str) -> None:
    with pytest.raises(RequestError, match=f"^web: .*{why}") as caught:
        check_program(folder / HERE, [program], f"linux/{HERE}", label="web")
    assert caught.value.hint == "without a command, web runs /hello"


def test_of_two_words_about_the_processor_the_programs_own_counts(folder: Path) -> None:
    """Images say the wrong platform now and then."""
    check_program(folder / HERE, ["/hello"], f"linux/{OTHER}", label="web")


def test_without_a_program_to_look_at_the_images_word_counts(folder: Path) -> None:
    with pytest.raises(ImageError, match=f"web is for linux/{OTHER}, and this machine's processor is {HERE}"):
        check_program(folder / HERE, [], f"linux/{OTHER}", label="web")


def test_what_was_written_over_an_image_may_hold_the_program(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "web").symlink_to(folder / HERE)
    (folder / HERE / "upper").mkdir()
    try:
        check_program(tmp_path / "web", ["nosuch"], f"linux/{HERE}", label="web")
    finally:
        (folder / HERE / "upper").rmdir()


@pytest.mark.parametrize("platform", ["", "nonsense/a/b/c/d", "linux"])
def test_a_platform_that_is_none_says_nothing(folder: Path, platform: str) -> None:
    check_program(folder / HERE, ["/hello"], platform, label="web")

"""What of a bundle a container may be given, path by path."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.overrides.bundle_paths import is_own_folder, refusal

# What a bundle has that the machine runs, mounts or believes, today or soon.
TRUSTED = [
    *("hooks", "hooks/network", "config.json", "bundler.json", "bundler.lock", "bundler.json.sig", "rootfs.mtree"),
    *("rootfs", "rootfs/etc", "rootfs.erofs", "umoci.json", "sha256_0123.mtree", ".bundler-stage", ".hidden"),
    *("etc", "etc/other", "etc/hosts/x", "volumes", "images", "images/x", "shm/x", "HOOKS", "Hooks/network", "Rootfs"),
]
GIVEN = ["volumes/v", "volumes/v/sub", "shm", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/docker-init", "own"]
SPELLINGS = ["{}", "./{}", "./{}/", ".//{}//", "{}/.", "./own/../{}", "own/.././{}"]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("path", [*TRUSTED, "."])
def test_what_the_machine_trusts_is_refused_in_every_spelling(path: str, spelling: str) -> None:
    assert refusal(spelling.format(path)) is not None


@pytest.mark.parametrize("path", GIVEN)
def test_what_is_made_to_be_mounted_may_be(path: str) -> None:
    assert [refusal(spelling.format(path)) for spelling in SPELLINGS[:5]] == [None] * 5


def test_another_image_s_files_may_be_read_only() -> None:
    assert refusal("images/x/sub", read_only=True) is None
    assert refusal("images", read_only=True) is not None


def test_a_file_of_which_the_content_is_said_may_be_read_only() -> None:
    assert refusal("etc/content-app.conf", read_only=True) is None
    assert refusal("etc/content-app.conf") is not None
    assert refusal("etc/content-x/hosts", read_only=True) is not None


@pytest.mark.parametrize("path", ["..", "../x", "own/../../x", "volumes/v/../../hooks", "volumes/v/../w"])
def test_no_path_goes_up(path: str) -> None:
    assert refusal(path, read_only=True) is not None


@pytest.mark.parametrize(
    "path",
    [
        *("/proc/self/cwd/hooks", "//proc//self/./cwd", "/proc/thread-self/root/x", "/proc/1/cwd", "/dev/fd/3"),
        *("/proc/self/task/1/fd/3", "/srv/../proc/self/exe"),
    ],
)
def test_a_link_that_is_another_one_for_each_process_is_refused(path: str) -> None:
    assert refusal(path, read_only=True) is not None


@pytest.mark.parametrize("path", ["/", "/srv/data", "/proc", "/proc/sys/net", "/dev/fdx", "/hooks", "/procx/self/cwd"])
def test_a_path_of_the_machine_may_be_mounted(path: str) -> None:
    assert refusal(path) is None


@given(st.lists(st.sampled_from([".", "", "..", "own", "hooks", "rootfs", "volumes", "v", "etc", "hosts"]), max_size=6))
def test_what_may_be_mounted_is_never_above_or_in_what_is_trusted(steps: list[str]) -> None:
    path = "/".join(steps)
    if path.startswith("/") or refusal(path) is not None:
        return
    clean = posixpath.normpath(path)
    assert clean.startswith(("volumes/", "../volumes/")) or clean == "etc/hosts" or is_own_folder(clean)
    assert clean == "etc/hosts" or not any(trusted == clean or trusted.startswith(f"{clean}/") for trusted in TRUSTED)

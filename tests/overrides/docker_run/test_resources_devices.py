"""--device, --device-cgroup-rule and --gpus."""

import pytest

from bundler.errors import RequestError
from tests.overrides.docker_run.lines import keys


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("/dev/fuse", "/dev/fuse:/dev/fuse:rwm"),
        ("/dev/fuse:r", "/dev/fuse:/dev/fuse:r"),
        ("/dev/fuse:/dev/x", "/dev/fuse:/dev/x:rwm"),
        ("/dev/fuse:/dev/x:mr", "/dev/fuse:/dev/x:mr"),
    ],
)
def test_a_device_is_written_in_full(given: str, becomes: str) -> None:
    assert keys("--device", given, "image")["devices"] == [becomes]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--device", "vendor.com/class=name"], ["vendor.com/class=name"]),
        (["--device", "vendor.com/my.class=0"], ["vendor.com/my.class=0"]),
        (["--gpus", "all"], ["nvidia.com/gpu=all"]),
        (["--gpus", "2"], ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]),
        (["--gpus", '"device=0,GPU-1"'], ["nvidia.com/gpu=0", "nvidia.com/gpu=GPU-1"]),
        (["--gpus", 'driver=nvidia,count=1,"capabilities=compute,utility"'], ["nvidia.com/gpu=0"]),
    ],
    ids=" ".join,
)
def test_a_name_of_the_container_device_interface_is_kept(words: list[str], names: list[str]) -> None:
    assert keys(*words, "image")["cdi"] == {"devices": names}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--device", ""], "it is not PATH"),
        (["--device", "/a:/b:r:w"], "it is not PATH"),
        (["--device", "/dev/x:"], "'' is not an absolute path"),
        (["--device", "x"], "'x' is not an absolute path"),
        (["--device", "/dev/fuse:/dev/x:q"], "the permissions 'q'"),
        (["--device", "/dev/fuse:/dev/x:rr"], "the permissions 'rr'"),
        (["--device-cgroup-rule", "x 1:2 r"], "it is not a rule"),
        (["--device-cgroup-rule", "a"], "it is not a rule"),
        (["--gpus", ""], "not one line"),
        (["--gpus", "x"], "'x' is neither all nor a number"),
        (["--gpus", "count=1,count=2"], "count stands twice"),
        (["--gpus", "foo=1"], "'foo' is not count"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_docker_refuses_is_refused_with_the_reason(words: list[str], reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        keys(*words, "image")
    assert reason in str(refused.value)

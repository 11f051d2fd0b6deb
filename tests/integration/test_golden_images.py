"""The five golden images, from both formats of `docker save`: what config.json says, and what the process then sees."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import bundler
from tests.support.docker_save import FORMATS, hexdigest
from tests.support.golden_images import NAMES, golden_image
from tests.support.runtime import Name, run_instead

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox")]

# plain states no command, so it is given one; all others run as they are.
PLAIN_COMMAND = "command: [sleep, '100000']\n"

# The 14 capabilities that Docker leaves a container, as /proc/PID/status writes them.
DOCKER_CAPABILITIES = "00000000a80425fb"
NO_CAPABILITIES = "0000000000000000"

EXPECTED: dict[str, dict[str, Any]] = {
    "plain": {
        "args": ["sleep", "100000"],
        "cwd": "/",
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME={id}"],
        "user": {"uid": 0, "gid": 0, "additionalGids": [0, 10]},
        "volumes": [],
    },
    "full": {
        "args": ["/entry.sh", "--flag", "serve", "--port", "8080"],
        "cwd": "/srv/app",
        "env": [
            "PATH=/opt/app/bin:/usr/bin:/bin",
            "HOSTNAME={id}",
            "APP_MODE=production",
            "GREETING=hello world",
            "EMPTY=",
            "LANG=C.UTF-8",
        ],
        "user": {"uid": 1001, "gid": 1002, "additionalGids": [1002, 29, 44, 2001]},
        "volumes": ["/data", "/var/cache/app"],
    },
    "numeric": {
        "args": ["/bin/sh", "-c", 'sleep 100000 && echo "$HOME"'],
        "cwd": "/does/not/exist/yet",
        "env": [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOSTNAME={id}",
            "A=3",
            "B=two",
        ],
        "user": {"uid": 1234, "gid": 5678, "additionalGids": [5678]},
        "volumes": [],
    },
    "weird": {
        "args": ["/bin/ash", "-eo", "pipefail", "-c", "sleep 100000", "ignored", "by", "shell", "entrypoint"],
        "cwd": "/rel/path",
        "env": [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOSTNAME=fromimage",
            "TERM=dumb",
            "HOME=/custom",
            "NOVALUE=",
        ],
        "user": {"uid": 1001, "gid": 29, "additionalGids": [29]},
        "volumes": ["/linkdir/vol", "/opq"],
    },
    "bare": {
        "args": ["/busybox", "sleep", "100000"],
        "cwd": "/",
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME={id}"],
        "user": {"uid": 0, "gid": 0, "additionalGids": [0]},
        "volumes": [],
    },
}


def build(archive: Path, name: str, directory: Path) -> Path:
    """The bundle of one image of an archive."""
    options: list[str | Path] = []
    if name == "plain":
        (directory / "overrides.yaml").write_text(PLAIN_COMMAND)
        options = ["--overrides", directory / "overrides.yaml"]
    bundler("build", f"docker-archive:{archive}:golden/{name}:1", "--output", directory / name, *options)
    return directory / name


@pytest.fixture(scope="module")
def bundles(golden_archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """A bundle per format and image."""
    directories = {form: tmp_path_factory.mktemp(form) for form in FORMATS}
    return {(form, name): build(golden_archives[form], name, directories[form]) for form in FORMATS for name in NAMES}


def config_of(bundle: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((bundle / "config.json").read_bytes())
    return config


@pytest.mark.parametrize("name", NAMES)
def test_the_process_is_what_docker_would_start(bundles: dict[tuple[str, str], Path], name: str) -> None:
    config = config_of(bundles["docker28", name])
    process, expected = config["process"], EXPECTED[name]
    image_id = hexdigest(golden_image(name).config)[:12]
    assert process["args"] == expected["args"]
    assert process["cwd"] == expected["cwd"]
    assert process["env"] == [entry.replace("{id}", image_id) for entry in expected["env"]]
    assert process["user"] == expected["user"]
    assert config["hostname"] == image_id
    in_volumes = [mount for mount in config["mounts"] if mount.get("source", "").startswith("volumes/")]
    assert sorted(mount["destination"] for mount in in_volumes) == expected["volumes"]


@pytest.mark.parametrize("name", NAMES)
def test_both_formats_give_the_same_config(bundles: dict[tuple[str, str], Path], name: str) -> None:
    one, other = (bundles[form, name] / "config.json" for form in FORMATS)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_whiteouts_volumes_and_modes_arrive_on_disk(bundles: dict[tuple[str, str], Path], form: str) -> None:
    weird, full = bundles[form, "weird"], bundles[form, "full"]
    assert sorted(path.name for path in (weird / "rootfs/a/b").iterdir()) == ["stays"]
    assert sorted(path.name for path in (weird / "rootfs/opq").iterdir()) == ["new"]
    assert (weird / "rootfs/bin/busybox").stat().st_mode & 0o7777 == 0o4755
    assert (weird / "rootfs/keep/fifo").is_fifo()
    assert (weird / "rootfs/rel/path").is_dir()
    seeded = full / "volumes/data"
    assert (seeded / "seed.txt").read_text() == "seed\n"
    assert (seeded.stat().st_uid, seeded.stat().st_gid, seeded.stat().st_mode & 0o7777) == (1001, 1002, 0o750)
    assert full.stat().st_mode & 0o7777 == 0o700


def seen_inside(bundle: Path, script: str, runtime: Name = "runc") -> str:
    shell = ["/busybox", "sh"] if (bundle / "rootfs/busybox").exists() else ["/bin/sh"]
    ended = run_instead(bundle, [*shell, "-c", script], runtime)
    assert ended.exit_code == 0, ended.stderr
    return ended.stdout.rstrip("\n")


INSIDE = {
    "plain": ["id: uid=0(root) gid=0(root) groups=0(root),10(wheel)", "pwd: /"],
    "full": [
        "id: uid=1001(app) gid=1002(app) groups=29(audio),44(video),1002(app),2001(extra)",
        "pwd: /srv/app",
        "echo $HOME $GREETING: /srv/app hello world",
    ],
    "numeric": ["id: uid=1234 gid=5678 groups=5678", "pwd: /does/not/exist/yet", "echo $A $B: 3 two"],
    "weird": [
        "id: uid=1001(app) gid=29(audio) groups=29(audio)",
        "pwd: /rel/path",
        "echo $HOME $HOSTNAME $TERM: /custom fromimage dumb",
        "echo /a/b/* /opq/*: /a/b/stays /opq/new",
    ],
    "bare": ["/busybox id: uid=0 gid=0 groups=0", "/busybox pwd: /"],
}


def check_inside(bundle: Path, expected: list[str], runtime: Name) -> None:
    """`expected` holds `COMMAND: OUTPUT` lines; all commands run in one container."""
    commands = [line.partition(": ")[0] for line in expected]
    outputs = seen_inside(bundle, "; ".join(commands), runtime).splitlines()
    assert [f"{command}: {output}" for command, output in zip(commands, outputs, strict=True)] == expected


@pytest.mark.tool("runc")
@pytest.mark.parametrize("name", NAMES)
def test_runc_starts_the_user_where_the_image_says(bundles: dict[tuple[str, str], Path], name: str) -> None:
    check_inside(bundles["docker28", name], INSIDE[name], "runc")


@pytest.mark.tool("crun")
@pytest.mark.parametrize("name", NAMES)
def test_crun_starts_it_the_same_way(bundles: dict[tuple[str, str], Path], name: str) -> None:
    check_inside(bundles["docker28", name], INSIDE[name], "crun")


@pytest.mark.tool("runc")
@pytest.mark.parametrize(
    ("name", "effective"), [("plain", DOCKER_CAPABILITIES), ("full", NO_CAPABILITIES)], ids=["root", "a user"]
)
def test_the_kernel_holds_the_process_as_docker_would(
    bundles: dict[tuple[str, str], Path], name: str, effective: str
) -> None:
    fields = "CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp"
    status = seen_inside(bundles["docker28", name], f"grep -E '^({fields}):' /proc/self/status")
    assert dict(line.split(":\t") for line in status.splitlines()) == {
        "CapInh": NO_CAPABILITIES,
        "CapPrm": effective,
        "CapEff": effective,
        "CapBnd": DOCKER_CAPABILITIES,
        "CapAmb": NO_CAPABILITIES,
        "NoNewPrivs": "0",
        "Seccomp": "2",
    }


@pytest.mark.tool("runc")
def test_the_container_sees_its_own_host_name_hosts_and_volume(bundles: dict[tuple[str, str], Path]) -> None:
    bundle = bundles["docker28", "full"]
    image_id = hexdigest(golden_image("full").config)[:12]
    assert seen_inside(bundle, "hostname; cat /etc/hostname") == f"{image_id}\n{image_id}"
    assert "127.0.0.1\tlocalhost" in seen_inside(bundle, "cat /etc/hosts").splitlines()
    assert seen_inside(bundle, "stat -c '%u:%g %a' /data; cat /data/seed.txt") == "1001:1002 750\nseed"


@pytest.mark.tool("runc")
def test_what_is_written_to_a_volume_stays_in_the_bundle(bundles: dict[tuple[str, str], Path]) -> None:
    bundle = bundles["docker20", "full"]
    seen_inside(bundle, "echo kept >/data/new")
    assert (bundle / "volumes/data/new").read_text() == "kept\n"
    assert not (bundle / "rootfs/data/new").exists()


@pytest.mark.tool("runc")
def test_what_docker_forbids_is_forbidden(bundles: dict[tuple[str, str], Path]) -> None:
    tries = "mount -t tmpfs none /tmp; echo $?; unshare -m true; echo $?; echo 1 >/proc/sys/kernel/panic; echo $?"
    bundle = bundles["docker28", "plain"]
    assert [line != "0" for line in seen_inside(bundle, f"({tries}) 2>/dev/null").splitlines()] == [True] * 3
    assert seen_inside(bundle, "cat /proc/kcore /proc/keys | wc -c; ls /sys/firmware | wc -l") == "0\n0"

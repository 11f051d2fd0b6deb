"""What `bundler harden` proposes, tried: the services of a Debian image start with it, and answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.runtime import a_name, call

TOOLS = ("debootstrap", "umoci", "setfattr", "setcap", "runc")
pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in TOOLS)]

# As the images of docker-library begin: as root, who gives the files to the service's user and becomes him.
ENTRY = """
    chown -R redis:redis /var/lib/redis && chmod 0700 /var/lib/redis
    exec setpriv --reuid=redis --regid=redis --clear-groups redis-server --dir /var/lib/redis
"""
SERVICES = {
    "nginx, whose workers leave root": ("{}", "GET / HTTP/1.0\\r\\n\\r\\n", 80, "served from a bundle"),
    "redis as root": ("{command: [redis-server, --dir, /var/lib/redis]}", "SAVE\\r\\nQUIT\\r\\n", 6379, "+OK\r\n+OK"),
    "redis behind a script": (json.dumps({"command": ["sh", "-c", ENTRY]}), "SAVE\\r\\nQUIT\\r\\n", 6379, "+OK\r\n+OK"),
}  # fmt: skip
ASK = """for _ in {1..100}; do (: </dev/tcp/127.0.0.1/$1) 2>/dev/null && break; sleep 0.1; done
exec 3<>/dev/tcp/127.0.0.1/$1; printf "$2" >&3; cat <&3"""


@contextmanager
def started(bundle: Path, log: Path) -> Iterator[str]:
    """The container's name, while it runs; what it says goes to `log`, so that nobody waits for its output to end."""
    with a_name(["runc"]) as name:
        ended = call(["sh", "-c", 'exec runc run --detach --bundle "$0" "$1" >"$2" 2>&1', bundle, name, log])
        assert ended.exit_code == 0, log.read_text()
        yield name


@pytest.mark.parametrize("service", SERVICES)
def test_a_hardened_service_starts_and_answers(debian: Path, tmp_path: Path, service: str) -> None:
    base, question, port, answer = SERVICES[service]
    (tmp_path / "base.yaml").write_text(base)
    image = f"oci:{debian}:debian"
    overrides: list[str | Path] = ["--overrides", tmp_path / "base.yaml"]
    proposal = tmp_path / "hardened.yaml"
    proposal.write_text(bundler("harden", image, *overrides))
    assert bundler("overrides", "check", proposal) == ""
    bundle = tmp_path / "bundle"
    bundler("build", image, *overrides, "--overrides", proposal, "--output", bundle)
    assert call_bundler("doctor", bundle).returncode == 0
    with started(bundle, tmp_path / "log") as name:
        asked = call(["runc", "exec", name, "bash", "-c", ASK, "bash", str(port), question])
        assert answer in asked.stdout, asked.stderr + (tmp_path / "log").read_text()
        refused = call(["runc", "exec", name, "touch", "/etc/new"])
        assert "Read-only file system" in refused.stderr


def test_a_bundle_gives_what_its_image_gives_but_for_the_ports(debian: Path, tmp_path: Path) -> None:
    bundler("build", f"oci:{debian}:debian", "--output", tmp_path / "debian")
    of_image, of_bundle = bundler("harden", f"oci:{debian}:debian"), bundler("harden", tmp_path / "debian")
    assert of_image == of_bundle
    assert "CHOWN  # nginx opens logs as root" in of_image
    assert "# user: www-data" in of_image


def test_a_bundle_without_a_manifest_or_with_overrides_is_refused(tmp_path: Path) -> None:
    hello = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
    bundler("build", hello, "--output", tmp_path / "b")
    with_overrides = call_bundler("harden", tmp_path / "b", "--overrides", "x.yaml")
    (tmp_path / "b/rootfs.mtree").unlink()
    without = call_bundler("harden", tmp_path / "b")
    assert [done.returncode for done in (with_overrides, without)] == [2, 2]
    assert "a bundle has its overrides already" in with_overrides.stderr
    assert "rootfs.mtree is not there" in without.stderr

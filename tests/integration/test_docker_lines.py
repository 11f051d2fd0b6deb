"""Lines that docker's client, or a real daemon, takes or refuses, and what from-docker-run says of them."""

import subprocess
from pathlib import Path

import pytest

from tests.support.command import call_bundler
from tests.support.docker import Docker

pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in ("dockerd", "docker"))]

IMAGE = "golden/plain:1"
LINES = (
    *("UPPER", "img:tag:tag", "img@sha256:abc", "a_-b", "x/", "golden/Plain:1", "golden/plain:1@sha256:0"),
    *("{image} true", "--name web1 -p 127.0.0.1:8080:80 --expose 53/udp {image} true"),
    *("-p 80-81:90-92 {image} true", "-p 8000-8005:80 {image} true", "-p 0:80 {image} true"),
    *("--mac-address 02:42:ac:11:00:02 {image} true", "--mac-address x {image} true"),
    *("--network none --network-alias x {image} true", "--network name=none,alias=x {image} true"),
    *("--restart always --rm {image} true", "--name _a {image} true", "--uts host -h x {image} true"),
    *("--entrypoint= {image}", "{image}", "-v a1:/x -v b1:/x {image} true", "-v a1:/x --tmpfs /x {image} true"),
    *("--hostname a_b {image} true", "--network host -p 80:80 {image} true", "--stop-signal NONE {image} true"),
    *("--pid host --init {image} true", "--cap-add NONE {image} true", "--privileged --cap-drop ALL {image} true"),
)


@pytest.fixture(scope="module")
def archive(docker: Docker, golden_archives: dict[str, Path]) -> Path:
    """The archive of the golden images, which the daemon knows, too."""
    docker("load", "--input", golden_archives["docker20"])
    return golden_archives["docker20"]


@pytest.mark.parametrize("line", LINES)
def test_what_docker_refuses_is_refused(line: str, docker: Docker, archive: Path, tmp_path: Path) -> None:
    words = line.format(image=IMAGE).split()
    try:
        docker("rm", docker("create", "--pull=never", *words))
        docker_takes_it = True
    except subprocess.CalledProcessError:
        docker_takes_it = False
    done = call_bundler("overrides", "from-docker-run", "--", *words)
    if done.returncode == 0:
        (tmp_path / "line.yaml").write_text(done.stdout)
        done = call_bundler("config", f"docker-archive:{archive}:{IMAGE}", "--overrides", tmp_path / "line.yaml")
    assert (done.returncode == 0) == docker_takes_it, done.stderr

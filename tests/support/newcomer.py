"""A person with a fresh Debian, a clone and its documentation: bundler installed as README says, recipes followed."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import POLICY
from tests.support.booted import Booted
from tests.support.dockers_registry import MIRROR
from tests.support.pages import PROJECT, Step, blocks
from tests.support.reader import ended_steps, script_of

PACKAGES = "python3-venv runc skopeo systemd iproute2"
CLONE = Path("root/clone")
SECONDS = 600
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def install(root: Path, settings: dict[str, str]) -> None:
    """What README's chapter of this name says, in a Debian whose network is this machine's."""
    archive = subprocess.run(["git", "-C", PROJECT, "archive", "HEAD"], check=True, capture_output=True).stdout
    (root / CLONE).mkdir()
    subprocess.run(["tar", "--extract", "--directory", root / CLONE], input=archive, check=True)
    [lines] = [block.text for block in blocks(PROJECT / "README.md") if block.text.startswith("python3 -m venv")]
    script = f"""
    set -eu
    mount -t proc proc /proc
    apt-get update --quiet=2
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends {PACKAGES}
    cd /{CLONE}
    {lines}
    ln -s ~/bundler/bin/*bundler /usr/local/bin
    """
    command: list[str | Path] = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "chroot",
        root,
        "sh",
        "-c",
        script,
    ]
    subprocess.run(command, env={"HOME": "/root", "PATH": PATH, **settings}, check=True, stdout=subprocess.DEVNULL)


@dataclass(frozen=True)
class Newcomer:
    """Root's shell on a machine whose files are in `root`."""

    root: Path
    machine: Booted

    def folder(self, chapter: str) -> Path:
        """An empty folder, as it is found from here."""
        folder = self.root / "root" / chapter
        folder.mkdir()
        return folder

    def prepare(self) -> None:
        """A home where skopeo finds its policy, and a registry in the place of Docker's."""
        containers = self.root / "root/.config/containers"
        containers.mkdir(parents=True)
        (containers / "policy.json").write_text(POLICY)
        (containers / "registries.conf").write_text(MIRROR)

    def follow(self, steps: Sequence[Step], folder: Path) -> list[tuple[str, int]]:
        """What each step has printed, and its exit code, up to the first that fails."""
        script = folder.with_name(f"{folder.name}.sh")
        script.write_text(script_of(steps, f"cd /{folder.relative_to(self.root)} || exit\n"))
        enter = ["nsenter", "--target", str(self.machine.pid), "--all"]
        environment = ["env", "-i", "HOME=/root", f"PATH={PATH}", "LANG=C.UTF-8", "TERM=dumb"]
        done = subprocess.run(
            [*enter, *environment, "bash", f"/{script.relative_to(self.root)}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=SECONDS,
        )
        return ended_steps(steps, done.stdout.decode(errors="replace"))

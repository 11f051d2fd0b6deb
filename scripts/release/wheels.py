"""Wheels of others, each held to the sha256 that a list has: what a release carries, and what makes it."""

import hashlib
import itertools
import json
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from release.archives import File, read_zip

CARRIED: Final = Path(__file__).with_name("carried.sha256")
TOOLS: Final = Path(__file__).with_name("tools.sha256")
MACHINES: Final = ("aarch64", "x86_64")
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
_LIBC: Final = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")  # Debian 12 has glibc 2.36
# The other half of zstandard, for PyPy: as large as all the rest.
_LEFT_OUT: Final = ("zstandard/_cffi.",)
_OF_THE_WHEEL: Final = (".dist-info/RECORD", ".dist-info/WHEEL")


@dataclass(frozen=True, slots=True)
class Pin:
    """A line of a list, as sha256sum writes it. The name of a wheel says for whom it is (PEP 427)."""

    sha256: str
    file: str

    @property
    def requirement(self) -> str:
        name, version = self.file.split("-")[:2]
        return f"{name}=={version}"

    @property
    def python(self) -> str:
        """Such as 3.11; any of them where the wheel does not say."""
        tag = self.file.split("-")[-3]
        return f"{tag[2]}.{tag[3:]}" if tag.startswith("cp3") else PYTHONS[0]

    def is_for(self, machine: str) -> bool:
        return self.file.endswith(("-any.whl", f"_{machine}.whl"))

    def holds(self, path: Path) -> bool:
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256


def read_pins(listed: Path) -> list[Pin]:
    return [Pin(*line.split()) for line in listed.read_text("utf-8").splitlines()]


@dataclass(frozen=True, slots=True)
class Wheels:
    """The folder where wheels are kept, for a kind of machine."""

    folder: Path
    machine: str = platform.machine()

    def get(self, listed: Path) -> list[Path]:
        """The wheels of a list; those that are not there yet are downloaded."""
        pins = [pin for pin in read_pins(listed) if pin.is_for(self.machine)]
        missing = [pin for pin in pins if not pin.holds(self.folder / pin.file)]
        for python in PYTHONS:
            download([pin.requirement for pin in missing if pin.python == python], python, self.machine, self.folder)
        wrong = [pin.file for pin in missing if not pin.holds(self.folder / pin.file)]
        if wrong:
            raise SystemExit(f"{', '.join(wrong)}: not the wheel that {listed.name} lists")
        return [self.folder / pin.file for pin in pins]


def download(requirements: Iterable[str], python: str, machine: str, folder: Path) -> None:
    """Have pip get wheels for a Python that need not be this one."""
    wanted = list(requirements)
    if not wanted:
        return
    platforms = [f"--platform={libc}_{machine}" for libc in _LIBC]
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--implementation=cp"]
    pip = [sys.executable, "-m", "pip", "download", *options, *platforms, f"--python-version={python}"]
    done = subprocess.run([*pip, "--dest", folder, *wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"pip failed:\n{done.stdout}{done.stderr}")


def renew(listed: Path, *wanted: str) -> None:
    """Write a list again, with the newest of what `wanted` takes, for all Pythons and machines.

    Python 3.11 decides what that is: a later one takes less.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report=-"]
    report = subprocess.run([*command, *wanted], check=True, stdout=subprocess.PIPE).stdout
    resolved = [item["metadata"] for item in json.loads(report)["install"]]
    requirements = [f"{it['name']}=={it['version']}" for it in resolved if it["name"] != "oci-bundler"]
    with TemporaryDirectory() as folder:
        for python, machine in itertools.product(PYTHONS, MACHINES):
            download(requirements, python, machine, Path(folder))
        wheels = sorted(Path(folder).iterdir())
        lines = [f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}\n" for wheel in wheels]
    listed.write_text("".join(lines), "utf-8")


def merged(wheels: Iterable[Path]) -> dict[str, File]:
    """What wheels have in them, as one tree for all the Pythons they are for.

    The name of a compiled module says for which Python it is, so they lie beside each other. All other files of two
    wheels of one version are the same ones.
    """
    tree: dict[str, File] = {}
    for wheel in wheels:
        for name, file in read_zip(wheel).items():
            if name.endswith(_OF_THE_WHEEL) or name.startswith(_LEFT_OUT):
                continue
            if tree.setdefault(name, file).content != file.content:
                raise SystemExit(f"{wheel.name}: another wheel has another {name}")
    return dict(sorted(tree.items()))

"""The committed example images are what their script writes today."""

import hashlib
import io
import json
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ARCHITECTURES = ["amd64", "arm64"]
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("hello")
    subprocess.run([sys.executable, PROJECT / "scripts/make-hello", directory], check=True)
    return directory


def layer_of(image: Path) -> bytes:
    with tarfile.open(image) as archive:
        member = archive.extractfile(next(name for name in archive.getnames() if name.endswith("/layer.tar")))
        assert member is not None
        return member.read()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_committed_image_is_what_the_script_writes(written: Path, architecture: str) -> None:
    name = f"hello-{architecture}.tar"
    same = (PROJECT / "testdata" / name).read_bytes() == (written / name).read_bytes()
    assert same, f"testdata/{name} is stale: run scripts/make-hello and commit the result"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_image_states_its_platform_and_the_digest_of_its_layer(architecture: str) -> None:
    image = PROJECT / "testdata" / f"hello-{architecture}.tar"
    with tarfile.open(image) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        [described] = json.load(manifest)
        document = archive.extractfile(described["Config"])
        assert document is not None
        config = json.load(document)
    assert (config["os"], config["architecture"]) == ("linux", architecture)
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer_of(image)).hexdigest()]


def test_the_program_of_this_machine_greets_and_exits_with_0(tmp_path: Path) -> None:
    architecture = MACHINES.get(platform.machine())
    if architecture is None:
        pytest.skip(f"there is no hello image for {platform.machine()}")
    layer = io.BytesIO(layer_of(PROJECT / "testdata" / f"hello-{architecture}.tar"))
    with tarfile.open(fileobj=layer) as tar:
        program = tar.extractfile("hello")
        assert program is not None
        (tmp_path / "hello").write_bytes(program.read())
    (tmp_path / "hello").chmod(0o755)
    done = subprocess.run([tmp_path / "hello"], capture_output=True, check=True)
    assert done.stdout.startswith(b"Hello from a bundle!")

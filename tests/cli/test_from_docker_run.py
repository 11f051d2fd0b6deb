"""`bundler overrides from-docker-run` as a person runs it: the file on standard output, the rest beside it."""

import os
import pty
import struct
import subprocess
import termios
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.support.command import call_bundler, installed


def test_the_overrides_file_is_on_standard_output_and_the_rest_beside_it() -> None:
    done = call_bundler("overrides", "from-docker-run", "--", "--rm", "-e", "A=1", "nginx:1.27", "-g", "daemon off;")
    assert done.returncode == 0
    assert done.stdout == 'image: nginx:1.27\ncommand: ["-g", "daemon off;"]\nenvironment: ["A=1"]\n'
    assert done.stderr == "bundler: no trace in config.json of --rm: Docker's daemon sees to it, not the container\n"


def test_a_line_may_be_pasted_as_it_is() -> None:
    words = ["sudo", "docker", "run", "-d", "--name", "web1", "-p", "8080:80", "nginx:1"]
    done = call_bundler("overrides", "from-docker-run", "--", *words)
    assert done.stdout == 'image: nginx:1\ncontainer_name: web1\nports: ["8080:80"]\n'


def test_the_clients_environment_files_and_folder_count(tmp_path: Path) -> None:
    (tmp_path / "web.env").write_text("FROM\n")
    words = ["-e", "HERE", "--env-file", "web.env", "-v", "./site:/x", "image"]
    done = call_bundler("overrides", "from-docker-run", "--", *words, cwd=tmp_path, env={"HERE": "1", "FROM": "2"})
    assert '"HERE=1"' in done.stdout
    assert '"FROM=2"' in done.stdout
    assert f"{tmp_path}/site:/x" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cpus", "1", "--cpu-quota", "25000", "image"], "--cpus cannot be given with --cpu-quota"),
        (["--security-opt", "seccomp=/nope.json", "image"], "the file /nope.json does not exist"),
        (["--env-file", "/", "image"], "the file / is a folder, not a file"),
        (["-t"], "docker run needs an image"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_docker_refuses_ends_with_2(words: list[str], message: str) -> None:
    done = call_bundler("overrides", "from-docker-run", "--", *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_a_word_that_is_no_text_is_refused() -> None:
    command = [os.fsencode(installed()), b"overrides", b"from-docker-run", b"--", b"-e", b"A=\xff", b"image"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert b"not UTF-8" in done.stderr


def test_on_a_terminal_its_size_is_the_consoles() -> None:
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
    command = [installed(), "overrides", "from-docker-run", "--", "-t", "image"]
    subprocess.run(command, stdout=theirs, check=True, timeout=60)
    os.close(theirs)
    assert b"console_size: [33, 101]" in os.read(ours, 4096)
    os.close(ours)

"""The folder that mistakes are made in: an image, a bundle of it, the bundle packed, and files of other kinds."""

import shutil
from pathlib import Path

from tests.support.command import bundler

HELLO = Path(__file__).parents[2] / "testdata/hello-amd64.tar"
FILES = {
    "app.yaml": "read_only: true\n",
    "compose.yaml": "services:\n  web:\n    image: hello\n",
    "Dockerfile": "FROM alpine\nRUN apk add curl\n",
    "deployment.yaml": "apiVersion: v1\nkind: Pod\nspec: {containers: []}\n",
    "page.tar": "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
    "notes.txt": "To be done.\n",
    "empty": "",
    "empty.tar": "",
    "empty.yaml": "",
    "project/app.py": "print('hello')\n",
    "context/Dockerfile": "FROM alpine\n",
}


def make_folder(folder: Path) -> None:
    """Fill the existing `folder`."""
    shutil.copy(HELLO, folder / "image.tar")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    bundler("build", "image.tar", "--quiet", "-o", "bundle", cwd=folder)
    bundler("build", "image.tar", "--rootfs", "erofs", "--quiet", "-o", "imaged", cwd=folder)
    bundler("pack", "bundle", "--quiet", "-o", "packed.tar.zst", cwd=folder)
    bundler("build", "image.tar", "--read-only", "--quiet", "-o", "later", cwd=folder)
    bundler("delta", "bundle", "later", "--quiet", "-o", "later.delta", cwd=folder)

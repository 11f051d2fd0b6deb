"""A project that was built: two images, replicas, volumes with content, a secret."""

import subprocess
from pathlib import Path

from bundler.project.project import ProjectRequest, read_project
from bundler.project_building import build_project
from bundler.request import BuildRequest
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.tarballs import directory, file, hard_link, symlink, tarball

COMPOSE = """
name: shop
services:
  web: {image: "FOLDER/one.tar", depends_on: [db], volumes: ["rows:/data", "empty:/nothing", "/own"], scale: 2}
  app: {image: "FOLDER/other.tar", volumes: ["rows:/data"]}
  db: {image: "FOLDER/one.tar", volumes: ["rows:/data"], secrets: [{source: pw, mode: 0400, uid: "5"}]}
volumes: {rows: , empty: }
secrets: {pw: {file: ./pw}}
"""


def build_shop(folder: Path, name: str = "shop", compose: str = COMPOSE, *, rootfs: str | None = None) -> Path:
    """The project in `folder`, a directory that is there."""
    for image, text in (("one", b"of one"), ("other", b"of the other")):
        layer = tarball(
            directory("data", mode=0o700, owner=(7, 0)),
            file("data/mark", text, mtime=5),
            hard_link("data/again", "data/mark"),
            file("bin/sh", b"sh"),
            symlink("bin/ash", "sh"),
        )
        write_archive(folder / f"{image}.tar", layout_files({"1": sample(layer, Cmd=["sh"])}))
    (folder / "compose.yaml").write_text(compose.replace("FOLDER", str(folder)))
    (folder / "pw").write_text("secret\n")
    project = read_project(ProjectRequest(files=[str(folder / "compose.yaml")]))
    build_project(project, BuildRequest(store=None, rootfs=rootfs), folder / name, overrides={})
    return folder / name


def copied(project: Path, folder: Path) -> Path:
    """The project again, in the new `folder`."""
    folder.mkdir()
    subprocess.run(["cp", "-a", project, folder / "shop"], check=True)
    return folder / "shop"

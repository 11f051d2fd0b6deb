"""Where something is to be written, and cannot or must not be."""

from tests.mistakes.mistake import Mistake


def place(line: str, what: str, hint: str, code: int = 2) -> Mistake:
    return Mistake(line=line, code=code, what=what, hint=hint)


PLACES = (
    place("build image.tar -o new.tar.zst", "new.tar.zst is the name of a file", "bundler pack new -o new.tar.zst"),
    place("build image.tar -o app/new.sqfs", "app/new.sqfs is the name of a file", "-o app/new makes the directory"),
    place("unpack packed.tar.zst -o new.tar", "new.tar is the name of a file", "-o new makes the directory"),
    place("apply later.delta bundle -o new.tar.xz", "new.tar.xz is the name of a file", "-o new makes the directory"),
    place("build image.tar -o bundle", "bundle exists already", "--force ... -o"),
    place("build image.tar -o project --force", "project is not a bundle, it has no bundler.json", "-o"),
    place("build image.tar -o app.yaml --force", "app.yaml is not a directory", "-o"),
    place("build image.tar -o new/bundle", "the folder new does not exist", "mkdir -p new"),
    place("build image.tar -o bundel/new", "the folder bundel does not exist", "did you mean bundle?"),
    place("build image.tar -o notes.txt/new", "notes.txt is not a folder", "-o"),
    place("build image.tar -o /proc/new", "cannot write to /proc", "-o", code=1),
    place("build image.tar -o bundle/new", "bundle/new lies in the bundle bundle", "choose another place"),
    place("unit bundle -o bundle", "bundle/bundle.service lies in the bundle", "choose another place"),
    place("backup bundle -o bundle/new.tar", "bundle/new.tar lies in the bundle", "choose another place"),
    place("delta bundle later -o bundle/new.delta", "bundle/new.delta lies in the bundle", "choose another place"),
    place("explain bundle --html bundle/new.html", "bundle/new.html lies in the bundle", "choose another place"),
    place("lock image.tar -o bundle/bundler.lock", "bundle/bundler.lock lies in the bundle", "choose another place"),
    place("export web:1 -o bundle/rootfs/new.tar", "bundle/rootfs/new.tar lies in the bundle", "choose another place"),
    place("pack bundle -o new/bundle.tar", "the folder new does not exist", "mkdir -p new"),
    place("pack bundle -o /dev/null", "/dev/null: the name does not say the format", ".tar.zst"),
    place("unpack packed.tar.zst -o new/bundle", "the folder new does not exist", "mkdir -p new"),
    place("backup bundle -o new.zip", "new.zip: the name does not say the format", ".tar.zst"),
    place("explain bundle --html new/page.html", "new/page.html: there is no such folder", "mkdir -p"),
)

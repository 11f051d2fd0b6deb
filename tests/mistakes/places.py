"""Where something is to be written, and cannot or must not be."""

from tests.mistakes.mistake import Mistake


def place(line: str, what: str, hint: str, code: int = 2) -> Mistake:
    return Mistake(line=line, code=code, what=what, hint=hint)


PLACES = (
    place("build image.tar -o bundle", "bundle exists already", "--force ... -o"),
    place("build image.tar -o project --force", "project is not a bundle, it has no bundler.json", "-o"),
    place("build image.tar -o app.yaml --force", "app.yaml is not a directory", "-o"),
    place("build image.tar -o new/bundle", "the folder new does not exist", "mkdir -p new"),
    place("build image.tar -o bundel/new", "the folder bundel does not exist", "did you mean bundle?"),
    place("build image.tar -o notes.txt/new", "notes.txt is not a folder", "-o"),
    place("build image.tar -o /proc/new", "cannot write to /proc", "-o", code=1),
    place("pack bundle -o new/bundle.tar", "the folder new does not exist", "mkdir -p new"),
    place("pack bundle -o /dev/null", "/dev/null: the name does not say the format", ".tar.zst"),
    place("unpack packed.tar.zst -o new/bundle", "the folder new does not exist", "mkdir -p new"),
    place("backup bundle -o new.zip", "new.zip: the name does not say the format", ".tar.zst"),
    place("explain bundle --html new/page.html", "new/page.html: there is no such folder", "mkdir -p"),
)

"""The scripts that teach a shell to ask bundler, and where a shell finds them."""

import os
from pathlib import Path
from shlex import quote
from typing import Final, NamedTuple

from bundler import data
from bundler.completion.shells import SHELLS

_ANCESTORS: Final = 10  # make, env, sudo and the like may stand between bundler and the shell of a person


class Installed(NamedTuple):
    """Where the script was written, and the file that had to be told of it."""

    script: Path
    told: Path | None


def script(shell: str, program: str) -> str:
    """For one of SHELLS: what makes it ask `program`. Another program called bundler, such as Ruby's, is not asked."""
    text = data.read(f"completion.{shell}").decode()
    return text.replace("FUNCTION", program.replace("-", "_")).replace("NAME", program)


def current_shell() -> str | None:
    """The nearest program above this one that is a shell with completion, else the one this user logs in with."""
    process = os.getppid()
    for _ in range(_ANCESTORS):
        try:
            name, _, rest = (
                Path(f"/proc/{process}/stat").read_text("utf-8", "replace").partition("(")[2].rpartition(")")
            )
        except OSError:
            break
        if name in SHELLS:
            return name
        process = int(rest.split()[1])
    logged_in = os.environ.get("SHELL", "").rpartition("/")[2]
    return logged_in if logged_in in SHELLS else None


def install(shell: str, program: str) -> Installed:
    """Write the script where `shell` looks for it, and tell its start-up file unless that knows already.

    bash finds the folder only with the package bash-completion, zsh none below a home: each gets a line that works
    with and without. Raises OSError, and RuntimeError for a user without a home.
    """
    path = _places(program)[shell]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script(shell, program), "utf-8")
    return Installed(path, _told(shell, path))


def _places(program: str) -> dict[str, Path]:
    kept = _folder("XDG_DATA_HOME", ".local/share")
    return {
        "bash": kept / "bash-completion/completions" / program,
        "zsh": kept / "zsh/site-functions" / f"_{program}",
        "fish": _folder("XDG_CONFIG_HOME", ".config") / "fish/completions" / f"{program}.fish",
    }


def _told(shell: str, path: Path) -> Path | None:
    starts = {"bash": Path.home() / ".bashrc", "zsh": Path(os.environ.get("ZDOTDIR") or Path.home()) / ".zshrc"}
    start = starts.get(shell)
    if start is None:
        return None
    line = f"[ ! -r {quote(str(path))} ] || source {quote(str(path))}"
    known = start.read_text("utf-8", "surrogateescape") if start.exists() else ""
    if line in known.splitlines():
        return None
    with start.open(
        "a", encoding="utf-8"
    ) as stream:  # not replaced: it may be a link into a folder under version control
        stream.write(("" if known.endswith("\n") or not known else "\n") + line + "\n")
    return start


def _folder(variable: str, default: str) -> Path:
    """Of the XDG base directory specification, by which a relative path is to be ignored."""
    stated = Path(os.environ.get(variable, ""))
    return stated if stated.is_absolute() else Path.home() / default

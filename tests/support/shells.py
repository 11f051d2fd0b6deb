"""bash, zsh and fish with bundler's completion, driven as a person drives them."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.command import installed
from tests.support.dialogue import Dialogue, dialogue

_SHOW = "\x18\x10"  # C-x C-p
# What a shell that has started says, and what it writes around a line that it is asked to show, and to drop.
_DRAWING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[<=>]|[\x00\x07]")  # of a terminal: places, colours, fillers, bells
_BASH = r"""
bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; bind 'set page-completions off'
bind 'set completion-query-items 0'
show_line() { printf '\n<<%s>>\n' "$READLINE_LINE"; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\C-x\C-p": show_line'
PS1=; printf 'rea%s\n' dy
"""
_ZSH = r"""
unsetopt zle_bracketed_paste prompt_sp auto_menu; setopt no_list_beep; unset zle_bracketed_paste; LISTMAX=1000
bindkey -e; bindkey '^I' complete-word
show-line() { zle -I; printf '\n<<%s>>\n' "$BUFFER"; BUFFER=; }
zle -N show-line; bindkey '^X^P' show-line
PS1=; printf 'rea%s\n' dy
"""


class Shell:
    """A shell that has read bundler's script."""

    def __init__(self, terminal: Dialogue) -> None:
        self._terminal = terminal

    def complete(self, line: str) -> str:
        """The line as it stands after one press of the tabulator."""
        self._terminal.type(f"{line}\t{_SHOW}")
        self._terminal.read_until("<<")
        shown = self._terminal.read_until(">>")
        return shown.replace("\r\n", "")

    def offered(self, line: str) -> set[str]:
        """What is listed: the first press may have completed what all have in common, the second says so."""
        self._terminal.type(f"{line}\t\t\t{_SHOW}")
        drawn = self._terminal.read_until("<<")
        self._terminal.read_until(">>")
        return set(_DRAWING.sub("", drawn.partition("\n")[2]).split())


def environment() -> dict[str, str]:
    beside = str(Path(installed()).parent)
    return {"PATH": f"{beside}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "vt100"} | {
        "COLUMNS": "200",
        "LC_ALL": "C.UTF-8",
    }


def script(shell: str) -> str:
    return subprocess.run([installed(), "--show-completion", shell], capture_output=True, text=True, check=True).stdout


@contextmanager
def bash(folder: Path, begin: str = "", more: dict[str, str] | None = None) -> Iterator[Shell]:
    """bash, which reads `begin` before bundler's script."""
    rc = folder.parent / "bashrc"
    rc.write_text(begin + script("bash") + _BASH)
    with dialogue(["bash", "--rcfile", rc, "-i"], folder, environment() | (more or {})) as terminal:
        terminal.read_until("ready")
        yield Shell(terminal)


@contextmanager
def zsh(folder: Path, more: dict[str, str] | None = None) -> Iterator[Shell]:
    (folder.parent / ".zshrc").write_text("autoload -Uz compinit && compinit -u\n" + script("zsh") + _ZSH)
    places = {"ZDOTDIR": str(folder.parent)} | (more or {})
    with dialogue(["zsh", "-d", "-i"], folder, environment() | places) as terminal:
        terminal.read_until("ready")
        yield Shell(terminal)


def fish(folder: Path, line: str, more: dict[str, str] | None = None) -> list[str]:
    """What fish offers for a line, each with its description."""
    done = subprocess.run(
        ["fish", "--no-config", "--command", f'{script("fish")}\ncomplete -C "$LINE"'],
        cwd=folder,
        env=environment() | {"HOME": str(folder.parent), "LINE": line} | (more or {}),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()

"""What runs: the command, its folder, its environment, and how it is started again."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from bundler.approval.review import Row, Section, listed
from bundler.approval.subject import Subject
from bundler.bundles.record import part_of
from bundler.runtime_spec.list_identity import text
from bundler.runtime_spec.parts import Process

# bundler.json, lifecycle: what people are told who do not read it.
_LIFECYCLE: Final[Mapping[str, str]] = {
    "restart": "restart",
    "stop_signal": "stopped by",
    "stop_grace_period": "time to stop",
    "healthcheck": "health check",
    "logging": "logging",
}


def process_section(subject: Subject) -> Section:
    """The process (config.md, process), but for its privileges."""
    command = _command(subject.config.process)
    return Section(name="process", title="What runs", gist=command or "no command", rows=tuple(_rows(subject)))


def _rows(subject: Subject) -> Iterator[Row]:
    process, other = subject.config.process, subject.baseline.process
    yield Row(
        what="command",
        value=_command(process) or "none",
        baseline=_command(other),
        set_by=subject.set_by("/process/args"),
        differences=subject.under(("/process", "/args")),
    )
    yield Row(
        what="working directory",
        value=process.cwd or "/",
        baseline=other.cwd or "/",
        set_by=subject.set_by("/process/cwd"),
        differences=subject.under(("/process", "/cwd")),
    )
    yield Row(
        what="environment",
        value=listed(_names(process), most=40) or "empty",
        baseline=listed(_names(other), most=40) or "empty",
        note="names only: values may be secrets",
        set_by=subject.set_by("/process/env"),
        differences=subject.under(("/process", "/env")),
    )
    yield Row(
        what="terminal",
        value="a terminal" if process.terminal else "none",
        baseline="a terminal" if other.terminal else "none",
        set_by=subject.set_by("/process/terminal"),
        differences=subject.under(("/process", "/terminal"), ("/process", "/consoleSize")),
    )
    lifecycle = part_of(subject.record, "lifecycle")
    for key, what in _LIFECYCLE.items():
        if key in lifecycle:
            yield Row(what=what, value=text(lifecycle[key]))


def _command(process: Process) -> str:
    return shlex.join(process.args)


def _names(process: Process) -> list[str]:
    return list(dict.fromkeys(entry.partition("=")[0] for entry in process.env))

"""What acts on the machine around a container: hooks, and annotations that runtimes act on."""

import shlex
from collections.abc import Iterator
from typing import Final

from bundler.approval.review import Row, Section, listed
from bundler.approval.subject import Subject
from bundler.conversion.annotations import reason
from bundler.doctor.networks import carried
from bundler.origins import Json, pointer_token
from bundler.runtime_spec.list_identity import text
from bundler.runtime_spec.parts import Hook
from bundler.runtime_spec.runtime_config import RuntimeConfig

_ANNOTATIONS: Final = ("/annotations",)
_STARTER: Final = 4  # words of a hook of bundler's own before those that its file is given


def outside_section(subject: Subject) -> Section:
    """Hooks and annotations (config.md)."""
    outer = [hook for hook in subject.config.hooks if hook.is_outer]
    acted_on = [name for name in _annotations(subject.config) if reason(name) is not None]
    gist = f"{len(outer)} hooks on the machine" if len(outer) != 1 else "1 hook on the machine"
    gist = gist if outer else "no hooks on the machine"
    if acted_on:
        gist += f", annotations that a runtime acts on: {listed(acted_on, most=3)}"
    return Section(name="outside", title="Acts on the machine", gist=gist, rows=tuple(_rows(subject)))


def _rows(subject: Subject) -> Iterator[Row]:
    ours, theirs = _programs(subject.config), _programs(subject.baseline)
    kinds = {**ours, **theirs}
    for kind in kinds:
        yield Row(
            what=kind,
            value=listed(ours.get(kind, [])) or "none",
            baseline=listed(theirs.get(kind, [])) or "none",
            note="runs in the container" if kind == "startContainer" else "runs on the machine, as the runtime's user",
            set_by=subject.set_by(f"/hooks/{pointer_token(kind)}"),
            differences=subject.under(("/hooks", f"/{kind}")),
        )
    if not kinds:
        yield Row(what="hooks", value="none", baseline="none", note="programs that a runtime starts on the machine")
    yield from _of_annotations(subject)


def _programs(config: RuntimeConfig) -> dict[str, list[str]]:
    """The command lines of the hooks of each kind; of no kind that the runtime-spec knows, there may be none."""
    programs: dict[str, list[str]] = {kind: [] for kind in config.hook_kinds}
    for hook in config.hooks:
        programs[hook.kind].append(_program(hook))
    return programs


def _program(hook: Hook) -> str:
    own = carried(hook)
    if own is not None:
        return shlex.join((f"BUNDLE/{own}", *hook.args[_STARTER:]))
    return shlex.join((hook.path, *hook.args[1:]))


def _annotations(config: RuntimeConfig) -> dict[str, Json]:
    return {str(name): value for members in config.values("annotations") for name, value in members.items()}


def _of_annotations(subject: Subject) -> Iterator[Row]:
    """Each that a runtime acts on; the others, which are read only, in one row."""
    ours, theirs = _annotations(subject.config), _annotations(subject.baseline)
    read_only = []
    for name in dict.fromkeys((*ours, *theirs)):
        why = reason(name)
        if why is None:
            read_only.append(name)
            continue
        yield Row(
            what=name,
            value=text(ours[name]) if name in ours else "not set",
            baseline=text(theirs[name]) if name in theirs else "not set",
            note=why,
            set_by=subject.set_by(f"/annotations/{pointer_token(name)}"),
            differences=subject.under((*_ANNOTATIONS, f"/{name}")),
        )
    if read_only:
        yield Row(
            what="other annotations",
            value=listed([name for name in read_only if name in ours], most=40) or "none",
            baseline=listed([name for name in read_only if name in theirs], most=40) or "none",
            note="no runtime is known to act on these",
            set_by=subject.set_by(*(f"/annotations/{pointer_token(name)}" for name in read_only)),
            differences=subject.under(*((*_ANNOTATIONS, f"/{name}") for name in read_only)),
        )

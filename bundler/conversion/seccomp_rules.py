"""`seccomp_rules`: small changes to a system call filter, without a copy of the whole (config-linux.md, seccomp)."""

from collections.abc import Callable

from bundler.conversion.inputs import Givens
from bundler.errors import RequestError, printable
from bundler.origins import Json, Origin

Compile = Callable[[Json], Json]


def change(givens: Givens, compiled: Json, compile_rules: Compile) -> tuple[Json, dict[str, Origin], tuple[str, ...]]:
    """`compiled` with the rules of `seccomp_rules` in front, their origins by pointer, and warnings.

    A rule takes the place of all that the filter said of its calls: libseccomp would let an unconditional rule of the
    filter overrule a condition put in front of it, without a word. A call that is removed gets the default action.
    """
    added: list[Json] = []
    origins: dict[str, Origin] = {}
    gone: set[str] = set()
    warnings: list[str] = []
    known = {name for rule in compiled["syscalls"] for name in rule["names"]}
    for node in givens.overrides.items("seccomp_rules"):
        entries = node.entries()
        if "remove" in entries:
            names = [item.text() for item in entries["remove"].items()]
            absent = [printable(name) for name in names if name not in known]
            if absent:
                warnings.append(f"{node.origin.where}: seccomp_rules: the filter has no rule for {', '.join(absent)}")
            gone.update(names)
            continue
        rules = compile_rules({"defaultAction": compiled["defaultAction"], "syscalls": [_conditional(node.plain())]})
        for rule in rules["syscalls"]:
            origins[f"/syscalls/{len(added)}"] = node.origin
            added.append(rule)
            gone.update(rule["names"])
    kept = (rule | {"names": [name for name in rule["names"] if name not in gone]} for rule in compiled["syscalls"])
    return compiled | {"syscalls": [*added, *(rule for rule in kept if rule["names"])]}, origins, tuple(warnings)


def _conditional(rule: dict[str, Json]) -> dict[str, Json]:
    """The rule in Docker's words: it holds where all of its capabilities are held, on one of its architectures."""
    includes = {name: rule[name] for name in ("caps", "arches") if name in rule}
    kept = {name: rule[name] for name in ("names", "action", "args") if name in rule}
    errno = {"errnoRet": rule["errno"]} if "errno" in rule else {}
    return kept | errno | ({"includes": includes} if includes else {})


def refuse_without_filter(givens: Givens) -> None:
    """Raise RequestError where there is nothing to change."""
    for node in givens.overrides.items("seccomp_rules"):
        raise RequestError(
            f"{node.origin.where}: seccomp_rules: the container has no filter to change",
            hint="leave out seccomp: unconfined and privileged, or give a filter with seccomp",
        )

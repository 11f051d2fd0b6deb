"""`/linux/seccomp`: a filter in Docker's conditional format, compiled for one container (config-linux.md, seccomp).

`seccomp_rules`: small changes to a system call filter, without a copy of the whole (config-linux.md, seccomp).
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Final

from bundler.conversion.process.security import bounding
from bundler.conversion.rule import ABSENT, Inputs, RuleResult, whole
from bundler.errors import RequestError, printable
from bundler.origins import UNSET, Json, Origin, beating

Compile = Callable[[Json], Json]


def change(inputs: Inputs, compiled: Json, compile_rules: Compile) -> tuple[Json, dict[str, Origin], tuple[str, ...]]:
    """`compiled` with the rules of `seccomp_rules` in front, their origins by pointer, and warnings.

    A rule takes the place of all that the filter said of its calls: libseccomp would let an unconditional rule of the
    filter overrule a condition put in front of it, without a word. A call that is removed gets the default action.
    """
    added: list[Json] = []
    origins: dict[str, Origin] = {}
    gone: set[str] = set()
    warnings: list[str] = []
    known = {name for rule in compiled["syscalls"] for name in rule["names"]}
    for node in inputs.overrides.items("seccomp_rules"):
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


def refuse_without_filter(inputs: Inputs) -> None:
    """Raise RequestError where there is nothing to change."""
    for node in inputs.overrides.items("seccomp_rules"):
        raise RequestError(
            f"{node.origin.where}: seccomp_rules: the container has no filter to change",
            hint="leave out seccomp: unconfined and privileged, or give a filter with seccomp",
        )


# Go's names of processors → the name Docker's conditions use, and libseccomp's name in an archMap.
_CONDITION_NAMES: Final = {"386": "x86", "mips64le": "mipsel64"}
_NATIVE: Final = {
    "amd64": "SCMP_ARCH_X86_64",
    "386": "SCMP_ARCH_X86",
    "arm": "SCMP_ARCH_ARM",
    "arm64": "SCMP_ARCH_AARCH64",
    "mips64": "SCMP_ARCH_MIPS64",
    "mips64le": "SCMP_ARCH_MIPSEL64",
    "ppc": "SCMP_ARCH_PPC",
    "ppc64": "SCMP_ARCH_PPC64",
    "ppc64le": "SCMP_ARCH_PPC64LE",
    "s390": "SCMP_ARCH_S390",
    "s390x": "SCMP_ARCH_S390X",
    "riscv64": "SCMP_ARCH_RISCV64",
    "loong64": "SCMP_ARCH_LOONGARCH64",
}
_KEPT: Final = ("defaultAction", "defaultErrnoRet", "flags", "listenerPath", "listenerMetadata")


def seccomp(inputs: Inputs) -> RuleResult:
    """The profile's filter or the overrides' own (config-linux.md, seccomp), for the capabilities of the container.

    A privileged container has none, as in Docker, unless one was given for it.
    """
    node = inputs.overrides.get("seccomp")
    default = None if inputs.profile.seccomp is None else inputs.profile.origin("/linux/seccomp")
    if node is not UNSET and node.value == "unconfined":
        refuse_without_filter(inputs)
        return ABSENT
    if node is not UNSET and isinstance(node.value, dict):
        try:
            return _changed(inputs, _compiled(inputs, node.plain()), beating(node.origin, default))
        except ValueError as error:
            raise node.error(f"seccomp: {error}") from None
    if inputs.overrides.is_true("privileged") or default is None:
        refuse_without_filter(inputs)
        return ABSENT
    return _changed(inputs, _compiled(inputs, inputs.profile.seccomp), default)


def _changed(inputs: Inputs, compiled: Json, origin: Origin) -> RuleResult:
    if not inputs.overrides.items("seccomp_rules"):
        return whole(compiled, origin)
    changed, origins, warnings = change(inputs, compiled, partial(_compiled, inputs))
    return RuleResult(changed, {"": origin} | origins, warnings)


def _compiled(inputs: Inputs, conditional: Json) -> Json:
    return compile_filter(
        conditional,
        architecture=inputs.architecture,
        capabilities=bounding(inputs),
        kernel=inputs.target.kernel,
    )


def compile_filter(
    conditional: Mapping[str, Json], *, architecture: str, capabilities: Collection[str], kernel: tuple[int, ...]
) -> dict[str, Json]:
    """The runtime-spec's filter of one in Docker's format; a filter of the runtime-spec's own stays what it is.

    `architecture` is Go's name, `capabilities` the bounding set: what a setuid program may come to hold counts, not
    what the process starts with. Rules keep their order, and are never merged. The overrides schema has checked the
    types; what it cannot say raises ValueError.
    """
    compiled = {key: conditional[key] for key in _KEPT if conditional.get(key) not in (None, [], "")}
    architectures = _architectures(conditional, architecture)
    if architectures:
        compiled["architectures"] = architectures
    facts = _Facts(_CONDITION_NAMES.get(architecture, architecture), capabilities, kernel)
    rules = conditional.get("syscalls") or []
    compiled["syscalls"] = [_plain_rule(rule) for rule in rules if facts.select(_checked_rule(rule))]
    return compiled


def _architectures(conditional: Mapping[str, Json], architecture: str) -> list[str]:
    """The container's architecture and those whose programs it can run too; empty lets the runtime use its own.

    An i386 or 32-bit ARM image mostly runs on a 64-bit machine, whose filter would kill every program of the image if
    the image's architecture were not named.
    """
    listed, mapped = conditional.get("architectures") or [], conditional.get("archMap") or []
    if listed and mapped:
        raise ValueError("architectures and archMap are both given; Docker takes one of them")
    native = _NATIVE.get(architecture)
    for entry in mapped:
        if entry["architecture"] == native:
            return [native, *(entry.get("subArchitectures") or [])]
    if native and any(native in (entry.get("subArchitectures") or []) for entry in mapped):
        return [native]
    return list(listed)


def _checked_rule(rule: dict[str, Json]) -> dict[str, Json]:
    if rule.get("name") and rule.get("names"):
        raise ValueError(f"a rule has both name {printable(str(rule['name']))!r} and names")
    if not rule.get("name") and not rule.get("names"):
        raise ValueError("a rule has no names")
    return rule


def _plain_rule(rule: Mapping[str, Json]) -> dict[str, Json]:
    plain: dict[str, Json] = {"names": rule.get("names") or [rule["name"]], "action": rule["action"]}
    if rule.get("errnoRet") is not None:
        plain["errnoRet"] = rule["errnoRet"]
    if rule.get("args"):
        plain["args"] = [_plain_argument(argument) for argument in rule["args"]]
    return plain


def _plain_argument(argument: Mapping[str, Json]) -> dict[str, Json]:
    """An argument test as Go writes it: valueTwo is left out when it is 0."""
    kept = ("index", "value", "valueTwo", "op")
    return {key: argument[key] for key in kept if key in argument and not (key == "valueTwo" and not argument[key])}


class _Facts:
    """What the conditions of a rule are held against."""

    def __init__(self, architecture: str, capabilities: Collection[str], kernel: tuple[int, ...]) -> None:
        self.architecture = architecture
        self.capabilities = capabilities
        self.kernel = kernel

    def select(self, rule: Mapping[str, Json]) -> bool:
        """Whether `rule` applies: no exclusion matches, and every inclusion does."""
        excludes, includes = rule.get("excludes") or {}, rule.get("includes") or {}
        return not (
            self.architecture in (excludes.get("arches") or ())
            or any(name in self.capabilities for name in excludes.get("caps") or ())
            or (excludes.get("minKernel") and self.kernel >= _version(excludes["minKernel"]))
            or (includes.get("arches") and self.architecture not in includes["arches"])
            or any(name not in self.capabilities for name in includes.get("caps") or ())
            or (includes.get("minKernel") and self.kernel < _version(includes["minKernel"]))
        )


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor)

"""Whether a runtime config is one that a runtime can start: its form (runtime-spec 1.3), and what is sure to fail.

The rules write nothing malformed. `spec` and `spec_patch` reach every field, so what they leave behind is held against
the schema; what no schema can say is checked in every document.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from itertools import pairwise
from operator import attrgetter
from typing import Any, Final

from bundler import data
from bundler.errors import RequestError, closest, printable
from bundler.origins import Json, Origin, pointer_token, setter
from bundler.overrides.keys.namespaces import IPC_SYSCTLS
from bundler.overrides.schema import strict_validator
from bundler.runtime_spec.reach import exposed
from bundler.runtime_spec.runtime_config import Fault, RuntimeConfig
from bundler.strict_json import fold

# What the kernel keeps per namespace: a container may set these, anything else would change the whole machine.
SCHEMA: Final = "runtime-config.schema.json"
_LONGEST_SHOWN: Final = 100  # characters of a value that a message repeats
_LONGEST_NAME: Final = 64  # bytes (sethostname(2))
# Sets of capabilities, and those that they have to lie in when a runtime, which holds all, sets them (capset(2)).
_WITHIN: Final = {"effective": "permitted", "inheritable": "bounding"}


def parse(content: bytes, label: str) -> RuntimeConfig:
    """The config.json that `content` is, held against the schema; `label` names it. Raises RequestError."""
    config = RuntimeConfig.parse(content, label)
    check_form(config, label)
    return config


def check_form(config: RuntimeConfig, label: str) -> None:
    """Raise RequestError for what the schema does not allow in the config that `label` names."""
    fault = next(malformed(config.document), None)
    if fault is not None:
        where = f"{printable(fault.pointer)}: " if fault.pointer else ""
        raise RequestError(f"{label} is not a runtime config: {where}{fault.what}", hint=fault.hint)


def check(config: RuntimeConfig, origins: Mapping[str, Origin], *, patched: Origin | None = None) -> list[str]:
    """Raise RequestError for what no runtime would start, or no bundle should hold, naming who set it.

    `patched` is who changed the config after the rules (`spec`, `spec_patch`): only then is it held against the
    schema, which costs an import. Returns warnings: names that the runtime-spec does not know, which a runtime ignores.
    """
    if patched is not None:
        for fault in malformed(config.document):
            raise _refused(fault, origins, patched)
    for rule in (*STARTABLE, exposed):
        for fault in rule(config):
            raise _refused(fault, origins, patched)
    return [] if patched is None else [f"{patched.where}: spec: {text}" for text in unknown_names(config.document)]


def _refused(fault: Fault, origins: Mapping[str, Origin], patched: Origin | None) -> RequestError:
    """The nearest known setter of a place is blamed; a place that is gone was taken away by a patch."""
    blamed = setter(origins, fault.pointer)
    if patched is not None and (blamed is None or blamed.source != "overrides"):
        blamed = patched
    where = f"{printable(blamed.where)}: " if blamed else ""
    return RequestError(f"{where}config.json{printable(fault.pointer)}: {fault.what}", hint=fault.hint)


def malformed(document: Json) -> Iterator[Fault]:
    """What the schema does not allow, the most telling first."""
    import jsonschema  # noqa: PLC0415  (slow to import, and needed by few)

    yield from _respelled(document)
    error = jsonschema.exceptions.best_match(_validator().iter_errors(document))
    if error is not None:
        pointer = "".join(f"/{pointer_token(str(step))}" for step in error.absolute_path)
        yield Fault(pointer, *_explained(str(error.validator), error.validator_value, error.instance))


@cache
def _validator() -> Any:
    return strict_validator(data.load(SCHEMA))


def _explained(validator: str, rule: Json, value: Json) -> tuple[str, str | None]:
    text = printable(repr(value)[:_LONGEST_SHOWN])
    match validator:
        case "required":
            missing = next(name for name in rule if name not in value)
            return f"{missing} is missing", None
        case "type":
            return f"found {text}, expected {'an' if rule[0] in 'aio' else 'a'} {rule}", None
        case "enum":
            return f"found {text}", f"allowed are {', '.join(str(choice) or '(empty)' for choice in rule)}"
        case "minimum" | "maximum":
            return f"found {text}, expected at {'least' if validator == 'minimum' else 'most'} {rule}", None
        case "pattern":
            return f"found {text}", f"it has to match {rule}"
        case _:
            return f"found {text}, which is empty", None


def unknown_names(document: Json) -> list[str]:
    """Names that the runtime-spec does not have (config.md, extensibility: a runtime passes them by)."""
    texts = []
    for pointer, name, known in _unknown_members(document):
        near = closest(name, known)
        also = f" (did you mean {near}?)" if near else ""
        texts.append(
            f"config.json{pointer}/{printable(name)} is no field of the runtime-spec, runtimes ignore it{also}"
        )
    return texts


def _respelled(document: Json) -> Iterator[Fault]:
    """Go's encoding/json, and so runc, takes `Process` for process; crun, which is written in C, ignores it."""
    for pointer, name, known in _unknown_members(document):
        meant = next((other for other in known if fold(other) == fold(name)), None)
        if meant is not None:
            what = f"to runc this is {meant}, and to crun no field at all"
            yield Fault(f"{pointer}/{pointer_token(name)}", what, f"write {meant}")


def _unknown_members(document: Json) -> Iterator[tuple[str, str, Collection[str]]]:
    """Members that the schema does not know: the pointer of the object, the name, and what is known there."""
    schema = data.load(SCHEMA)
    return _unknown(document, schema, schema["$defs"], "")


def _unknown(value: Json, schema: Json, definitions: Json, pointer: str) -> Iterator[tuple[str, str, Collection[str]]]:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _unknown(item, schema["items"], definitions, f"{pointer}/{index}")
    if not isinstance(value, dict):
        return
    known = schema.get("properties", {})
    for name, item in value.items():
        if name in known:
            yield from _unknown(item, known[name], definitions, f"{pointer}/{name}")
        elif "additionalProperties" in schema:
            yield from _unknown(item, schema["additionalProperties"], definitions, f"{pointer}/{pointer_token(name)}")
        elif known:
            yield pointer, name, known


def _command(config: RuntimeConfig) -> Iterator[Fault]:
    """runtime-spec config.md, process: at least one argument, and an absolute working directory."""
    if "process" in config.document and not config.process.args:
        yield Fault("/process/args", "there is nothing to run")
    if config.process.members and not config.process.cwd.startswith("/"):
        yield Fault("/process/cwd", "the working directory has to be an absolute path")


def _limits(config: RuntimeConfig) -> Iterator[Fault]:
    """setrlimit(2) refuses a soft limit above the hard one, and a type may stand once (config.md, POSIX process)."""
    seen = set()
    for limit in config.process.rlimits:
        if limit.soft > limit.hard:
            yield Fault(limit.pointer, f"the soft limit {limit.soft} is above the hard limit {limit.hard}")
        if limit.type in seen:
            yield Fault(limit.pointer, f"{limit.type} is there twice")
        seen.add(limit.type)


def _capabilities(config: RuntimeConfig) -> Iterator[Fault]:
    """The kernel refuses them all if one is in a set and not in the one around it."""
    sets = config.process.capabilities or {}
    for inner, outer in _WITHIN.items():
        allowed = set(sets.get(outer, ()))
        beyond = [name for name in sets.get(inner, ()) if name not in allowed]
        if beyond:
            verb = "is" if len(beyond) == 1 else "are"
            names = printable(", ".join(beyond)[:_LONGEST_SHOWN])
            yield Fault(f"/process/capabilities/{inner}", f"{names} {verb} not in {outer}")


def _kernel_parameters(config: RuntimeConfig) -> Iterator[Fault]:
    """config-linux.md, sysctl: what namespaces of the container's own have. Runtimes take a slash for a dot."""
    own = {namespace.type for namespace in config.namespaces}
    for name in config.sysctl:
        needed = _namespace_of(name.replace("/", "."))
        if needed not in own:
            of_whom = "belongs to the whole machine"
            if needed:
                of_whom = f"takes {'an' if needed == 'ipc' else 'a'} {needed} namespace of the container's"
            yield Fault(f"/linux/sysctl/{pointer_token(name)}", f"{printable(name[:_LONGEST_SHOWN])} {of_whom}")


def _namespace_of(parameter: str) -> str:
    if parameter.startswith("net."):
        return "network"
    if parameter.startswith("fs.mqueue.") or parameter in IPC_SYSCTLS:
        return "ipc"
    return "uts" if parameter == "kernel.domainname" else ""


def _namespaces(config: RuntimeConfig) -> Iterator[Fault]:
    """config-linux.md, namespaces: each type once; a host name needs a uts namespace of its own to be set in."""
    seen = set()
    for namespace in config.namespaces:
        if namespace.type in seen:
            yield Fault(namespace.pointer, f"a second namespace of the type {namespace.type}")
        seen.add(namespace.type)
    for key, name in (("hostname", config.hostname), ("domainname", config.domainname)):
        if len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME:
            yield Fault(f"/{key}", f"a host name has at most {_LONGEST_NAME} bytes")
        if name and "linux" in config.document and "uts" not in seen:
            yield Fault(f"/{key}", "without a uts namespace this would be the machine's own name")


def _mappings(config: RuntimeConfig) -> Iterator[Fault]:
    """user_namespaces(7): ranges of one map do not overlap; without a user namespace there is nothing to map."""
    for key, ranges in (("uidMappings", config.uid_mappings), ("gidMappings", config.gid_mappings)):
        if ranges and not config.has_namespace("user"):
            yield Fault(f"/linux/{key}", "ids are mapped without a user namespace")
        for before, after in pairwise(sorted(ranges, key=attrgetter("container_id", "size"))):
            if after.container_id < before.container_id + before.size:
                yield Fault(after.pointer, "this range overlaps another one")


def _mounts(config: RuntimeConfig) -> Iterator[Fault]:
    """config.md, mounts; `..` in a destination is refused by runtimes that resolve it in the rootfs."""
    for mount in config.mounts:
        is_optional = bool({"bind", "rbind"} & set(mount.options))
        if not mount.destination:
            yield Fault(mount.pointer, "a mount without a destination")
        if mount.type == "bind" and not is_optional:
            yield Fault(mount.pointer, "a bind needs the option bind or rbind")
        if is_optional and not mount.source:
            yield Fault(mount.pointer, "a bind without a source")


def _memory(config: RuntimeConfig) -> Iterator[Fault]:
    """config-linux.md, memory: swap counts memory and swap together; -1 is no limit."""
    memory = ("linux", "resources", "memory")
    limit, swap = (next(config.values(*memory, name), None) or 0 for name in ("limit", "swap"))
    if 0 < swap < limit:
        yield Fault("/linux/resources/memory/swap", f"memory and swap together, {swap}, are less than memory, {limit}")


def _user(config: RuntimeConfig) -> Iterator[Fault]:
    """The kernel keeps 2^32 - 1 for "no change" (setuid(2)), so it can be no user's and no group's id."""
    for key, number in (("uid", config.process.uid), ("gid", config.process.gid)):
        if number == (1 << 32) - 1:
            yield Fault(f"/process/user/{key}", f"{number} is not an id")


STARTABLE: Final[tuple[Callable[[RuntimeConfig], Iterator[Fault]], ...]] = (
    _command,
    _limits,
    _capabilities,
    _namespaces,
    _kernel_parameters,
    _mappings,
    _mounts,
    _memory,
    _user,
)

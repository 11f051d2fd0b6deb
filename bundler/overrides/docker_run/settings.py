"""A `docker run` line as an overrides file, and what of the line cannot show in config.json."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from bundler import strict_json
from bundler.errors import RequestError, printable
from bundler.light_dataclasses import dataclass
from bundler.origins import Json
from bundler.overrides.coercions import read_keys
from bundler.overrides.docker_run.command_line import CommandLine, check_image, parse, words_of_run
from bundler.overrides.docker_run.environment import Client, assignments, environment
from bundler.overrides.docker_run.flags import FLAGS
from bundler.overrides.docker_run.mounts import DRIVEN, mounts
from bundler.overrides.docker_run.network import is_of_ones_own
from bundler.overrides.docker_run.refusals import check, network_mode, networks
from bundler.overrides.imports import Imported, located
from bundler.overrides.keys.devices import is_cdi_name
from bundler.overrides.keys.networking import GATEWAY
from bundler.overrides.keys.scalars import write_duration
from bundler.overrides.keys.service import security_keys
from bundler.overrides.node import Budget
from bundler.overrides.validation import example
from bundler.strict_json import JsonError

_RATES: Final = ("device-read-bps", "device-read-iops", "device-write-bps", "device-write-iops")
_HEALTH_TIMES: Final = {
    f"health-{name}": name.replace("-", "_") for name in ("interval", "timeout", "start-period", "start-interval")
}
_NAME: Final = "docker run"  # what messages call the line
_ADDRESSES: Final = {"ip": "ipv4_address", "ip6": "ipv6_address"}
# Keys whose 0, or empty text, means to Docker that nothing was said.
_SAYS_NOTHING: Final[tuple[Json, ...]] = (0, "")
_ALWAYS_SAID: Final = (
    *("oom_score_adj", "init", "privileged", "read_only", "tty", "oom_kill_disable", "mem_swappiness"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """`keys` are an overrides file; `traceless` is a sentence for each flag that config.json says nothing of."""

    keys: dict[str, Json]
    traceless: tuple[str, ...]


def settings(line: CommandLine, client: Client) -> Settings:
    """Raises RequestError for what Docker would refuse."""
    check_image(line.image)
    check(line)
    keys: dict[str, Json] = {"image": line.image}
    for name, values in line.values.items():
        flag = FLAGS[name]
        if not flag.key:
            continue
        if flag.gather == "list":
            keys[flag.key] = list(dict.fromkeys(values))
        elif flag.gather == "map":
            keys[flag.key] = dict(values)
        elif flag.key in _ALWAYS_SAID or values[-1] not in _SAYS_NOTHING:
            keys[flag.key] = values[-1]
    for compose in _COMPOSERS:
        keys |= compose(line, client)
    return Settings(keys, tuple(_traceless(line, client)))


def _words(line: CommandLine, _client: Client) -> dict[str, Json]:
    """An --entrypoint is one word, never split; an empty one takes the image's away, and its command."""
    entrypoint = line.last("entrypoint")
    words: dict[str, Json] = {} if entrypoint is None else {"entrypoint": [entrypoint]}
    return words | ({"command": list(line.command)} if line.command else {})


def _hosts(line: CommandLine, _client: Client) -> dict[str, Json]:
    named = list(dict.fromkeys(host for host in line.all("add-host") if not host.endswith(f":{GATEWAY}")))
    return {"extra_hosts": named} if named else {}


def _environment(line: CommandLine, client: Client) -> dict[str, Json]:
    return environment(line.all("env-file"), line.all("env"), client, terminal=bool(line.last("tty")))


def _mounts(line: CommandLine, client: Client) -> dict[str, Json]:
    return mounts(line.all("volume"), line.all("mount"), line.all("tmpfs"), client)


def _devices(line: CommandLine, _client: Client) -> dict[str, Json]:
    named = [name for name in line.all("device") if is_cdi_name(name)]
    named += [name for request in line.all("gpus") for name in request]
    paths = list(dict.fromkeys(path for path in line.all("device") if not is_cdi_name(path)))
    keys: dict[str, Json] = {"devices": paths} if paths else {}
    return keys | ({"cdi": {"devices": list(dict.fromkeys(named))}} if named else {})


def _block_io(line: CommandLine, _client: Client) -> dict[str, Json]:
    """The later of two values for one device counts for the kernel, and for the key."""
    limits: dict[str, Json] = {"weight": line.last("blkio-weight")} if line.last("blkio-weight") else {}
    for name, key in {
        "blkio-weight-device": "weight_device",
        **{rate: rate.replace("-", "_") for rate in _RATES},
    }.items():
        by_path = {entry["path"]: entry for entry in line.all(name)}
        if by_path:
            limits[key] = list(by_path.values())
    return {"blkio_config": limits} if limits else {}


def _namespaces(line: CommandLine, _client: Client) -> dict[str, Json]:
    keys: dict[str, Json] = {}
    for name, allowed in (("pid", ("host",)), ("ipc", ("host", "private", "shareable", "none"))):
        mode = line.last(name, "")
        if str(mode).startswith("container:"):
            raise _another_container(f"--{name}", name)
        if mode and mode not in allowed:
            what = f"--{name} {printable(mode)!r}: it takes {', '.join(allowed)}"
            raise RequestError(what, hint=f"for example --{name} {allowed[0]}")
        if mode:
            keys[name] = mode
    mode = network_mode(line)
    if mode.startswith("container:"):
        raise _another_container("--network", "network_mode")
    if mode in ("host", "none"):
        keys["network_mode"] = mode
    return keys | ({"userns_mode": "host"} if line.last("userns") else {})


def _networks(line: CommandLine, _client: Client) -> dict[str, Json]:
    """What the container is called, and has, in networks of one's own; nothing where it is but a member."""
    joined = [dict(network) for network in line.all("network") if is_of_ones_own(network["name"])]
    if joined:
        joined[0] |= {"aliases": line.all("network-alias")} if line.all("network-alias") else {}
        joined[0] |= {"link_local_ips": line.all("link-local-ip")} if line.all("link-local-ip") else {}
        joined[0] |= {key: line.last(flag) for flag, key in _ADDRESSES.items() if line.last(flag)}
    named = {network.pop("name"): network for network in joined}
    return {"networks": named} if any(named.values()) else {}


def _another_container(flag: str, key: str) -> RequestError:
    hint = f"in an overrides file, {key}: ns:PATH names a namespace by its path"
    return RequestError(f"{flag} container: needs another container, which is not known here", hint=hint)


def _security(line: CommandLine, client: Client) -> dict[str, Json]:
    """The options as they are, but for a seccomp profile: docker's client reads the file, and so is it here."""
    try:
        return security_keys(line.all("security-opt"), lambda value: _profile(value, client))
    except ValueError as error:
        raise RequestError(f"--security-opt {error}", hint=example(["security_opt"])) from None


def _profile(path: str, client: Client) -> Json:
    name = printable(path)
    try:
        profile = strict_json.parse(client.read(path), maps=())
    except JsonError as error:
        raise RequestError(f"--security-opt seccomp={name}: {error}") from None
    if not isinstance(profile, dict):
        raise RequestError(f"--security-opt seccomp={name}: a seccomp profile is a JSON object")
    return profile


def _annotations(line: CommandLine, _client: Client) -> dict[str, Json]:
    """What stands on a command line is allowed, also an annotation that a runtime acts on."""
    entries = {name: {"value": value, "allow_unsafe": True} for name, value in line.all("annotation")}
    return {"annotations": entries} if entries else {}


def _console(line: CommandLine, client: Client) -> dict[str, Json]:
    return {"console_size": list(client.console)} if client.console and line.last("tty") else {}


def _lifecycle(line: CommandLine, _client: Client) -> dict[str, Json]:
    """What config.json has no place for, and a service goes by. What the line leaves open stays the image's."""
    seconds, command = line.last("stop-timeout"), line.last("health-cmd")
    keys: dict[str, Json] = {} if seconds is None or seconds < 0 else {"stop_grace_period": f"{seconds}s"}
    check: dict[str, Json] = {"disable": True} if line.last("no-healthcheck") else {}
    if command:
        check["test"] = ["CMD-SHELL", command]
    check |= {key: write_duration(line.last(name)) for name, key in _HEALTH_TIMES.items() if line.last(name)}
    if line.last("health-retries"):
        check["retries"] = line.last("health-retries")
    return keys | ({"healthcheck": check} if check else {})


_COMPOSERS: Final[tuple[Callable[[CommandLine, Client], dict[str, Json]], ...]] = (
    _words,
    _hosts,
    _environment,
    _console,
    _mounts,
    _devices,
    _block_io,
    _namespaces,
    _networks,
    _security,
    _annotations,
    _lifecycle,
)


def _traceless(line: CommandLine, client: Client) -> list[str]:
    sentences = [f"--{name}: {FLAGS[name].traceless}" for name in line.values if FLAGS[name].traceless]
    for path in line.all("label-file"):
        assignments("label-file", path, client, Budget())  # which docker refuses as it does env files
    sentences += [
        f"--add-host {host}: Docker's daemon chooses the address; give the machine's own, as its containers see it"
        for host in line.all("add-host")
        if host.endswith(f":{GATEWAY}")
    ]
    if any(map(is_of_ones_own, networks(line))):
        sentences.append("--network: a network namespace is made, and connected to no network")
    if any(DRIVEN in entry for entry in line.all("mount")):
        sentences.append("--mount volume-driver, volume-opt, volume-label: they are about how Docker makes a volume")
    if any(option.startswith("label") for option in line.all("security-opt")):
        sentences.append("--security-opt label: it is for machines with SELinux")
    if line.last("init") and line.last("pid") == "host":
        sentences.append("--init: Docker leaves it out with --pid host")
    if line.last("stop-timeout", 0) < 0:
        sentences.append("--stop-timeout: only Docker waits for ever")
    return sentences


def check_words(words: Iterable[str]) -> None:
    """Raise RequestError for what no overrides file can hold."""
    for word in words:
        if "\0" in word or any("\ud800" <= char <= "\udfff" for char in word):
            raise RequestError("a word of the line is not UTF-8, or holds a NUL")


def convert(words: Sequence[str], client: Client) -> Imported:
    """The overrides file of a `docker run` line, or of the words behind it. Raises RequestError for what Docker would
    refuse.
    """
    check_words(words)
    line, variables = words_of_run(words)
    meant = settings(parse(line), replace(client, environment={**client.environment, **variables}))
    remarks = tuple(f"no trace in config.json of {sentence}" for sentence in meant.traceless)
    root = located(meant.keys, _NAME, {})
    return Imported(root=root, entries=read_keys(root, _NAME), name=_NAME, remarks=remarks)

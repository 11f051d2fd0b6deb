"""Whether a container can be kept as it runs, and go on later or elsewhere: by criu(8), which both runtimes call."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from bundler.bundles.runtime import bind_sources
from bundler.doctor.bundle_facts import BundleFacts
from bundler.doctor.host_judges import Machine
from bundler.errors import printable


def checkpoint(machine: Machine) -> Iterator[str]:
    if machine.surroundings.criu:
        yield printable(machine.surroundings.criu)


def kept(subject: BundleFacts) -> Iterator[str]:
    """What of this bundle criu cannot keep, or bring back, where it works."""
    if subject.surroundings is None or subject.surroundings.criu != "":
        return
    if subject.process.get("terminal"):
        yield "/process/terminal: a terminal that whoever started the container has is not kept"
    own = {namespace["type"] for namespace in subject.document.get("linux", {}).get("namespaces") or ()}
    if "pid" not in own:
        yield "/linux/namespaces: without a PID namespace of its own, the numbers of its processes may be in use"
    if subject.target.runtime == "crun":
        sources = (source for _, source in bind_sources(subject.document))
        relative = [source for source in sources if not PurePosixPath(source).is_absolute()]
        if relative:
            yield f"/mounts: crun brings no mount back whose source is relative ({printable(relative[0])})"

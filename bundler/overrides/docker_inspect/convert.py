"""From the bytes of an inspect to an overrides file."""

from collections.abc import Callable

from bundler.origins import pointer_token
from bundler.overrides import schema
from bundler.overrides.coercions import normalise, read_keys
from bundler.overrides.docker_inspect.container import Container, Draft
from bundler.overrides.docker_inspect.document import MAXIMUM_BYTES, Value, choose, read_containers
from bundler.overrides.docker_inspect.fields import FIELDS, PARTS
from bundler.overrides.files import Source, read_first
from bundler.overrides.imports import ImageSettings, Imported, Importer, located
from bundler.overrides.node import Node

_LONGEST_LIST = 20  # names of fields that one remark repeats


def load_inspect(path: str, name: str | None) -> Importer:
    """The importer of one container in a file (`-` is standard input). Raises RequestError for what is none."""
    return import_inspect(read_first(path, MAXIMUM_BYTES), name)


def import_inspect(source: Source, name: str | None = None) -> Importer:
    """The importer of one container of a file. Raises RequestError.

    The file is held to the schema before the image is known: what is left of it then is so by its types.
    """
    entries = read_containers(source.content, source.name)
    entry = choose(entries, name)

    def import_container(image: ImageSettings | None, keys_of: Callable[[Node], dict[str, Node]]) -> Imported:
        draft = convert(Container(entry, image, tuple(entries)))
        root = located(draft.keys, source.name, draft.places)
        files = (source.recorded(),)
        return Imported(root=root, entries=keys_of(root), name=source.name, remarks=_remarks(draft), files=files)

    of_any_image = import_container(None, lambda root: read_keys(root, source.name))
    return lambda image: (
        of_any_image if image is None else import_container(image, lambda root: normalise(root.entries()))
    )


def convert(container: Container) -> Draft:
    """What the table makes of a container; the keys are in the order of the schema."""
    draft = Draft()
    for field in FIELDS.values():
        value = container.entry.get(*field.path.split("/"))
        if field.key and (meant := field.form(value)) is not None:
            draft.say(field.key, meant, value)
        elif field.reason and not value.says_nothing:
            images = None if container.image is None else field.of_image(container.image)
            if value.content not in (*field.silent, images):
                draft.leave_out(field.path.replace("/", "."), field.reason)
    for part in PARTS:
        part(container, draft)
    order = list(schema.document()["properties"])
    draft.keys = dict(sorted(draft.keys.items(), key=lambda entry: order.index(entry[0])))
    _name_unknown(container.entry, draft)
    return draft


def _name_unknown(entry: Value, draft: Draft) -> None:
    """Newer daemons say more: fields that FIELDS does not have are named."""
    for prefix in ("", "HostConfig", "Config"):
        holder = entry.get(prefix) if prefix else entry
        for name, value in holder.members():
            path = f"{prefix}/{pointer_token(name)}" if prefix else name
            if path not in FIELDS and not value.says_nothing:
                draft.leave_out(path.replace("/", "."), "bundler does not know this field")


def _remarks(draft: Draft) -> tuple[str, ...]:
    remarks = [f"no trace in config.json of {_listed(fields)}: {reason}" for reason, fields in draft.traceless.items()]
    if draft.secrets:
        remarks.append(f"looks secret, and is kept as it is: {_listed(draft.secrets)}")
    return (*remarks, *draft.remarks)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LONGEST_LIST} more" if len(names) > _LONGEST_LIST else ""
    return ", ".join(name[:100] for name in names[:_LONGEST_LIST]) + more

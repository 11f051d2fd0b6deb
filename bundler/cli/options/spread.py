"""Commands whose options are the fields of dataclasses: typer takes each field for a parameter of its own."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """`command` for typer: in the place of each parameter whose type is a dataclass stand the fields of that class."""
    parameters = inspect.signature(command).parameters
    groups: dict[str, type[Any]] = {
        name: each.annotation
        for name, each in parameters.items()
        if isinstance(each.annotation, type) and is_dataclass(each.annotation)
    }

    def spread_out(**given: Any) -> None:
        stated = {
            name: group(**{option.name: given.pop(option.name) for option in fields(group)})
            for name, group in groups.items()
        }
        command(**stated, **given)

    # In this order arguments are read from the command line.
    shown: list[inspect.Parameter] = []
    for name, parameter in parameters.items():
        shown += _options(groups[name]) if name in groups else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
    signature = inspect.Signature(shown)
    spread_out.__doc__ = command.__doc__
    spread_out.__name__ = command.__name__
    spread_out.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    vars(spread_out)["__signature__"] = signature
    return spread_out


def _options(group: type[Any]) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for option in fields(group):
        yield inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=hints[option.name]
        )

"""A command whose options are the fields of a class: typer takes each for a parameter of its own."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_type_hints


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with the fields of its parameter `options`, a dataclass of cli/options.py, as parameters for typer."""
    parameters = inspect.signature(command).parameters
    options = parameters["options"].annotation
    hints = get_type_hints(options, include_extras=True)

    def spread_out(**given: Any) -> None:
        stated = options(**{option.name: given.pop(option.name) for option in fields(options)})
        command(options=stated, **given)

    shared = [
        inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=hints[option.name]
        )
        for option in fields(options)
    ]
    others = {name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, parameter in parameters.items()}
    # In this order arguments are read from the command line.
    signature = inspect.Signature(
        [each for name in others for each in (shared if name == "options" else [others[name]])]
    )
    spread_out.__doc__ = command.__doc__
    spread_out.__name__ = command.__name__
    spread_out.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    vars(spread_out)["__signature__"] = signature
    return spread_out

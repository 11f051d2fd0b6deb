"""How `light_dataclasses` makes a dataclass, up to Python 3.13.

The standard library compiles six functions for each class. Here those that differ in nothing but names are shared, and
`__init__` is compiled when the first object is made, which most classes never see. `field`, `fields`, `replace` and
`asdict` are the standard library's. Left out is what no class here has: `__post_init__`, `InitVar`, `KW_ONLY`, `order`.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import (  # type: ignore[attr-defined]
    _FIELD,
    _HAS_DEFAULT_FACTORY,
    MISSING,
    Field,
    FrozenInstanceError,
    field,
)
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any, ClassVar, get_origin

_Fields = Mapping[str, "Field[Any]"]
_Members = dict[str, Any]


def dataclass(*, frozen: bool = False, slots: bool = False, kw_only: bool = False) -> Callable[[type], type]:
    """What `dataclasses.dataclass` makes of a class, with its annotated names for fields."""
    return lambda cls: _completed(cls, frozen=frozen, slots=slots, kw_only=kw_only)


def _completed(cls: type, *, frozen: bool, slots: bool, kw_only: bool) -> type:
    """Another class in the place of `cls`: one that is there gets no slots any more."""
    own = _own_fields(cls, kw_only=kw_only)
    inherited = {name: each for base in reversed(cls.__mro__[1:]) for name, each in _fields_of(base).items()}
    fields = {**inherited, **own}
    members = {name: value for name, value in vars(cls).items() if name not in {*own, "__dict__", "__weakref__"}}
    if members.get("__hash__", MISSING) is None:
        del members["__hash__"]  # Python's own, where there is an __eq__
    if slots:
        members["__slots__"] = tuple(name for name in own if name not in inherited)
    else:
        members |= {name: each.default for name, each in own.items() if each.default is not MISSING}
    for name, member in {**_compared(fields, hashed=frozen), **_SHARED, **(_FROZEN if frozen else {})}.items():
        members.setdefault(name, member)
    members["__dataclass_fields__"] = fields
    members["__match_args__"] = tuple(name for name, each in fields.items() if each.init and not each.kw_only)
    members["__qualname__"] = cls.__qualname__
    completed = type(cls)(cls.__name__, cls.__bases__, members)
    if "__init__" not in members:
        completed.__init__ = _first_init(completed, fields, frozen=frozen)  # type: ignore[misc]
    return completed


def _fields_of(cls: type) -> _Fields:
    fields: _Fields = vars(cls).get("__dataclass_fields__", {})
    return fields


def _own_fields(cls: type, *, kw_only: bool) -> _Fields:
    """Those that `cls` itself annotates, as `dataclasses.fields` wants to find them."""
    fields = {}
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        if annotation is ClassVar or get_origin(annotation) is ClassVar:
            continue
        default = vars(cls).get(name, MISSING)
        own: Any = default if isinstance(default, Field) else field(default=default)
        if own.default.__class__.__hash__ is None:
            raise ValueError(f"mutable default {own.default!r} for field {name}: use default_factory")
        own.name, own.type, own._field_type = name, annotation, _FIELD  # noqa: SLF001 -- as dataclasses marks one
        own.kw_only = kw_only if own.kw_only is MISSING else own.kw_only
        fields[name] = own
    return fields


def _compared(fields: _Fields, *, hashed: bool) -> _Members:
    """Equal are objects of one class with equal fields."""
    values = _getter([name for name, each in fields.items() if each.compare])

    def equal(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hash_of(self: Any) -> int:
        return hash(values(self))

    return {"__eq__": equal, "__hash__": hash_of if hashed else None}


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Of an object's values by those names: attrgetter gives a tuple from two names on."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda owner: tuple(getattr(owner, name) for name in names)


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name, each in self.__dataclass_fields__.items() if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _setattr(self: Any, name: str, value: object) -> None:  # noqa: ARG001
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> None:  # noqa: ARG001
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _setstate(self: Any, state: Any) -> None:
    """What `copy` and `pickle` do with the values of slots, past __setattr__."""
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    for name, value in {**(attributes or {}), **(slots or {})}.items():
        object.__setattr__(self, name, value)


class _Signature:
    """What `inspect.signature` and an editor find at the class."""

    def __get__(self, _instance: object, owner: type) -> inspect.Signature:
        return inspect.signature(_compiled_init(owner, _fields_of(owner), frozen=False).__get__(owner))


_SHARED = {"__repr__": _repr, "__signature__": _Signature()}
_FROZEN = {"__setattr__": _setattr, "__delattr__": _delattr, "__setstate__": _setstate}


def _first_init(cls: type, fields: _Fields, *, frozen: bool) -> Callable[..., None]:
    """The `__init__` that makes the one which is called from then on."""

    def first(self: Any, /, *args: Any, **kwargs: Any) -> None:
        init = _compiled_init(cls, fields, frozen=frozen)
        cls.__init__ = init  # type: ignore[misc]
        init(self, *args, **kwargs)

    return first


def _compiled_init(cls: type, fields: _Fields, *, frozen: bool) -> Callable[..., None]:
    """`def __init__(self, name, ...)`. Its other names are in capitals, which no field's is."""
    names: dict[str, Any] = {"MAKE": _HAS_DEFAULT_FACTORY, "SET": object.__setattr__}
    parameters: dict[bool, list[str]] = {False: [], True: ["*"]}
    body = []
    for name, each in fields.items():
        value, default = name, ""
        if each.default is not MISSING:
            names[f"DEFAULT_{name}"] = each.default
            default = f"=DEFAULT_{name}"
        elif each.default_factory is not MISSING:
            names[f"MAKE_{name}"] = each.default_factory
            value, default = f"MAKE_{name}() if {name} is MAKE else {name}", "=MAKE"
        if each.init:
            parameters[bool(each.kw_only)].append(name + default)
        else:
            value = f"MAKE_{name}()" if default == "=MAKE" else f"DEFAULT_{name}"
        slot = getattr(cls, name, None)
        if not frozen:
            body.append(f"self.{name} = {value}")
        elif isinstance(slot, MemberDescriptorType):
            names[f"SET_{name}"] = slot.__set__
            body.append(f"SET_{name}(self, {value})")
        else:
            body.append(f"SET(self, {name!r}, {value})")
    signature = ", ".join(["self", *parameters[False], *(parameters[True] if len(parameters[True]) > 1 else [])])
    exec(f"def __init__({signature}):\n " + "\n ".join(body or ["pass"]), names)  # noqa: S102 -- names of this program
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {**{name: each.type for name, each in fields.items() if each.init}, "return": None}
    return init

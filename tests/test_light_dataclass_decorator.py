"""A light dataclass is, to everyone who uses one, what the standard library makes of the same class."""

import copy
import dataclasses
import inspect
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass as standard
from dataclasses import field
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from bundler.light_dataclasses import dataclass as light

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="from 3.14 on, dataclasses are the standard library's"
)

T = TypeVar("T")
Decorator = Callable[..., Callable[[type], Any]]


def point(dataclass: Decorator, **how: bool) -> Any:
    class Point:
        """A place."""

        kind: ClassVar[str] = "point"
        across: int
        down: int = 2
        names: list[str] = field(default_factory=list)
        shade: str = field(default="none", compare=False, repr=False, metadata={"meaning": "a colour"})
        cache: dict[str, int] = field(default_factory=dict, init=False, repr=False)
        made: str = field(default="here", init=False)

        def sum(self) -> int:
            return self.across + self.down

    return dataclass(**how)(Point)


def empty(dataclass: Decorator, **how: bool) -> Any:
    class Empty:
        pass

    return dataclass(**how)(Empty)


def single(dataclass: Decorator, **how: bool) -> Any:
    class Single(Generic[T]):
        only: T

    return dataclass(**how)(Single)


def inheriting(dataclass: Decorator, **how: bool) -> Any:
    class Farther(point(dataclass, **how)):  # type: ignore[misc]
        down: int = 5
        deep: int = 3

    return dataclass(**how)(Farther)


def own_functions(dataclass: Decorator, **how: bool) -> Any:
    class Own:  # noqa: PLW1641 -- its hash is the decorator's
        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self)) and self.name.lower() == other.name.lower()

        def __repr__(self) -> str:
            return self.name

    return dataclass(**how)(Own)


HOW = [{"frozen": True, "slots": True}, {"frozen": True}, {"slots": True}, {}]
BOTH = pytest.mark.parametrize("dataclass", [standard, light], ids=["standard", "light"])
CALLS = [
    (point, (1,), {}),
    (point, (1, 3), {"names": ["a"], "shade": "red"}),
    (empty, (), {}),
    (single, ("x",), {}),
    (inheriting, (1,), {"deep": 4}),
    (own_functions, ("Name",), {}),
]


def attempt(do: Callable[[], object]) -> object:
    """What comes of it, in a form that can be compared between classes of one name."""
    try:
        return repr(do())
    except (TypeError, AttributeError) as error:
        return type(error), str(error).replace("Point.", "").replace("first", "")


def facts(made: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, object]:
    value, same = made(*arguments, **named), made(*arguments, **named)
    first = next(iter(dataclasses.fields(made)), None)
    return {
        "repr": repr(value),
        "equal": (value == same, value != same, value == arguments, value == object()),
        "hash": attempt(lambda: hash(value) == hash(same)),
        "fields": [
            (each.name, each.type, each.init, each.kw_only, dict(each.metadata)) for each in dataclasses.fields(made)
        ],
        "asdict": dataclasses.asdict(value),
        "replaced": attempt(lambda: dataclasses.replace(value, **({first.name: "new"} if first else {}))),
        "signature": str(inspect.signature(made)),
        "patterns": made.__match_args__,
        "doc": (made.__doc__ or "").startswith("A place"),
        "names": (made.__name__, made.__qualname__, made.__module__),
        "copied": (copy.copy(value) == value, copy.deepcopy(value) == value),
        "set": attempt(lambda: setattr(value, first.name, 9) if first else None),
        "deleted": attempt(lambda: delattr(value, first.name) if first else None),
        "dictionary": hasattr(same, "__dict__"),
        "slots": vars(made).get("__slots__"),
        "default": attempt(lambda: made.down if "slots" not in vars(made) else None),
        "too many": type(attempt(lambda: made(*range(20)))),
    }


@pytest.mark.parametrize("keyword", [False, True], ids=["positional", "keywords"])
@pytest.mark.parametrize("how", HOW, ids=lambda how: " ".join(how) or "plain")
@pytest.mark.parametrize(
    ("write", "arguments", "named"),
    CALLS,
    ids=["defaults", "all values", "no field", "one field", "inherited", "own functions"],
)
def test_both_make_the_same(
    write: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any], how: dict[str, bool], keyword: bool
) -> None:
    theirs, ours = (write(dataclass, **how, kw_only=keyword) for dataclass in (standard, light))
    if keyword:
        names = [each.name for each in dataclasses.fields(theirs)]
        arguments, named = (), {**dict(zip(names, arguments, strict=False)), **named}
    assert facts(ours, arguments, named) == facts(theirs, arguments, named)


@BOTH
def test_each_object_has_its_own_default(dataclass: Decorator) -> None:
    made = point(dataclass, slots=True)
    made(1).names.append("x")
    assert (made(1).names, made(1).cache) == ([], {})


@BOTH
def test_one_class_is_not_equal_to_another(dataclass: Decorator) -> None:
    assert point(dataclass, frozen=True)(1) != point(dataclass, frozen=True)(1)


@BOTH
def test_a_default_that_all_objects_would_share_is_refused(dataclass: Decorator) -> None:
    class Shared:
        names: list[str] = []  # noqa: RUF012

    with pytest.raises(ValueError, match="default_factory"):
        dataclass(frozen=True)(Shared)


@BOTH
def test_a_property_can_be_kept_where_there_are_no_slots(dataclass: Decorator) -> None:
    class Kept:
        side: int

        @cached_property
        def area(self) -> int:
            return self.side * self.side

    assert dataclass(frozen=True)(Kept)(3).area == 9


@light(frozen=True, slots=True)
class Pickled:
    name: str
    more: tuple[int, ...] = ()


def test_a_frozen_object_with_slots_can_be_pickled() -> None:
    value = Pickled("a", (1, 2))
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 -- what was written here


def test_the_initializer_is_made_once() -> None:
    made = single(light, frozen=True, slots=True)
    before = made.__init__
    made(1)
    once = made.__init__
    made(2)
    assert before is not once is made.__init__


@pytest.mark.parametrize("left_out", ["order", "unsafe_hash", "eq", "weakref_slot"])
def test_what_is_left_out_is_refused(left_out: str) -> None:
    with pytest.raises(TypeError, match=left_out):
        light(**{left_out: True})

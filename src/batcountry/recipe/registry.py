"""Registries: values by name, to which programs add with `register` and installed packages by entry points.

A package adds an objective like this, in its own `pyproject.toml`; the name before `=` is the one that recipes use::

    [project.entry-points."batcountry.objectives"]
    warmth = "my_package.objectives:warmth"
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, Generic, TypeVar, overload

from batcountry.errors import NameTaken, UnknownName, first_line

log = logging.getLogger("batcountry")

V = TypeVar("V")
T = TypeVar("T")


class Registry(Mapping[str, V], Generic[V]):
    """Values by name. Read as a mapping; a name that is not in it raises `UnknownName`, which says the nearest.

    Packages that are installed add to it by entry points: each is imported when its name is first asked for, or when
    the registry is listed. One that cannot be imported is reported in one sentence, as a warning, and left out.

    Parameters
    ----------
    noun
        What a value is, as errors call it: `objective`.
    group
        Of the entry points: `batcountry.objectives`.
    values
        Those that come with this package.
    check
        Whether a value from an entry point can be one; the default is that it can be called.
    """

    def __init__(
        self,
        noun: str,
        group: str,
        values: Mapping[str, V] | None = None,
        check: Callable[[Any], bool] = callable,
    ) -> None:
        self.noun, self.group = noun, group
        self._values, self._check = dict(values or {}), check
        self._waiting: dict[str, EntryPoint] | None = None

    @overload
    def register(self, name: str) -> Callable[[T], T]: ...
    @overload
    def register(self, name: str, value: T) -> T: ...
    def register(self, name: str, value: Any = None) -> Any:
        """Put in a value, and return it; without one, return a decorator that does that.

        A function or class that is defined anew, as when a notebook's cell runs again, replaces itself.

        Raises
        ------
        NameTaken
            If something else has that name.
        """
        if value is None:
            return lambda decorated: self.register(name, decorated)
        if name in self._values and not _is_defined_anew(self._values[name], value):
            raise NameTaken(f"there is {self._a_noun} {name!r} already; give yours another name")
        self._values[name] = value
        return value

    def unregister(self, name: str) -> V:
        """Take a value out, and return it; raises `UnknownName` if there is none of that name."""
        value = self[name]
        del self._values[name]
        return value

    def __getitem__(self, name: str) -> V:
        if name not in self:
            raise UnknownName(self.noun, name, self)
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        if name in self._values:
            return True
        if not isinstance(name, str) or name not in self._plugins():
            return False
        self._load(name)
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        for name in list(self._plugins()):
            self._load(name)
        return iter(list(self._values))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{self.group}: {', '.join(self._values)}>"

    @property
    def _a_noun(self) -> str:
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"

    def _plugins(self) -> dict[str, EntryPoint]:
        """Return the entry points whose turn has not come."""
        if self._waiting is None:
            self._waiting = {}
            for each in plugins(self.group):
                if each.name in self._values or each.name in self._waiting:
                    self._leave_out(each, f"there is {self._a_noun} of that name already")
                else:
                    self._waiting[each.name] = each
        return self._waiting

    def _load(self, name: str) -> None:
        """Put in what an entry point stands for, if it has not registered itself when it was imported."""
        plugin = self._plugins().get(name)
        if plugin is None:
            return
        try:
            value = plugin.load()
        except Exception as error:  # whatever the code of others does
            self._leave_out(plugin, f"it cannot be imported: {first_line(error)}")
        else:
            if name not in self._values and not self._check(value):
                self._leave_out(plugin, f"{plugin.value} is not {self._a_noun}")
            else:
                self._values.setdefault(name, value)
        self._plugins().pop(name, None)

    def _leave_out(self, plugin: EntryPoint, reason: str) -> None:
        whose = f" of {plugin.dist.name}" if plugin.dist is not None else ""
        log.warning("the plug-in %r%s for %s is left out: %s", plugin.name, whose, self.group, reason)


def plugins(group: str) -> list[EntryPoint]:
    """Return the entry points of a group, by name, without importing what they stand for."""
    return sorted(installed().select(group=group), key=lambda each: each.name)


@cache
def installed() -> EntryPoints:
    """Return all entry points of this environment, looked up once, as that takes a while."""
    found: Any = entry_points()  # until Python 3.12 of another type, which has `select` as well
    return found


def _is_defined_anew(old: object, new: object) -> bool:
    """Whether two functions or classes are from the same place in a program."""
    places = [(getattr(each, "__module__", None), getattr(each, "__qualname__", None)) for each in (old, new)]
    return places[0] == places[1] and places[0][1] is not None and "<" not in places[0][1]


@dataclass(frozen=True)
class RegistryNames:
    """The names in a `Registry`, without importing the room that it is in.

    Attributes
    ----------
    module, name
        Where the registry is: `batcountry.optim.param` and `PARAMS`, whose entry points are `batcountry.params`.
    built_in
        The names that come with this package.
    """

    module: str
    name: str
    built_in: tuple[str, ...]

    @property
    def group(self) -> str:
        """Of the registry's entry points."""
        return f"batcountry.{self.name.lower()}"

    def __call__(self) -> tuple[str, ...]:
        """Return the names; those that a program registered are among them, as it had to import the registry for that."""
        registry = getattr(sys.modules.get(self.module), self.name, None)
        if registry is not None:
            return tuple(registry)
        added = (each.name for each in plugins(self.group))
        return (*self.built_in, *(name for name in added if name not in self.built_in))

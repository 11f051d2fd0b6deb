"""Ids of a container as ids of the machine (user_namespaces(7)): what a file's owner becomes when it is shifted."""

from dataclasses import dataclass

from bundler.rootfs.paths import PathError


@dataclass(frozen=True, slots=True)
class IdMap:
    """`ranges` are (first id in the container, first id on the machine, count); `name` is `user` or `group`."""

    name: str
    ranges: tuple[tuple[int, int, int], ...]

    def shift(self, number: int) -> int:
        """The machine's id. Raises PathError for one that the container has not got: nobody could own the file."""
        for inside, outside, count in self.ranges:
            if 0 <= number - inside < count:
                return outside + number - inside
        raise PathError(f"its {self.name} {number} is in no range of the id map")

    def inverse(self) -> "IdMap":
        """The ids of the machine as those of the container."""
        return IdMap(self.name, tuple((outside, inside, count) for inside, outside, count in self.ranges))

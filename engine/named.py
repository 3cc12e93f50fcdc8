"""A name and a version: what tells one recipe or one adapter from another for people. A digest tells them apart for programs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """Name and version of a recipe or an adapter; both may hold blanks."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

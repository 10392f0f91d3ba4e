"""Addresses of objects in stores, which look like paths, taken apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path as _Base
else:
    from pathlib import PurePosixPath as _Base  # what of a Path is not made anew fails, and touches no file here

BUCKETS = ("s3", "gs", "az")  # in which one can write and search
WEB = ("https", "http")  # which gives files
ONE_SLASH = re.compile(rf"^({'|'.join((*BUCKETS, *WEB))}):/(?!/)")  # as a Path writes it


class Address(_Base):
    """An object of a store, or all objects below a prefix, which is a folder as long as there are any.

    As a text it is its address, `s3://bucket/key`, without what follows a question mark, which may be a signature.
    Nothing of the operating system takes it for a path.
    """

    query = ""  # of an address on the web

    @property
    def store(self) -> str:
        """Its bucket, or its host, as an address: `s3://bucket`."""
        return f"{self.parts[0]}//{self.parts[1]}" if self.is_in_a_store else ""

    @property
    def object_key(self) -> str:
        """The name of the object in its bucket."""
        return "/".join(self.parts[2:])

    @property
    def is_in_a_store(self) -> bool:
        """Whether it is whole: not above a bucket, and not the rest of one below another."""
        return len(self.parts) > 1 and self.parts[0][:-1] in (*BUCKETS, *WEB)

    @property
    def is_on_the_web(self) -> bool:
        """Whether it is a file that a web server gives, of whose folders nobody tells."""
        return self.parts[:1] in {(f"{scheme}:",) for scheme in WEB}

    @property
    def parents(self) -> Sequence[Self]:
        """What lies above it, up to its bucket."""
        return [above for above in super().parents if above.is_in_a_store]

    def __str__(self) -> str:
        return ONE_SLASH.sub(r"\1://", super().__str__())

    def __fspath__(self) -> str:
        raise TypeError(f"{self} is no path of this machine")

    def is_absolute(self) -> bool:
        """Whether it means the same from every directory."""
        return self.is_in_a_store

    def absolute(self) -> Address:
        """Itself."""
        return self

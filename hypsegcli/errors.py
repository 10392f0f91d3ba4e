"""Everything hypseg raises on purpose.

    HypsegError                 the sentence is meant for the user; the command line prints it and nothing else
    |-- UsageError              the command cannot be carried out as given (exit code 2)
    |   `-- PlanError           inputs and outputs do not fit together; found before anything is decoded
    |-- ImageError              one image cannot be read or segmented; the run goes on with the next
    |   `-- ColorError          a picture in colour where ids are expected
    |-- StoreError              an object store as a whole cannot be used: out of reach, or closed to us
    |-- CheckpointError         a checkpoint is missing, damaged, or contradicts itself
    |-- TreeError               a class list or class tree is not usable
    |-- DataError               training or evaluation data that cannot be used
    `-- DeviceError             the device or precision asked for does not exist here

A message says what was found, what is allowed and what to do next. Where that is a setting, the message names it with
`setting`, and whoever shows the message spells it as its readers know it: the command line as an option, Python as a
keyword, `tile=512`.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from typing import Literal

# Private-use characters, which no name of a file that is a text has in it.
_OPEN, _CLOSE = "\ue000", "\ue001"
# torch's allocators on the CPU, CUDA and Apple GPUs; Python's threads; the loader of shared libraries; C++.
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "DefaultCPUAllocator",
    "out of memory",
    "can't start new thread",
    "failed to map segment",
    "Failed to allocate",
    "bad_alloc",
    "bad allocation",
)
_SETTING = re.compile(f"{_OPEN}([a-z_]+)(?:=([^{_CLOSE}]*))?{_CLOSE}")


def setting(name: str, value: object = None) -> str:
    """A setting in a message, by its name in Python, with a value to give it or without."""
    return f"{_OPEN}{name}{_CLOSE}" if value is None else f"{_OPEN}{name}={value}{_CLOSE}"


def spell(message: str, write: Callable[[str, str | None], str]) -> str:
    """A message whose settings are spelled by `write`, from name and value."""
    return _SETTING.sub(lambda match: write(match[1], match[2]), message)


def as_keyword(name: str, value: str | None) -> str:
    """`tile=512`, `tile`."""
    return name if value is None else f"{name}={value}"


def first_line(error: BaseException) -> str:
    """What an exception says first, or its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it is want of memory, so that a smaller piece of work might have gone well."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | ImportError) and tells_of_memory(str(error))
    )


def tells_of_memory(text: str) -> bool:
    """Whether that is how a library says it which has no kind of exception for it."""
    return any(words in text for words in _OUT_OF_MEMORY)


class HypsegError(Exception):
    """Base of every error whose message is meant for the user."""

    @property
    def message(self) -> str:
        """As it was raised, for `spell`."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return spell(self.message, as_keyword)


class UsageError(HypsegError):
    """The command cannot be carried out as given."""


class PlanError(UsageError):
    """Inputs and outputs do not fit together."""


Code = Literal[
    "missing",  # there is no such file
    "unreadable",  # it is there and cannot be read: permissions, a pipe, a disk that fails
    "empty",  # of 0 bytes, or of 0 pixels
    "unknown_format",
    "unsupported",  # a known format, in a kind that is not read
    "truncated",
    "damaged",
    "too_large",  # more pixels than are allowed
    "out_of_memory",
    "not_finite",  # the network gave what is no number
    "network",  # the network failed
    "unwritable",  # its outputs cannot be written
    "changed",  # while it was read
    "worker",  # two processes died of it
]


class ImageError(HypsegError):
    """One image cannot be read or segmented; `code` says why, for programs, and stays the same between versions.

    It has a default for pickle alone, which makes an error of another process again from its message, and then sets it.
    """

    def __init__(self, message: str, code: Code = "damaged") -> None:
        super().__init__(message)
        self.code: Code = code


class ColorError(ImageError):
    """A picture in colour where ids are expected."""


class StoreError(HypsegError):
    """A store, and not one of its objects, cannot be used: it is out of reach, or lets nobody in."""


class CheckpointError(HypsegError):
    """A checkpoint is missing, damaged, or contradicts itself."""


class TreeError(HypsegError):
    """A class list or class tree is not usable."""


class DataError(HypsegError):
    """Training or evaluation data that cannot be used."""


class DeviceError(HypsegError):
    """The device or precision asked for does not exist here."""

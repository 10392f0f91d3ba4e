"""Options that several commands share, each written once."""

from __future__ import annotations

from typing import Annotated

import typer

DeviceName = Annotated[
    str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.", rich_help_panel="Computing")
]

"""Elements of XML, escaped."""

from __future__ import annotations

from markupsafe import Markup, escape

from hypsegcli.files.words import printable


def element(name: str, *content: str, **attributes: str | float) -> Markup:
    """<name>, with everything but Markup escaped; numbers are rounded to two decimals.

    In the names of attributes an underscore stands for a hyphen and one at the end for nothing, as in `class_`.
    """
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{_safe(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{written}>{''.join(map(_safe, content))}</{name}>")


def _safe(value: str | float) -> str:
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        # XML has no way to write control characters.
        return escape(printable(value))
    return f"{round(value, 2):g}"

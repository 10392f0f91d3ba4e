"""The settings that OpenMMLab's tools put beside the weights, which are a Python text: read, never run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

_LETTERS = 1_000_000  # a hundred times what such a text has


def read_config(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by name, of what `meta` holds in a file of MMSegmentation's; none where it holds no such text.

    `dict(...)` and `{...}` become dicts; what is no value written out, a dict's or any other, is left out.
    """
    meta = facts.get("meta")
    text = (meta.get("config") or meta.get("cfg")) if isinstance(meta, Mapping) else None
    if not isinstance(text, str) or len(text) > _LETTERS:
        return {}
    try:
        lines = ast.parse(text).body
        return {
            line.targets[0].id: _value(line.value)
            for line in lines
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
        }
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}


def read_names(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the classes in `meta`, none where it holds none."""
    meta = facts.get("meta")
    if not isinstance(meta, Mapping):
        return ()
    inner = meta.get("dataset_meta")
    names = inner.get("classes") if isinstance(inner, Mapping) else meta.get("CLASSES")
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return ()
    return tuple(names)


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
            return {each.arg: _value(each.value) for each in keywords if each.arg}
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {key.value: _value(value) for key, value in pairs if isinstance(key, ast.Constant)}
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_value(element) for element in elements]
        case ast.Constant(value=value):
            return value
        case _:
            return None

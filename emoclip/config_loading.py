# SPDX-License-Identifier: Apache-2.0
"""Reads YAML and `key=value` overrides into frozen dataclasses, and writes them back.

The dataclass is the schema: its field names are the only allowed keys, its annotations the allowed types. Supported are
`str`, `int`, `float`, `bool`, `Path`, `Literal[...]`, `X | None` and other unions, `list[X]`, `tuple[X, ...]`,
`tuple[X, Y]`, `dict[str, X]` and nested dataclasses. Ranges and combinations are checked by the dataclass itself in
`__post_init__`.
"""

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml


Config = TypeVar("Config")

_TYPE_WORDS = {
    str: "text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    type(None): "null",
    dict: "a mapping",
    list: "a list",
    tuple: "a list",
}
_COMMAND_LINE = "the command line"


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads `1e-3` as a number and refuses a key that is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, typing.Hashable) and key in seen:
                raise ValueError(f"`{key}` is given twice (line {key_node.start_mark.line + 1}); keep one of the two.")
            if isinstance(key, typing.Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)


# YAML 1.1, which PyYAML follows, wants a dot and a signed exponent in `1.0e-3`; everybody writes `1e-3`.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


@dataclasses.dataclass(frozen=True)
class _Override:
    """A value from the command line: the text as typed and what YAML makes of it."""

    text: str
    value: Any


def load_config(cls: type[Config], path: str | Path | None, overrides: Sequence[str] = ()) -> Config:
    """One checked instance of the dataclass `cls`, from a YAML file and overrides.

    Args:
        cls: The dataclass to fill. Fields that neither the file nor an override names keep their defaults.
        path: YAML file with a mapping on top, or None for the defaults alone.
        overrides: `key=value` texts that win over the file, in order. Dots lead into nested dataclasses, mappings and
            lists (`data.batch_size=8`, `systems.0.model=outputs/x`). Values are read as YAML; a text field takes them
            literally.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If a key is unknown, missing or given twice, or a value has the wrong type.
    """
    values = {} if path is None else _read_mapping(Path(path))
    for override in overrides:
        _apply_override(values, override)
    return _convert_dataclass(cls, values, "", "the defaults" if path is None else str(path))


def config_to_dict(config: Any) -> dict[str, Any]:
    """The configuration as plain mappings, lists and scalars (paths become text), ready for YAML, JSON or comparison."""
    return {field.name: _to_plain(getattr(config, field.name)) for field in dataclasses.fields(config)}


def dump_config(config: Any) -> str:
    """The resolved configuration as YAML text that `load_config` reads back to an equal instance."""
    return yaml.safe_dump(config_to_dict(config), sort_keys=False, allow_unicode=True)


def read_yaml(path: str | Path) -> Any:
    """The content of a YAML file, None for an empty one.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not valid YAML or repeats a key.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist or is no file; give the path of a YAML file.")
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        detail = " ".join(str(error).split())
        raise ValueError(f"{path} is not a valid YAML file: {detail}") from error


def _parse(text: str) -> Any:
    # Derived from SafeLoader: it builds plain data only.
    return yaml.load(text, Loader=_Loader)


def _read_mapping(path: Path) -> dict[str, Any]:
    content = read_yaml(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold `key: value` lines, got {_describe(content)} on top.")
    return content


def _apply_override(values: dict[str, Any], override: str) -> None:
    """Writes one `key=value` into the nested values; unknown keys are found later, by the conversion."""
    key, equals, text = override.partition("=")
    keys = key.split(".")
    if not equals or not all(keys):
        raise ValueError(f"An override must have the form key=value, got {override!r}; write e.g. seed=1.")
    target: Any = values
    for position, name in enumerate(keys[:-1]):
        if isinstance(target, dict) and target.get(name) is None:
            target[name] = {}
        target = _child(target, name, ".".join(keys[: position + 1]), override)
    try:
        value = _Override(text, _parse(text))
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"The value of the override {override!r} is not valid YAML; quote it.") from error
    if isinstance(target, dict):
        target[keys[-1]] = value
    else:
        _child(target, keys[-1], key, override)
        target[int(keys[-1])] = value


def _child(target: Any, name: str, key: str, override: str) -> Any:
    """The container or item `name` of a mapping or a list, where an override wants to go."""
    if isinstance(target, dict):
        child = target[name]
        return child.value if isinstance(child, _Override) else child
    if isinstance(target, list):
        if not name.isdecimal() or int(name) >= len(target):
            raise ValueError(
                f"`{key}` in the override {override!r} must be an index below {len(target)}, got {name!r}."
            )
        return target[int(name)]
    parent = key.rpartition(".")[0]
    raise ValueError(f"The override {override!r} leads into `{parent}`, which holds the single value {target!r}.")


def _convert_dataclass(cls: type[Config], values: dict[str, Any], prefix: str, source: str) -> Config:
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    for name, value in values.items():
        if name not in fields:
            raise ValueError(_unknown_key(name, list(fields), prefix, _source(value, source)))
    arguments = {n: _convert(hints[n], value, f"{prefix}{n}", source) for n, value in values.items()}
    for name, field in fields.items():
        is_required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if is_required and name not in arguments:
            raise ValueError(f"`{prefix}{name}` is missing in {source}; add it there or pass {prefix}{name}=VALUE.")
    try:
        return cls(**arguments)
    except ValueError as error:
        where = f"In `{prefix.removesuffix('.')}`: " if prefix else ""
        raise ValueError(f"{where}{error}") from error


def _unknown_key(name: Any, known: list[str], prefix: str, source: str) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    remedy = f"did you mean `{prefix}{close[0]}`?" if close else f"the keys there are {', '.join(known)}."
    return f"Unknown key `{prefix}{name}` in {source}; {remedy}"


def _convert(hint: Any, value: Any, key: str, source: str) -> Any:
    """The value as the annotation wants it; `key` and `source` are for the message."""
    source = _source(value, source)
    text = value.text if isinstance(value, _Override) else None
    value = value.value if isinstance(value, _Override) else value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value if text is None else _Override(text, value), key, source)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        mapping = _expect(dict, value, key, source)
        return _convert_dataclass(hint, mapping, f"{key}.", source)
    if origin is Literal:
        return _convert_literal(arguments, value, text, key, source)
    if origin in (list, tuple):
        given = _expect(list, value, key, source)
        hints = _item_hints(origin, arguments, given, key, source)
        items = [_convert(hints[i], item, f"{key}.{i}", source) for i, item in enumerate(given)]
        return items if origin is list else tuple(items)
    if origin is dict:
        mapping = _expect(dict, value, key, source)
        return {
            _expect(str, k, key, source): _convert(arguments[1], v, f"{key}.{k}", source) for k, v in mapping.items()
        }
    if hint is Any:
        return _plain(value)
    if text is not None and hint in (str, Path) and not isinstance(value, str) and text:
        value = text
    return _expect(hint, value, key, source)


def _item_hints(origin: Any, arguments: tuple[Any, ...], given: list[Any], key: str, source: str) -> Sequence[Any]:
    """The annotation of each item: one for all, or one each where a tuple has as many as the values must be."""
    if origin is list or arguments[1:] == (...,):
        return [arguments[0]] * len(given)
    if len(given) != len(arguments):
        raise ValueError(f"`{key}` must be a list of {len(arguments)}, got {len(given)} in {source}.")
    return arguments


def _plain(value: Any) -> Any:
    """A value of no declared type, with overrides at any depth replaced by what they say."""
    if isinstance(value, _Override):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _convert_union(arguments: tuple[Any, ...], value: Any, key: str, source: str) -> Any:
    plain = value.value if isinstance(value, _Override) else value
    if type(None) in arguments and plain is None:
        return None
    others = [argument for argument in arguments if argument is not type(None)]
    if len(others) == 1:
        return _convert(others[0], value, key, source)
    for other in others:
        try:
            # Members are tried as YAML reads them, so that `x=3` is the integer in `str | int`.
            return _convert(other, plain, key, source)
        except ValueError:
            continue
    words = " or ".join(_TYPE_WORDS.get(typing.get_origin(other) or other, str(other)) for other in others)
    raise ValueError(f"`{key}` must be {words}, got {_describe(plain)} in {source}.")


def _convert_literal(choices: tuple[Any, ...], value: Any, text: str | None, key: str, source: str) -> Any:
    for choice in choices:
        # `1 == True` in Python: the type must agree too. A word such as `none` or `no` on the command line is the choice.
        if (type(choice) is type(value) and choice == value) or (text is not None and choice == text):
            return choice
    allowed = ", ".join(str(choice) for choice in choices)
    raise ValueError(f"`{key}` must be one of {allowed}, got {_describe(value)} in {source}.")


def _expect(kind: Any, value: Any, key: str, source: str) -> Any:
    """The value if it is of the kind, with the two harmless conversions int -> float and text -> path."""
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ValueError(f"`{key}` must be a finite number, got {value} in {source}.")
        return float(value)
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    remedy = "; put it in quotes" if kind is str and isinstance(value, int | float) else ""
    raise ValueError(f"`{key}` must be {_TYPE_WORDS.get(kind, kind)}, got {_describe(value)} in {source}{remedy}.")


def _describe(value: Any) -> str:
    """The value and, where its looks deceive, its kind: `'8' (text)`."""
    if value is None:
        return "null"
    shown = repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}..."
    return f"{str(value).lower()} (true or false)" if isinstance(value, bool) else f"{shown} ({_kind(value)})"


def _kind(value: Any) -> str:
    return _TYPE_WORDS.get(type(value), type(value).__name__).removeprefix("an ").removeprefix("a ")


def _source(value: Any, source: str) -> str:
    return _COMMAND_LINE if isinstance(value, _Override) else source


def _to_plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return config_to_dict(value)
    if isinstance(value, dict):
        return {key: _to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value

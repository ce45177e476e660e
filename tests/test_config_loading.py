# SPDX-License-Identifier: Apache-2.0
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from emoclip.config_loading import config_to_dict, dump_config, load_config


@dataclass(frozen=True)
class DataPart:
    manifest: Path
    batch_size: int = 8
    folds: tuple[int, ...] = ()
    betas: tuple[float, int] = (0.5, 1)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {self.batch_size}.")


@dataclass(frozen=True)
class System:
    name: str
    model: str = ""


@dataclass(frozen=True)
class Whole:
    data: DataPart
    learning_rate: float = 1e-3
    name: str = "run"
    verbose: bool = False
    pooling: Literal["none", "mean"] = "mean"
    limit: int | None = None
    seed: int | str = 0
    weights: dict[str, float] = field(default_factory=dict)
    systems: list[System] = field(default_factory=list)


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(
        "data: {manifest: a/b.parquet, folds: [1, 2]}\n"
        "learning_rate: 5e-4\n"
        "weights: {a: 1}\n"
        "systems:\n  - {name: one}\n  - {name: two, model: x}\n"
    )
    return path


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    return path


def test_file_fills_nested_fields_with_their_types(config_file):
    """`5e-4` is text for YAML 1.1 and would reach the optimiser as a string."""
    config = load_config(Whole, config_file)
    assert config.data == DataPart(Path("a/b.parquet"), 8, (1, 2))
    assert config.learning_rate == 5e-4
    assert config.weights == {"a": 1.0} and isinstance(config.weights["a"], float)
    assert config.systems == [System("one"), System("two", "x")]


def test_defaults_alone_need_no_file():
    """Overrides must be enough to run without any file."""
    config = load_config(Whole, None, ["data.manifest=m.parquet"])
    assert config == Whole(DataPart(Path("m.parquet")))


@pytest.mark.parametrize(
    ("override", "get", "expected"),
    [
        ("data.batch_size=3", lambda c: c.data.batch_size, 3),
        ("learning_rate=1", lambda c: c.learning_rate, 1.0),
        ("learning_rate=2e-5", lambda c: c.learning_rate, 2e-5),
        ("name=123", lambda c: c.name, "123"),
        ("name=no", lambda c: c.name, "no"),
        ("name=a=b", lambda c: c.name, "a=b"),
        ("name='quoted: text'", lambda c: c.name, "quoted: text"),
        ("name=", lambda c: c.name, None),
        ("verbose=true", lambda c: c.verbose, True),
        ("pooling=none", lambda c: c.pooling, "none"),
        ("limit=null", lambda c: c.limit, None),
        ("limit=7", lambda c: c.limit, 7),
        ("seed=3", lambda c: c.seed, 3),
        ("seed=x", lambda c: c.seed, "x"),
        ("data.folds=[3]", lambda c: c.data.folds, (3,)),
        ("systems.1.model=y", lambda c: c.systems[1], System("two", "y")),
        ("weights.b=2", lambda c: c.weights, {"a": 1.0, "b": 2.0}),
        ("systems=[{name: only}]", lambda c: c.systems, [System("only")]),
    ],
)
def test_override_wins_over_file(config_file, override, get, expected):
    """A value from the command line that is dropped or mistyped makes a run that nobody asked for."""
    if override == "name=":
        with pytest.raises(ValueError, match="`name` must be text, got null"):
            load_config(Whole, config_file, [override])
        return
    assert get(load_config(Whole, config_file, [override])) == expected


def test_later_override_wins(config_file):
    """Scripts append overrides; the last word must count."""
    assert load_config(Whole, config_file, ["limit=1", "limit=2"]).limit == 2


def test_override_into_overridden_mapping(config_file):
    """An override into a mapping that another override set must not be lost."""
    config = load_config(Whole, config_file, ["data={manifest: z}", "data.batch_size=2"])
    assert config.data == DataPart(Path("z"), 2)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.batchsize=3"], r"Unknown key `data.batchsize` in the command line; did you mean `data.batch_size`\?"),
        (["zzz=3"], r"Unknown key `zzz` in the command line; the keys there are data, learning_rate"),
        (["data.batch_size=eight"], r"`data.batch_size` must be an integer, got 'eight' \(text\) in the command line"),
        (["data.batch_size=2.5"], r"`data.batch_size` must be an integer, got 2.5 \(number\)"),
        (["data.batch_size=true"], r"`data.batch_size` must be an integer, got true"),
        (["data.batch_size=null"], r"`data.batch_size` must be an integer, got null"),
        (["data.batch_size=0"], r"In `data`: `batch_size` must be at least 1, got 0"),
        (["learning_rate=fast"], r"`learning_rate` must be a number, got 'fast' \(text\)"),
        (["learning_rate=.nan"], r"`learning_rate` must be a finite number, got nan"),
        (["verbose=1"], r"`verbose` must be true or false, got 1 \(integer\)"),
        (["pooling=max"], r"`pooling` must be one of none, mean, got 'max'"),
        (["data.folds=3"], r"`data.folds` must be a list, got 3"),
        (["data.betas=[0.9]"], r"`data.betas` must be a list of 2, got 1 in the command line"),
        (["data.betas=[0.9, 1, 2]"], r"`data.betas` must be a list of 2, got 3"),
        (["data.betas=[0.9, 1.5]"], r"`data.betas.1` must be an integer, got 1.5"),
        (["data.folds=[a]"], r"`data.folds.0` must be an integer, got 'a'"),
        (["seed=[1]"], r"`seed` must be an integer or text, got \[1\]"),
        (["weights=3"], r"`weights` must be a mapping, got 3"),
        (["data=3"], r"`data` must be a mapping, got 3"),
        (["learning_rate.x=3"], r"leads into `learning_rate`, which holds the single value 0.0005"),
        (["systems.2.model=y"], r"`systems.2` in the override 'systems.2.model=y' must be an index below 2, got '2'"),
        (["name=[unclosed"], r"'name=\[unclosed' is not valid YAML"),
        (["name"], r"must have the form key=value, got 'name'"),
        (["=3"], r"must have the form key=value, got '=3'"),
        (["data..x=3"], r"must have the form key=value"),
    ],
)
def test_bad_override_is_refused(config_file, overrides, message):
    """Each message must name the key and the value, so that one look repairs the command."""
    with pytest.raises(ValueError, match=message):
        load_config(Whole, config_file, overrides)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "data: {manifest: a}\nlerning_rate: 1",
            r"Unknown key `lerning_rate` in .*bad.yaml; did you mean `learning_rate`",
        ),
        ("learning_rate: 1", r"`data` is missing in .*bad.yaml"),
        ("data: {}", r"`data.manifest` is missing in .*bad.yaml; add it there or pass data.manifest=VALUE"),
        ("data: {manifest: a}\nname: 5", r"`name` must be text, got 5 \(integer\) in .*bad.yaml; put it in quotes"),
        ("data: {manifest: a}\nlimit: '5'", r"`limit` must be an integer, got '5' \(text\)"),
        ("- 1\n- 2", r"must hold `key: value` lines, got \[1, 2\]"),
        ("a: [1", r"not a valid YAML file"),
        ("name: a\nname: b", r"`name` is given twice \(line 2\)"),
        ("systems: [{model: a}]\ndata: {manifest: a}", r"`systems.0.name` is missing"),
    ],
)
def test_bad_file_is_refused(tmp_path, text, message):
    """A misspelt key that is ignored silently trains with the default."""
    with pytest.raises(ValueError, match=message):
        load_config(Whole, write(tmp_path, text))


def test_missing_file_is_named(tmp_path):
    """The path in the message shows a wrong working directory at once."""
    with pytest.raises(FileNotFoundError, match=r"nowhere.yaml does not exist"):
        load_config(Whole, tmp_path / "nowhere.yaml")


def test_dump_reads_back_to_equal_config(config_file, tmp_path):
    """The resolved config of a run must repeat the run."""
    config = load_config(Whole, config_file, ["limit=3"])
    path = write(tmp_path, dump_config(config))
    assert load_config(Whole, path) == config
    assert config_to_dict(config)["data"] == {
        "manifest": "a/b.parquet",
        "batch_size": 8,
        "folds": [1, 2],
        "betas": [0.5, 1],
    }


@dataclass(frozen=True)
class _Free:
    """A mapping whose values have no declared type."""

    fields: dict[str, Any] = field(default_factory=dict)


def test_overrides_inside_free_mappings_arrive_as_plain_values(tmp_path):
    """`model.config.temporal_config.pooling=mean` must give the word, not the loader's own object."""
    path = tmp_path / "c.yaml"
    path.write_text("fields: {part: {pooling: max}}")
    config = load_config(_Free, path, ["fields.part.pooling=mean", "fields.part.size=3", "fields.other=[1, 2]"])
    assert config.fields == {"part": {"pooling": "mean", "size": 3}, "other": [1, 2]}

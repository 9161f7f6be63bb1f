import tomllib
from collections.abc import Callable

import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import advice

Spec = Callable[..., ModelSpec]
NAMES = [
    "age",
    "my col",
    "a.b",
    'say "hi"',
    "it's",
    "back\\slash",
    "line\nbreak",
    "tab\there",
    "\x01\x7f",
    "Größe",
    "\U0001f6a2",
    "a = b # c",
    "[x]",
    "007",
    "true",
    " ",
    "\u2028",
    "",
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_line_is_toml_for_any_name_and_says_what_was_meant(name: str, spec: Spec) -> None:
    assert tomllib.loads(advice.as_type(name, "category")) == {"features": {"types": {name: "category"}}}
    assert tomllib.loads(advice.line("source.units", [name])) == {"source": {"units": [name]}}
    assert tomllib.loads(advice.missing(spec(), [name]))["source"]["missing"].count(name) == 1
    left = tomllib.loads(advice.leave_out(spec(features={}), [name]))
    assert left == {"features": {"leave_out": [name]}}


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_line_is_one_line(name: str) -> None:
    assert advice.as_type(name, "category").splitlines(keepends=False)[0].count("\n") == 0
    assert "\n" not in advice.as_type(name, "category")


def test_a_list_keeps_what_the_spec_says_already(spec: Spec) -> None:
    assert advice.leave_out(spec(), ["x", "amount", "x"]) == 'features.leave_out = ["amount", "x"]'
    said = spec(source={"path": "t.csv", "missing": ["", "?"]})
    assert advice.missing(said, ["NULL", "?"]) == 'source.missing = ["", "?", "NULL"]'


def test_where_the_spec_lists_the_features_the_column_is_taken_from_that_list(spec: Spec) -> None:
    assert advice.leave_out(spec(features={"use": ["a", "b"]}), ["b"]) == 'features.use = ["a"]'

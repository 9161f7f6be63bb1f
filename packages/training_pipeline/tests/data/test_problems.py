import re
from collections.abc import Callable

import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.problems import MOST, Problems

Spec = Callable[..., ModelSpec]


def test_a_problem_is_a_sentence_with_its_ways_out(spec: Spec) -> None:
    problems = Problems(spec())
    problems.add(
        "column 'x', row 3: 'NULL' stands among numbers",
        first=["correct it"],
        missing=["NULL"],
        types=[("x", "category", "if texts are meant")],
        leave_out="x",
    )
    with pytest.raises(TableError) as raised:
        problems.check()
    assert str(raised.value) == (
        "column 'x', row 3: 'NULL' stands among numbers: correct it, or say "
        'source.missing = ["", "NA", "NaN", "null", "NULL"] if it stands for a missing value, or '
        'features.types.x = "category" if texts are meant, or leave the column out: '
        'features.leave_out = ["amount", "x"]'
    )


def test_any_line_of_several_problems_serves_for_all_of_them(spec: Spec) -> None:
    problems = Problems(spec())
    for name, text in (("a", "?"), ("b", "-")):
        problems.add(f"column {name!r}", missing=[text], leave_out=name)
    for sentence in problems.sentences():
        assert 'source.missing = ["", "NA", "NaN", "null", "?", "-"]' in sentence
        assert 'features.leave_out = ["amount", "a", "b"]' in sentence


def test_a_way_to_write_numbers_suits_every_column(spec: Spec) -> None:
    problems = Problems(spec())
    problems.add("a", pairs=frozenset({(",", None), (".", ","), (",", ".")}))
    assert problems.sentences() == ('a: say source.decimal = ",", or say source.thousands = ","',)
    problems.number_columns.append(frozenset({(".", None), (".", ",")}))
    assert problems.sentences() == ('a: say source.thousands = ","',)
    problems.add("b", pairs=frozenset({(",", "."), (".", ",")}), units=["%"])
    assert problems.sentences()[0] == 'a: say source.thousands = "," with source.units = ["%"]'


def test_where_no_way_suits_every_column_none_is_advised(spec: Spec) -> None:
    problems = Problems(spec())
    problems.add("a", pairs=frozenset({(",", None)}), leave_out="a")
    problems.number_columns.append(frozenset({(".", None), (".", ",")}))
    (sentence,) = problems.sentences()
    assert sentence.startswith("a: write the numbers of all columns alike, since source.decimal and source.thousands")
    assert not re.search(r"source[.]\w+ = ", sentence)
    assert 'features.leave_out = ["amount", "a"]' in sentence


def test_the_decimal_character_that_the_spec_says_is_kept_where_it_can_be(spec: Spec) -> None:
    problems = Problems(spec(source={"path": "t.csv", "decimal": ","}))
    problems.add("a", pairs=frozenset({(".", None), (",", ".")}))
    assert problems.sentences() == ('a: say source.thousands = "."',)
    problems = Problems(spec(source={"path": "t.csv", "decimal": ","}))
    problems.add("a", pairs=frozenset({(".", "'")}))
    assert problems.sentences() == ('a: say source.decimal = "." with source.thousands = "\'"',)


def test_both_likely_ways_are_named_where_the_spec_has_to_choose(spec: Spec) -> None:
    problems = Problems(spec())
    problems.add("a", pairs=frozenset({(".", None), (",", ".")}), each=True)
    assert problems.sentences() == (
        'a: say source.decimal = ".", or say source.decimal = "," with source.thousands = "."',
    )


def test_very_many_problems_are_counted_and_not_all_named(spec: Spec) -> None:
    problems = Problems(spec())
    for number in range(MOST + 5):
        problems.add(f"problem {number}")
    assert len(problems.sentences()) == MOST + 1
    assert problems.sentences()[-1] == "and 5 more problems"


def test_nothing_is_raised_where_there_is_no_problem(spec: Spec) -> None:
    problems = Problems(spec())
    problems.check()
    assert not problems

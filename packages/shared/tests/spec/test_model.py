from pathlib import Path

import pytest
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_spec

from .conftest import CANDIDATE, HEAD, SOURCE, SPEC, write

KEYLESS = SPEC.replace('key = ["id"]\n', "")


def test_the_smallest_spec_has_sound_defaults(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, SPEC))
    assert (spec.name, spec.folds, spec.holdout.fraction, spec.gate.margin) == ("churn", 5, 0.2, 0.0)
    assert spec.identifying_columns == ("id",)
    assert (spec.gate.unjudged, spec.schedule, spec.timezone) == ("hold", None, "UTC")


def test_every_key_is_read(tmp_path: Path) -> None:
    head = HEAD + "search = {seconds = 600}\n" + 'weight = "counts"\nconformal = [0.9]\n'
    head += 'group = "id"\nschedule = "@daily"\ntimezone = "Europe/Berlin"\nfolds = 3\n'
    rest = '[features]\nleave_out = ["note"]\n[features.types]\nzip = "category"\n[features.dates]\nday = ["year"]\n'
    rest += '[features.encoding]\nzip = "one_hot"\n[features.levels]\nzip = 50\n'
    rest += '[gate]\nrule = "refresh"\nlevel = 0.95\nminimum = 0.7\nmargin = 1\n'
    rest += "[holdout]\nfraction = 0.3\n[drift]\npsi = 0.1\n"
    rest += "[decision]\nthreshold = 0.3\n"
    rest += '[scoring]\nbeta = 2\nquantile = 0.9\npositive = "yes"\n[scoring.costs]\nyes = {no = 5}\n'
    parameters = "parameters = {depth = 3, nested = {a = [1, 'x', true]}}\ngrid = {n_estimators = [10, 20]}\n"
    parameters += "search = 'halving'\ntrials = 9\nranges.depth = {low = 1, high = 9, log = true}\n"
    parameters += "target_transform = 'log1p'\n"
    spec = read_spec(write(tmp_path, head + rest + SOURCE + CANDIDATE + parameters))
    assert spec.candidates[0].parameters == {"depth": 3, "nested": {"a": [1, "x", True]}}
    assert spec.identifying_columns == ("id",)
    assert (spec.gate.margin, spec.features.dates) == (1.0, {"day": ("year",)})
    assert (spec.weight, spec.conformal, spec.decision.threshold) == ("counts", (0.9,), 0.3)
    assert (spec.gate.rule, spec.gate.level) == ("refresh", 0.95)
    assert (spec.scoring.beta, spec.scoring.positive, spec.scoring.costs) == (2.0, "yes", {"yes": {"no": 5.0}})
    assert (spec.features.encoding, spec.features.levels) == ({"zip": "one_hot"}, {"zip": 50})
    assert spec.timezone == "Europe/Berlin"
    (candidate,) = spec.candidates
    assert (candidate.search, candidate.trials, candidate.rungs) == ("halving", 9, 3)
    assert (candidate.ranges["depth"].high, candidate.target_transform) == (9, "log1p")
    assert spec.search.seconds == 600


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(HEAD + CANDIDATE, "source: is missing", id="no source"),
        pytest.param(HEAD + SOURCE, "candidates: is missing", id="no candidates"),
        pytest.param(HEAD + "candidates = []\n" + SOURCE, "candidates: give at least 1", id="no candidate"),
        pytest.param(SPEC + "gird = {a = [1]}\n", "candidates.0.gird: unknown key; did you mean grid?", id="typo"),
        pytest.param('sedule = "@daily"\n' + SPEC, "sedule: unknown key; did you mean schedule?", id="typo at the top"),
        pytest.param(
            SPEC + "[gate]\nzzz = 1\n",
            "gate.zzz: unknown key; known are rule, level",
            id="unknown without a neighbour",
        ),
        pytest.param(
            SPEC.replace("[source]\n", '[source]\nsource.missing = ["?"]\n'),
            'source.source: unknown key; a line that begins with "source." belongs below [source], without "source."',
            id="pasted with the name of its table",
        ),
        pytest.param(
            SPEC + 'source.missing = ["?"]\n',
            'candidates.0.source: unknown key; a line that begins with "source." belongs below [source]',
            id="pasted below another table",
        ),
        pytest.param(
            'source.missing = ["?"]\n' + SPEC,
            'a line that begins with "source." belongs below [source], without "source."',
            id="pasted above its table",
        ),
        pytest.param(
            SPEC.replace("version = 1", "version = 2"), "a newer mlyard-shared reads this one", id="another version"
        ),
        pytest.param(SPEC.replace("version = 1", 'version = "1"'), "version: use 1", id="version as text"),
        pytest.param(
            SPEC.replace('"churn"', '"Churn Model"'),
            "name: use lower-case letters, digits, - and _",
            id="name that is not a slug",
        ),
        pytest.param(SPEC.replace('"churn"', '"' + "c" * 64 + '"'), "use at most 63 characters", id="name too long"),
        pytest.param(
            SPEC.replace('"classification"', '"clustering"'), "task: use 'classification' or 'regression'", id="task"
        ),
        pytest.param(
            SPEC.replace('"accuracy"', '"rmse"'),
            "metric rmse is not for classification: use one of accuracy, balanced_accuracy, f1_macro, f_beta, roc_auc",
            id="metric of the other task",
        ),
        pytest.param('folds = "5"\n' + SPEC, "folds: give a whole number", id="number as text"),
        pytest.param("folds = 5.0\n" + SPEC, "folds: give a whole number", id="float for an integer"),
        pytest.param("folds = 1\n" + SPEC, "folds: must be greater than or equal to 2", id="too few folds"),
        pytest.param(SPEC + "[holdout]\nfraction = 0.9\n", "holdout.fraction: must be less", id="holdout too large"),
        pytest.param(SPEC + '[gate]\nminimum = "0.5"\n', "gate.minimum: give a number", id="minimum as text"),
        pytest.param(SPEC + "[gate]\nminimum = nan\n", "gate.minimum: give a finite number", id="nan"),
        pytest.param(SPEC + "parameters = {alpha = inf}\n", "candidates.0.parameters.alpha: give a finite", id="inf"),
        pytest.param(
            SPEC + "grid = {day = [1979-05-27]}\n",
            "candidates.0.grid.day.0: a date or time cannot be given here; put it in quotes if you mean a text",
            id="TOML date",
        ),
        pytest.param("schedule = 07:32:00\n" + SPEC, "schedule: a date or time cannot be given here", id="TOML time"),
        pytest.param('key = "id"\n' + KEYLESS, "key: give a list in brackets", id="text for a list"),
        pytest.param(
            SPEC + "ranges = { max_depth = { low = 1, high = 9 } }\n",
            'candidates.0: ranges goes with search = "random", "halving" or "optuna"; a grid tries every setting',
            id="ranges without a search",
        ),
        pytest.param(
            SPEC + 'search = "random"\nranges = { max_depth = { low = 1, high = 9 } }\n',
            'candidates.0: search = "random" needs trials: how many settings to draw from the ranges',
            id="ranges without trials",
        ),
        pytest.param(
            SPEC + 'search = "halving"\n',
            'candidates.0: search = "halving" needs a grid or ranges to draw from',
            id="search of nothing",
        ),
        pytest.param(
            SPEC + 'search = "random"\ntrials = 9\nranges = { max_depth = { low = 9, high = 1 } }\n',
            "candidates.0.ranges.max_depth: low must be below high",
            id="range upside down",
        ),
        pytest.param(
            SPEC + 'search = "random"\ntrials = 9\nranges = { C = { low = 0, high = 1, log = true } }\n',
            "candidates.0.ranges.C: log needs a low above 0",
            id="logarithm of 0",
        ),
        pytest.param(
            SPEC + 'search = "bayes"\n',
            "candidates.0.search: use 'grid', 'random', 'halving' or 'optuna'",
            id="unknown search",
        ),
        pytest.param(
            HEAD + "search = { seconds = 0 }\n" + SPEC.removeprefix(HEAD),
            "search.seconds: must be greater than 0",
            id="no time",
        ),
        pytest.param(
            SPEC + '[holdout]\nembargo = "7d"\n',
            "holdout.embargo needs event_time, which says how long before another a row was",
            id="embargo without time",
        ),
        pytest.param(
            SPEC + '[holdout]\nembargo = "a week"\n',
            'holdout.embargo: give a whole number of minutes, hours, days or weeks, such as "30m", "12h", "7d" or "2w"',
            id="embargo that is no time",
        ),
        pytest.param(
            SPEC.replace("key =", 'group = "site"\nkey =', 1) + "[holdout]\nstratify = true\n",
            "holdout.stratify and group exclude each other",
            id="strata of groups",
        ),
        pytest.param(
            SPEC + "[holdout]\nrefit = 0.5\n",
            "holdout.refit needs event_time, which says which of the rows held out are the newest",
            id="newest rows without times",
        ),
        pytest.param("group = 3\n" + SPEC, "group: give a text in quotes", id="number for a text"),
        pytest.param('key = [""]\n' + KEYLESS, "key.0: must not be empty", id="empty column name"),
        pytest.param(HEAD + 'source = "x.csv"\n' + CANDIDATE, "source: give a table", id="text for a table"),
        pytest.param(
            SPEC.replace("sklearn.ensemble.RandomForestClassifier", "RandomForest"),
            "candidates.0.estimator: give the import path of an estimator, such as sklearn.linear",
            id="no import path",
        ),
        pytest.param(
            SPEC + "grid = {n_estimators = []}\n", "candidates.0.grid.n_estimators: give at least 1", id="grid"
        ),
        pytest.param(
            SPEC + "grid = {n_estimators = 5}\n", "grid.n_estimators: give a list in brackets", id="grid value"
        ),
        pytest.param(SPEC + CANDIDATE, "two candidates have the same name", id="two candidates of one name"),
        pytest.param(
            SPEC.replace('path = "churn.csv"', 'path = "a"\nquery = "b"'),
            "source: give either path, or connection and query",
            id="two kinds of source",
        ),
        pytest.param(
            SPEC.replace('path = "churn.csv"', 'query = "b"'),
            "source: connection and query go together",
            id="half a query",
        ),
        pytest.param(SPEC.replace('path = "churn.csv"', ""), "source: give either path", id="empty source"),
        pytest.param(
            SPEC.replace('path = "churn.csv"', 'path = "a"\nseparator = "::"'),
            "source.separator: give a single character",
            id="separator",
        ),
        pytest.param(
            SPEC + '[features.types]\nzip = "text"\n',
            "features.types.zip: use 'integer', 'number', 'boolean', 'category' or 'datetime'",
            id="column type",
        ),
        pytest.param(SPEC + '[features.dates]\nday = ["decade"]\n', "features.dates.day.0: use 'year'", id="date part"),
        pytest.param(SPEC + "[features.dates]\nday = []\n", "features.dates.day: give at least 1", id="no date part"),
        pytest.param(
            SPEC + '[features.dates]\nday = ["year", "year"]\n',
            "features: dates.day names a part twice",
            id="part twice",
        ),
        pytest.param(
            SPEC + '[features.encoding]\nzip = "ordinal"\n',
            "features.encoding.zip: use 'native', 'one_hot' or 'target'",
            id="encoding",
        ),
        pytest.param(
            SPEC + "[features.levels]\nzip = 1\n",
            "features.levels.zip: must be greater than or equal to 2",
            id="one level",
        ),
        pytest.param(
            SPEC + '[features]\nencoding = {zip = "target"}\nlevels = {zip = 50}\n',
            'features: levels.zip and encoding.zip = "target" exclude each other',
            id="pooled and averaged",
        ),
        pytest.param(
            SPEC + '[features]\nuse = ["left"]\n', "features.use names the target left", id="target as feature"
        ),
        pytest.param(SPEC + '[features]\nuse = ["a"]\nleave_out = ["b"]\n', "give either use or leave_out", id="both"),
        pytest.param(
            'event_time = "left"\n' + KEYLESS, "the target left is also named as key", id="target as event time"
        ),
        pytest.param(KEYLESS, 'or, for a table that is never trained on again, holdout.by = "row"', id="no key"),
        pytest.param(
            SPEC + '[holdout]\nby = "row"\n', 'holdout.by = "row" and key exclude each other', id="key and row"
        ),
        pytest.param('group = "a"\nevent_time = "b"\n' + SPEC, "group and event_time exclude each other", id="both"),
        pytest.param(
            'timezone = "Berlin"\n' + SPEC,
            "timezone: 'Berlin' is not a time zone; give one such as \"Europe/Berlin\"",
            id="time zone",
        ),
        pytest.param(
            SPEC + '[gate]\nunjudged = "replace"\n', 'unjudged = "replace" needs a minimum', id="replaced by anything"
        ),
        pytest.param(
            SPEC + '[gate]\nrule = "refresh"\n',
            'gate: rule = "refresh" needs a margin above 0',
            id="refreshed by anything",
        ),
        pytest.param(SPEC + '[gate]\nrule = "newer"\n', "gate.rule: use 'better' or 'refresh'", id="rule"),
        pytest.param(SPEC + "[gate]\nlevel = 1\n", "gate.level: must be less than or equal to 0.999", id="level"),
        pytest.param(
            SPEC + "[gate]\ncalibration = 0\n", "gate.calibration: must be greater than 0", id="perfect calibration"
        ),
        pytest.param(SPEC + "[gate]\nsize_mb = 0\n", "gate.size_mb: must be greater than 0", id="no size"),
        pytest.param(SPEC + "[gate]\nlatency_ms = 0\n", "gate.latency_ms: must be greater than 0", id="no time"),
        pytest.param(SPEC + "[gate]\ncooldown_hours = -1\n", "gate.cooldown_hours: must be greater", id="cooldown"),
        pytest.param(SPEC + '[gate]\napproval = "ann"\n', "gate.approval: give true or false", id="approval by name"),
        pytest.param(
            SPEC + "[gate]\napproval_hours = 0\n", "gate.approval_hours: must be greater", id="no time to ask"
        ),
        pytest.param(
            SPEC + '[gate.segments]\ncolumn = "zip"\n',
            "gate.segments.minimum: is missing",
            id="segments without a floor",
        ),
        pytest.param(
            SPEC + '[gate.segments]\ncolumn = "zip"\nminimum = 0.5\nrow = 9\n',
            "gate.segments.row: unknown key; did you mean rows?",
            id="typo two tables down",
        ),
        pytest.param(
            SPEC + '[gate.fairness]\ncolumn = "zip"\n',
            "gate.fairness: give selection_rate, true_positive_rate or both, such as 0.1",
            id="fairness without a limit",
        ),
        pytest.param(
            SPEC + '[gate.fairness]\ncolumn = "zip"\nselection_rate = 2\n',
            "gate.fairness.selection_rate: must be less than or equal to 1",
            id="gap over 1",
        ),
        pytest.param(
            SPEC.replace('"classification"', '"regression"').replace('"accuracy"', '"mae"')
            + "[gate]\ncalibration = 0.1\n",
            "gate.calibration is for classes, and this is a regression: leave it out",
            id="calibration of a regression",
        ),
        pytest.param(SPEC + "[scoring]\nbeta = 0\n", "scoring.beta: must be greater than 0", id="beta"),
        pytest.param(SPEC + "[scoring]\nquantile = 1\n", "scoring.quantile: must be less than 1", id="quantile"),
        pytest.param(
            SPEC + "[scoring.costs]\nyes = {yes = 1}\n",
            "scoring: costs: what is said rightly costs nothing: leave it out",
            id="cost of what is right",
        ),
        pytest.param(
            SPEC + "[scoring.costs]\nyes = {no = 0}\n",
            "costs: give at least one that is above 0",
            id="costs of nothing",
        ),
        pytest.param(
            SPEC + "[decision]\nthreshold = 0.3\nexpected_cost = true\n",
            "decision: give one of threshold, threshold_for and expected_cost",
            id="two rules",
        ),
        pytest.param(SPEC + "[decision]\nthreshold = 1\n", "decision.threshold: must be less than 1", id="threshold"),
        pytest.param(
            SPEC + '[decision]\nthreshold_for = "roc_auc"\n',
            "decision.threshold_for: use 'accuracy', 'balanced_accuracy', 'f1_macro', 'f_beta' or 'cost'",
            id="threshold for a ranking",
        ),
        pytest.param(
            SPEC + "[decision]\nexpected_cost = true\n",
            "decision needs scoring.costs, such as",
            id="costs of nothing known",
        ),
        pytest.param(
            SPEC.replace('"classification"', '"regression"').replace('"accuracy"', '"mae"')
            + "[decision]\nthreshold = 0.3\n",
            "decision is for classes, and this is a regression: leave it out",
            id="decision of a regression",
        ),
        pytest.param("conformal = [1.0]\n" + SPEC, "conformal.0: must be less than 1", id="an interval of everything"),
        pytest.param('weight = "left"\n' + SPEC, "the weight left is also named as target", id="target as weight"),
        pytest.param(
            SPEC.replace('"accuracy"', '"cost"'), "metric cost needs scoring.costs, such as", id="cost without costs"
        ),
        pytest.param(
            SPEC.replace('"classification"', '"regression"').replace('"accuracy"', '"pinball"'),
            "metric pinball needs scoring.quantile, such as 0.9",
            id="pinball without a quantile",
        ),
        pytest.param(
            SPEC.replace('"churn.csv"', '"churn.csv"\nencoding = "latin-99"'),
            "'latin-99' is not an encoding; give one such as \"cp1252\"",
            id="encoding",
        ),
        pytest.param(
            SPEC.replace('"churn.csv"', '"churn.csv"\ndecimal = ","\nthousands = ","'),
            "source: decimal and thousands are the same character",
            id="one character for two things",
        ),
    ],
)
def test_an_error_names_the_file_the_key_and_what_would_be_right(tmp_path: Path, text: str, problem: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(SpecError) as caught:
        read_spec(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)

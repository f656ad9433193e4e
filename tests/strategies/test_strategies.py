"""Query strategies: their scores, from an answer to a batch, and what they cannot see."""

import math
import sys
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from types import SimpleNamespace

import numpy as np
import pytest
import strategy_pools
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.svm import LinearSVC
from strategy_pools import stream

from alrun.data.dataset import Dataset
from alrun.data.splits import draw_split
from alrun.errors import ModelError, StrategyError
from alrun.models.classifier import Classifier
from alrun.models.logistic.estimator import Logistic
from alrun.models.predictions import Predictions
from alrun.run.loop import run_active_learning
from alrun.run.query import query
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec
from alrun.strategies.registry import BUILT_IN, find, parameters_of, resolve
from alrun.strategies.support.pool import Pool
from alrun.util.top_k import nine_digits, top_k

UNCERTAINTY = ("least_confidence", "margin", "entropy")


def pool_of(probabilities):
    """A pool whose model gives these probabilities."""
    return strategy_pools.pool_of(probabilities, probabilities)


def asked(name, probabilities, n=1, **parameters):
    """What a built-in strategy returns."""
    return BUILT_IN[name](pool_of(probabilities), n, stream(), **parameters)


def spec_of(name="margin", **parameters):
    return StrategySpec(name, name, parameters, 1)


def picked(name, probabilities, n, **parameters):
    return query(spec_of(name, **parameters), pool_of(probabilities), n, stream())[0]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of strategies, and return its name."""

    def write(text):
        name = f"own_strategies_{tmp_path.name}"
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


# Scores, computed anew


def naive_score(name, row):
    first, second = sorted(row, reverse=True)[:2]
    if name == "least_confidence":
        return 1 - first
    if name == "margin":
        return second - first
    return -sum(p * math.log(p) for p in row if p > 0)


@pytest.mark.parametrize("name", UNCERTAINTY)
@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_the_definition(name, n_classes, seed):
    probabilities = stream(seed).dirichlet(np.full(n_classes, 0.5), size=40)
    expected = [naive_score(name, row) for row in probabilities]
    np.testing.assert_allclose(asked(name, probabilities), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", UNCERTAINTY)
def test_certainty_scores_lowest_and_a_toss_up_highest(name):
    rows = [[1, 0, 0], [0, 0, 1], [1 / 3] * 3, [0.5, 0.3, 0.2]]
    scores = asked(name, rows)
    assert np.isfinite(scores).all()
    assert scores[0] == scores[1] < scores[3] < scores[2]
    assert picked(name, rows, 4).tolist() == [2, 3, 0, 1]


def test_the_three_differ_where_there_are_three_classes():
    rows = [[0.5, 0.49, 0.01], [0.46, 0.27, 0.27], [0.47, 0.4, 0.13]]
    chosen = {name: picked(name, rows, 1)[0] for name in UNCERTAINTY}
    assert chosen == {"least_confidence": 1, "margin": 0, "entropy": 1}
    assert picked("least_confidence", [[0.5, 0.5, 0], [0.52, 0.24, 0.24]], 1) == 0
    assert picked("entropy", [[0.5, 0.5, 0], [0.52, 0.24, 0.24]], 1) == 1


@pytest.mark.parametrize("seed", range(5))
def test_with_two_classes_the_three_are_the_same_ranking(seed):
    p = stream(seed).uniform(size=300)
    rows = np.column_stack([p, 1 - p])
    rankings = [picked(name, rows, 300).tolist() for name in UNCERTAINTY]
    assert rankings[0] == rankings[1] == rankings[2] == np.argsort(np.abs(p - 0.5)).tolist()


@settings(max_examples=100)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30))
@example(list(range(1001)))
@example(list(range(1000, -1, -1)))
def test_with_two_classes_the_three_also_agree_on_what_ties(thousandths):
    # p and 1 - p are equally uncertain; what rounding makes of them must not decide.
    p = np.array(thousandths) / 1000
    expected = sorted(range(len(p)), key=lambda row: (abs(thousandths[row] - 500), row))
    for name in UNCERTAINTY:
        assert picked(name, np.column_stack([p, 1 - p]), len(p)).tolist() == expected


def test_margin_uses_decision_values_where_there_are_no_probabilities():
    rng = stream()
    X, y = rng.normal(size=(60, 3)), np.arange(60) % 3
    labelled, unlabelled = np.arange(30), np.arange(30, 60)
    classifier = Classifier("sklearn.svm.LinearSVC", {}, 3, rng).fit(X[labelled], y[labelled])
    pool = Pool(X, unlabelled, labelled, y[labelled], Predictions(classifier, X))
    model = LinearSVC(random_state=classifier.estimator.random_state).fit(X[:30], y[:30])
    values = np.sort(model.decision_function(X[30:]), axis=1)
    np.testing.assert_allclose(BUILT_IN["margin"](pool, 1, rng), values[:, 1] - values[:, 2])


@pytest.mark.parametrize("name", ["sklearn.svm.LinearSVC", "logistic"])
def test_margin_ranks_nothing_while_one_class_is_labelled(name):
    X = stream().normal(size=(20, 2))
    classifier = Classifier(name, {}, 3, stream()).fit(X[:5], np.zeros(5, dtype=int))
    pool = Pool(
        X, np.arange(5, 20), np.arange(5), np.zeros(5, dtype=int), Predictions(classifier, X)
    )
    np.testing.assert_array_equal(query(spec_of(), pool, 15, stream())[0], np.arange(15))


def test_random_picks_distinct_rows_all_equally_likely():
    rng, counts = stream(), np.zeros(10, dtype=int)
    for _ in range(2000):
        rows = BUILT_IN["random"](pool_of(np.full((10, 2), 0.5)), 3, rng)
        assert len(set(rows)) == 3
        counts[rows] += 1
    # 600 each, standard deviation 20.
    assert np.abs(counts - 600).max() < 100


def test_random_can_take_the_whole_pool():
    assert sorted(picked("random", np.full((7, 2), 0.5), 7)) == list(range(7))


def test_what_needs_probabilities_is_known():
    assert set(BUILT_IN["margin"].requires) == {"predict_proba", "decision_function"}
    for name in ("entropy", "least_confidence"):
        assert BUILT_IN[name].requires == ("predict_proba",)


# Nine digits


def nine(value):
    """Round to nine significant digits in decimal arithmetic."""
    exact = Decimal(value)
    unit = Decimal(1).scaleb(exact.adjusted() - 8)
    return exact.quantize(unit, ROUND_HALF_EVEN) if len(exact.as_tuple().digits) > 9 else exact


def distance_to_a_tie(value):
    """How far a value is from where the ninth digit turns, in units of that digit."""
    units = abs(Decimal(value)).scaleb(8 - Decimal(value).adjusted())
    return abs(units % 1 - Decimal("0.5"))


NUMBERS = st.floats(allow_nan=False, allow_infinity=False).filter(bool)


@settings(max_examples=300)
@given(NUMBERS)
@example(5e-324)
@example(2.2250738585072014e-308)
@example(1.7976931348623157e308)
@example(-9.9999999999e-5)
@example(999999999.7)
@example(0.1 + 0.2)
@example(1000.0)
@example(1e-5)
def test_nine_digits_are_those_of_decimal_arithmetic(value):
    assume(distance_to_a_tie(value) > Decimal("1e-5"))
    expected = float(nine(value))
    assert abs(nine_digits(np.array([value]))[0] - expected) <= 4 * np.spacing(abs(expected))


@settings(max_examples=200)
@given(st.integers(10**8, 10**9 - 1), st.integers(-289, 299), st.sampled_from([-1, 1]))
@example(10**8, 19, -1)  # the lower one has a digit less
@example(10**8, 0, 1)
@example(10**8, -1, 1)
def test_what_agrees_in_nine_digits_becomes_the_very_same_number(digits, exponent, sign):
    value = sign * float(f"{digits}e{exponent - 8}")
    noise = np.array([0, 1e-16, -1e-16, 3e-10, -3e-10, 1e-13])
    if digits == 10**8:
        noise /= 10
    rounded = nine_digits(value * (1 + noise))
    assert len(set(rounded)) == 1
    assert rounded[0] == pytest.approx(value, rel=1e-15)


@settings(max_examples=100)
@given(st.lists(NUMBERS, min_size=2, max_size=20))
def test_rounding_keeps_the_order_and_the_sign(values):
    values = np.sort(values)
    rounded = nine_digits(values)
    assert (np.diff(rounded) >= 0).all()
    np.testing.assert_array_equal(np.sign(rounded), np.sign(values))
    np.testing.assert_array_equal(nine_digits(-values), -rounded)


def test_zeros_and_infinities_stay():
    values = np.array([0.0, -0.0, np.inf, -np.inf, 1.0])
    np.testing.assert_array_equal(nine_digits(values), values)


def test_rounding_leaves_its_argument_alone():
    values = np.array([0.1234567891234])
    nine_digits(values)
    assert values[0] == 0.1234567891234


# From scores to a batch


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from([-math.inf, -2.5, 0.0, 1e-9, 0.3, math.inf]), st.floats(-1, 1)),
        min_size=1,
        max_size=25,
    ),
    st.randoms(use_true_random=False),
)
def test_the_highest_scores_win_and_the_first_of_the_pool_among_equals(rows, random):
    scores = np.array([score + (noise * 1e-13 if score == 0.3 else 0) for score, noise in rows])
    expected = sorted(range(len(rows)), key=lambda row: (-rows[row][0], row))
    n = random.randint(1, len(rows))
    assert top_k(scores, n)[0].tolist() == expected[:n]


@pytest.mark.parametrize("scores", [[0.3, 0.1 + 0.2], [0.1 + 0.2, 0.3]])
def test_scores_that_differ_by_rounding_noise_tie(scores):
    assert top_k(np.array(scores), 2)[0].tolist() == [0, 1]


def test_scores_that_differ_in_the_ninth_digit_do_not_tie():
    assert top_k(np.array([0.123456788, 0.123456789]), 1)[0].tolist() == [1]


# Strategies of one's own


OWN = """
def constant(pool, n, rng):
    return [0.5] * len(pool)

def rising(pool, n, rng, slope=1.0):
    return [slope * row for row in range(len(pool))]

def last(pool, n, rng, *, offset):
    return [len(pool) - 1 - offset - row for row in range(n)]

last.version = 3

def shapes(pool, n, rng):
    import numpy as np
    return pool.X[:, 0].astype(np.float32)

def narrow(pool, n):
    return list(range(n))

def impossible(pool, n, rng, key=object()):
    return list(range(n))

number = 3
"""

HALVES = np.column_stack([np.linspace(0, 0.9, 10), np.linspace(1, 0.1, 10)])


def test_scores_of_ones_own_are_ranked(module):
    name = module(OWN)
    assert picked(f"{name}:rising", HALVES, 3, slope=1.0).tolist() == [9, 8, 7]
    assert picked(f"{name}:rising", HALVES, 3, slope=-1.0).tolist() == [0, 1, 2]
    assert picked(f"{name}:shapes", HALVES, 2).tolist() == [9, 8]
    assert picked(f"{name}:constant", HALVES, 3).tolist() == [0, 1, 2]


def test_rows_of_ones_own_are_taken_in_their_order(module):
    name = module(OWN)
    assert picked(f"{name}:last", HALVES, 3, offset=2).tolist() == [7, 6, 5]


def test_parameters_are_filled_in_and_the_version_read(module):
    name = module(OWN)
    assert resolve(f"{name}:rising", {}) == ({"slope": 1.0}, 1)
    assert resolve(f"{name}:rising", {"slope": -2.0}) == ({"slope": -2.0}, 1)
    assert resolve(f"{name}:last", {"offset": 2}) == ({"offset": 2}, 3)


def test_a_whole_number_is_the_same_parameter_as_its_float(module):
    name = module(OWN)
    assert resolve(f"{name}:rising", {"slope": 1})[0]["slope"] == 1.0
    assert isinstance(resolve(f"{name}:rising", {"slope": 1})[0]["slope"], float)


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_built_in_has_a_version_and_is_found(name):
    assert find(name) is BUILT_IN[name]
    assert resolve(name, {}) == (parameters_of(name), 1)


@pytest.mark.parametrize(
    ("function", "parameters", "fragments"),
    [
        ("rising", {"slop": 1}, ["'slop'", "'slope'"]),
        ("rising", {"slope": object()}, ["plain data"]),
        ("last", {}, ["offset"]),
        ("narrow", {}, ["(pool, n, rng)"]),
        ("impossible", {}, ["plain data"]),
        ("risin", {}, ["'risin'", "'rising'"]),
        ("number", {}, ["number'", "function"]),
        ("", {}, ["has no ''"]),
    ],
)
def test_what_cannot_be_resolved_is_one_line_that_says_why(module, function, parameters, fragments):
    name = module(OWN)
    with pytest.raises(StrategyError) as caught:
        resolve(f"{name}:{function}", parameters)
    assert "\n" not in str(caught.value)
    for fragment in (name, *fragments):
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("entropi", "'entropy'"),
        ("", "least_confidence"),
        ("nowhere_to_be_found:f", "nowhere_to_be_found"),
        (":f", ":f"),
        (".:f", ".:f"),
        ("..own:f", "..own:f"),
        ("math:hypot", "math:hypot"),
        ("builtins:dict", "builtins:dict"),
    ],
)
def test_a_name_that_is_no_strategy_is_refused(name, fragment):
    with pytest.raises(StrategyError) as caught:
        resolve(name, {})
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["def (", "import nowhere_to_be_found", "1 / 0", "raise OSError"]
)
def test_a_module_that_does_not_import_is_named(module, content):
    name = module(content)
    with pytest.raises(StrategyError, match=name):
        resolve(f"{name}:f", {})


def test_a_version_that_is_no_whole_number_is_refused(module):
    name = module(OWN + "\nrising.version = 'two'\n")
    with pytest.raises(StrategyError, match="version"):
        resolve(f"{name}:rising", {})


WRONG = {
    "nothing": "None",
    "one row": "0",
    "one score": "0.5",
    "too few rows": "list(range(n - 1))",
    "too many rows": "list(range(n + 1))",
    "a row twice": "[0] * n",
    "a row beyond the pool": "[len(pool)] + list(range(n - 1))",
    "a row counted from the end": "[-1] + list(range(n - 1))",
    "rows as a matrix": "[list(range(n))]",
    "rows as floats": "[float(row) for row in range(n)]",
    "rows as text": "['0'] * n",
    "no rows": "[]",
    "too few scores": "[0.5] * (len(pool) - 1)",
    "too many scores": "[0.5] * (len(pool) + 1)",
    "scores with a NaN": "[0.5] * (len(pool) - 1) + [float('nan')]",
    "scores as a matrix": "[[0.5]] * len(pool)",
    "scores and None": "[0.5] * (len(pool) - 1) + [None]",
    "complex scores": "[0.5j] * len(pool)",
    "a mask": "[True] * n + [False] * (len(pool) - n)",
    "as many truths as rows": "[True] * n",
    "lists of unequal length": "[[0, 1], [2]]",
    "a set": "set(range(n))",
    "a dictionary": "{row: 0.5 for row in range(len(pool))}",
    "a generator": "(row for row in range(n))",
}


@pytest.mark.parametrize("expression", WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_refused_by_the_name_of_the_strategy(module, expression):
    name = module(f"def wrong(pool, n, rng):\n    return {expression}\n")
    with pytest.raises(StrategyError, match=f"{name}:wrong must return"):
        picked(f"{name}:wrong", HALVES, 3)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("None", "it returned None; a return statement may be missing"),
        ("[0.5] * (len(pool) - 1) + [None]", "with None in it"),
        ("[float('nan')] + [0.5] * (len(pool) - 2) + [float('nan')]", "2 of them are NaN, at 0, "),
        ("[float('nan')] * len(pool)", "at 0, 1, 2, 3, 4, ... "),
        ("{1}", "it returned set"),
    ],
)
def test_the_error_says_what_came_back(module, expression, said):
    name = module(f"def wrong(pool, n, rng):\n    return {expression}\n")
    with pytest.raises(StrategyError) as caught:
        picked(f"{name}:wrong", HALVES, 3)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    ["tuple(range(n))", "range(n)", "np.arange(n, dtype='u1')", "np.arange(n, dtype='i8')"],
)
def test_rows_may_be_any_sequence_of_whole_numbers(module, expression):
    name = module(f"import numpy as np\ndef f(pool, n, rng):\n    return {expression}\n")
    assert picked(f"{name}:f", HALVES, 3).tolist() == [0, 1, 2]


def test_infinite_scores_are_scores(module):
    name = module(
        "def f(pool, n, rng):\n"
        "    return [float('-inf'), float('inf'), 0.0] + [-1.0] * (len(pool) - 3)\n"
    )
    assert picked(f"{name}:f", HALVES, 2).tolist() == [1, 2]


# What a strategy sees


def public(thing, seen=None):
    """Yield every array that can be reached from an object by public names."""
    seen = {} if seen is None else seen
    if id(thing) in seen or isinstance(thing, (str, bytes, int, float, type, type(None))):
        return
    seen[id(thing)] = thing
    if isinstance(thing, np.ndarray) or is_buffer(thing):
        array = np.asarray(thing)
        yield array
        parts = [getattr(thing, "base", None), *(array.flat if array.dtype.kind == "O" else [])]
        parts += [array[field] for field in array.dtype.names or ()]
    elif isinstance(thing, dict):
        parts = [*thing.keys(), *thing.values()]
    elif isinstance(thing, (list, tuple, set, frozenset)):
        yield np.array([part for part in thing if isinstance(part, (int, float))])
        parts = list(thing)
    elif sparse.issparse(thing):
        parts = [thing.data, thing.indices, thing.indptr]  # .T.T.T has no end
    elif callable(thing) and not hasattr(thing, "get_params"):
        parts = []
    else:
        parts = [attribute(thing, name) for name in dir(thing) if not name.startswith("_")]
    for part in parts:
        yield from public(part, seen)


def is_buffer(thing):
    """Whether this is memory, such as what lies under an array that compiled code made."""
    try:
        memoryview(thing)
    except (TypeError, ValueError, BufferError):
        return False
    return True


def attribute(thing, name):
    try:
        return getattr(thing, name)
    except Exception:  # a property that this object has not
        return None


def leaks(thing, hidden_values, hidden_vectors):
    """Return the arrays in reach that hold a hidden value or one of the hidden vectors."""
    found = []
    for array in public(thing):
        if array.dtype.kind not in "biuf":
            continue
        if np.isin(array, hidden_values).any():
            found.append(array)
        flat = array.ravel()
        for vector in hidden_vectors:
            if len(vector) and flat.shape == vector.shape and (flat == vector).all():
                found.append(array)
    return found


class Leaky:
    def __init__(self, **attributes):
        vars(self).update(attributes)


TABLE = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    "thing",
    [
        TABLE,
        TABLE[:2],
        Leaky(X=TABLE[:2]),
        Leaky(inner=Leaky(cache={"a": [TABLE]})),
        Leaky(X=sparse.csr_matrix(TABLE)),
        Leaky(rows=TABLE.tolist()),
        Leaky(_private=1, labels=np.array([1, 0, 2])),
        Leaky(labels=[1, 0, 2]),
        np.array([(1, 11.0)], dtype=[("node", int), ("value", float)]),
    ],
)
def test_the_search_finds_what_leaks(thing):
    assert leaks(thing, np.array([11.0]), [np.array([1, 0, 2])])


@pytest.mark.parametrize("thing", [TABLE[:2].copy(), Leaky(_X=TABLE), Leaky(y=[1, 0])])
def test_the_search_finds_nothing_where_nothing_leaks(thing):
    assert not leaks(thing, np.array([11.0]), [np.array([1, 0, 2])])


def secret(n=90, n_classes=3):
    """A data set in which every feature is unique and labels follow from no feature."""
    rng = stream(4)
    X = rng.normal(size=(n, 2)) + 0.123456789
    return Dataset(X, rng.integers(n_classes, size=n), tuple(range(n_classes)), "secret")


def run_of(strategy, model="logistic", **parameters):
    return RunSpec(
        DatasetSpec("secret", "secret", "secret", "none", 30),
        InitialSpec("per_class", 3),
        ModelSpec(model, model, parameters),
        StrategySpec(strategy, strategy, {}, 1),
        batch_size=7,
        budget=40,
        seed=1,
    )


LOOK = """
def look(pool, n, rng):
    watch(pool)
    return rng.choice(len(pool), n, replace=False)
"""


def rows_of(X, table):
    """Return which rows of a table with unique features these are."""
    X = X.toarray() if sparse.issparse(X) else X
    (rows, _) = np.nonzero((table[:, 0][None, :] == X[:, 0][:, None]).T)
    assert len(rows) == len(X)
    return [int(np.flatnonzero(table[:, 0] == value)[0]) for value in X[:, 0]]


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("logistic", {}),
        ("sklearn.svm.SVC", {}),
        ("sklearn.neighbors.KNeighborsClassifier", {"n_neighbors": 1}),
        ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 3}),
    ],
)
def test_no_test_row_and_no_hidden_label_is_in_reach(module, as_sparse, model, parameters):
    name = module(LOOK)
    dataset = secret()
    table = dataset.X
    spec = run_of(f"{name}:look", model, **parameters)
    split = draw_split(dataset, 30, spec.initial, spec.seed)
    sizes = []

    def watch(pool):
        unlabelled, labelled = rows_of(pool.X, table), rows_of(pool.X_labelled, table)
        assert set(unlabelled) | set(labelled) == {*split.pool, *split.initial}
        assert not set(unlabelled) & set(labelled)
        np.testing.assert_array_equal(pool.y_labelled, dataset.y[labelled])
        hidden = [
            dataset.y,
            dataset.y[unlabelled],
            dataset.y[split.test],
            dataset.y[split.training],
        ]
        assert not leaks(pool, table[split.test], [*hidden, dataset.y[np.sort(unlabelled)]])
        sizes.append(len(pool))

    find(f"{name}:look").__globals__["watch"] = watch
    if as_sparse:
        dataset = Dataset(sparse.csr_matrix(table), dataset.y, dataset.classes, "secret")
    run_active_learning(spec, dataset)
    assert sizes == [51, 44, 37, 30, 23]


def test_what_a_strategy_does_to_its_copies_changes_no_data(module):
    name = module(LOOK)
    dataset = secret()
    X, y = dataset.X.copy(), dataset.y.copy()

    def watch(pool):
        for array in (pool.X, pool.X_labelled, pool.y_labelled, pool.probabilities):
            array[...] = 0

    find(f"{name}:look").__globals__["watch"] = watch
    spoiled = run_active_learning(run_of(f"{name}:look"), dataset)
    np.testing.assert_array_equal(dataset.X, X)
    np.testing.assert_array_equal(dataset.y, y)
    find(f"{name}:look").__globals__["watch"] = lambda pool: None
    clean = run_active_learning(run_of(f"{name}:look"), dataset)
    assert [entry.scores for entry in spoiled.rounds] == [entry.scores for entry in clean.rounds]


def test_the_order_of_the_pool_tells_nothing_where_the_file_is_sorted_by_class(module):
    name = module(LOOK)
    dataset = secret(300)
    dataset = Dataset(dataset.X, np.sort(dataset.y), dataset.classes, "secret")
    correlations = []

    def watch(pool):
        rows = rows_of(pool.X, dataset.X)
        correlations.append(np.corrcoef(np.arange(len(rows)), dataset.y[rows])[0, 1])

    find(f"{name}:look").__globals__["watch"] = watch
    run_active_learning(run_of(f"{name}:look"), dataset)
    assert np.abs(correlations).max() < 0.5


def test_features_and_labels_are_copies():
    X, labels = np.arange(12.0).reshape(6, 2), np.array([0, 1])
    predictions = Predictions(SimpleNamespace(n_classes=2), X)
    pool = Pool(X, np.arange(2, 6), np.arange(2), labels, predictions)
    for own in (pool.X, pool.X_labelled, pool.y_labelled):
        assert not np.shares_memory(own, X)
        assert not np.shares_memory(own, labels)


def test_probabilities_are_those_of_the_unlabelled_computed_once():
    calls = []
    rng = stream()
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 2
    labelled, unlabelled = np.arange(10), np.arange(39, 9, -1)
    classifier = Classifier("logistic", {}, 2, rng).fit(X[labelled], y[labelled])
    counted = SimpleNamespace(
        has_probabilities=True,
        n_classes=2,
        estimator=classifier.estimator,
        probabilities=lambda rows: calls.append(1) or classifier.probabilities(rows),
    )
    pool = Pool(X, unlabelled, labelled, y[labelled], Predictions(counted, X))
    expected = classifier.estimator.predict_proba(X[unlabelled])
    np.testing.assert_allclose(pool.probabilities, expected, rtol=1e-12)
    assert pool.probabilities is pool.probabilities
    assert calls == [1]
    np.testing.assert_allclose(pool.margins, np.abs(expected[:, 0] - expected[:, 1]))
    assert (len(pool), pool.n_classes) == (30, 2)
    np.testing.assert_array_equal(pool.model.coef_, classifier.estimator.coef_)


def test_equal_scores_are_not_decided_by_the_order_of_the_file(module):
    spec = replace(run_of(f"{module(OWN)}:constant"), budget=60)
    again = replace(spec, strategy=replace(spec.strategy, replica=1))
    orders = []
    for run in (*(replace(spec, seed=seed) for seed in range(4)), again):
        pool = draw_split(secret(), 30, run.initial, run.seed).pool
        result = run_active_learning(run, secret())
        places = np.searchsorted(pool, np.concatenate([entry.batch for entry in result.rounds]))
        assert sorted(places) == list(range(51))
        orders.append(places)
    # Of 51 places in random order: standard deviation 1 / sqrt(50).
    assert all(abs(np.corrcoef(places, np.arange(51))[0, 1]) < 0.5 for places in orders)
    assert len({tuple(places) for places in orders}) == 5


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from([0.0, 1.0, -1.0, np.inf, -np.inf, 1e-300, 0.3])
        | st.floats(-2, 2).map(lambda value: round(value, 2)),
        min_size=1,
        max_size=40,
    ),
    st.integers(0, 40),
    st.integers(0, 2**32),
)
def test_the_best_are_those_of_a_whole_sort(values, n, seed):
    # Noise around the ninth digit, so that some of what is equal at nine digits is not before.
    noise = 1 + np.random.default_rng(seed).choice([0, 1e-10, -1e-10, 1e-8], size=len(values))
    scores = np.array(values) * noise
    expected = np.argsort(-nine_digits(scores), kind="stable")[:n]
    np.testing.assert_array_equal(top_k(scores, min(n, len(scores)))[0], expected)


@settings(max_examples=100)
@given(st.integers(2, 12), st.integers(1, 20), st.integers(0, 2**32))
def test_margins_are_the_difference_of_the_two_largest(n_classes, n, seed):
    rng = np.random.default_rng(seed)
    probabilities = rng.integers(1, 4, size=(n, n_classes)) / rng.integers(3, 9)
    ordered = np.sort(probabilities, axis=1)
    np.testing.assert_array_equal(pool_of(probabilities).margins, ordered[:, -1] - ordered[:, -2])


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([0.0, -0.0, 0.5, 0.5 + 1e-12, 1.0, -2.0, math.inf]), min_size=1),
    st.integers(0, 12),
)
def test_a_tie_is_an_example_left_out_that_equals_the_last_taken(scores, n):
    n = min(n, len(scores))
    ordered = sorted((float(f"{score:.8e}") for score in scores), reverse=True)
    is_tied = 0 < n < len(scores) and ordered[n - 1] == ordered[n]
    assert top_k(np.array(scores), n)[1] is is_tied


@pytest.mark.parametrize(("n", "is_tied"), [(1, False), (2, True), (3, False), (4, False)])
def test_a_query_says_whether_the_tie_break_had_a_part_in_it(n, is_tied):
    probabilities = [[0.5, 0.5], [0.6, 0.4], [0.9, 0.1], [0.4, 0.6]]
    answer = query(spec_of("margin"), pool_of(probabilities), n, stream())
    assert answer[1] is is_tied
    assert query(spec_of("random"), pool_of(probabilities), n, stream())[1] is False


def test_rounding_across_the_cut_decides_nothing():
    # Alike at nine digits, .9e-8 apart: the first wins although the second is larger.
    assert top_k(np.array([1.000000015001, 1.000000024999, 0.0]), 1)[0].tolist() == [0]


def test_the_model_is_a_copy():
    rng = stream()
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 2
    classifier = Classifier("logistic", {}, 2, rng).fit(X[:10], y[:10])
    pool = Pool(X, np.arange(10, 40), np.arange(10), y[:10], Predictions(classifier, X))
    assert pool.model is pool.model
    pool.model.fit(X, 1 - y)
    np.testing.assert_array_equal(classifier.estimator.coef_, Logistic().fit(X[:10], y[:10]).coef_)


def test_decision_values_that_are_not_finite_are_refused():
    class Odd:
        def decision_function(self, X):
            return np.full((len(X), 3), np.nan)

    classifier = Classifier("logistic", {}, 3, stream()).fit(np.eye(3), np.arange(3))
    classifier.estimator = Odd()
    with pytest.raises(ModelError, match="Odd gave decision values that are NaN"):
        classifier.decision(np.eye(3))

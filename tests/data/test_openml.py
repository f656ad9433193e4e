"""Data sets of OpenML, from a stub in the place of the network."""

import gzip
import hashlib
import io
import json
from email.message import Message
from types import SimpleNamespace
from urllib.error import URLError
from urllib.response import addinfourl

import numpy as np
import pytest
from scipy import sparse

from alrun.api import run_sweep
from alrun.data.column_keys import ColumnKeys
from alrun.data.load import load
from alrun.data.registry import check_name
from alrun.errors import DatasetError, ExperimentError
from alrun.experiment.toml import read_experiment
from alrun.results.load import load_curves
from alrun.util.cache_folder import cache_folder

DENSE = """@RELATION made
@ATTRIBUTE size NUMERIC
@ATTRIBUTE colour {red, green, blue}
@ATTRIBUTE kind {a, b}
@ATTRIBUTE class {yes, no}
@DATA
1.5,red,a,yes
2,blue,b,no
-3,red,b,yes
4,blue,a,no
"""
SPARSE = """@RELATION made
@ATTRIBUTE size NUMERIC
@ATTRIBUTE colour {red, green, blue}
@ATTRIBUTE width NUMERIC
@ATTRIBUTE class {yes, no}
@DATA
{0 1.5, 2 7}
{1 blue, 3 no}
{0 -3}
{1 blue, 2 1, 3 no}
"""


def task(number, kind=1, target="kind"):
    """Return OpenML's answer on a task of data set 7, by default a classification.

    It has the form of the server's: numbers are texts, a list of one is its only entry, and a list
    of none is left out or empty.
    """
    shown = "Supervised Classification" if kind == 1 else "Supervised Regression"
    procedure = {
        "id": "1",
        "type": "crossvalidation",
        "data_splits_url": f"https://www.openml.org/api_splits/get/{number}/splits.arff",
        "parameter": [
            {"name": "number_repeats", "value": "1"},
            {"name": "number_folds", "value": "10"},
            {"name": "percentage"},
            {"name": "stratified_sampling", "value": "true"},
        ],
    }
    inputs = [
        {"name": "source_data", "data_set": {"data_set_id": "7", "target_feature": target}},
        {"name": "estimation_procedure", "estimation_procedure": procedure},
        {"name": "cost_matrix", "cost_matrix": []},
        {"name": "evaluation_measures", "evaluation_measures": {"evaluation_measure": []}},
    ]
    feature = [{"name": "row_id", "type": "integer"}, {"name": "prediction", "type": "string"}]
    predictions = {"format": "ARFF", "feature": feature}
    return {
        "task": {
            "task_id": str(number),
            "task_name": f"Task {number}: made ({shown})",
            "task_type_id": str(kind),
            "task_type": shown,
            "input": inputs,
            "output": {
                "name": "predictions",
                "predictions": predictions,
            },
            "tag": "study_99",
        }
    }


def study(*tasks):
    """Return OpenML's answer on a suite, in the form of the server's; see `task`."""
    listed = [str(number) for number in tasks]
    return {
        "study": {
            "id": "99",
            "alias": "OpenML-CC18",
            "main_entity_type": "task",
            "name": "OpenML-CC18 Curated Classification benchmark",
            "description": "A suite.",
            "visibility": "public",
            "status": "active",
            "creation_date": "2019-02-21 18:47:13",
            "creator": "1",
            "data": {"data_id": "7"},
            "tasks": {"task_id": listed if len(listed) > 1 else listed[0]},
        }
    }


class Endless(io.RawIOBase):
    """A body of an answer that never ends."""

    def read(self, size):
        return bytes(size)


class Server:
    """What answers in the place of OpenML: one data set, number 7, `made`, version 2.

    By a part of the address, `answers` replaces or adds answers: JSON, bytes, a body that can be
    read, or a status with headers; `packed` has gzipped ones, and `sizes` what is announced.
    """

    def __init__(self, arff, targets=("class",), missing=0, **description):
        self.arff, self.targets, self.missing = arff, targets, missing
        self.description = description
        self.answers, self.sizes, self.packed = {}, {}, {}
        self.is_up, self.asked = True, []

    def __call__(self, request):
        self.asked.append(request.full_url)
        if not self.is_up:
            raise URLError("no route to host")
        content, status, headers = self.answer(request.full_url), 200, {}
        if isinstance(content, tuple):
            status, headers = content
            content = b""
        elif not hasattr(content, "read") and not isinstance(content, bytes):
            content = json.dumps(content).encode()
        for part, packed in self.packed.items():
            if part in request.full_url:
                content, headers = packed, {"Content-Encoding": "gzip"}
        for part, size in self.sizes.items():
            if part in request.full_url:
                headers["Content-Length"] = size
        message = Message()
        for name, value in headers.items():
            message[name] = value
        body = io.BytesIO(content) if isinstance(content, bytes) else content
        response = addinfourl(body, message, request.full_url, status)
        response.msg = "stubbed"
        return response

    def answer(self, path):
        for part, content in self.answers.items():
            if part in path:
                return content
        if "study/" in path:
            return study(31, 3)
        if "task/" in path:
            return task(path.rpartition("/")[2])
        if "data/list" in path:
            return {"data": {"dataset": [{"did": 7, "version": 2, "status": "active"}]}}
        if "features" in path:
            return {"data_features": {"feature": self.features()}}
        if path.endswith(".arff"):
            return self.arff.encode()
        description = {
            "id": "7",
            "name": "made",
            "version": "2",
            "description": "",
            "format": "Sparse_ARFF" if "{0 " in self.arff else "ARFF",
            "url": "https://stub/made.arff",
            "status": "active",
            "md5_checksum": hashlib.md5(self.arff.encode()).hexdigest(),
            **self.description,
        }
        return {"data_set_description": description}

    def features(self):
        rows = [line.split(" ", 2)[1:] for line in self.arff.splitlines() if "ATTRIBUTE" in line]
        return [
            {
                "index": str(place),
                "name": name,
                "data_type": "nominal" if "{" in kind else "numeric",
                "is_target": str(name in self.targets).lower(),
                "is_ignore": "false",
                "is_row_identifier": "false",
                "number_of_missing_values": str(self.missing),
            }
            for place, (name, kind) in enumerate(rows)
        ]


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Put a server in the place of the network, and the cache in a folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def put(arff, **settings):
        server = Server(arff, **settings)
        monkeypatch.setattr("urllib.request.HTTPSHandler.https_open", lambda _, ask: server(ask))
        return server

    return put


def labels_of(dataset):
    return [dataset.classes[code] for code in dataset.y]


def refused(name="openml:made", parameters=None, **settings):
    with pytest.raises(DatasetError) as caught:
        load(name, parameters or {}, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["openml:made", "openml:7"])
def test_a_data_set_is_that_of_a_table(serve, name):
    serve(DENSE)
    dataset = load(name, {})
    # size, then blue and red, then a and b
    expected = [[1.5, 0, 1, 1, 0], [2, 1, 0, 0, 1], [-3, 0, 1, 0, 1], [4, 1, 0, 1, 0]]
    np.testing.assert_array_equal(dataset.X, expected)
    assert dataset.X.dtype == np.float64
    assert labels_of(dataset) == ["yes", "no", "yes", "no"]
    assert "version 2" in dataset.notes[0]
    assert "colour (2)" in dataset.notes[1]


def test_what_is_sparse_stays_so_with_its_categories_encoded(serve):
    serve(SPARSE)
    dataset = load("openml:made", {})
    assert sparse.issparse(dataset.X)
    assert dataset.X.format == "csr"
    # size, then blue and red (the first category is not written), then width
    expected = [[1.5, 0, 1, 7], [0, 1, 0, 0], [-3, 0, 1, 0], [0, 1, 0, 1]]
    np.testing.assert_array_equal(dataset.X.toarray(), expected)
    assert labels_of(dataset) == ["yes", "no", "yes", "no"]


@pytest.mark.parametrize("arff", [DENSE, SPARSE])
def test_what_was_fetched_once_is_there_without_a_network(serve, arff):
    server = serve(arff)
    first = load("openml:made", {"version": 2})
    asked, server.is_up = list(server.asked), False
    again = load("openml:made", {"version": 2})
    assert server.asked == asked != []
    assert again.fingerprint == first.fingerprint
    assert (again.X != first.X).sum() == 0
    assert any(cache_folder().rglob("made.arff*"))


def test_without_a_network_one_line_says_what_to_do(serve):
    serve(DENSE).is_up = False
    message = refused()
    for fragment in (
        "openml:made",
        str(cache_folder()),
        "no route to host",
        "on a machine with network access",
    ):
        assert fragment in message


def test_another_column_may_hold_the_labels(serve):
    serve(DENSE)
    dataset = load("openml:made", {}, target="kind")
    assert labels_of(dataset) == ["a", "b", "b", "a"]
    assert dataset.X.shape == (4, 5)
    assert dataset.fingerprint != load("openml:made", {}).fingerprint
    assert "'gone'" in refused(target="gone")


def test_the_fingerprint_is_that_of_the_numbers_and_the_labels(serve):
    prints = []
    dense = [DENSE, DENSE.replace("1.5", "1.25"), DENSE.replace("yes", "yep")]
    for arff in (*dense, SPARSE, SPARSE.replace("{1 blue, 2 1", "{0 1, 1 blue")):
        serve(arff)
        prints.append(load("openml:7", {}).fingerprint)
        for path in cache_folder().rglob("*.gz"):
            path.unlink()
    assert len(set(prints)) == 5


@pytest.mark.parametrize("keys", [{"drop": ("size",)}, {"missing": "mean"}])
def test_keys_on_columns_are_for_dense_sets(serve, keys):
    serve(SPARSE)
    assert "its features are sparse" in refused(columns=ColumnKeys(**keys))
    serve(DENSE.replace("-3", "?"))
    for path in cache_folder().rglob("*.gz"):
        path.unlink()
    columns = ColumnKeys(**{"missing": "mean", **keys})
    dataset = load("openml:made", {}, columns=columns)
    assert bool(dataset.fills) == ("drop" not in keys)


@pytest.mark.parametrize(
    ("old", "new", "fragments"),
    [
        ("-3", "?", ["'size' (1, from row 2)"]),
        ("-3,red", "-3,?", ["'colour' (text, 1, from row 2)"]),
    ],
)
def test_a_missing_value_is_named_with_column_and_row(serve, old, new, fragments):
    serve(DENSE.replace(old, new))
    message = refused()
    assert all(fragment in message for fragment in fragments)


@pytest.mark.parametrize(("old", "new"), [("{0 -3}", "{0 ?}"), ("{0 -3}", "{1 ?}")])
def test_a_sparse_value_that_is_missing_is_named(serve, old, new):
    serve(SPARSE.replace(old, new))
    assert "row 2 " in refused()


@pytest.mark.parametrize(("arff", "row"), [(DENSE, "-3,red,b,yes"), (SPARSE, "{0 -3}")])
def test_a_missing_label_is_refused(serve, arff, row):
    changed = "-3,red,b,?" if arff == DENSE else "{0 -3, 3 ?}"
    serve(arff.replace(row, changed))
    assert refused()


@pytest.mark.parametrize("targets", [(), ("kind", "class")])
def test_one_column_of_labels_is_wanted(serve, targets):
    serve(DENSE, targets=targets)
    assert 'target = "..."' in refused()


@pytest.mark.parametrize("version", [0, "2", True, 1.5])
def test_a_version_is_a_whole_number(serve, version):
    serve(DENSE)
    assert "version" in refused(parameters={"version": version})


@pytest.mark.parametrize("name", ["", "..", "../up", "a/b", "a b", "a?b"])
def test_a_name_that_openml_cannot_have_is_refused_before_anything_is_asked(serve, name):
    server = serve(DENSE)
    refused(f"openml:{name}")
    assert server.asked == []


def test_a_name_has_versions_and_a_number_has_none():
    assert check_name("openml:mnist_784", False, None) == ["version"]
    assert check_name("openml:554", False, None) == []


def test_a_damaged_answer_is_one_line(serve):
    serve("no ARFF at all")
    assert "openml:made" in refused()


NOMINAL = """@RELATION made
@ATTRIBUTE size NUMERIC
@ATTRIBUTE grade {1, 01, 10}
@ATTRIBUTE open {TRUE, FALSE}
@ATTRIBUTE class {0, 1E2, 01}
@DATA
1.5,1,TRUE,0
2,01,FALSE,1E2
-3,10,TRUE,01
4,1,FALSE,0
"""


def test_nominal_numbers_and_booleans_are_texts_letter_by_letter(serve):
    serve(NOMINAL)
    dataset = load("openml:made", {})
    # size, then 01, 1 and 10, then FALSE and TRUE
    expected = [
        [1.5, 0, 1, 0, 0, 1],
        [2, 1, 0, 0, 1, 0],
        [-3, 0, 0, 1, 0, 1],
        [4, 0, 1, 0, 1, 0],
    ]
    np.testing.assert_array_equal(dataset.X, expected)
    assert labels_of(dataset) == ["0", "1E2", "01", "0"]
    assert "grade (3), open (2)" in dataset.notes[1]


@pytest.mark.parametrize("column", ["open", "grade"])
def test_nominal_numbers_and_booleans_may_be_labels(serve, column):
    serve(NOMINAL)
    expected = {"open": ["TRUE", "FALSE", "TRUE", "FALSE"], "grade": ["1", "01", "10", "1"]}
    assert labels_of(load("openml:7", {}, target=column)) == expected[column]


def test_quotes_of_both_kinds_are_no_part_of_a_value(serve):
    serve(DENSE.replace("blue,b", "'blue',b").replace("red,a", '"red",a'))
    expected = [[1.5, 0, 1, 1, 0], [2, 1, 0, 0, 1], [-3, 0, 1, 0, 1], [4, 1, 0, 1, 0]]
    np.testing.assert_array_equal(load("openml:made", {}).X, expected)
    serve(DENSE.replace("red", "'r, \"d'").replace("blue", '"b, l"'))
    np.testing.assert_array_equal(load("openml:7", {}).X, expected)


def test_a_sparse_label_that_is_not_written_is_the_first_class(serve, monkeypatch):
    """scikit-learn's parser leaves there what happens to be in memory."""
    memory = SimpleNamespace(**vars(np))
    memory.empty = lambda shape, **_: np.full(shape, 1.0)
    monkeypatch.setattr("sklearn.datasets._arff_parser.np", memory)
    serve(SPARSE)
    assert labels_of(load("openml:made", {})) == ["yes", "no", "yes", "no"]


def cached(name):
    (path,) = cache_folder().rglob(name)
    return path


@pytest.mark.parametrize("name", ["made.arff.gz", "7.gz"])
@pytest.mark.parametrize(
    "damage", [b"no gzip", b"", gzip.compress(b"{", mtime=0)], ids=["none", "empty", "no JSON"]
)
def test_a_damaged_file_of_the_cache_stays_until_a_new_one_is_whole(serve, name, damage):
    server = serve(DENSE)
    first = load("openml:made", {})
    path = next(path for path in cache_folder().rglob(name) if "features" not in str(path))
    path.write_bytes(damage)
    server.is_up = False
    message = refused()
    assert "is damaged in the cache" in message
    assert str(path) in message
    assert "no route to host" in message
    assert path.read_bytes() == damage
    server.is_up = True
    assert load("openml:made", {}).fingerprint == first.fingerprint
    assert path.read_bytes() != damage


def test_what_cannot_be_parsed_is_not_blamed_on_the_network(serve):
    server = serve(DENSE.replace("2,blue,b,no", "2,blue,b,no,7,8"))
    message = refused()
    assert "made.arff.gz cannot be read" in message
    assert "fetched" not in message
    assert cached("made.arff.gz").exists()
    asked = len(server.asked)
    assert refused() == message
    assert len(server.asked) == asked  # the file is kept, and not fetched again


def nothing_kept():
    return [path for path in cache_folder().rglob("*") if "arff" in path.name]


def test_a_file_of_another_checksum_is_not_kept(serve):
    serve(DENSE, md5_checksum="0" * 32)
    message = refused()
    assert f"not {'0' * 32}" in message
    assert nothing_kept() == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://stub/made.arff",
        "https://stub/../../../../made.arff",
        "https://stub/a/..\\..\\made.arff",
        "https://stub/made\x1b[31m.arff",
        f"https://stub/{'a' * 2000}",
    ],
)
def test_a_data_file_elsewhere_is_refused(serve, url):
    server = serve(DENSE, url=url)
    message = refused()
    assert "refused" in message
    assert message.isprintable()
    assert not any("arff" in asked for asked in server.asked)


@pytest.mark.parametrize("where", ["file:///etc/hostname", "http://stub/other", "ftp://stub/other"])
def test_a_redirection_away_from_https_is_not_followed(serve, where):
    server = serve(DENSE)
    server.answers["made.arff"] = (302, {"Location": where})
    assert "openml:made" in refused()
    assert nothing_kept() == []
    assert all(asked.startswith("https://") for asked in server.asked)


def test_a_redirection_to_another_host_is_followed_and_a_loop_is_not(serve):
    server = serve(DENSE)
    server.answers = {
        "mirror": DENSE.encode(),
        "made.arff": (302, {"Location": "https://mirror/7"}),
    }
    assert labels_of(load("openml:made", {})) == ["yes", "no", "yes", "no"]
    cached("made.arff.gz").unlink()
    server.answers = {"made.arff": (302, {"Location": "https://stub/made.arff"})}
    assert "openml:made" in refused()


@pytest.mark.parametrize("part", ["made.arff", "features"])
def test_an_endless_answer_ends(serve, monkeypatch, part):
    for limit in ("_LARGEST_ANSWER", "_LARGEST_FILE"):
        monkeypatch.setattr(f"alrun.data.readers.openml_server.{limit}", 2**22)
    server = serve(DENSE)
    server.answers[part] = Endless()
    assert "it has more than" in refused()
    assert not [path for path in cache_folder().rglob("*") if path.name.startswith(".made")]


@pytest.mark.parametrize("part", ["made.arff", "features"])
def test_an_answer_that_unpacks_to_too_much_is_refused(serve, monkeypatch, part):
    for limit in ("_LARGEST_ANSWER", "_LARGEST_FILE"):
        monkeypatch.setattr(f"alrun.data.readers.openml_server.{limit}", 2**22)
    server = serve(DENSE)
    server.packed = {part: gzip.compress(bytes(2**24))}
    assert "it has more than" in refused()


@pytest.mark.parametrize("size", ["5", "100000"])
def test_an_answer_of_another_size_than_announced_is_refused(serve, size):
    server = serve(DENSE)
    server.sizes = {"made.arff": size}
    assert f"and not {size}" in refused()
    assert nothing_kept() == []


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("data/list", []),
        ("data/list", {"data": {"dataset": []}}),
        ("data/list", {"data": {"dataset": [{"did": "../../x"}]}}),
        ("data/features", {"data_features": {"feature": [{"name": "x"}]}}),
        ("data/features", {"data_features": None}),
        ("json/data/7", {"data_set_description": {"url": 3}}),
        ("json/data/7", b"[" * 100_000),
        ("json/data/7", b"\xff<html>"),
        ("json/data/7", (412, {})),
        ("json/data/7", (500, {})),
        ("made.arff", (404, {})),
    ],
)
def test_an_answer_of_another_form_is_one_line(serve, part, content):
    serve(DENSE).answers[part] = content
    message = refused()
    assert message.startswith("openml:made")


# Suites

SUITE = """
strategies = ["random"]
seeds = 1
budget = 3
initial = {size = 2, method = "random"}
[[dataset]]
suite = "openml-suite:99"
test_size = 1
"""


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text(SUITE)
    return path


def suite_refused(path, text=None):
    if text is not None:
        path.write_text(text)
    with pytest.raises(ExperimentError) as caught:
        read_experiment(path, (), check=True)
    return caught.value.problems


def test_a_suite_is_a_data_set_for_each_of_its_tasks(serve, suite):
    serve(DENSE).answers["task/31"] = task(31, target="class")
    experiment = read_experiment(suite, (), check=True)
    assert [(entry.name, entry.target, entry.label) for entry in experiment.dataset] == [
        ("openml:7", "kind", "made (task 3)"),
        ("openml:7", "class", "made (task 31)"),
    ]
    assert [entry.test_size for entry in experiment.dataset] == [1, 1]


def test_a_suite_stands_beside_other_data_sets_and_by_its_alias(serve, suite):
    server = serve(DENSE)
    server.answers["study/CC-18"] = study(3)
    suite.write_text(
        f"{SUITE.replace('99', 'CC-18')}[[dataset]]\nname = 'iris'\n[[dataset]]\nname = 'openml:1'"
    )
    experiment = read_experiment(suite, (), check=True)
    assert [entry.label for entry in experiment.dataset] == ["made", "iris", "openml:1"]


def test_a_suite_is_fetched_once_and_swept_and_reported_without_a_network(serve, suite, tmp_path):
    server = serve(DENSE + DENSE.partition("@DATA\n")[2] * 9)
    server.answers["task/31"] = task(31, target="class")
    sizes = {
        "test_size = 1": "test_size = 20",
        "{size = 2": "{size = 8",
        "budget = 3": "budget = 12",
    }
    for old, new in sizes.items():
        suite.write_text(suite.read_text().replace(old, new))
    results = run_sweep(suite, tmp_path / "results", jobs=0)
    asked, server.is_up = len(server.asked), False
    run_sweep(suite, tmp_path / "again", jobs=0)
    assert len(server.asked) == asked
    first, again = (
        (folder / "curves.parquet").read_bytes() for folder in (results, tmp_path / "again")
    )
    assert first == again
    assert sorted(load_curves(results)["dataset"].unique()) == ["made (task 3)", "made (task 31)"]
    kept = (results / "experiment.toml").read_text()
    assert "suite" not in kept
    assert 'name = "openml:7"' in kept


def test_a_suite_needs_a_network_once(serve, suite):
    serve(DENSE).is_up = False
    (problem,) = suite_refused(suite)
    assert "dataset[1].suite: openml-suite:99 is not in" in problem
    assert "on a machine with network access" in problem


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"openml-suite:99"', '"99"', "suite: '99' is no suite"),
        ('"openml-suite:99"', '"openml-suite:"', "suite: 'openml-suite:' is no suite"),
        ('"openml-suite:99"', '"openml-suite:../99"', "suite"),
        ('"openml-suite:99"', "99", "suite: 99 is no suite"),
        ("test_size = 1", "name = 'iris'", "suite: each of its data sets has its own; drop name"),
        ("test_size = 1", "label = 'a'\ntarget = 'b'", "suite: each of its data sets has its own"),
        ("test_size = 1", "test_sise = 1", "test_sise: unknown key"),
        ("test_size = 1", "test_size = 0", "test_size: should be a count"),
    ],
)
def test_a_wrong_suite_is_refused_before_anything_is_asked(serve, suite, old, new, key):
    server = serve(DENSE)
    problems = suite_refused(suite, SUITE.replace(old, new))
    assert problems[0].startswith(f"{suite}: dataset[1].{key}")
    assert len(problems) == 1
    assert server.asked == []


@pytest.mark.parametrize(
    ("part", "content", "fragment"),
    [
        ("task/31", task(31, kind=2), "task 31 is Supervised Regression"),
        ("study/", (412, {}), "OpenML has no such suite"),
        ("task/31", (412, {}), "OpenML has no such task 31"),
        ("study/", {"study": {"tasks": None}}, "another form"),
        ("study/", {"study": {"tasks": {"task_id": []}}}, "has no tasks"),
        ("study/", {"study": {"id": "99", "main_entity_type": "task"}}, "has no tasks"),
        ("task/3", {"task": {"task_type_id": "1", "input": []}}, "another form"),
    ],
)
def test_a_suite_that_cannot_be_run_is_one_line(serve, suite, part, content, fragment):
    serve(DENSE).answers[part] = content
    (problem,) = suite_refused(suite)
    assert problem.startswith(f"{suite}: dataset[1].suite: openml-suite:99")
    assert fragment in problem

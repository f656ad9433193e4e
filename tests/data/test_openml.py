"""Data sets of OpenML, from a stub in the place of the network."""

import hashlib
import io
import json
from urllib.error import URLError

import numpy as np
import pytest
from scipy import sparse

from alrun.data.column_keys import ColumnKeys
from alrun.data.load import load
from alrun.data.readers.openml import cache_folder
from alrun.data.registry import check_name
from alrun.errors import DatasetError

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


class Server:
    """What answers in the place of OpenML: one data set, number 7, `made`, version 2."""

    def __init__(self, arff, targets=("class",), missing=0):
        self.arff, self.targets, self.missing = arff, targets, missing
        self.is_up, self.asked = True, 0

    def __call__(self, request, *args, **kwargs):
        self.asked += 1
        if not self.is_up:
            raise URLError("no route to host")
        path = request.full_url.partition("://")[2].partition("/")[2]
        content = self.answer(path)
        response = io.BytesIO(
            content if isinstance(content, bytes) else json.dumps(content).encode()
        )
        response.info = dict
        return response

    def answer(self, path):
        if "data/list" in path:
            return {"data": {"dataset": [{"did": 7, "version": 2, "status": "active"}]}}
        if "features" in path:
            return {"data_features": {"feature": self.features()}}
        if "qualities" in path:
            return {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": "4.0"}]}}
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
    monkeypatch.setattr("sklearn.datasets._openml.time.sleep", lambda seconds: None)

    def put(arff, **settings):
        server = Server(arff, **settings)
        monkeypatch.setattr("sklearn.datasets._openml.urlopen", server)
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
    asked, server.is_up = server.asked, False
    again = load("openml:made", {"version": 2})
    assert server.asked == asked > 0
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
    assert server.asked == 0


def test_a_name_has_versions_and_a_number_has_none():
    assert check_name("openml:mnist_784", False, None) == ["version"]
    assert check_name("openml:554", False, None) == []


def test_a_damaged_answer_is_one_line(serve):
    serve("no ARFF at all")
    assert "openml:made" in refused()

"""Data sets: what is read, and what is refused."""

import io
import pickle
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import datasets as bundled

from alrun.data.load import load
from alrun.data.readers import FILES
from alrun.data.registry import BUNDLED, DESCRIPTIONS, check_name
from alrun.errors import DatasetError

GENERATOR = "make_classification"
LABELS = {
    "text": ["b", "a", "c", "a"],
    "whole numbers": [10, 2, -1, 2],
    "booleans": [True, False, True, False],
    "fractions": [0.5, 1.5, -2.25, 1.5],
}


def features(n=4):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=n), "b": rng.integers(9, size=n)})


def written(path, content):
    path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
    return path.name


def saved(path, frame):
    write = frame.to_csv if path.suffix == ".csv" else frame.to_parquet
    write(path, index=False)
    return path.name


def archive(path, **arrays):
    np.savez(path, **arrays)
    return path.name


def labels_of(dataset):
    return [dataset.classes[code] for code in dataset.y]


def assert_refused(tmp_path, name, *fragments, parameters=None, **settings):
    with pytest.raises(DatasetError) as caught:
        load(name, parameters or {}, folder=tmp_path, **settings)
    message = str(caught.value)
    assert "\n" not in message
    for fragment in (name, *fragments):
        assert fragment in message


# Bundled


@pytest.mark.parametrize(
    ("name", "shape", "n_classes", "oracle"),
    [
        ("digits", (1797, 64), 10, bundled.load_digits),
        ("breast_cancer", (569, 30), 2, bundled.load_breast_cancer),
        ("wine", (178, 13), 3, bundled.load_wine),
        ("iris", (150, 4), 3, bundled.load_iris),
    ],
)
def test_a_bundled_data_set_is_that_of_scikit_learn(name, shape, n_classes, oracle):
    dataset, theirs = load(name, {}), oracle()
    assert dataset.X.shape == shape
    assert dataset.X.dtype == np.float64
    assert (dataset.n_examples, dataset.n_classes) == (shape[0], n_classes)
    np.testing.assert_array_equal(dataset.X, theirs.data)
    np.testing.assert_array_equal(dataset.y, theirs.target)
    assert dataset.classes == tuple(str(label) for label in theirs.target_names)


def test_every_built_in_data_set_is_described():
    files = {name for name in DESCRIPTIONS if name.startswith("FILE")}
    assert {name.removeprefix("FILE") for name in files} <= set(FILES)
    described = " ".join(f"{name}: {DESCRIPTIONS[name]}" for name in files)
    assert [ending for ending in FILES if not re.search(rf"\{ending}\b", described)] == []
    others = {"mnist_5k", "FOLDER/", "idx:FOLDER", "openml:NAME", "keel:NAME"}
    assert set(DESCRIPTIONS) - files == {*BUNDLED, GENERATOR, *others}


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("scale", ["standard", "minmax", 16, 0.5])
def test_the_fingerprint_does_not_depend_on_the_scale(name, scale):
    assert load(name, {}, scale=scale).fingerprint == load(name, {}).fingerprint


def test_data_sets_have_fingerprints_of_their_own():
    fingerprints = {load(name, {}).fingerprint for name in BUNDLED}
    assert len(fingerprints) == len(BUNDLED)


# Files


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_a_table_gives_its_features_and_labels(tmp_path, suffix, labels):
    frame = features().assign(target=labels)
    dataset = load(saved(tmp_path / f"mine.{suffix}", frame), {}, folder=tmp_path)
    np.testing.assert_allclose(dataset.X, frame[["a", "b"]].to_numpy(float), rtol=1e-15)
    assert labels_of(dataset) == labels
    assert [type(label) for label in labels_of(dataset)] == [type(label) for label in labels]
    assert dataset.classes == tuple(sorted(set(labels)))
    assert dataset.notes == ()


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_an_archive_gives_its_features_and_labels(tmp_path, labels):
    X = features().to_numpy()
    dataset = load(archive(tmp_path / "mine.npz", X=X, y=labels), {}, folder=tmp_path)
    np.testing.assert_array_equal(dataset.X, X)
    assert labels_of(dataset) == labels
    assert [type(label) for label in labels_of(dataset)] == [type(label) for label in labels]


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "bool"])
def test_an_archive_of_other_numbers_becomes_float64(tmp_path, dtype):
    X = np.array([[0, 1], [1, 1], [1, 0]], dtype=dtype)
    dataset = load(archive(tmp_path / "mine.npz", X=X, y=[0, 1, 1]), {}, folder=tmp_path)
    assert dataset.X.dtype == np.float64
    np.testing.assert_array_equal(dataset.X, X.astype(float))


@pytest.mark.parametrize("suffix", ["svm", "svmlight", "libsvm", "SVM"])
def test_svmlight_is_read_as_scikit_learn_does(tmp_path, suffix):
    X = sparse.random(20, 7, density=0.3, random_state=0, format="csr")
    y = np.arange(20) % 3 - 1
    bundled.dump_svmlight_file(X, y, str(tmp_path / f"mine.{suffix}"))
    dataset = load(f"mine.{suffix}", {}, folder=tmp_path)
    theirs, labels = bundled.load_svmlight_file(str(tmp_path / f"mine.{suffix}"))
    assert sparse.issparse(dataset.X)
    np.testing.assert_array_equal(dataset.X.toarray(), theirs.toarray())
    assert labels_of(dataset) == labels.tolist()
    assert dataset.classes == (-1, 0, 1)


def test_fractions_as_svmlight_labels_are_kept(tmp_path):
    name = written(tmp_path / "mine.svm", "0.5 1:1\n1.5 1:2\n0.5 2:1\n")
    assert load(name, {}, folder=tmp_path).classes == (0.5, 1.5)


def test_the_column_of_the_labels_may_have_another_name(tmp_path):
    frame = features().assign(species=["x", "y", "x", "y"])
    dataset = load(saved(tmp_path / "m.csv", frame), {}, folder=tmp_path, target="species")
    assert labels_of(dataset) == ["x", "y", "x", "y"]
    assert dataset.X.shape == (4, 2)


@pytest.mark.parametrize("label", ["NA", "None", "nan", "null", "N/A"])
@pytest.mark.parametrize("others", [["b", "c"], ["1", "2"]])
def test_what_pandas_takes_for_missing_may_name_a_class(tmp_path, label, others):
    labels = [label, *others, label]
    frame = features().assign(target=labels)
    assert labels_of(load(saved(tmp_path / "m.csv", frame), {}, folder=tmp_path)) == labels


def test_text_is_one_hot_encoded_and_a_note_says_so(tmp_path):
    frame = features().assign(colour=["red", "blue", "red", "green"], target=[0, 1, 0, 1])
    dataset = load(saved(tmp_path / "m.csv", frame), {}, folder=tmp_path)
    assert dataset.X.shape == (4, 5)
    one_hot = [[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0]]  # blue, green, red
    np.testing.assert_array_equal(dataset.X[:, 2:], one_hot)
    (note,) = dataset.notes
    assert "one-hot" in note
    assert "colour (3)" in note


@pytest.mark.parametrize("kind", ["category", "bool"])
def test_categories_and_booleans_are_features(tmp_path, kind):
    values = pd.Series(["u", "v", "u", "v"]).astype("category")
    values = values if kind == "category" else pd.Series([True, False, True, False])
    frame = pd.DataFrame({"c": values, "target": [0, 1, 1, 0]})
    dataset = load(saved(tmp_path / "m.parquet", frame), {}, folder=tmp_path)
    np.testing.assert_array_equal(dataset.X[:, 0], [1, 0, 1, 0])
    assert bool(dataset.notes) == (kind == "category")


def test_a_column_of_too_many_texts_is_refused(tmp_path):
    frame = pd.DataFrame({"id": [f"p{row}" for row in range(1200)], "target": [0, 1] * 600})
    assert_refused(tmp_path, saved(tmp_path / "m.csv", frame), "'id'", "1200")


def test_a_stored_index_is_no_feature(tmp_path):
    frame = features().assign(target=[0, 1, 0, 1])
    frame.index = [7, 8, 9, 10]
    frame.to_parquet(tmp_path / "m.parquet")
    assert load("m.parquet", {}, folder=tmp_path).X.shape == (4, 2)


def test_the_fingerprint_is_that_of_the_content(tmp_path):
    frame = features().assign(target=[0, 1, 0, 1], other=[1, 0, 0, 1])
    one = saved(tmp_path / "one.csv", frame)
    other = saved(tmp_path / "other.csv", frame)
    third = saved(tmp_path / "third.csv", frame.assign(a=frame["a"] + 1))
    prints = [load(name, {}, folder=tmp_path).fingerprint for name in (one, other, third)]
    assert prints[0] == prints[1] != prints[2]
    assert load(one, {}, folder=tmp_path, scale=3).fingerprint == prints[0]
    assert load(one, {}, folder=tmp_path, target="other").fingerprint != prints[0]


# Files that are refused


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_not_finite_is_named_with_column_and_row(tmp_path, suffix, value):
    frame = features().assign(target=[0, 1, 0, 1])
    frame.loc[2, "a"] = value
    row = "from row 2)" if np.isnan(value) else "row 2 "
    assert_refused(tmp_path, saved(tmp_path / f"m.{suffix}", frame), "'a'", row)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_archive_with_a_feature_that_is_not_finite_names_column_and_row(tmp_path, value):
    X = features().to_numpy()
    X[3, 1] = value
    name = archive(tmp_path / "m.npz", X=X, y=[0, 1, 0, 1])
    where = ("'1' (1, from row 3)",) if np.isnan(value) else ("column 1", "row 3 ")
    assert_refused(tmp_path, name, *where)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_svmlight_with_a_feature_that_is_not_finite_names_column_and_row(tmp_path, value):
    name = written(tmp_path / "m.svm", f"1 1:1 2:5\n0 1:2\n0 1:1 3:{value}\n")
    assert_refused(tmp_path, name, "column 2", "row 2 ")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("labels", [["a", "b", None, "a"], [0.5, 1.5, None, 0.5], [1, 2, None, 1]])
def test_a_missing_label_is_named_with_column_and_row(tmp_path, suffix, labels):
    name = saved(tmp_path / f"m.{suffix}", features().assign(target=labels))
    assert_refused(tmp_path, name, "'target'", "row 2 ", "no label")


def test_an_archive_with_a_missing_label_names_the_row(tmp_path):
    name = archive(tmp_path / "m.npz", X=features(), y=[0, 1, np.nan, 1])
    assert_refused(tmp_path, name, "y", "row 2 ", "no label")


def test_svmlight_with_a_missing_label_names_the_row(tmp_path):
    name = written(tmp_path / "m.svm", "1 1:1\n0 1:2\nnan 1:3\n")
    assert_refused(tmp_path, name, "row 2 ", "no label")


def test_large_svmlight_labels_are_kept(tmp_path):
    name = written(tmp_path / "mine.svm", "1e300 1:1\n2 1:2\n")
    assert load(name, {}, folder=tmp_path).classes == (2, 1e300)


@pytest.mark.parametrize("label", ["inf", "-inf"])
def test_an_infinite_svmlight_label_is_no_class(tmp_path, label):
    name = written(tmp_path / "m.svm", f"1 1:1\n0 1:2\n{label} 1:3\n")
    assert_refused(tmp_path, name, "row 2 ")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz", "svm"])
def test_one_class_is_refused(tmp_path, suffix):
    path = tmp_path / f"m.{suffix}"
    if suffix == "npz":
        archive(path, X=features(), y=[1, 1, 1, 1])
    elif suffix == "svm":
        written(path, "1 1:1\n1 1:2\n")
    else:
        saved(path, features().assign(target=1))
    assert_refused(tmp_path, path.name, "two classes")


def test_a_missing_column_names_the_nearest_and_how_to_name_another(tmp_path):
    name = saved(tmp_path / "m.csv", features().assign(targte=[0, 1, 0, 1]))
    assert_refused(tmp_path, name, "'target'", "'targte'", 'target = "..."')


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz", "svm"])
@pytest.mark.parametrize("content", [b"", b"\x00\xff garbage \x80\x81\n", b"PAR1", b"PK\x03\x04"])
def test_a_file_that_is_something_else_is_refused(tmp_path, suffix, content):
    assert_refused(tmp_path, written(tmp_path / f"m.{suffix}", content))


@pytest.mark.parametrize(
    "content",
    [
        "a,b,target\n1,2,x\n3,4,5,y\n",  # a longer row
        "a,b,target\n1,2,3,x\n4,5,6,y\n",  # every row longer than the header
        "a,b,target\n1,2,x\n3,4\n5,6,y\n",  # a shorter row
        'a,target\n"1,x\n2,y\n',  # a quote without end
        "a,target,target\n1,0,0\n2,1,1\n",  # the labels again, as a feature
        "a,target\n",  # a header alone
        "target\n0\n1\n",  # no features
        "0\n1\n",
    ],
)
def test_a_malformed_csv_is_refused(tmp_path, content):
    assert_refused(tmp_path, written(tmp_path / "m.csv", content))


@pytest.mark.parametrize(
    "metadata", [b"{}", b"[]", b"no JSON", b"\xff", b'{"columns": [{}], "index_columns": []}']
)
def test_parquet_with_damaged_metadata_is_refused(tmp_path, metadata):
    table = pa.Table.from_pandas(features().assign(target=[0, 1, 0, 1]), preserve_index=False)
    pq.write_table(table.replace_schema_metadata({"pandas": metadata}), tmp_path / "m.parquet")
    assert_refused(tmp_path, "m.parquet")


@pytest.mark.parametrize(
    "content",
    ["foo bar\n", "1 one:1\n", "1 1:x\n", "1,2 1:1\n0 1:2\n", "1 2:1 1:2\n0 1:1\n", "1 1\n0 2\n"],
)
def test_malformed_svmlight_is_refused(tmp_path, content):
    assert_refused(tmp_path, written(tmp_path / "m.svm", content))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("a", [["1"], ["2"]]),
        ("a", [[[1]], [[2]]]),
        ("a", [{"x": 1}, {"x": 2}]),
        ("a", pd.to_timedelta([1, 2], unit="D")),
        ("target", [[1], [2]]),
    ],
)
def test_a_column_of_neither_numbers_nor_text_is_named(tmp_path, column, values):
    frame = pd.DataFrame({"a": [1, 2], "target": [0, 1]}).assign(**{column: values})
    assert_refused(tmp_path, saved(tmp_path / "m.parquet", frame), f"'{column}'")


X = np.arange(8.0).reshape(4, 2)


@pytest.mark.parametrize(
    ("arrays", "fragment"),
    [
        ({"X": X}, "'y'"),
        ({"y": [0, 1]}, "'X'"),
        ({"x": X, "y": [0, 1, 0, 1]}, "'X'"),
        ({"X": X[0], "y": [0, 1]}, "X must be a matrix"),
        ({"X": X.astype(str), "y": [0, 1, 0, 1]}, "X must be a matrix"),
        ({"X": X * 1j, "y": [0, 1, 0, 1]}, "X must be a matrix"),
        ({"X": X, "y": [0, 1]}, "4 rows"),
        ({"X": X, "y": np.eye(4)}, "4 rows"),
        ({"X": X[:0], "y": X[:0, 0]}, ""),
        ({"X": X[:, :0], "y": [0, 1, 0, 1]}, "a column per feature"),
    ],
)
def test_an_archive_with_other_arrays_is_refused(tmp_path, arrays, fragment):
    assert_refused(tmp_path, archive(tmp_path / "m.npz", **arrays), fragment)


class Trap:
    """What runs a command where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("key", ["X", "y"])
def test_pickled_objects_in_an_archive_are_refused_and_never_unpickled(tmp_path, key):
    sprung = tmp_path / "sprung"
    arrays = {"X": X, "y": np.array([0, 1, 0, 1])}
    arrays[key] = np.array([Trap(sprung)] * 4, dtype=object)
    assert_refused(tmp_path, archive(tmp_path / "m.npz", **arrays), "pickle")
    assert not sprung.exists()


def test_a_bare_pickle_named_npz_is_refused_and_never_unpickled(tmp_path):
    sprung = tmp_path / "sprung"
    assert_refused(tmp_path, written(tmp_path / "m.npz", pickle.dumps(Trap(sprung))))
    assert not sprung.exists()


def whole_files():
    frame = features(5).assign(c=list("xyxyx"), target=list("uvuvu"))
    parquet, archived, svmlight = io.BytesIO(), io.BytesIO(), io.BytesIO()
    frame.to_parquet(parquet, index=False)
    np.savez(archived, X=features(5), y=[0, 1, 0, 1, 1])
    bundled.dump_svmlight_file(features(5), [0, 1, 0, 1, 1], svmlight)
    csv = frame.to_csv(index=False).encode()
    contents = {"parquet": parquet, "npz": archived, "svm": svmlight}
    return {"csv": csv, **{key: buffer.getvalue() for key, buffer in contents.items()}}


WHOLE = whole_files()


@settings(max_examples=200)
@given(
    suffix=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=3),
    cut=st.floats(0.9, 1) | st.just(1.0),
)
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, suffix, changes, cut):
    path = tmp_path_factory.getbasetemp() / f"damaged.{suffix}"
    content = bytearray(WHOLE[suffix])
    for place, byte in changes:
        content[int(place * len(content))] = byte
    path.write_bytes(content[: int(cut * len(content))])
    try:
        dataset = load(path.name, {}, folder=path.parent)
    except DatasetError as error:
        message = str(error)
    else:
        message = path.name
        assert dataset.n_classes >= 2
        assert np.isfinite(dataset.X.data if sparse.issparse(dataset.X) else dataset.X).all()
    assert path.name in message


def test_a_csv_file_with_a_nul_is_refused(tmp_path):
    name = written(tmp_path / "m.csv", b"a,target\n1,x\x00y\n2,x\x00z\n3,x\x00y\n4,x\x00z\n")
    assert_refused(tmp_path, name, "it holds a NUL")


def test_labels_that_numpy_would_take_for_one_are_refused(tmp_path):
    frame = pd.DataFrame({"a": [1, 2, 3, 4], "target": ["x", "x\0", "y", "y"]})
    assert_refused(tmp_path, saved(tmp_path / "m.parquet", frame), "row 1 ", "NUL")


def test_times_as_labels_are_named_as_times(tmp_path):
    days = pd.to_datetime(["2020-01-01", "2020-02-01"] * 2)
    frame = pd.DataFrame({"a": [1, 2, 3, 4], "target": days})
    dataset = load(saved(tmp_path / "m.parquet", frame), {}, folder=tmp_path)
    assert [label[:10] for label in labels_of(dataset)] == ["2020-01-01", "2020-02-01"] * 2


def test_whole_numbers_of_more_than_64_bits_are_no_categories(tmp_path):
    rows = [f"{'9' * 30},x", "7,y", f"{'9' * 30},x", "7,y"]
    name = written(tmp_path / "m.csv", "\n".join(["a,target", *rows]))
    assert_refused(tmp_path, name, "column 'a', row 0", "write it like 1e30")
    rows = [row.replace("9" * 30, "1e30") for row in rows]
    name = written(tmp_path / "m.csv", "\n".join(["a,target", *rows]))
    assert load(name, {}, folder=tmp_path).X.tolist() == [[1e30], [7], [1e30], [7]]


# Names


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("digitz", "'digits'"),
        ("nothing like it", "breast_cancer, digits, iris"),
        ("mine.xlsx", ".parquet"),
        ("absent.csv", "there is no file"),
        ("folder.csv", "is a folder; write 'folder.csv/'"),
        ("x" * 300 + ".csv", ""),
        ("", ""),
    ],
)
def test_a_name_that_is_nothing_is_refused(tmp_path, name, fragment):
    (tmp_path / "folder.csv").mkdir()
    assert_refused(tmp_path, name, fragment)


@pytest.mark.parametrize("name", ["iris", "mine.csv"])
def test_only_generated_data_is_drawn_per_seed(tmp_path, name):
    saved(tmp_path / "mine.csv", features().assign(target=[0, 1, 0, 1]))
    assert_refused(tmp_path, name, "per_seed", GENERATOR, per_seed=True)


def test_the_parameters_of_the_generator_are_those_of_scikit_learn():
    taken = set(check_name(GENERATOR, True, None))
    assert {"n_samples", "n_features", "class_sep", "weights"} <= taken
    assert "random_state" not in taken
    assert "random_state" in check_name(GENERATOR, False, None)
    assert check_name("iris", False, None) == []


# Generated


def test_generated_data_is_that_of_scikit_learn():
    parameters = {"n_samples": 60, "n_features": 5, "random_state": 3}
    dataset = load(GENERATOR, parameters)
    theirs, labels = bundled.make_classification(**parameters)
    np.testing.assert_array_equal(dataset.X, theirs)
    np.testing.assert_array_equal(dataset.y, labels)
    assert dataset.at(5) is dataset


@pytest.mark.parametrize("per_seed", [False, True])
@pytest.mark.parametrize(
    "parameters",
    [
        {"n_samples": 10**9},
        {"n_samples": 10**400},
        {"n_features": 10**6},
        {"n_features": 20_000, "n_informative": 15_000, "n_samples": 20},
        {"n_features": 1000, "n_informative": 900, "n_classes": 100, "n_samples": 2000},
    ],
)
def test_what_would_fill_the_memory_is_not_drawn(parameters, per_seed):
    with pytest.raises(DatasetError, match="draw more than 50,000,000 numbers"):
        load(GENERATOR, parameters, per_seed=per_seed)


def test_data_drawn_once_is_reproducible_without_a_seed_of_its_own():
    np.testing.assert_array_equal(load(GENERATOR, {}).X, load(GENERATOR, {}).X)


def test_data_drawn_per_seed_differs_between_seeds_and_only_there():
    source = load(GENERATOR, {"n_samples": 50, "n_classes": 3, "n_informative": 4}, per_seed=True)
    assert (source.n_examples, source.n_classes) == (50, 3)
    np.testing.assert_array_equal(source.at(1).X, source.at(1).X)
    assert not np.array_equal(source.at(1).X, source.at(2).X)
    assert not np.array_equal(source.at(1).y, source.at(2).y)
    assert source.at(1).fingerprint == source.fingerprint
    assert source.at(1).classes == (0, 1, 2)


def test_the_parameters_are_in_the_draws():
    X = load(GENERATOR, {"n_samples": 50, "n_features": 7, "shift": 1e3}, per_seed=True).at(0).X
    assert X.shape == (50, 7)
    assert X.min() > 900


def test_the_identity_of_generated_data_is_in_its_parameters():
    def identity(per_seed=False, scale="none", **parameters):
        return load(GENERATOR, parameters, per_seed=per_seed, scale=scale).fingerprint

    assert identity() == identity(n_samples=100) == identity(scale=7)
    others = [identity(n_samples=101), identity(per_seed=True), identity(random_state=1)]
    assert len({identity(), *others}) == 4


def test_a_whole_number_is_the_same_parameter_as_its_float():
    one, other = load(GENERATOR, {"class_sep": 2}), load(GENERATOR, {"class_sep": 2.0})
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize("per_seed", [False, True])
@pytest.mark.parametrize(
    "parameters",
    [
        {"n_informative": 30},
        {"n_samples": 0.5},
        {"n_samples": "many"},
        {"n_classes": 0},
        {"n_classes": 1},
        {"class_sep": "wide"},
        {"weights": [0.5, 0.5, 0.5]},
    ],
)
def test_parameters_that_the_generator_refuses_are_one_line(tmp_path, per_seed, parameters):
    assert_refused(tmp_path, GENERATOR, parameters=parameters, per_seed=per_seed)


def test_generated_data_of_one_class_is_refused(tmp_path):
    assert_refused(tmp_path, GENERATOR, parameters={"weights": [1.0], "flip_y": 0.0})


def test_a_column_without_a_name_is_refused_since_row_numbers_may_tell_the_class(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "target": list("xxyy")})
    frame.to_csv(tmp_path / "m.csv")
    assert_refused(tmp_path, "m.csv", "column 0", "has no name")


def test_a_table_without_rows_has_no_examples(tmp_path):
    assert_refused(tmp_path, written(tmp_path / "m.svm", ""), "no examples")

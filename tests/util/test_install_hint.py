"""The command that installs an extra: it names what works, and no index."""

import json
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from alrun.util import install_hint as module
from alrun.util.install_hint import install_hint

REQUIRES = [
    "numpy>=2.0",
    'matplotlib>=3.10; extra == "plot"',
    "seaborn[stats]>=1; extra == 'plot'",
    'distributed>=2024.8; extra == "dask"',
]


def hint(monkeypatch, direct_url, requires=REQUIRES):
    text = direct_url if isinstance(direct_url, str | None) else json.dumps(direct_url)
    installed = SimpleNamespace(read_text=lambda name: text, requires=requires)
    monkeypatch.setattr(module, "distribution", lambda name: installed)
    return install_hint("plot")


def test_the_folder_that_it_was_installed_from_is_named(monkeypatch, tmp_path):
    folder = tmp_path / "my alrun"
    folder.mkdir()
    direct_url = {"url": folder.as_uri(), "dir_info": {}}
    assert hint(monkeypatch, direct_url) == f"pip install '{folder}[plot]'"
    direct_url["dir_info"] = {"editable": True}
    assert hint(monkeypatch, direct_url) == f"pip install -e '{folder}[plot]'"


@pytest.mark.parametrize(
    ("info", "ending"),
    [
        ({"vcs": "git", "commit_id": "abc123"}, "@abc123"),
        ({"vcs": "git", "commit_id": "abc123", "requested_revision": "v1"}, "@v1"),
        ({"vcs": "git"}, ""),
    ],
)
def test_the_repository_that_it_was_installed_from_is_named(monkeypatch, info, ending):
    direct_url = {"url": "https://example.org/alrun.git", "vcs_info": info}
    expected = f"pip install 'alrun[plot] @ git+https://example.org/alrun.git{ending}'"
    assert hint(monkeypatch, direct_url) == expected
    below = f"{expected[:-1]}#subdirectory=python'"
    assert hint(monkeypatch, {**direct_url, "subdirectory": "python"}) == below


def test_a_wheel_at_an_address_is_named(monkeypatch):
    direct_url = {"url": "https://example.org/alrun-1.whl", "archive_info": {}}
    expected = "pip install 'alrun[plot] @ https://example.org/alrun-1.whl'"
    assert hint(monkeypatch, direct_url) == expected


@pytest.mark.parametrize("direct_url", [None, "", "{", "[]", {"url": "file:///nowhere/at/all"}])
def test_else_the_packages_of_the_extra_are_named(monkeypatch, direct_url):
    assert hint(monkeypatch, direct_url) == "pip install matplotlib seaborn"


def test_without_an_installation_the_source_is_named(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "distribution", missing)
    assert install_hint("plot") == "pip install '.[plot]' in the folder of alrun's source"

"""Sources of user code: read once, run as read, and known by their digests."""

import sys

import pytest

from alrun.errors import StrategyError
from alrun.util.digest import digest_of_bytes
from alrun.util.import_path import imported, module_of
from alrun.util.user_code import adopt, fingerprints, forget, sources_of

MINE = """
import numpy
import first
from package import inner

def named():
    import later
    return first.VALUE, inner.VALUE, later.VALUE
"""
FILES = {
    "mine.py": MINE,
    "first.py": "VALUE = 1\n",
    "later.py": "import first\nVALUE = 3\n",
    "package/__init__.py": "",
    "package/inner.py": "from .deep import VALUE\nfrom . import beside\n"
    "def wrong():\n    from .... import above\n",
    "package/deep.py": "VALUE = 2\n",
    "package/beside.py": "",
    "package/unused.py": "",
    "numpy.py": "raise SystemExit\n",
}
ALL = ("first", "later", "package", "package.beside", "package.deep", "package.inner")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(name):
    return imported(name, ":", StrategyError)()


@pytest.mark.parametrize("name", ["mine:named", "mine.py:named"])
def test_what_user_code_imports_belongs_to_it(folder, name):
    module = module_of(name)
    assert module in ("mine", str(folder / "mine.py"))
    assert sorted(sources_of([module])) == sorted([module, *ALL])
    shown = module.removeprefix(f"{folder}/")
    digests = fingerprints([module])
    assert sorted(digests) == sorted([shown, *ALL])
    assert digests[shown] == digest_of_bytes(MINE.encode())


@pytest.mark.parametrize("name", ["mine:named", "mine.py:named"])
def test_what_was_read_is_run_whatever_the_files_hold_by_then(folder, name):
    sources_of([module_of(name)])
    for path in folder.rglob("*.py"):
        path.write_text("raise SystemExit")
    assert call(name) == (1, 2, 3)


@pytest.mark.parametrize("name", ["mine:named", "mine.py:named"])
def test_what_another_process_has_read_is_run_without_any_file(folder, name, monkeypatch):
    code = sources_of([module_of(name)])
    name = f"{module_of(name)}:named"
    forget()
    for path in folder.rglob("*.py"):
        path.unlink()
    monkeypatch.chdir("/")
    adopt(code)
    assert call(name) == (1, 2, 3)
    assert fingerprints([module_of(name)]).keys() > set(ALL)


def test_other_sources_replace_modules_and_the_same_ones_keep_them(folder):
    assert call("mine:named") == (1, 2, 3)
    first = sys.modules["first"]
    code = sources_of(["mine"])
    adopt(code)
    assert sys.modules["first"] is first
    adopt({**code, "first": code["first"]._replace(content=b"VALUE = 10")})
    assert call("mine:named") == (10, 2, 3)


def test_files_are_read_again_when_they_were_forgotten(folder):
    assert call("mine:named") == (1, 2, 3)
    (folder / "first.py").write_text("VALUE = 7\n")
    assert call("mine:named") == (1, 2, 3)
    forget()
    assert call("mine:named") == (7, 2, 3)


def test_modules_on_the_path_are_user_code_and_installed_packages_are_not(folder, monkeypatch):
    lib, own = folder / "lib", folder / "own"
    for place in (lib, own):
        place.mkdir()
        (place / f"in_{place.name}.py").write_text("def named():\n    return 1\n")
        monkeypatch.syspath_prepend(place)
    (lib / "some-1.dist-info").mkdir()
    assert call("in_lib:named") == call("in_own:named") == 1
    assert list(sources_of(["in_lib"])) == []
    assert list(sources_of(["in_own"])) == ["in_own"]
    assert list(sources_of(["json", "numpy", "sklearn.svm", "alrun.spec", "nowhere"])) == []


def test_libraries_do_not_find_what_user_code_imports(folder):
    assert call("mine:named") == (1, 2, 3)
    del sys.modules["first"]
    with pytest.raises(ImportError):
        import first  # noqa: F401


@pytest.mark.parametrize("text", ["def", "\0", "x = " + "(" * 1000])
def test_a_source_that_is_no_python_is_a_sentence(folder, text):
    (folder / "mine.py").write_text(text)
    assert list(sources_of(["mine"])) == ["mine"]
    with pytest.raises(StrategyError, match="'mine:named' cannot be imported"):
        call("mine:named")


def test_draws_at_the_top_of_a_module_are_the_same_in_every_process(folder):
    text = "import random, numpy as np\n{}VALUE = random.random(), np.random.rand()\n"
    text += "def named():\n    return VALUE\n"
    (folder / "drawn.py").write_text(text.format(""))
    first = call("drawn.py:named")
    forget()
    (folder / "drawn.py").write_text(text.format("import drawing\n"))
    (folder / "drawing.py").write_text("import numpy as np\nnp.random.rand()\n")
    assert call("drawn.py:named") == first

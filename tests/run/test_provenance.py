"""Provenance against git itself, the kernel's account of the processor, and installed packages."""

import json
import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from blob_runs import spec_of
from threadpoolctl import threadpool_info

import alrun
from alrun.api import run_sweep
from alrun.results.store import Store
from alrun.run import provenance as module
from alrun.run.provenance import of_checkout, of_run
from alrun.spec_parts import ModelSpec

CPUINFO = Path("/proc/cpuinfo")
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@example.org")


def git(folder, *arguments):
    return subprocess.check_output(["git", "-C", folder, *AUTHOR, *arguments], text=True)


@pytest.fixture
def checkout(tmp_path):
    """Return a repository of one commit with a folder of experiments."""
    folder = tmp_path / "a checkout"
    (folder / "experiments").mkdir(parents=True)
    (folder / "experiments" / "mine.toml").write_text("seeds = 1\n")
    (folder / ".gitignore").write_text("*.ignored\n")
    git(folder.parent, "init", "-q", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def touch(path):
    """Change when a file was changed, and nothing else: git must look into it."""
    os.utime(path, (1, 1))


def make_results(folder):
    Store(folder).prepare()
    for name in ("experiment.toml", "curves.parquet", "runs/a.parquet"):
        (folder / name).write_text("a")


# The commit


def test_the_commit_is_that_of_the_repository_that_the_folder_lies_in(checkout):
    found = of_checkout(checkout / "experiments")
    assert found == {"commit": git(checkout, "rev-parse", "HEAD").strip(), "tree": "clean"}
    git(checkout, "commit", "-q", "--allow-empty", "-m", "second")
    assert of_checkout(checkout)["commit"] == git(checkout, "rev-parse", "HEAD").strip()
    assert of_checkout(checkout)["commit"] != found["commit"]


CHANGES = {
    "nothing": (lambda root: None, "clean"),
    "touched": (lambda root: touch(root / ".gitignore"), "clean"),
    "ignored": (lambda root: (root / "a.ignored").write_text("a"), "clean"),
    "results": (lambda root: make_results(root / "out" / "mine"), "clean"),
    "edited": (lambda root: (root / "experiments/mine.toml").write_text("a"), "changed"),
    "removed": (lambda root: (root / ".gitignore").unlink(), "changed"),
    "untracked": (lambda root: (root / "mine.py").write_text("a"), "changed"),
    "a new folder": (lambda root: (root / "a").mkdir() or (root / "a/\u00e4 b").touch(), "changed"),
    "staged": (lambda root: (root / "b").touch() or git(root, "add", "b"), "changed"),
    "moved": (lambda root: git(root, "mv", ".gitignore", "experiments/x"), "changed"),
    "beside results": (
        lambda root: make_results(root / "out") or (root / "a").touch(),
        "changed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_tree_is_clean_or_changed(checkout, what):
    change, tree = CHANGES[what]
    change(checkout)
    assert of_checkout(checkout / "experiments")["tree"] == tree


def test_committed_results_that_a_sweep_writes_anew_change_nothing(checkout):
    make_results(checkout / "results" / "mine")
    git(checkout, "add", "results")
    git(checkout, "commit", "-qm", "results")
    (checkout / "results" / "mine" / "curves.parquet").write_text("b")
    git(checkout, "mv", "results/mine/runs/a.parquet", "results/mine/runs/b.parquet")
    assert "curves" in git(checkout, "status", "--porcelain")
    assert of_checkout(checkout)["tree"] == "clean"


def test_without_a_repository_a_commit_or_git_nothing_is_known(checkout, tmp_path, monkeypatch):
    assert of_checkout(tmp_path) == {}
    assert of_checkout(tmp_path / "nowhere") == {}
    git(tmp_path, "init", "-q", "empty")
    assert of_checkout(tmp_path / "empty") == {}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert of_checkout(checkout) == {}


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"])
def test_what_the_environment_says_of_repositories_is_not_heard(
    checkout, tmp_path, monkeypatch, name
):
    expected = of_checkout(checkout)
    git(tmp_path, "init", "-q", "other")
    git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "other")
    monkeypatch.setenv(name, str(tmp_path / "other" / ".git"))
    assert of_checkout(checkout) == expected


def test_nothing_that_a_repository_configures_is_run(checkout):
    """A plain `git status` runs it."""
    marker = checkout / ".git" / "was run"
    run = f"touch '{marker}'; cat"
    hook = checkout / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{run}")
    hook.chmod(0o755)
    git(checkout, "config", "core.fsmonitor", f"{run}; false")
    git(checkout, "config", "filter.a=b.clean", run)
    git(checkout, "config", "filter.a=b.required", "true")
    (checkout / ".git" / "more").write_text(f'[filter "d"]\nprocess = "{run}"\n')
    git(checkout, "config", "include.path", "more")
    git(checkout, "config", "extensions.worktreeConfig", "true")
    git(checkout, "config", "--worktree", "filter.w.clean", run)
    attributes = checkout / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    for name in ("a=b", "d", "w"):
        attributes.write_text(f"* filter={name}\n")
        touch(checkout / ".gitignore")
        assert of_checkout(checkout)["tree"] == "clean"
        assert not marker.exists()
        subprocess.run(["git", "-C", checkout, "status"], capture_output=True)
        assert marker.exists()
        marker.unlink()


def test_nothing_that_a_submodule_configures_is_run(checkout):
    marker, theirs, module = checkout / ".git" / "was run", checkout.parent / "theirs", "module"
    git(checkout.parent, "clone", "-q", str(checkout), str(theirs))
    add = ("submodule", "--quiet", "add", str(theirs), module)
    git(checkout, "-c", "protocol.file.allow=always", *add)
    git(checkout, "commit", "-qm", "with a module")
    git(checkout / module, "config", "filter.a.clean", f"touch '{marker}'; cat")
    attributes = checkout / ".git" / "modules" / module / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("* filter=a\n")
    touch(checkout / module / ".gitignore")
    assert of_checkout(checkout)["tree"] == "clean"
    assert not marker.exists()
    git(checkout, "status")
    assert marker.exists()


def test_nothing_is_fetched(checkout):
    """Of a partial clone, a plain `git status` fetches what is missing, in a way that it names."""
    marker, fetch = checkout.parent / "was run", checkout.parent / "fetch"
    fetch.write_text(f"#!/bin/sh\ntouch '{marker}'")
    fetch.chmod(0o755)
    for key, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{fetch}",
        "protocol.ext.allow": "always",
    }.items():
        git(checkout, "config", key, value)
    tree = git(checkout, "rev-parse", "HEAD^{tree}").strip()
    (checkout / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert of_checkout(checkout).keys() == {"commit"}
    assert not marker.exists()
    subprocess.run(["git", "-C", checkout, "status"], capture_output=True)
    assert marker.exists()


def test_a_repository_is_not_written_to(checkout):
    """A plain `git status` notes in the index what it has looked into."""
    index = checkout / ".git" / "index"
    touch(checkout / ".gitignore")
    before = index.read_bytes()
    assert of_checkout(checkout)["tree"] == "clean"
    assert index.read_bytes() == before
    git(checkout, "status")
    assert index.read_bytes() != before


@pytest.mark.parametrize(("slow", "known"), [("status", {"commit"}), ("rev-parse", set())])
def test_git_is_not_waited_for_without_end(checkout, tmp_path, monkeypatch, slow, known):
    real = subprocess.check_output(["sh", "-c", "command -v git"], text=True).strip()
    script = f'#!/bin/sh\ncase "$*" in *{slow}*) exec sleep 60;; esac\nexec {real} "$@"\n'
    (tmp_path / "git").write_text(script)
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(module, "_GIT_TIMEOUT", 2.0)
    assert of_checkout(checkout).keys() == known


# The process


def test_versions_are_those_that_are_installed():
    found = of_run(spec_of())
    for package in ("alrun", "numpy", "scipy", "scikit-learn", "pyarrow"):
        assert found[package] == version(package)
    assert found["python"] == platform.python_version()
    assert found["machine"] == f"{platform.system()} {platform.machine()}"
    assert not found.keys() & {"scikit-activeml", "pytest"}


@pytest.mark.skipif(not CPUINFO.is_file(), reason="the kernel is not Linux")
def test_the_processor_is_that_of_the_kernel():
    listed = re.findall(r"^model name\s*:\s*(.+)$", CPUINFO.read_text(), re.M)
    expected = listed[0] if listed else platform.processor() or platform.machine()
    assert of_run(spec_of())["processor"] == expected


@pytest.mark.parametrize("error", [None, PermissionError, UnicodeDecodeError])
def test_where_the_kernel_names_no_processor_its_kind_is_told(monkeypatch, error):
    def read(self, **_):
        if error is not None:
            raise error(*(("utf-8", b"", 0, 1, "") if error is UnicodeDecodeError else ()))
        return "processor : 0\nCPU part : 0xd0c\n"

    monkeypatch.setattr(Path, "read_text", read)
    assert module._processor() == (platform.processor() or platform.machine())


def test_the_kernels_of_all_blas_libraries_are_named():
    said = of_run(spec_of())["blas"]
    libraries = [entry for entry in threadpool_info() if entry["user_api"] == "blas"]
    assert libraries
    for entry in libraries:
        assert entry["internal_api"] in said
        assert entry["version"] in said
        assert entry.get("architecture", "") in said
    assert len(said.split(", ")) == len({(e["version"], e["architecture"]) for e in libraries})


def model(name, **parameters):
    return ModelSpec(name, name, parameters)


def test_what_a_run_names_from_elsewhere_is_told_with_its_version(tmp_path, monkeypatch):
    for name, number in (("theirs", "1.2"), ("others", "3.4")):
        (tmp_path / f"the_{name}.py").write_text("")
        info = tmp_path / f"{name}-{number}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
        (info / "top_level.txt").write_text(f"the_{name}\n")
        (info / "RECORD").write_text(f"the_{name}.py,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    module._providers.cache_clear()
    usual = of_run(spec_of())

    def added(spec):
        return {key: value for key, value in of_run(spec).items() if key not in usual}

    steps = [{"name": "the_others.scale", "parameters": {}}, {"name": "sklearn.svm.SVC"}]
    assert added(spec_of("the_theirs:query")) == {"theirs": "1.2"}
    assert added(spec_of(model=model("the_others.deep.Model"))) == {"others": "3.4"}
    assert added(spec_of("the_theirs:query", model=model("pipeline", steps=steps))) == {
        "theirs": "1.2",
        "others": "3.4",
    }
    for spec in (
        spec_of("the_theirs.py:query"),
        spec_of("mine:query", model=model("mine.of.one:make")),
        spec_of(model=model("sklearn.svm.SVC", steps=["the_others.scale"])),
        spec_of("the_theirs"),
    ):
        assert added(spec) == {}
    module._providers.cache_clear()


def test_a_strategy_of_scikit_activeml_brings_its_version():
    pytest.importorskip("skactiveml")
    assert of_run(spec_of("skactiveml:CoreSet"))["scikit-activeml"] == version("scikit-activeml")


# The table of runs


def test_what_a_model_loads_is_not_taken_for_what_every_run_has(tiny, tmp_path, monkeypatch):
    """Else runs of one machine would differ by what their worker had computed before."""
    (tmp_path / "loading.py").write_text(
        "from alrun.run import provenance\n"
        "def query(pool, n, rng):\n"
        "    provenance.threadpool_info = lambda: [{'user_api': 'blas', 'internal_api': 'new'}]\n"
        "    return list(range(n))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "threadpool_info", threadpool_info)
    module._of_process.cache_clear()
    overrides = ['strategies=["loading:query"]', "seeds=1"]
    results = run_sweep(tiny, tmp_path / "results", jobs=1, overrides=overrides)
    assert "new" not in json.loads(alrun.load_runs(results)["provenance"][0])["blas"]


def test_runs_record_both_parts_and_their_own_files_change_nothing(checkout, tiny):
    path = checkout / "experiments" / "tiny.toml"
    path.write_text(tiny.read_text())
    results = checkout / "results" / "tiny"
    for seeds, jobs, tree in ((1, 1, "changed"), (2, 0, "clean"), (3, 0, "clean")):
        run_sweep(path, results, jobs=jobs, overrides=[f"seeds={seeds}"])
        runs = alrun.load_runs(results)
        latest = runs.loc[runs["seed"] == seeds - 1, "provenance"].map(json.loads)
        for provenance in latest:
            assert provenance["tree"] == tree
            assert provenance.items() >= of_run(spec_of()).items()
        git(checkout, "add", "experiments")
        git(checkout, "commit", "-q", "--allow-empty", "-m", "next")
    commits = runs["provenance"].map(lambda text: json.loads(text)["commit"])
    assert commits.nunique() == 3
    notes = [note for note in alrun.report(results).notes if "computed" in note]
    assert "different commits" in notes[0]
    assert all(f"{commit[:10]} (2 runs)" in notes[0] for commit in commits)
    assert notes[1].startswith("Note: 2 runs of 6 were computed in a tree with uncommitted changes")

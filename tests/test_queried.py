"""What was queried, on a page, against loops over the tables."""

from pathlib import Path

import numpy as np
import pytest
from commands import alrun_here

from alrun import load_queries
from alrun.api import run_sweep
from alrun.data.load import load
from alrun.errors import ResultsError
from alrun.queried import overlap, pictures, queried
from alrun.report.html.gallery import as_png
from alrun.report.plots.pictures import write_pictures

ROOT = Path(__file__).parent.parent


def test_a_page_shows_what_was_queried(small_results, tmp_path):
    """Each pair of strategies by a loop over sets, and each picture once by its pixels."""
    queries = load_queries(small_results)
    group = queries[queries.batch_size == 10]
    found = queried(small_results)[("digits", "logistic", "", "", "", 10)]
    names = list(found.overlap.rows)
    a, b = names.index("margin"), names.index("entropy")
    shares = []
    for seed in (0, 1):
        of_seed = group[group.seed == seed]
        mine, its = (
            set(of_seed[of_seed.strategy == name]["index"]) for name in ("margin", "entropy")
        )
        shares.append(len(mine & its) / len(mine | its))
    assert found.overlap.cells[a][b] == found.overlap.cells[b][a] == f"{50 * sum(shares):.0f}"
    digits = load("digits", {})
    (first,) = [
        one for one in found.galleries
        if one.strategy == "margin" and one.title == "its first batch in seed 0"
    ]  # fmt: skip
    batch = group[(group.strategy == "margin") & (group.seed == 0) & (group["round"] == 0)]
    assert [one.label for one in first.examples] == [
        str(digits.y[row]) for row in batch.sort_values("position")["index"]
    ]
    expected = digits.X[batch.sort_values("position")["index"].iloc[0]].reshape(8, 8)
    assert (first.examples[0].pixels / 255 * 16).round().tolist() == expected.tolist()
    page = alrun_here("report", small_results, "--output", tmp_path / "page.html")
    assert page.returncode == 0
    assert "data:image/png;base64," in (tmp_path / "page.html").read_text()
    alrun_here("report", small_results, "--no-examples", "--output", tmp_path / "bare.html")
    assert "data:image/png" not in (tmp_path / "bare.html").read_text()


def test_private_data_are_embedded_where_asked_for_alone(tmp_path):
    rows = "".join(f"{n},secret word{n % 7} number{n},{n % 2}\n" for n in range(60))
    (tmp_path / "mine.csv").write_text("age,words,target\n" + rows)
    drop = 'drop = ["words"]'
    for key, shown in (("", " sd)"), ('text = "words"', "secret word")):
        (tmp_path / "mine.toml").write_text(
            f'strategies = ["random", "margin"]\nbatch_sizes = [5]\nseeds = 2\nbudget = 20\n'
            f'targets = [0.6]\n[dataset]\nname = "mine.csv"\n{key or drop}\n'
            "[initial]\nper_class = 2\n"
        )
        results = run_sweep(tmp_path / "mine.toml", tmp_path / f"results{len(key)}", jobs=0)
        page = tmp_path / "page.html"
        assert alrun_here("report", results, "--output", page).returncode == 0
        assert shown not in page.read_text()
        assert "Overlap of the queries" in page.read_text()
        assert "Classes of the queries" in page.read_text()
        done = alrun_here("report", results, "--with-examples", "--output", page)
        assert done.returncode == 0, done.stderr
        assert shown in page.read_text()
    (tmp_path / "mine.csv").unlink()
    done = alrun_here("report", results, "--output", page)
    assert done.returncode == 0, done.stderr
    assert "neither classes nor examples" in done.stderr
    assert "Overlap of the queries" in page.read_text()
    assert "Classes of the queries" not in page.read_text()
    (results / "queries.parquet").unlink()
    done = alrun_here("report", results, "--no-examples", "--output", page)
    assert (done.returncode, done.stderr) == (0, "")
    assert "What was queried" not in page.read_text()


def test_a_seed_that_one_of_two_strategies_lacks_is_not_in_their_overlap(small_results):
    queries = load_queries(small_results)
    group = queries[queries.batch_size == 10]
    both = overlap(group)
    less = overlap(group[(group.strategy != "margin") | (group.seed == 0)])
    alone = overlap(group[group.seed == 0])
    a, b, c = map(both.rows.index, ("margin", "entropy", "random"))
    assert less.cells[a][b] == alone.cells[a][b]
    assert less.cells[c][b] == both.cells[c][b]
    never = (group.strategy == "margin") == (group.seed == 0)
    assert overlap(group[never]).cells[a][b] == ""


def test_a_format_is_refused_where_pictures_are_drawn(small_results, tmp_path):
    done = alrun_here("queries", small_results, "--format", "csv", "--pictures", tmp_path / "a.png")
    assert done.returncode == 2
    assert "--format is for the class mix" in done.stderr


@pytest.mark.slow  # the page of a small grid is made above
def test_the_page_of_the_digits_grid_can_be_sent(tmp_path):
    done = alrun_here("report", ROOT / "results/digits", "--output", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").stat().st_size < 1_000_000


def test_a_picture_is_a_png_of_its_pixels():
    from io import BytesIO

    image = pytest.importorskip("PIL.Image")
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    read = np.asarray(image.open(BytesIO(as_png(pixels))))
    assert read.tolist() == pixels.tolist()


def test_pictures_are_drawn_for_a_paper(small_results, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    one, again = tmp_path / "one.png", tmp_path / "again.png"
    found = list(pictures(queried(small_results)))
    assert {gallery.strategy for _, gallery in found} == {
        "random", "least_confidence", "margin", "entropy"
    }  # fmt: skip
    few = [("digits", gallery) for _, gallery in found[1:3]]
    assert write_pictures(few, one) == 0
    write_pictures(few, again)
    assert one.read_bytes() == again.read_bytes()
    assert one.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setitem(write_pictures.__globals__, "_MOST_GALLERIES", 1)
    assert write_pictures(few, again) == 1
    with pytest.raises(ResultsError, match=r"must end in \.png"):
        write_pictures(few, tmp_path / "one.jpg")
    with pytest.raises(ResultsError, match="no pictures"):
        write_pictures([], one)

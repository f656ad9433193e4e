"""What the atlas says: its counts are those of the data made here, its correlations are right."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from curves_factory import reaching, write
from scipy.stats import spearmanr

sys.path.append(str(Path(__file__).parent.parent / "experiments"))

import atlas_findings

LABELS = [100, 120, 140, 110, 130, 150, 90, 120, 140, 100]
# By how much margin needs fewer labels, by data set, for each of two models.
GAINS = {
    "atlas": {"saves": 50, "same": 0, "costs": -40, "idle": 50},
    "atlas_forest": {"saves": 40, "same": 40, "costs": 30, "idle": 50},
}

EXPERIMENT = """
strategies = ["random", "margin"]
seeds = 10
budget = 200
targets = ["95% of full"]
dataset = { name = "digits" }
initial = { per_class = 2 }
model = { name = "logistic" }
"""


def references(model):
    """Return floors and ceilings; at 95 % of full nothing needs to be learnt on "idle"."""
    rows = [
        {"dataset": dataset, "model": model, "seed": seed, "reference": kind, "accuracy": score}
        for dataset in GAINS["atlas"]
        for seed in range(len(LABELS))
        for kind, score in (("floor", 0.94 if dataset == "idle" else 0.4), ("ceiling", 0.97))
    ]
    return pd.DataFrame(rows).assign(n_test=100, reference_id="made")


def forget():
    for cached in ("chart", "traits", "agreements", "dependences"):
        getattr(atlas_findings, cached).cache_clear()


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Put results of two models in the place of the committed ones."""
    monkeypatch.setattr(atlas_findings, "ROOT", tmp_path)
    monkeypatch.setattr(atlas_findings, "TRAITS_FILE", tmp_path / "traits.csv")
    forget()
    for name, gains in GAINS.items():
        folder = tmp_path / "results" / name
        folder.mkdir(parents=True)
        frames = []
        for dataset, gain in gains.items():
            place = {"dataset": dataset, "model": atlas_findings.MODELS[name]}
            swap = [10 if seed % 2 else -10 for seed in range(len(LABELS))] if gain == 0 else 0
            frames += [
                reaching(LABELS, **place),
                reaching(list(np.subtract(LABELS, gain) + swap), "margin", **place),
            ]
        write(folder, *frames)
        (folder / "experiment.toml").write_text(EXPERIMENT)
        table = references(atlas_findings.MODELS[name])
        table.to_parquet(folder / "references.parquet", index=False)
    traits = {"dataset": [*GAINS["atlas"]], "examples": 1000, "features": [9, 5, 2, 1]}
    traits |= {"classes": [2, 3, 4, 5], "largest_class": [0.6, 0.3, 0.4, 0.3]}
    pd.DataFrame(traits).to_csv(tmp_path / "traits.csv", index=False)
    yield
    forget()


def test_data_sets_are_counted_where_the_target_says_something(made):
    text = atlas_findings.atlas_answer()
    assert "logistic**: 3 of 4 data sets count: on idle the target is no better than" in text
    assert "margin 1, 1, 1." in text
    assert "margin 3, 0, 0." in text
    assert "Every strategy is shown to need more labels than random somewhere." in text
    assert "Never shown to need more labels than random: margin." in text
    assert "| margin | logistic | 1 | 1 | 1 | 3 |" in atlas_findings.atlas_across()
    assert "| margin | forest | 3 | 0 | 0 | 3 |" in atlas_findings.atlas_across()


def test_the_models_are_compared_data_set_by_data_set(made):
    row = atlas_findings.atlas_models().splitlines()[-1]
    # both save on one, one of them on another, and on the third they say the opposite
    assert row.startswith("| margin | 3 | 1 | 1 | 0 | 0 | 1 |")


def test_a_table_has_a_row_for_each_data_set(made):
    rows = sorted(atlas_findings.atlas_logistic().splitlines()[2:])
    assert [row.split(" | ")[0] for row in rows] == ["| costs", "| idle", "| same", "| saves"]
    mean = np.mean(LABELS)
    assert rows[3].endswith(rf"| {mean:.0f} | {5000 / mean:.0f}\* |")
    assert rows[2].endswith(f"| {mean:.0f} | 0 |")
    assert rows[1].endswith(f"| {mean:.0f} | ({5000 / mean:.0f}) |")


def test_savings_that_fall_with_the_features_are_told_from_chance(made):
    # three data sets can be in this order by chance: p is 1/3
    rows = atlas_findings.atlas_traits().splitlines()
    assert rows[2].startswith("| margin | logistic | -1.00 (1.00) | +1.00 (1.00) | -0.50 (1.00) |")
    assert rows[-1].startswith("0 of 6 correlations")


def test_savings_with_wrong_labels_stand_beside_those_with_right_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(atlas_findings, "ROOT", tmp_path)
    folder = tmp_path / "results" / "atlas_noise"
    folder.mkdir(parents=True)
    place = {"dataset": "saves", "model": "logistic"}
    gains = {"right": 50, "boundary noise 0.1": 0}
    swap = [10 if seed % 2 else -10 for seed in range(len(LABELS))]
    frames = []
    for oracle, gain in gains.items():
        margin = list(np.subtract(LABELS, gain) + (0 if gain else swap))
        for strategy, needed in (("random", LABELS), ("margin", margin)):
            run = reaching(needed, strategy, oracle=oracle, **place)
            frames.append(run.assign(n_wrong=0 if gain else (run["n_labels"] * 0.25).astype(int)))
    write(folder, *frames)
    (folder / "experiment.toml").write_text(EXPERIMENT)
    table = references("logistic").assign(oracle=None).query("dataset == 'saves'")
    noisy = table[table["reference"] == "ceiling"].assign(
        reference="noisy ceiling", oracle="boundary noise 0.1", accuracy=0.92
    )
    pd.concat([table, noisy]).to_parquet(folder / "references.parquet", index=False)
    lines = atlas_findings.atlas_noise().splitlines()
    saving = 5000 / np.mean(LABELS)
    assert lines[2] == rf"| saves | 25 % | 0.970 | 0.920 | {saving:.0f}\* | 0 |"
    assert lines[-1] == "Of 1 saving, shown to be smaller with wrong labels: 1; larger: 0."


def test_the_correlation_is_spearmans():
    generator = np.random.default_rng(1)
    x = generator.integers(0, 6, 30).astype(float)
    y = x + 3 * generator.normal(size=30)
    correlation, p_value = atlas_findings.rank_correlation(x, y)
    assert correlation == pytest.approx(spearmanr(x, y).statistic)
    assert p_value == pytest.approx(spearmanr(x, y).pvalue, abs=0.01)
    assert 0.01 < p_value < 0.9

"""`signals.parquet`: its keys, its types, and results of before."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

import alrun
from alrun.records import SIGNAL_TOLERANCES
from alrun.results.schema import SIGNALS


def test_the_keys_are_those_of_the_curves(small_results):
    signals, curves = alrun.load_signals(small_results), alrun.load_curves(small_results)
    keys = [name for name in SIGNALS.names if name not in SIGNAL_TOLERANCES]
    pd.testing.assert_frame_equal(signals[keys], curves[keys])
    assert pq.read_schema(small_results / "signals.parquet").equals(SIGNALS)
    assert signals["expected_f1"].notna().all()
    assert signals.loc[signals["round"] == 0, "kappa"].isna().all()
    assert signals.loc[signals["round"] == 1, "kappa"].notna().all()


def test_results_without_signals_say_so(small_results, tmp_path):
    with pytest.raises(alrun.AlrunError, match="has no signals: an earlier alrun computed"):
        alrun.load_signals(tmp_path)
    signals = alrun.load_signals(small_results).assign(**dict.fromkeys(SIGNAL_TOLERANCES))
    signals.to_parquet(tmp_path / "signals.parquet")
    with pytest.raises(alrun.AlrunError, match="has no signals: an earlier alrun computed"):
        alrun.load_signals(tmp_path)


def test_signals_turned_off_are_null_and_turned_on_run_nothing(tmp_path):
    experiment = {
        "strategies": ["random"],
        "seeds": 1,
        "budget": 30,
        "dataset": {"name": "digits"},
    }
    results = alrun.run_sweep({**experiment, "signals": False}, tmp_path / "r", jobs=0)
    files = {path: path.stat().st_mtime_ns for path in (results / "runs").iterdir()}
    with pytest.raises(alrun.AlrunError, match="has no signals"):
        alrun.load_signals(results)
    curves = (results / "curves.parquet").read_bytes()
    alrun.run_sweep(experiment, results, jobs=0)
    assert {path: path.stat().st_mtime_ns for path in (results / "runs").iterdir()} == files
    other = alrun.run_sweep(experiment, tmp_path / "other", jobs=0)
    assert (other / "curves.parquet").read_bytes() == curves
    assert alrun.load_signals(other)["kappa"].notna().any()

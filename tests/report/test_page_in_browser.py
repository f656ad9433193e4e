"""A page in a real browser: files that it saves, and relative targets as the report reads them."""

import csv
import json
import time

import pytest
from curves_factory import reaching, write
from headless import headless_browser
from test_references import references

from alrun.report.build import build_report
from alrun.report.options import ReportOptions
from alrun.report.render import render

# By hand: at 100 % of full the seeds 0, 1 and 3 are in reach of scores up to .95, and 2 and 4 not.
CEILINGS = [0.9, 0.94, 0.96, 0.95, 0.98]
TARGETS = (
    ("score", 0.45, 0.45),
    ("score", 0.9, 0.9),
    ("full", 100, "100% of full"),
    ("full", 92.5, "92.5% of full"),
    ("between", 99.5, "99.5% between floor and full"),
    ("end", None, "random@end"),
)


@pytest.fixture
def results(tmp_path):
    frames = [
        reaching([100, 120, 140, 110, 130]),
        reaching([80, 90, 100, 100, 80], "margin"),
        reaching([200, 300, 140, 110, 130], "entropy"),
    ]
    table = references(floor=0.5, ceiling=CEILINGS, seeds=range(5))
    table.to_parquet(tmp_path / "references.parquet", index=False)
    return write(tmp_path, *frames)


@pytest.fixture
def page(results, tmp_path):
    text = render(build_report(results, ReportOptions(targets=(0.9,))), "html")
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    driver = headless_browser(tmp_path)
    try:
        driver.get((tmp_path / "page.html").as_uri())
        yield driver
        assert driver.get_log("browser") == []
    finally:
        driver.quit()


def cells(driver, selector):
    return driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((row) =>"
        " [...row.cells].map((cell) => cell.textContent))",
        selector,
    )


@pytest.mark.slow  # test_page.py compares the scores of relative targets without a browser
def test_relative_targets_are_read_as_in_the_report(page, results):
    for kind, number, written in TARGETS:
        page.execute_script(
            "const [kind, number] = arguments;"
            "const choice = document.getElementById('target-kind');"
            "choice.value = kind; choice.dispatchEvent(new Event('change'));"
            "const one = document.getElementById('target-exact');"
            "if (number) { one.value = number; one.dispatchEvent(new Event('input')); }",
            kind,
            number,
        )
        report = build_report(results, ReportOptions(targets=(written,)))
        title = page.execute_script("return document.querySelector('.read-out b').textContent")
        mean = f" ({report.rows['target_value'][0]:.3f})" if isinstance(written, str) else ""
        assert title == f"Read off at accuracy {written}{mean}"
        for shown, row in zip(cells(page, ".read-out tbody tr"), report.rows.itertuples(),
                              strict=True):  # fmt: skip
            assert shown[1] == f"{row.reached:.0f}/5"
            assert shown[2:4] == [f"{row.budget:.0f}", f"{row.mean_labels:.0f}"]
            saving = f"{100 * row.saving:.0f} %" if row.saving == row.saving else "not estimable"
            saving = saving if row.informative else f"({saving})"
            assert shown[4] == ("" if row.is_baseline else saving)


@pytest.mark.slow  # test_page.py compares the table with the CSV of the report
def test_the_button_of_a_table_saves_what_it_shows(page, tmp_path):
    page.execute_script(
        "const tools = document.querySelector('[data-file=\"1-table-1\"]').previousElementSibling;"
        "const filter = tools.querySelector('input'); filter.value = 'm';"
        "filter.dispatchEvent(new Event('input')); tools.querySelector('button').click()"
    )
    saved = tmp_path / "1-table-1.csv"
    for _ in range(1200):
        if saved.is_file():
            break
        time.sleep(0.05)
    with saved.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert [row[1] for row in rows] == ["random", "margin"]
    shown = cells(page, "[data-file='1-table-1'] tbody tr:not([hidden])")
    assert [[cell.removeprefix("'") for cell in row] for row in rows] == shown
    assert header[:2] == ["target", "strategy"]


def test_the_data_hold_what_relative_targets_are_read_from(results):
    """As the script: floor + share x (ceiling - floor), a little less for rounding."""
    written = ("100% of full", "99.5% between floor and full", "random@end")
    report = build_report(results, ReportOptions(targets=written))
    text = render(report, "html").split('type="application/json" id="data">')[1]
    data = json.loads(text.split("</script>")[0])
    (group,) = data["groups"]
    levels = {seed: pair for seed, *pair in data["levels"][group["levels"]]}
    least = 1 - data["rounding"]
    for place, seed in enumerate(report.curves.runs["seed"]):
        floor, ceiling = levels[seed]
        full, between, end = (report.target_scores[one][place] for one in written)
        assert (0 + 100 / 100 * (ceiling - 0)) * least == full
        assert (floor + 99.5 / 100 * (ceiling - floor)) * least == between
        assert group["end"] == end


@pytest.mark.slow  # nothing short shows a layout
def test_a_phone_scrolls_no_page_sideways_and_paper_cuts_no_table(page):
    size = {"height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, **size})
    assert page.execute_script("return document.documentElement.scrollWidth") <= 360
    page.execute_script("document.getElementById('switch-1').click()")
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 718, **size})
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    widest = page.execute_script(
        "return Math.max(...[...document.querySelectorAll('table, h1')].map((one) =>"
        " one.getBoundingClientRect().right))"
    )
    assert 300 < widest <= 718
    shown = page.execute_script(
        "return [...document.querySelectorAll('label[data-strategy]')].filter((one) =>"
        " getComputedStyle(one).display !== 'none').map((one) => one.textContent)"
    )
    assert shown == ["random", "margin"]

"""A real browser, for tests of pages."""

import pytest


def browser():
    """Return a headless Chromium; skip the test where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="there is no selenium")
    from shutil import which

    chromium, driver = which("chromium"), which("chromedriver")
    if not chromium or not driver:
        pytest.skip("there is no chromium with its driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))

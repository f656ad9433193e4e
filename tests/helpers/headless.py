"""A headless Chromium for tests of pages."""

from pathlib import Path
from shutil import which

import pytest


def headless_browser(downloads: Path | None = None):
    """Return a driver of a Chromium that saves into a folder; skip the test where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="there is no selenium")
    chromium, driver = which("chromium"), which("chromedriver")
    if not chromium or not driver:
        pytest.skip("there is no chromium with its driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    if downloads is not None:
        found.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
        )
    return found

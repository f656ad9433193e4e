"""The labelling page in a real browser, whose server is killed in the middle of a batch."""

import re
import signal

import pytest
from commands import started
from headless import headless_browser
from labelling_projects import project
from sessions import wait_until

from alrun.labelling.next_batch import next_batch
from alrun.labelling.opened import OpenedProject

# What a browser of a phone shows, in CSS pixels: 80 % of 360.
NARROW = 288


def served(folder):
    """Start the server, and return its process and the address that it shows."""
    process = started(folder, "label", "mine.toml", "--serve")
    line = process.stderr.readline()
    return process, re.search(r"http://\S+/", line)[0]


def shown(driver):
    """Return the place of the example on the page, None if there is none."""
    return driver.execute_script("return document.querySelector('[name=example]')?.value ?? null")


def press(driver, key):
    """Press a key on the page, and wait until another example or the end is there."""
    from selenium.webdriver.common.by import By

    before = driver.find_element(By.TAG_NAME, "html")
    driver.find_element(By.TAG_NAME, "body").send_keys(key)
    wait_until(lambda: is_left(driver, before))


def is_left(driver, html):
    """Return whether another page than that of an element is there as a whole."""
    from selenium.common.exceptions import WebDriverException

    try:
        html.is_enabled()
        return False
    except WebDriverException:
        return driver.execute_script("return document.readyState") == "complete"


def begin(driver, address):
    """Say the name on the first page."""
    from selenium.webdriver.common.by import By

    driver.get(address)
    before = driver.find_element(By.TAG_NAME, "html")
    driver.find_element(By.ID, "name").send_keys("Ann\n")
    wait_until(lambda: is_left(driver, before))


@pytest.mark.slow  # the page is asked without a browser in test_labelling_page.py
def test_a_batch_is_labelled_by_keys_though_the_server_is_killed_in_the_middle(tmp_path):
    project(tmp_path)
    tasks = next_batch(tmp_path / "mine.toml").tasks
    driver = headless_browser()
    process, address = served(tmp_path)
    try:
        begin(driver, address)
        for key in ("1", "2", "s"):
            press(driver, key)
        assert shown(driver) == "1.4"
        process.send_signal(signal.SIGKILL)
        process.wait()
        driver.execute_script("document.querySelector('[data-key=\"3\"]').click()")
        alert = "return document.querySelector('[role=alert]').textContent"
        wait_until(lambda: "The server has ended" in driver.execute_script(alert))
        assert shown(driver) == "1.4"
        process, address = served(tmp_path)
        begin(driver, address)
        assert shown(driver) == "1.4"
        press(driver, "3")
        press(driver, "u")  # back, and another answer
        assert shown(driver) == "1.4"
        press(driver, "1")
        check_narrow(driver)
        press(driver, "2")
        press(driver, "3")
        assert shown(driver) is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        errors = [entry for entry in driver.get_log("browser") if "favicon" not in entry["message"]]
    finally:
        process.kill()
        driver.quit()
    assert (process.returncode, err) == (0, "")
    assert out.splitlines() == [
        "Took 4 labels; 1 replaces an earlier answer.",
        "Next: alrun next mine.toml",
    ]
    labels = ["ant", "bee", None, "ant", "bee", "cat"]
    history = OpenedProject(tmp_path / "mine.toml").history
    assert history.labels == {task.id: label for task, label in zip(tasks, labels, strict=True)}
    assert len(history.deliveries) == 7
    assert [entry["level"] for entry in errors] == ["SEVERE"]  # of the server that was killed


def check_narrow(driver):
    """Check that nothing is wider than four fifths of a phone."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": NARROW, "height": 640, "deviceScaleFactor": 1, "mobile": False},
    )
    width = driver.execute_script("return document.documentElement.scrollWidth")
    assert width <= NARROW
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

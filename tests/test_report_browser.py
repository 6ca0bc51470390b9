"""The HTML report in a real browser: its controls work, nothing a server said runs, and nothing leaves the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import record_strategies as draw
from chatproof.reports import grid, html, matrix
from chatproof.reports.reading import read
from test_report_html import PAYLOADS, full_record

webdriver: Any = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="no chromium or no chromedriver on the PATH")

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-dev-shm-usage"
    " --force-prefers-reduced-motion --window-size=1200,900"
)
CURL = 'curl -sS -X POST http://127.0.0.1:1/v1/chat/completions --data-binary \'{"n": "<b>&amp;"}\''


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('browser')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_page_load_timeout(30)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the page of a failing run with five rules."""
    lines = [
        draw.result("n.max.refuses", "failed", curl=CURL),
        draw.result("n.type.refuses", "failed"),
        draw.result("n.null.accepts", chapter="sampling"),
        draw.result("stop.type.refuses", "warning", property="stop"),
        draw.result("gate.n", chapter="gates"),
    ]
    folder = tmp_path_factory.mktemp("plain")
    return html.write(read(draw.put(folder, draw.record(*lines))), folder).as_uri()


def shown(browser: Any) -> list[str]:
    """Ids of the rules that the filter leaves, as the page draws them."""
    found = browser.find_elements(By.CSS_SELECTOR, ".rule")
    return sorted(rule.get_attribute("id") for rule in found if rule.is_displayed())


def console(browser: Any) -> list[str]:
    """What the browser complained of since the last look."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def control(browser: Any, name: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, f"[name={name}]")


def opened(browser: Any, address: str) -> Any:
    console(browser)
    browser.get("about:blank")  # another fragment of the same page would not load it anew
    browser.get(address)
    return browser


def test_it_opens_from_disk_without_a_word_in_the_console(browser: Any, plain: str) -> None:
    opened(browser, plain)
    assert browser.title == "non-conformant · http://127.0.0.1:1/v1 · chatproof"
    assert len(shown(browser)) == 5
    assert console(browser) == []
    assert browser.find_element(By.CSS_SELECTOR, ".cell").value_of_css_property("border-radius") == "2px"


def test_the_filters_narrow_the_list_and_say_how_far(browser: Any, plain: str) -> None:
    opened(browser, plain)
    count = browser.find_element(By.CSS_SELECTOR, ".count")
    browser.find_element(By.CSS_SELECTOR, "[name=verdict][value=failed]").click()
    assert shown(browser) == ["n.max.refuses", "n.type.refuses"]
    assert count.text == "2 of 5 rules"
    assert count.get_attribute("aria-live") == "polite"
    browser.find_element(By.CSS_SELECTOR, "[name=verdict][value=warning]").click()
    assert shown(browser) == ["n.max.refuses", "n.type.refuses", "stop.type.refuses"]
    control(browser, "strength").send_keys("should")
    assert shown(browser) == ["stop.type.refuses"]
    browser.find_element(By.CSS_SELECTOR, ".clear").click()
    WebDriverWait(browser, 5).until(lambda seen: count.text == "5 rules")
    control(browser, "words").send_keys("TYPE refuses")
    assert shown(browser) == ["n.type.refuses", "stop.type.refuses"]
    control(browser, "words").send_keys(" nowhere")
    assert shown(browser) == []
    assert browser.find_element(By.CSS_SELECTOR, ".none").is_displayed()
    control(browser, "words").clear()
    control(browser, "chapter").send_keys("sampling")
    assert shown(browser) == ["n.null.accepts"]


def test_the_filter_is_in_the_address(browser: Any, plain: str) -> None:
    opened(browser, plain)
    browser.find_element(By.CSS_SELECTOR, "[name=verdict][value=failed]").click()
    browser.find_element(By.CSS_SELECTOR, "[name=verdict][value=warning]").click()
    control(browser, "words").send_keys("type & #1=")
    control(browser, "strength").send_keys("should")
    address = browser.current_url
    assert address == f"{plain}#verdict=failed+warning&strength=should&words=type+%26+%231%3D"
    control(browser, "words").send_keys(Keys.BACKSPACE * 20, "refuses")
    before = shown(browser)
    assert before == ["stop.type.refuses"]
    opened(browser, browser.current_url)  # as somebody else who got the link
    assert shown(browser) == before
    assert control(browser, "words").get_attribute("value") == "refuses"
    assert browser.find_element(By.CSS_SELECTOR, "[name=verdict][value=warning]").is_selected()
    browser.find_element(By.CSS_SELECTOR, ".clear").click()
    assert len(shown(browser)) == 5
    assert browser.current_url == plain
    opened(browser, f"{plain}#verdict=nonsense&strength=nonsense&kind=x&words=")
    assert len(shown(browser)) == 5
    assert console(browser) == []


def test_back_leads_to_the_filter_before(browser: Any, plain: str) -> None:
    opened(browser, plain)
    browser.find_element(By.CSS_SELECTOR, ".only[data-only=failed]").click()
    assert browser.current_url == f"{plain}#verdict=failed"
    browser.find_element(By.CSS_SELECTOR, ".cell[data-property=n][data-kind=types]").send_keys(Keys.ENTER)
    assert browser.current_url == f"{plain}#property=n&kind=types"
    browser.back()
    WebDriverWait(browser, 5).until(lambda seen: shown(seen) == ["n.max.refuses", "n.type.refuses"])
    browser.back()
    WebDriverWait(browser, 5).until(lambda seen: len(shown(seen)) == 5)


def test_a_cell_of_the_grid_opens_its_rules(browser: Any, plain: str) -> None:
    opened(browser, plain)
    cell = browser.find_element(By.CSS_SELECTOR, ".cell[data-property=n][data-kind=types]")
    assert cell.get_attribute("aria-label") == "n, types: 1/1 failed"
    cell.send_keys(Keys.ENTER)
    assert shown(browser) == ["n.type.refuses"]
    assert browser.find_element(By.ID, "n.type.refuses").get_attribute("open")
    assert cell.get_attribute("aria-pressed") == "true"
    assert browser.switch_to.active_element.get_attribute("id") == "rules"


def test_a_link_to_a_rule_opens_it_whatever_the_filter(browser: Any, plain: str) -> None:
    opened(browser, f"{plain}#n.null.accepts")
    assert browser.find_element(By.ID, "n.null.accepts").get_attribute("open")
    browser.find_element(By.CSS_SELECTOR, ".only[data-only=failed]").click()
    assert shown(browser) == ["n.max.refuses", "n.type.refuses"]
    browser.find_element(By.CSS_SELECTOR, ".causes a[href='#stop.type.refuses']").click()
    rule = browser.find_element(By.ID, "stop.type.refuses")
    WebDriverWait(browser, 5).until(lambda seen: rule.get_attribute("open"))
    assert rule.is_displayed()


@pytest.mark.parametrize("allowed", [True, False], ids=["clipboard", "fallback"])
def test_the_curl_line_is_copied_to_the_letter(browser: Any, plain: str, allowed: bool) -> None:
    opened(browser, f"{plain}#n.max.refuses")
    browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    if not allowed:
        browser.execute_script("navigator.clipboard.writeText = () => Promise.reject(new Error('denied'))")
    button = browser.find_element(By.ID, "n.max.refuses").find_element(By.CSS_SELECTOR, ".copy")
    button.click()
    WebDriverWait(browser, 5).until(lambda seen: button.text == "Copied")
    assert browser.find_element(By.ID, "said").get_attribute("textContent") == "Copied"
    script = "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))"
    assert browser.execute_async_script(script) == CURL
    assert not browser.find_elements(By.TAG_NAME, "textarea")


def test_the_main_controls_are_reached_by_keyboard(browser: Any, plain: str) -> None:
    opened(browser, plain)
    browser.execute_script(
        "window.met = []; addEventListener('focusin', ({ target }) => window.met.push("
        "target.localName + ' ' + (target.className || target.name || '')))"
    )
    browser.switch_to.active_element.send_keys(Keys.TAB * 60)  # more than there are controls: it begins anew
    met = [name.strip() for name in browser.execute_script("return window.met")]
    met = met[: met.index("a skip", 1)]
    assert met[0] == "a skip"
    for wanted in ("button only", "button copy", "button cell v-failed", "input verdict", "input words", "select kind"):
        assert wanted in met
    assert met.count("summary") >= 5
    assert [name for name in met if name.startswith("button cell")] == [
        f"button {cell.get_attribute('class')}" for cell in browser.find_elements(By.CSS_SELECTOR, ".cell")
    ]


def test_space_opens_a_rule_and_the_focus_shows(browser: Any, plain: str) -> None:
    opened(browser, plain)
    summary = browser.find_element(By.ID, "n.max.refuses").find_element(By.TAG_NAME, "summary")
    browser.find_element(By.CSS_SELECTOR, ".close-all").send_keys(Keys.TAB, Keys.TAB)
    assert browser.switch_to.active_element == summary
    assert summary.value_of_css_property("outline-style") == "solid"
    summary.send_keys(Keys.SPACE)
    assert browser.find_element(By.ID, "n.max.refuses").get_attribute("open")


def test_every_control_has_a_name(browser: Any, plain: str) -> None:
    opened(browser, plain)
    browser.find_element(By.CSS_SELECTOR, ".open-all").click()
    for found in browser.find_elements(By.CSS_SELECTOR, "button, input, select, summary, a, [role=region], [role=img]"):
        assert found.accessible_name.strip(), found.get_attribute("outerHTML")[:200]


LONG = "<img src=x onerror='window.__hacked=1'>\u202e" * 100


@pytest.fixture(params=["".join(PAYLOADS), LONG], ids=["all", "long"])
def hostile(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a page whose every text is hostile."""
    return html.write(read(draw.put(tmp_path, full_record(request.param))), tmp_path).as_uri()


def test_nothing_a_server_said_runs_and_nothing_leaves_the_page(browser: Any, hostile: str) -> None:
    opened(browser, hostile)
    browser.get_log("performance")
    browser.refresh()
    browser.find_element(By.CSS_SELECTOR, ".open-all").click()
    browser.execute_script(
        "document.querySelectorAll('.more, .causes details').forEach((found) => { found.open = true })"
    )
    assert browser.execute_script("return typeof window.__hacked") == "undefined"
    assert browser.execute_script("return document.scripts.length") == 1
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    links = browser.execute_script("return [...document.links].map((link) => link.getAttribute('href'))")
    assert [link for link in links if not link.startswith("#")] == []
    asked = [
        entry["message"] for entry in browser.get_log("performance") if 'Network.requestWillBeSent"' in entry["message"]
    ]
    assert [message for message in asked if '"url":"file://' not in message and '"url":"data:' not in message] == []
    assert asked  # the log was on: it holds the page itself
    assert console(browser) == []
    assert_fits(browser)


def test_the_policy_holds_even_for_code_that_came_in(browser: Any, plain: str) -> None:
    opened(browser, plain)
    browser.execute_script(
        "const code = document.createElement('script'); code.setAttribute('type', 'text/javascript');"
        "code.append('window.__hacked = 1'); document.body.append(code);"
        "const look = document.createElement('style'); look.append('body { color: red }'); document.head.append(look);"
    )
    assert browser.execute_script("return typeof window.__hacked") == "undefined"
    assert browser.find_element(By.TAG_NAME, "body").value_of_css_property("color") != "rgba(255, 0, 0, 1)"
    script = "const done = arguments[0]; fetch('http://127.0.0.1:1/').then(() => done('sent'), () => done('refused'))"
    assert browser.execute_async_script(script) == "refused"
    assert any("Content Security Policy" in message for message in console(browser))


def assert_fits(browser: Any) -> None:
    """No sideways scrolling on a phone, with everything open."""
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.execute_script("document.querySelectorAll('details').forEach((found) => { found.open = true })")
        width, inner = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert (width, inner) == (360, 360)
        grid, box = browser.execute_script(
            "const grid = document.querySelector('.grid'); return [grid.scrollWidth, grid.parentElement.clientWidth]"
        )
        assert grid <= box  # the whole picture at a glance
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_fits_a_phone(browser: Any, plain: str) -> None:
    opened(browser, plain)
    assert_fits(browser)


def test_findings_are_printed_open(browser: Any, plain: str) -> None:
    opened(browser, plain)
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    rules = browser.find_elements(By.CSS_SELECTOR, ".rule[open]")
    assert [rule.get_attribute("id") for rule in rules] == ["n.max.refuses", "n.type.refuses", "stop.type.refuses"]
    browser.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert not browser.find_elements(By.CSS_SELECTOR, ".rule[open]")


def test_the_matrix_sorts_and_searches(browser: Any, tmp_path: Path) -> None:
    verdicts = {"one": ("passed", "failed", "warning"), "two": ("failed", "passed", "failed")}
    runs = []
    for name, found in verdicts.items():
        lines = [draw.result(f"n.{rule}", verdict) for rule, verdict in zip("abc", found, strict=True)]
        (tmp_path / name).mkdir()
        runs.append(read(draw.put(tmp_path / name, draw.record(*lines))))
    found = matrix.matrix(runs, list(verdicts))
    page = tmp_path / "matrix.html"
    page.write_text(matrix.to_html(found, tmp_path, matrix.write_reports(found, tmp_path / "runs")), encoding="utf-8")
    opened(browser, page.as_uri())

    def rows() -> list[str]:
        cells = browser.find_elements(By.CSS_SELECTOR, "#disagree tbody th code, #everywhere tbody th code")
        return [cell.text for cell in cells if cell.is_displayed()]

    assert rows() == ["n.a", "n.b", "n.c"]
    one, two = browser.find_elements(By.CSS_SELECTOR, "#disagree thead button")[1:]
    one.send_keys(Keys.ENTER)
    assert rows() == ["n.b", "n.a", "n.c"]
    assert one.find_element(By.XPATH, "..").get_attribute("aria-sort") == "ascending"
    two.click()
    assert rows() == ["n.a", "n.b", "n.c"]
    assert "it may be our fault" in browser.find_element(By.ID, "everywhere").text
    browser.find_element(By.ID, "wanted").send_keys("n.B")
    assert rows() == ["n.b"]
    links = browser.find_elements(By.CSS_SELECTOR, "#disagree tbody td a")
    next(link for link in links if link.is_displayed()).click()
    assert browser.find_element(By.ID, "n.b").get_attribute("open")
    assert console(browser) == []


def test_names_regions_and_scrolling_serve_those_who_hear_or_type(browser: Any, plain: str) -> None:
    """What axe-core asks beyond names: it found these on an earlier page, and nothing on this one."""
    opened(browser, plain)
    browser.find_element(By.CSS_SELECTOR, ".open-all").click()
    for button in browser.find_elements(By.CSS_SELECTOR, "button[aria-label]"):
        if button.is_displayed():  # who says what he sees must be understood
            assert button.text.strip() in button.get_attribute("aria-label")
    regions = browser.find_elements(By.CSS_SELECTOR, "section[aria-label], section[aria-labelledby], [role=region]")
    names = [region.accessible_name for region in regions if region.is_displayed()]
    assert len(names) == len(set(names)) > 3
    stuck = browser.execute_script(
        "return [...document.querySelectorAll('main *, header *')].filter((one) => one.tabIndex < 0 &&"
        " ['auto', 'scroll'].includes(getComputedStyle(one).overflowY) && one.scrollHeight > one.clientHeight + 1)"
        ".map((one) => one.outerHTML.slice(0, 100))"
    )
    assert stuck == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Any, plain: str, scheme: str) -> None:
    """Contrast of WCAG AA (4.5) for every glyph, cell and text colour, in both schemes."""
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    opened(browser, plain)
    colours = browser.execute_script(
        "const style = getComputedStyle(document.documentElement);"
        "return Object.fromEntries(arguments[0].map((name) => [name, style.getPropertyValue('--' + name).trim()]))",
        ["paper", "raised", "sunk", "ink", "dim", "link", *grid.VERDICTS, *[f"{name}-bg" for name in grid.VERDICTS]],
    )
    pairs = [(name, f"{name}-bg") for name in grid.VERDICTS]
    pairs += [(text, ground) for text in ("ink", "dim", "link", "failed", "warning") for ground in ("paper", "raised")]
    pairs += [("ink", "sunk"), ("dim", "sunk")]
    weak = [pair for pair in pairs if contrast(colours[pair[0]], colours[pair[1]]) < 4.5]
    assert weak == []


def contrast(one: str, other: str) -> float:
    """Ratio of the relative luminances of two colours ``#rrggbb``, as WCAG 2 defines it."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

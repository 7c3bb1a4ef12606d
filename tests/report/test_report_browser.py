"""The report in a real browser: opened from disk, drawn, moved, hidden, in the dark, on a phone, on paper."""

from __future__ import annotations

import base64
import json
import math

import pytest
from browser import chromium, see, wait
from dlplug_report.page.html import html
from dlplug_report.page.model import build
from folders import PIXEL, a_run, lines_of

from dlplug.host.plugins import load_host

EVIL = "</script><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A report of one run, and one of five runs in three groups, whose options and media would like to be scripts."""
    folder = tmp_path_factory.mktemp("runs")
    lines = [*lines_of(40, 0.5), {"step": 400, "val/shown": "media/a.png"}, {"step": 400, f"val/{EVIL}": "media/b.txt"}]
    media = {"media/a.png": PIXEL, "media/b.txt": EVIL.encode()}
    runs = [
        a_run(folder / f"{gamma}-{seed}", {"loss.gamma": value}, seed=seed, lines=lines, media=media)
        for gamma, value, seeds in (("a", 0.9, (0, 1)), ("b", 0.99, (0, 1)), ("evil", EVIL, (0,)))
        for seed in seeds
    ]
    host = load_host()
    (folder / "one.html").write_text(html(build(runs[:1], host)))
    (folder / "many.html").write_text(html(build(runs, host)))
    return folder


def open_page(browser, path, width=1200, *, dark=False):
    see(browser, width, 900, dark=dark)
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(path.as_uri())
    wait(browser, "document.body.dataset.drawn")


def change(browser, script):
    """Moves a control and waits until all is drawn again."""
    before = browser.execute_script("return document.body.dataset.drawn")
    browser.execute_script(f"{script}; document.getElementById('controls').dispatchEvent(new Event('change'))")
    wait(browser, f"document.body.dataset.drawn !== '{before}'")


def drawn_lines(browser, figure=0):
    """x and y of each line of a figure, as BokehJS has them."""
    return browser.execute_script(
        f"""const plot = views.get(document.querySelectorAll(".plot")[{figure}]).model;
        return plot.renderers.filter((one) => one.name === "curve")
          .map((one) => one.data_source.data)
          .map((data) => ({{label: data.label[0], x: Array.from(data.x), y: Array.from(data.y)}}))"""
    )


def test_a_report_opens_from_disk_and_asks_nobody(browser, pages):
    open_page(browser, pages / "one.html")
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [entry["params"]["request"]["url"] for entry in asked if entry["method"] == "Network.requestWillBeSent"]
    assert asked
    own = ("file:", "data:", "blob:", "chrome:")  # the browser's own first tab may still be loading on a busy machine
    assert not [address for address in asked if not address.startswith(own)]
    assert not [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('.plot > :first-child')].map((one) => one.getBoundingClientRect().height)"
    )
    assert len(sizes) == 2
    assert min(sizes) > 200
    assert browser.execute_script("return document.querySelector('.gallery img').naturalWidth") == 1


def test_what_users_supply_does_not_run(browser, pages):
    open_page(browser, pages / "many.html")
    assert browser.title.startswith("dqn-catch")
    assert EVIL in browser.execute_script("return document.body.innerText")


def test_the_curve_is_the_run_s_over_steps_time_and_the_data_s_unit(browser, pages):
    open_page(browser, pages / "one.html")
    expected = {"step": [10 * n for n in range(1, 41)], "seconds": [float(n) for n in range(1, 41)]}
    expected["count"] = [4 * step for step in expected["step"]]
    for axis in ("seconds", "count", "step"):
        change(browser, f"controls.elements.axis.value = '{axis}'")
        returns, loss = drawn_lines(browser, 0)[0], drawn_lines(browser, 1)[0]
        assert loss["x"] == returns["x"] == pytest.approx(expected[axis])
        assert returns["y"] == pytest.approx([0.5 * step for step in expected["step"]])
        assert loss["y"] == pytest.approx([0.5 / step for step in expected["step"]])


def test_smoothing_is_the_exponential_mean_and_log_is_a_log_scale(browser, pages):
    open_page(browser, pages / "one.html")
    raw = drawn_lines(browser)[0]["y"]
    change(browser, "controls.elements.smoothing.value = '0.9'; controls.elements.log.checked = true")
    for index, value in enumerate(drawn_lines(browser)[0]["y"]):
        weights = [0.9 ** (index - past) for past in range(index + 1)]
        slow = math.fsum(w * y for w, y in zip(weights, raw, strict=False)) / math.fsum(weights)
        assert value == pytest.approx(slow)
    scale = "views.get(document.querySelector('.plot')).model.y_scale.type"
    assert browser.execute_script(f"return {scale}") == "LogScale"
    change(browser, "controls.elements.log.checked = false")
    assert browser.execute_script(f"return {scale}") == "LinearScale"


def test_seeds_are_a_band_or_each_and_a_group_can_be_hidden(browser, pages):
    open_page(browser, pages / "many.html")
    assert sorted(line["label"][:14] for line in drawn_lines(browser)) == sorted(
        ["loss.gamma 0.9", "loss.gamma 0.9", f"loss.gamma {EVIL}"[:14]]
    )
    change(browser, "controls.elements.seeds.checked = true")
    assert len(drawn_lines(browser)) == 5
    change(browser, "document.querySelector('.swatch').checked = false")
    assert len(drawn_lines(browser)) in (3, 4)


def test_hovering_reads_a_point(browser, pages):
    from selenium.webdriver.common.action_chains import ActionChains

    open_page(browser, pages / "one.html")
    place = browser.find_element("css selector", ".plot")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", place)
    x, y = browser.execute_script(
        """const view = views.get(arguments[0]).frame; const box = arguments[0].getBoundingClientRect();
        const line = views.get(arguments[0]).model.renderers.find((one) => one.name === "curve").data_source.data;
        return [view.x_scale.compute(line.x[20]) - box.width / 2, view.y_scale.compute(line.y[20]) - box.height / 2]""",
        place,
    )
    ActionChains(browser).move_to_element_with_offset(place, round(x), round(y)).perform()
    told = wait(
        browser,
        """(() => {
          const texts = [];
          const look = (root) => { for (const one of root.querySelectorAll("*")) {
            if (one.shadowRoot) look(one.shadowRoot);
            if (one.classList.contains("bk-tooltip-row-value")) texts.push(one.textContent);
          } };
          look(document);
          return texts.length ? texts : null;
        })()""",
    )
    assert [text.strip() for text in told] == ["dqn-catch", "210", "105"]


@pytest.mark.parametrize("name", ["one.html", "many.html"])
def test_a_phone_scrolls_only_downwards(browser, pages, name):
    open_page(browser, pages / name, 400)
    assert browser.execute_script("return document.documentElement.scrollWidth") == 400


def test_the_dark_is_dark_and_its_text_is_light(browser, pages):
    shades = {}
    for dark in (False, True):
        open_page(browser, pages / "one.html", dark=dark)
        style = "getComputedStyle(document.body)"
        colours = browser.execute_script(f"return [{style}.backgroundColor, {style}.color]")
        shades[dark] = [sum(map(int, colour[4:-1].split(","))) / 765 for colour in colours]
    assert shades[False][0] > 0.9 > 0.3 > shades[False][1]
    assert shades[True][0] < 0.2 < 0.7 < shades[True][1]


def test_it_prints(browser, pages):
    open_page(browser, pages / "many.html", dark=True)
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    assert browser.execute_script("return [...document.querySelectorAll('details')].every((one) => one.open)")

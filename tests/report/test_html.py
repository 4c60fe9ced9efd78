"""The page in a real browser: sliders agree with `advise` to the cent, nothing is fetched, everybody can use it."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from advisor.advice import from_json, to_json
from advisor.advise import advise, consider
from advisor.balance import number
from advisor.report.html import render
from pricing.figure import recompute
from pricing.paths import SWITCH_RATIO
from tests.report.asked import advised, considered, question
from tests.report.browser import CHROMIUM, Browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt-get install chromium)")
CENT = 0.005
PATHS = {
    "volume": "volume.tasks_per_month", "build": "people.build_hours", "wage": "people.usd_per_hour",
    "operate": "people.operate_hours_per_month",
}  # fmt: skip
YEARLY = float(SWITCH_RATIO)
HORIZON = {"everything": "finance.horizon_months"}
GRID = [
    # scenario, slider, positions of a thousand
    ("ticket_routing", "volume", (0, 250, 420, 480, 500, 620, 800, 1000)),
    ("ticket_routing", "horizon", (0, 100, 400, 999)),
    ("ticket_routing", "operate", (0, 600, 1000)),
    ("privacy_gate", "volume", (100, 400, 700, 1000)),
    ("privacy_gate", "horizon", (50, 300, 700)),
    ("everything", "volume", (0, 350, 1000)),
    ("everything", "wage", (300,)),
    ("everything", "horizon", (330,)),
    ("everything", "build", (1000,)),
    ("cost_only_distillation", "volume", (50, 300, 450, 900)),
    ("worked_example", "volume", (100, 500, 700, 900)),
]
STATE = """(() => ({
  title: document.getElementById("title").textContent,
  usd: Object.fromEntries([...document.querySelectorAll("#roads tr")]
    .map(r => [r.dataset.key, +r.cells[3].dataset.usd])),
  crossing: document.getElementById("crossing").dataset.at,
}))()"""
MOVE = """(() => { const bar = document.getElementById("%s-range"); bar.value = %s;
  bar.dispatchEvent(new Event("input", {bubbles: true})); return +document.getElementById("%s-number").value; })()"""
TYPED = """(() => { const box = document.getElementById("%s-number"); box.value = %s;
  box.dispatchEvent(new Event("change", {bubbles: true})); })()"""
RESET = 'document.getElementById("reset").click()'
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def page_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")

    def make(name):
        path = folder / f"{name}.html"
        if not path.exists():
            flat = name == "flat everything"
            advice = advise(on_path("everything", "flat")).advice if flat else advised(name)
            path.write_text(render(advice), encoding="utf-8")
        return path

    return make


@pytest.mark.parametrize(("scenario", "slider", "positions"), GRID)
def test_every_position_agrees_with_advise_to_the_cent(browser, page_of, scenario, slider, positions):
    browser.open(page_of(scenario))
    path = HORIZON.get(scenario, "volume.lifetime_months") if slider == "horizon" else PATHS[slider]
    for position in positions:
        value = browser.run(MOVE % (slider, position, slider))
        told, (title, lifetimes) = browser.run(STATE), considered(scenario, **{path: value})
        assert told["title"] == title, (value, position)
        for key, usd in told["usd"].items():
            assert usd == pytest.approx(lifetimes[key], abs=CENT), (key, value)


@pytest.mark.parametrize(
    ("scenario", "slider", "moved"),
    [
        ("everything", "tokens", "price.api"),
        ("privacy_gate", "cards", "price."),
        ("ticket_routing", "cards", "local_machine"),
    ],
)
def test_a_factor_moves_every_price_of_its_kind(browser, page_of, scenario, slider, moved):
    browser.open(page_of(scenario))
    options = consider(question(scenario)).options
    for position in (0, 300, 1000):
        factor = browser.run(MOVE % (slider, position, slider))
        figures = advised(scenario).figures
        kinds = ("usd_per_million_tokens",) if slider == "tokens" else ("usd_per_gpu_hour", "usd_per_hour")
        changed = {
            name: figure.value * factor for name, figure in figures.items()
            if name.startswith(moved) and figure.unit in kinds and not figure.inputs
        }  # fmt: skip
        assert changed
        told = browser.run(STATE)["usd"]
        for option in options:
            wanted = float(np.reshape(recompute(option.lifetime, changed), -1)[0])
            assert told[option.key] == pytest.approx(wanted, abs=CENT), option.key


def on_path(scenario, path):
    asked = question(scenario)
    finance = asked.scenario.finance.model_copy(update={"price_path": path})
    return replace(asked, scenario=asked.scenario.model_copy(update={"finance": finance}))


@pytest.mark.parametrize("scenario", ["ticket_routing", "everything", "cost_only_distillation"])
def test_the_price_path_is_the_one_that_advise_knows(browser, page_of, scenario):
    browser.open(page_of("flat everything" if scenario == "everything" else scenario))
    start = browser.run(STATE)
    browser.run(TYPED % ("path", YEARLY))
    made = consider(on_path(scenario, "switch_yearly"))
    told = browser.run(STATE)
    assert told["title"] == made.rung.title
    assert told["usd"] == pytest.approx({option.key: number(option.lifetime) for option in made.options}, abs=CENT)
    assert told["usd"]["hosted_today"] < start["usd"]["hosted_today"]
    browser.run(RESET)
    assert browser.run(STATE)["usd"] == start["usd"]


def test_the_month_of_payback_moves_with_the_tasks(browser, page_of):
    browser.open(page_of("ticket_routing"))
    browser.run(DRAWN)
    said = browser.run('document.getElementById("met").textContent')
    months = [float(one) for one in re.findall(r"[0-9]+[.][0-9]", said)]
    (tuned,) = [option for option in advised("ticket_routing").options if option.trains]
    assert months[0] == pytest.approx(tuned.payback_months, abs=0.05)
    assert months[1] < months[0] < months[2]


def test_two_sliders_at_once_and_back(browser, page_of):
    browser.open(page_of("ticket_routing"))
    start = browser.run(STATE)
    volume = browser.run(MOVE % ("volume", 700, "volume"))
    wage = browser.run(MOVE % ("wage", 900, "wage"))
    title, lifetimes = considered("ticket_routing", **{PATHS["volume"]: volume, PATHS["wage"]: wage})
    told = browser.run(STATE)
    assert told["title"] == title
    assert told["usd"] == pytest.approx(lifetimes, abs=CENT)
    link = browser.run("location.hash")
    assert f"volume={volume:g}" in link or f"volume={volume:.0f}" in link
    browser.run(RESET)
    assert browser.run(STATE)["usd"] == start["usd"]


def test_the_crossing_is_the_advices_and_moves_with_a_slider(browser, page_of):
    browser.open(page_of("ticket_routing"))
    browser.run(DRAWN)
    (advice,) = advised("ticket_routing").crossovers
    first = float(browser.run(STATE)["crossing"])
    assert first == pytest.approx(advice.cheaper_between[0][0], rel=1e-9)
    browser.run(MOVE % ("wage", 900, "wage"))
    browser.run(DRAWN)
    assert float(browser.run(STATE)["crossing"]) > 2 * first


def test_every_input_is_live(browser, page_of):
    browser.open(page_of("ticket_routing"))
    browser.run('document.getElementById("every").open = true; new Promise(done => setTimeout(done, 100))')
    browser.run("""(() => { const box = document.querySelector('input[aria-label="serving.floor_replicas"]');
      box.value = 40; box.dispatchEvent(new Event("change")); })()""")
    title, lifetimes = considered("ticket_routing", **{"serving.floor_replicas": 40})
    told = browser.run(STATE)
    assert told["title"] == title
    assert told["usd"] == pytest.approx(lifetimes, abs=CENT)


@pytest.mark.parametrize("scenario", ["everything", "evidence_unknown", "privacy_gate"])
def test_the_page_is_silent_complete_and_fetches_nothing(browser, page_of, scenario):
    browser.open(page_of(scenario))
    browser.run(DRAWN)
    told = list(browser.heard)
    spoken = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    assert [event for event in told if event["method"] in spoken] == []
    asked = [event["params"]["request"]["url"] for event in told if event["method"] == "Network.requestWillBeSent"]
    assert asked == [page_of(scenario).as_uri()]
    curves = browser.run('document.querySelectorAll("#curves path.curve").length')
    model = advised(scenario).model
    assert curves == (len(advised(scenario).options) if model is None else len({*model.equal, *model.trained}))


def test_nothing_can_be_fetched_even_if_asked_to(browser, page_of):
    browser.open(page_of("ticket_routing"))
    refused = browser.run('fetch("http://127.0.0.1:9/").then(() => "answered", () => "refused")')
    assert refused == "refused"
    assert any("Content Security Policy" in json.dumps(event) for event in browser.heard)


def test_text_of_a_scenario_starts_no_markup(browser, tmp_path):
    hostile = '</script><script>document.title="taken"</script><img src=x onerror=alert(1)>'
    text = json.loads(to_json(advised("ticket_routing")))
    text["scenario"]["name"] = hostile
    text["warnings"] = [hostile]
    text["options"][0]["title"] = hostile
    path = tmp_path / "hostile.html"
    path.write_text(render(from_json(json.dumps(text))), encoding="utf-8")
    browser.open(path)
    assert browser.run("document.title").startswith(hostile)
    assert browser.run('document.querySelectorAll("img").length') == 0


def test_everybody_can_use_it(browser, page_of):
    browser.open(page_of("everything"))
    nameless = """[...document.querySelectorAll("input,button,svg[role],[role=region]")].filter(e =>
      !(e.labels && e.labels.length) && !e.getAttribute("aria-label") && !e.textContent.trim()).map(e => e.outerHTML)"""
    assert browser.run(nameless) == []
    assert browser.run('document.getElementById("title").closest("[aria-live]").getAttribute("aria-live")') == "polite"
    browser.run('document.getElementById("build-range").focus()')
    before = browser.run(STATE)["usd"]["tuned_owned"]
    for kind in ("keyDown", "keyUp"):
        browser.ask("Input.dispatchKeyEvent", type=kind, key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39)
    assert browser.run(STATE)["usd"]["tuned_owned"] > before


CONTRAST = """(() => { const style = getComputedStyle(document.documentElement);
  const light = name => { const hex = style.getPropertyValue("--" + name).trim().slice(1);
    const full = hex.length === 3 ? [...hex].map(c => c + c).join("") : hex;
    const [r, g, b] = [0, 2, 4].map(i => parseInt(full.slice(i, i + 2), 16) / 255)
      .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  return ["ink", "soft", "mark"].flatMap(a => ["page", "card"].map(b => ratio(a, b))); })()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_by_day_and_by_night(browser, page_of, scheme):
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(page_of("ticket_routing"))
    assert min(browser.run(CONTRAST)) >= 4.5  # WCAG 2.2, AA, for text of any size
    lit = browser.run('getComputedStyle(document.body).backgroundColor === "rgb(255, 255, 255)"')
    assert lit == (scheme == "light")
    browser.ask("Emulation.setEmulatedMedia", features=[])


def test_a_phone_scrolls_down_only(browser, page_of):
    browser.ask("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    browser.open(page_of("everything"))
    assert browser.run("document.documentElement.scrollWidth") <= 360
    browser.ask("Emulation.clearDeviceMetricsOverride")


def test_it_prints_whole(browser, page_of):
    browser.open(page_of("ticket_routing"))
    assert len(browser.ask("Page.printToPDF", printBackground=True)["data"]) > 50_000
    assert browser.run('document.querySelectorAll("details.print:not([open])").length') == 0

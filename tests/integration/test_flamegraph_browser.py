# SPDX-License-Identifier: Apache-2.0
"""The flame graph in a real Chromium, from a file: clicked, searched, reset; hostile names stay text."""
import os
import re

import pytest

from lib import browser as chromium
from lib import profiles
from lib.profiles import MS, Profile

# In the page: frames in view as [label, x, y, width, class], widths in percent.
SHOWN = """
return [...document.querySelectorAll("svg.f")].filter((node) => getComputedStyle(node).display !== "none").map((node) => [
  node.querySelector("title").textContent.replace(/\\n[^\\n]*$/, ""),
  parseFloat(node.getAttribute("x")), parseFloat(node.getAttribute("y")), parseFloat(node.getAttribute("width")),
  node.getAttribute("class")]);
"""
FIND = """
return [...document.querySelectorAll("svg.f")].find((node) => node.querySelector("title").textContent.startsWith(arguments[0]));
"""
TEXT = "return document.getElementById(arguments[0]).textContent;"


@pytest.fixture(scope="module")
def browser():
    if not chromium.found():
        if os.environ.get("STROBE_REQUIRE_ALL") == "1":
            pytest.fail("chromium and chromedriver are not installed")
        pytest.skip("chromium and chromedriver are not installed")
    with chromium.Browser() as started:
        yield started


@pytest.fixture(scope="module")
def demo():
    return profiles.build_demo()


@pytest.fixture
def show(browser, demo, tmp_path):
    """Opens a profile's flame graph; at the end nothing may have gone wrong in the page."""
    def opened(profile, fragment="", name="profile.svg"):
        path = tmp_path / name
        path.write_bytes(profile.write(demo, "flamegraph"))
        browser.open("file://%s%s" % (path, fragment))
        return browser

    yield opened
    assert browser.alert() is None
    assert browser.log() == []


def small():
    profile = Profile(title="python small.py")
    main, f, g, h = [(name, "/x/small.py", line, line) for line, name in enumerate(["<module>", "parse", "render", "escape"], 1)]
    thread = profile.thread("MainThread")
    profile.add(thread, 500 * MS, main, f)
    profile.add(thread, 300 * MS, main, g, h)
    profile.add(thread, 150 * MS, main, g)
    profile.add(thread, 50 * MS, main, f, h)
    return profile


def widths(browser):
    return {label: round(width, 3) for label, _, _, width, _ in browser.run(SHOWN)}


WHOLE = {"all": 100, "<module> (/x/small.py:1)": 100, "parse (/x/small.py:2)": 55, "render (/x/small.py:3)": 45,
         "escape (/x/small.py:4)": 30}


def test_the_script_changes_nothing_of_the_picture(show, demo):
    written = [(float(x), float(y), float(width)) for x, y, width in
               re.findall(r'<svg class="f" [^>]*x="([^"]*)%" y="([^"]*)" width="([^"]*)%"', small().write(demo, "flamegraph").decode())]
    shown = show(small()).run(SHOWN)
    assert len(shown) == len(written) == 6
    for frame, before in zip(shown, written):
        assert frame[1:4] == pytest.approx(before)


def test_zoom_by_click_and_back(show):
    browser = show(small())
    browser.click(browser.run(FIND, "render "))
    assert widths(browser) == {"all": 100, "<module> (/x/small.py:1)": 100, "render (/x/small.py:3)": 100, "escape (/x/small.py:4)": 66.667}
    assert [round(x, 3) for _, x, _, _, _ in browser.run(SHOWN)] == [0, 0, 0, 0]
    assert browser.run("return location.hash").startswith("#z=")
    assert browser.run("return document.querySelectorAll('.above:not(.hidden)').length") == 2
    browser.click(browser.run(FIND, "<module> "))  # a caller, to zoom out again
    assert widths(browser)["parse (/x/small.py:2)"] == 55
    browser.click(browser.run(FIND, "parse "))
    assert [round(x, 3) for _, x, _, _, _ in browser.run(SHOWN)] == [0, 0, 0, 0]
    browser.click(browser.element("#reset"))
    assert [frame[3] for frame in browser.run(SHOWN)] == pytest.approx([100, 100, 55, 5, 45, 30])
    assert browser.run("return location.hash") == ""


def test_hover_tells_the_figures(show):
    browser = show(small())
    browser.hover(browser.run(FIND, "render "))
    assert browser.run(TEXT, "detail") == "45.00 %, 0.450 s, 45 samples  \u2014  render (/x/small.py:3)"
    assert browser.run(TEXT, "title") == "python small.py" == browser.run("return document.title")
    assert browser.run(TEXT, "about").startswith("1.0 s recorded, 100 samples of 1 thread, 100 per second, 2023-11-14 ")


def hits(browser):
    return sorted(label for label, _, _, _, kind in browser.run(SHOWN) if "hit" in kind.split())


@pytest.mark.parametrize("text, expected, share", [
    ("escape", ["escape (/x/small.py:4)"] * 2, "35.00"),
    ("ESCAPE (/x", ["escape (/x/small.py:4)"] * 2, "35.00"),  # plain text, though no regular expression
    ("^(parse|render)", ["parse (/x/small.py:2)", "render (/x/small.py:3)"], "100.00"),
    ("render|escape", ["escape (/x/small.py:4)"] * 2 + ["render (/x/small.py:3)"], "50.00"),  # nested: counted once
    ("nothing like it", [], None),
    ("<module>", ["<module> (/x/small.py:1)"], "100.00"),
])
def test_search(show, text, expected, share):
    browser = show(small())
    browser.keys("Control+f", text)
    assert hits(browser) == expected
    found = browser.run(TEXT, "found")
    plural = "s" if len(expected) > 1 else ""
    assert found == ("Matched: %s %% of the time, %d frame%s" % (share, len(expected), plural) if share else "No match")
    browser.keys("Escape")
    assert hits(browser) == [] and browser.run(TEXT, "found") == "" and browser.run("return document.getElementById('search').value") == ""


def test_keyboard_walks_and_zooms(show):
    browser = show(small())
    picked = "return document.querySelector('.pick title').textContent.split(' ')[0]"
    seen = []
    for key in ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowDown", "ArrowUp"]:
        browser.keys(key)
        seen.append(browser.run(picked).split("\n")[0])
    assert seen == ["all", "<module>", "parse", "render", "escape", "render"]
    browser.keys("Enter")
    assert widths(browser)["render (/x/small.py:3)"] == 100
    browser.keys("Escape")
    assert widths(browser) == WHOLE | {"escape (/x/small.py:4)": 30}


def test_address_restores_zoom_and_search(show):
    browser = show(small(), "#z=4&s=escape")
    assert widths(browser)["render (/x/small.py:3)"] == 100 and hits(browser) == ["escape (/x/small.py:4)"]
    for nonsense in ["#z=999999", "#z=-1", "#z=1.5", "#z=x&s=", "#%", "#s=%3Cscript%3Ealert(1)%3C/script%3E&z=constructor"]:
        assert len(show(small(), nonsense).run(SHOWN)) == 6


def test_labels_fit_their_frames(show):
    browser = show(profiles.service(3))
    wide = browser.run("""
        return [...document.querySelectorAll("svg.f")].filter((node) => node.querySelector("text").textContent).map((node) =>
          [node.querySelector("text").getComputedTextLength() + 4, node.querySelector("rect").getBoundingClientRect().width]);
    """)
    assert len(wide) > 30 and all(text <= frame for text, frame in wide)
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_title_bar_stays_in_view(show):
    profile = Profile()
    profile.add(profile.thread("t"), 10 * MS, *[("f%d" % i, "t.py", i, 1) for i in range(1, 200)])
    browser = show(profile)
    browser.run("""
        return new Promise((done) => {
          addEventListener("scroll", () => requestAnimationFrame(done), {once: true});
          scrollTo(0, 900);
        });
    """)
    assert browser.run("return [scrollY, Math.round(document.getElementById('bar-back').getBoundingClientRect().top)]") == [900, 0]


def test_deep_stacks_unfold_on_zoom(show):
    profile = Profile()
    profile.add(profile.thread("t"), 10 * MS, *[("f%d" % i, "t.py", i, 1) for i in range(1, 4096)])
    browser = show(profile)
    height = browser.run("return document.documentElement.getBoundingClientRect().height")
    assert height < 15000
    browser.run(FIND.replace("return", "const node =") + "node.dispatchEvent(new MouseEvent('click', {bubbles: true}))", "f3900 ")
    shown = browser.run(SHOWN)
    assert shown[0][0] == "all" and shown[-1][0] == "f4095 (t.py:4095)" and shown[-1][2] - shown[-2][2] == 17
    assert browser.run("return document.documentElement.getBoundingClientRect().height") < 4000


def test_hostile_names_stay_text(show):
    browser = show(profiles.hostile())
    assert browser.alert() is None
    elements = browser.run("""
        const counts = {};
        for (const element of document.querySelectorAll("*")) counts[element.localName] = (counts[element.localName] || 0) + 1;
        return counts;
    """)
    assert elements.pop("script") == 1
    assert set(elements) == {"svg", "title", "style", "rect", "g", "text", "foreignObject", "div", "input", "button"}
    assert browser.run("""
        return [...document.querySelectorAll("*")].flatMap((e) => [...e.attributes]).filter((a) => /^on|href/i.test(a.name)).length;
    """) == 0
    labels = [frame[0] for frame in browser.run(SHOWN)]
    for name in ["<script>alert(1)</script>", "]]></script>", "a\"b'c&d<e>f", "&lt;already&gt;", "\U0001f600 emoji",
                 "line\\x0abreak\\x0d\\x0a\\x09tab",
                 "\\x00\\x01\\x08\\x0b\\x1b[31m\\x7f\\x85", "u2028\\u2028u2029\\u2029", "\\ufffe\\uffff", "\\u202eevil\\u202c", "__proto__",
                 "</title><rect onload=\"alert(5)\"/>"]:
        assert any(re.fullmatch(re.escape(name) + r" \(app\.py:\d+\)", label) for label in labels), name
    for start in ["<script>alert(1)", "]]></script>", "xxxxxxxxxx", "'\"><img"]:  # clicked, hovered, searched
        frame = browser.run(FIND, start)
        browser.hover(frame)
        assert start in browser.run(TEXT, "detail")
        browser.click(frame)
        assert browser.alert() is None
        browser.click(browser.element("#reset"))
        browser.keys("Control+f", start)
        assert hits(browser) and all(start.lower() in label.lower() for label in hits(browser))
        browser.keys("Escape")
    assert browser.run(TEXT, "title") == "python -c '<script>alert(0)</script>' \\x1b[0m"


def test_no_samples(show):
    browser = show(Profile())
    assert [frame[0] for frame in browser.run(SHOWN)] == ["all"]
    assert "No samples" in browser.run("return document.getElementById('bar').textContent")

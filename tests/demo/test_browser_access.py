# SPDX-License-Identifier: Apache-2.0
"""The page on a phone, in the dark, by keyboard, and for those who hear it."""

import pytest

from emoclip.demo import wording
from tests.demo.browsing import CELLS, choose, clip_named, picture, upload


pytestmark = pytest.mark.slow


# Contrast of every visible text with what lies behind it, by WCAG 2; the texts that are below what is asked.
POOR = """() => {
  const channels = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => { const part = [r, g, b].map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2]; };
  const behind = (element) => { for (let one = element; one; one = one.parentElement) {
      const style = getComputedStyle(one), found = channels(style.backgroundColor);
      if (style.backgroundImage !== 'none') return null;
      if (found.length < 4 || found[3] > 0.95) return found; }
    return [255, 255, 255]; };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, text = node.textContent.trim();
    if (!text || ['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(element.tagName)) continue;
    if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true}) || element.closest('[disabled]')) continue;
    const box = element.getBoundingClientRect();
    if (box.width < 3 || box.height < 3) continue;
    const style = getComputedStyle(element), back = behind(element), fore = channels(style.color);
    if (!back || !style.color.startsWith('rgb')) continue;
    const [a, b] = [light(fore), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05), large = parseFloat(style.fontSize) >= 18.66;
    if (ratio < (large ? 3 : 4.5)) poor.add(`${ratio.toFixed(1)} ${element.tagName}.${element.className} ${style.color} on ${back}: ${text.slice(0, 40)}`);
  }
  return [...poor];
}"""


def tab_to(page, selector, most=150):
    """Press Tab until something of the selector has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.closest(wanted) !== null", selector):
            return
    raise AssertionError(f"{selector} is not reached by {most} presses of Tab")


def test_it_works_on_a_phone_and_in_the_dark(visit):
    """Nothing is cut off at the side, and every text stands out."""
    page = visit(viewport={"width": 390, "height": 800}, color_scheme="dark", has_touch=True)
    choose(page, clip_named("one_person"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(CELLS).first.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.wait_for_selector("#emo-csv:not([disabled])")
    assert page.evaluate(POOR) == []
    picture(page, "phone")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out(visit, scheme):
    """By the ratios that WCAG asks for, in every tab, before and after an analysis."""
    page = visit(consent=False, color_scheme=scheme)
    assert page.evaluate(POOR) == []
    page.check("#emo-consent input")
    page.wait_for_selector("#emo-analyse", state="visible")
    choose(page, clip_named("one_person"))
    page.wait_for_selector("#emo-csv:not([disabled])")
    assert page.evaluate(POOR) == []
    picture(page, scheme)
    for tab in (wording.TAB_COMPARE, wording.TAB_SEARCH, wording.TAB_ABOUT):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
        assert page.evaluate(POOR) == []


def test_it_works_by_keyboard_alone(visit):
    """From the top of the page to the result and along the timeline, by nothing but Tab, Space, Enter and arrows."""
    page = visit(consent=False)
    tab_to(page, "#emo-consent input")
    page.keyboard.press("Space")
    page.wait_for_selector("#emo-analyse", state="visible")
    tab_to(page, "#emo-tabs .gallery-item, #emo-tabs .gallery button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#emo-player video")
    tab_to(page, "#emo-analyse")
    page.keyboard.press("Enter")
    page.wait_for_selector(CELLS)
    page.wait_for_selector("#emo-result video")
    tab_to(page, "#emo-timeline .emo-cells button")
    page.keyboard.press("ArrowRight")
    focused = "document.activeElement.getAttribute('data-seek')"
    wanted = float(page.locator(CELLS).nth(1).get_attribute("data-seek"))
    assert float(page.evaluate(focused)) == wanted
    page.keyboard.press("Enter")
    page.wait_for_function(f"Math.abs(document.querySelector('#emo-result video').currentTime - {wanted}) < 0.05")
    assert "seconds" in page.inner_text("#emo-timeline [role=status]")


def test_pictures_have_descriptions(visit):
    """For those who hear the page."""
    page = visit()
    choose(page, clip_named("one_person"))
    page.wait_for_selector("#emo-frames img")
    assert page.evaluate("[...document.querySelectorAll('#emo-frames img')].every((one) => one.alt.length > 0)")
    assert page.evaluate(
        "[...document.querySelectorAll('#emo-timeline button')].every((one) => one.ariaLabel.length > 0)"
    )


# Visible buttons and videos without a name.
NAMELESS = """() => [...document.querySelectorAll('button, [role=button], video')]
  .filter((one) => one.checkVisibility({opacityProperty: true, visibilityProperty: true}))
  .filter((one) => !`${one.ariaLabel || ''}${one.title}${one.tagName === 'VIDEO' ? '' : one.innerText}`.trim())
  .map((one) => one.outerHTML.slice(0, 200))"""


def test_buttons_and_videos_have_names(visit):
    """An example that is called "button", or a player that is called nothing, cannot be chosen by ear."""
    page = visit()
    page.wait_for_selector("#emo-tabs button[aria-label='Rendered example: two persons']")
    choose(page, clip_named("one_person"))
    page.wait_for_selector(f"#emo-result video[aria-label='{wording.ANNOTATED}']")
    page.wait_for_selector(f"#emo-player video[aria-label='{wording.VIDEO}']")
    assert page.evaluate(NAMELESS) == []
    for tab in (wording.TAB_COMPARE, wording.TAB_SEARCH):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_selector("button[aria-label='Rendered example: two persons']:visible")
        assert page.evaluate(NAMELESS) == []


def test_a_comparison_fits_a_phone(visit):
    """One below the other, words whole, nothing cut off."""
    page = visit(viewport={"width": 390, "height": 800}, has_touch=True)
    page.get_by_role("tab", name=wording.TAB_COMPARE).click()
    page.fill("#emo-compare-words textarea", "quiet relief after a long and difficult day\nawe")
    upload(page, clip_named("one_person"), "#emo-compare-player")
    page.click("#emo-compare")
    page.wait_for_selector("#emo-compare-b .emo-line")
    first, second = (page.locator(f"#emo-compare-{side}").bounding_box() for side in "ab")
    assert second["y"] >= first["y"] + first["height"]
    assert second["x"] == first["x"]
    assert first["width"] > 300
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    cut = "[...document.querySelectorAll('#emo-compare-a .emo-word')].filter((one) => one.scrollWidth > one.clientWidth + 1).length"
    assert page.evaluate(cut) == 0
    picture(page, "phone_compare")

# SPDX-License-Identifier: Apache-2.0
from html.parser import HTMLParser

import pytest

from emoclip.evaluation.document import Code, Folded, Heading, Items, Picture, Table, Text
from emoclip.evaluation.html_page import render_html


BLOCKS = [
    Heading("A <title>", 1),
    Text("**UAR 5 %** of `a_system` & others"),
    Heading("Results"),
    Table(["system", "UAR"], [["a | b", "62.1 [57.9, 66.0]"]]),
    Picture("p.png", 'What "it" shows'),
    Items(["one", "two"]),
    Folded("more", [Code("x < y: *no* **marks**")]),
]


@pytest.fixture
def page(tmp_path):
    """The page of these blocks, with a picture of one byte."""
    (tmp_path / "p.png").write_bytes(b"\x89")
    return render_html(BLOCKS, tmp_path)


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that what is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_well_formed_and_needs_nothing_else(page):
    """A page that asks another host for something tells that host who reads it, and is broken offline."""
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not [tag for tag, _ in tags.seen if tag in ("script", "link", "iframe")]
    sources = [attrs["src"] for _, attrs in tags.seen if "src" in attrs]
    assert sources == ["data:image/png;base64,iQ=="]
    assert "http" not in page


def test_texts_are_escaped(page):
    """Captions are written by strangers."""
    assert "<title>A &lt;title&gt;</title>" in page
    assert "<strong>UAR 5 %</strong> of <code>a_system</code> &amp; others" in page
    assert "x &lt; y: *no* **marks**" in page
    assert 'alt="What &quot;it&quot; shows"' in page


def test_contents_lead_to_the_chapters(page):
    """A long report is read by jumping."""
    assert '<a href="#results">Results</a>' in page
    assert '<h2 id="results">' in page


def test_intervals_stay_on_one_line(page):
    """A number torn over three lines cannot be compared with the next."""
    assert "62.1&nbsp;[57.9,&nbsp;66.0]" in page


def test_missing_picture_is_an_error(tmp_path):
    """A report without its picture would go unnoticed."""
    with pytest.raises(FileNotFoundError):
        render_html([Picture("none.png", "c")], tmp_path)

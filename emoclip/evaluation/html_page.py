# SPDX-License-Identifier: Apache-2.0
"""A report's document as one HTML page: pictures inside the file, no scripts, no requests to anywhere."""

import base64
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from emoclip.evaluation.document import Block, Code, Folded, Heading, Items, Picture, Table, Text


_STYLE = """
:root { color-scheme: light dark; --line: #d0d7de; --soft: #f6f8fa; --ink: #1f2328; --page: #ffffff; --mark: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3d444d; --soft: #1c2128; --ink: #e6edf3; --page: #0d1117; --mark: #79b8ff; }
}
body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0; }
main { max-width: 86rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; } h2 { margin-top: 2.4rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
h3 { margin-top: 1.6rem; }
nav { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .6rem 1rem; }
nav a { margin-right: 1.1rem; white-space: nowrap; }
a { color: var(--mark); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
thead th { background: var(--soft); position: sticky; top: 0; }
tbody tr:nth-child(even) { background: var(--soft); }
code, pre { background: var(--soft); border-radius: 4px; font-size: .92em; }
code { padding: .1em .3em; overflow-wrap: anywhere; } pre { padding: .8rem; overflow-x: auto; }
figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; background: #fff; border-radius: 6px; }
figcaption { opacity: .8; font-size: .92em; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem 1rem; margin: .8rem 0; }
summary { cursor: pointer; font-weight: 600; }
"""


def render_html(blocks: Sequence[Block], folder: str | Path) -> str:
    """The document as the text of an HTML page.

    Args:
        blocks: The document; its level 1 heading becomes the page's title.
        folder: Where the pictures lie.

    Raises:
        FileNotFoundError: If a picture is not there.
    """
    titles = [block.text for block in blocks if isinstance(block, Heading) and block.level == 1] or ["Report"]
    chapters = [block.text for block in blocks if isinstance(block, Heading) and block.level == 2]
    links = "".join(f'<a href="#{_anchor(text)}">{_inline(text)}</a> ' for text in chapters)
    body = [_render(block, Path(folder)) for block in blocks]
    # After the title and the first paragraph, which say the result.
    body.insert(min(2, len(body)), f'<nav aria-label="Contents">{links}</nav>' if links else "")
    content = "\n".join(body)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(titles[0])}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{content}\n</main>\n"
        "</body>\n</html>\n"
    )


def _render(block: Block, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f'<h{level} id="{_anchor(text)}">{_inline(text)}</h{level}>'
        case Text(text):
            return f"<p>{_inline(text)}</p>"
        case Items(items):
            return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>"
        case Table(header, rows):
            return _table(header, rows)
        case Picture(file, caption):
            data = base64.b64encode((folder / file).read_bytes()).decode("ascii")
            return (
                f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
                f"<figcaption>{_inline(caption)}</figcaption></figure>"
            )
        case Code(text, _):
            return f"<pre>{escape(text)}</pre>"
        case Folded(summary, blocks):
            inner = "\n".join(_render(part, folder) for part in blocks)
            return f"<details><summary>{_inline(summary)}</summary>\n{inner}\n</details>"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{_unbroken(_inline(cell))}</td>" for cell in row) + "</tr>\n" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>'


def _unbroken(html: str) -> str:
    """The cell with its intervals kept on one line."""
    return re.sub(r"[-+.\d]+ \[[-+.\d]+, [-+.\d]+\]", lambda match: match.group().replace(" ", "&nbsp;"), html)


def _inline(text: str) -> str:
    """Escaped text with the two marks that the documents use; code is left as it stands."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(_marked(part) for part in parts)


def _marked(part: str) -> str:
    if part.startswith("`") and part.endswith("`") and len(part) > 2:
        return f"<code>{escape(part[1:-1])}</code>"
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(part))


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


__all__ = ["render_html"]

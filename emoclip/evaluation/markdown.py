# SPDX-License-Identifier: Apache-2.0
"""A report's document as Markdown."""

from collections.abc import Iterable, Sequence

from emoclip.evaluation.document import Block, Code, Folded, Heading, Items, Picture, Table, Text


def render_markdown(blocks: Sequence[Block]) -> str:
    """The document as Markdown text, GitHub's dialect."""
    return "\n\n".join(_render(block) for block in blocks) + "\n"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is left-aligned, the others right-aligned."""
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _render(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Text(text):
            return text
        case Items(items):
            return "\n".join(f"- {item}" for item in items)
        case Table(header, rows):
            return markdown_table(header, rows)
        case Picture(file, caption):
            return f"![{caption}]({file})\n\n*{caption}*"
        case Code(text, language):
            return f"```{language}\n{text.rstrip()}\n```"
        case Folded(summary, blocks):
            inner = "\n\n".join(_render(part) for part in blocks)
            return f"<details>\n<summary>{summary}</summary>\n\n{inner}\n\n</details>"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


__all__ = ["markdown_table", "render_markdown"]

# SPDX-License-Identifier: Apache-2.0
"""The best word over time as tiers of ELAN (.eaf, format 3.0): one tier per person, values in the annotations."""

from __future__ import annotations

import datetime
import mimetypes
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from .segments import Segment


XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
# Characters that XML 1.0 cannot hold, whatever the escape.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def eaf(segments: Sequence[Segment], video: str | Path, *, with_match: bool = True) -> str:
    """Return an ELAN document.

    Args:
        segments: Of one video.
        video: Path of the video, which ELAN opens beside the tiers.
        with_match: Write the relative match behind each word.
    """
    ET.register_namespace("xsi", XSI)
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    document = ET.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "emoclip",
            "DATE": now.isoformat(),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            f"{{{XSI}}}noNamespaceSchemaLocation": SCHEMA,
        },
    )
    header = ET.SubElement(document, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    path = Path(clean(str(video)))
    kind = mimetypes.guess_type(path.name)[0] or "video/*"
    ET.SubElement(
        header,
        "MEDIA_DESCRIPTOR",
        {"MEDIA_URL": path.resolve().as_uri(), "MIME_TYPE": kind, "RELATIVE_MEDIA_URL": f"./{path.name}"},
    )
    shown = [one for one in segments if one.word]
    slots = ET.SubElement(document, "TIME_ORDER")
    places = _slots(slots, shown)
    for person in dict.fromkeys(one.person for one in shown):
        name = f"person {person}" if person else "whole frame"
        tier = ET.SubElement(document, "TIER", {"LINGUISTIC_TYPE_REF": "expression", "TIER_ID": name})
        for one in shown:
            if one.person == person:
                _annotate(tier, one, places, with_match=with_match)
    ET.SubElement(
        document,
        "LINGUISTIC_TYPE",
        {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": "expression", "TIME_ALIGNABLE": "true"},
    )
    ET.indent(document)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(document, encoding="unicode")}\n'


def clean(text: str) -> str:
    """Return `text` with what XML cannot hold replaced."""
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _slots(parent: ET.Element, shown: Sequence[Segment]) -> dict[int, str]:
    """Write the time slots in order of time; millisecond -> slot."""
    times = sorted({_milliseconds(time) for one in shown for time in (one.start, one.end)})
    places = {time: f"ts{number}" for number, time in enumerate(times, start=1)}
    for time, slot in places.items():
        ET.SubElement(parent, "TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(time)})
    return places


def _annotate(tier: ET.Element, one: Segment, places: dict[int, str], *, with_match: bool) -> None:
    number = f"a{one.person}_{len(tier) + 1}"
    start, end = places[_milliseconds(one.start)], places[_milliseconds(one.end)]
    slots = {"ANNOTATION_ID": number, "TIME_SLOT_REF1": start, "TIME_SLOT_REF2": end}
    annotation = ET.SubElement(ET.SubElement(tier, "ANNOTATION"), "ALIGNABLE_ANNOTATION", slots)
    value = f"{one.word} {one.match:.0%}" if with_match else one.word
    ET.SubElement(annotation, "ANNOTATION_VALUE").text = clean(f"{value} ({one.mark})" if one.mark else value)


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


__all__ = ["clean", "eaf"]

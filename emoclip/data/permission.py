# SPDX-License-Identifier: Apache-2.0
"""What of a manifest may be published, decided by the data set it says it comes from.

Manifests made from others, such as those of cropped faces, keep the name of the data set and with it the rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .readers import READERS
from .readers.reader import Publication


# A licence as the Hub spells it: https://huggingface.co/docs/hub/repositories-licenses
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


@dataclass(frozen=True)
class Origin:
    """A data set, as far as its publication is concerned.

    Args:
        title: Full name.
        licence: Terms in short.
        access: How the originals are asked for.
        publication: What may be published.
    """

    title: str
    licence: str
    access: str
    publication: Publication


_RENDERED = Origin(
    title="Rendered faces",
    licence="CC0 1.0",
    access="Nobody need be asked: `python data_scripts/render_synthetic_faces.py` renders them.",
    publication=Publication("media", "rendered by this software, dedicated to the public domain", "cc0-1.0"),
)
_RENDERED_NAMES = ("synthetic-faces", "synthetic-faces-stills")


def origin_of(dataset: str) -> Origin:
    """Return the data set that a manifest names, `<reader>/<task>`.

    Raises:
        ValueError: It is not known, so that neither is its licence.
    """
    if dataset in _RENDERED_NAMES:
        return _RENDERED
    reader = READERS.get(dataset.partition("/")[0])
    if reader is None:
        raise ValueError(
            f"The manifest's `dataset` must be one of {', '.join((*READERS, *_RENDERED_NAMES))}, got {dataset!r}, of which "
            "no licence is known; prepare clips of your own with `emoclip data prepare --dataset folder`."
        )
    access = reader.access if reader.source in reader.access else f"{reader.access} ({reader.source})"
    return Origin(reader.title, reader.licence, access, reader.publication)


def permit(dataset: str, *, own_media: bool = False, licence: str | None = None) -> Origin:
    """Return the data set, its licence settled, if something of it may be published.

    Args:
        dataset: As the manifest's metadata has it.
        own_media: The user says: the clips are mine, or I have the right to publish them.
        licence: Under which the user publishes clips of their own.

    Raises:
        PermissionError: Nothing of it may be published, or the user has not said that the clips are theirs.
        ValueError: The data set is not known, or the licence is missing, malformed or not the user's to choose.
    """
    origin = origin_of(dataset)
    publication = origin.publication
    if publication.what == "nothing":
        raise PermissionError(
            f"Only data sets whose licence clearly allows it are published, {origin.title} ({dataset}) has {origin.licence!r}: "
            "neither its media nor its annotations may go. Publish the command that prepares it from everybody's own copy, or "
            "write its card alone with --card-only DIR."
        )
    if not publication.own:
        if licence is not None:
            raise ValueError(
                f"`--licence` is for clips of your own, got {licence!r} for {origin.title}, whose licence is "
                f"{publication.licence}; leave it out."
            )
        return origin
    if not own_media:
        raise PermissionError(
            f"Clips of your own ({dataset}) go only on your word; pass --own-media if they are yours, or you have the right to "
            "publish them, and everybody who is seen agreed."
        )
    if licence is None or not _LICENCE.fullmatch(licence):
        raise ValueError(
            "`--licence` must say under which terms you publish your clips, as the Hub spells it (cc-by-4.0, other, ...), "
            f"got {licence!r}."
        )
    return replace(origin, publication=replace(publication, licence=licence))


__all__ = ["Origin", "origin_of", "permit"]

# SPDX-License-Identifier: Apache-2.0
"""What may be published: only what a licence clearly allows."""

import pytest

from emoclip.data.permission import origin_of, permit
from emoclip.data.readers import READERS


# Looked up in the licences, not in the code.
MEDIA = {"ravdess": "cc-by-nc-sa-4.0", "crema_d": "odbl"}
ANNOTATIONS = {"ferplus": "mit", "meld": "gpl-3.0"}


@pytest.mark.parametrize("name", sorted(set(READERS) - set(MEDIA) - set(ANNOTATIONS) - {"folder"}))
def test_everything_else_is_refused_even_on_the_users_word(name: str) -> None:
    """A new reader that is open by oversight gives away what somebody signed not to."""
    with pytest.raises(PermissionError, match="neither its media nor its annotations may go"):
        permit(f"{name}/single", own_media=True, licence="cc-by-4.0")


@pytest.mark.parametrize(("names", "what"), [(MEDIA, "media"), (ANNOTATIONS, "annotations")])
def test_licences_are_spelled_as_the_hub_spells_them(names: dict[str, str], what: str) -> None:
    """An unknown licence id is refused by the Hub after everything was uploaded."""
    found = {name: permit(f"{name}/x").publication for name in names}
    assert {name: (publication.what, publication.licence) for name, publication in found.items()} == {
        name: (what, licence) for name, licence in names.items()
    }


@pytest.mark.parametrize("dataset", ["synthetic-faces", "synthetic-faces-stills"])
def test_rendered_faces_are_free(dataset: str) -> None:
    """Nobody is seen in them."""
    assert permit(dataset).publication.licence == "cc0-1.0"


@pytest.mark.parametrize(("own_media", "licence"), [(False, "cc-by-4.0"), (True, None), (True, "CC BY"), (True, "")])
def test_own_clips_need_the_word_and_the_terms(own_media: bool, licence: str | None) -> None:
    """`folder` is also how somebody else's clips come in."""
    with pytest.raises((PermissionError, ValueError), match=r"--own-media|`--licence` must say"):
        permit("folder/classes", own_media=own_media, licence=licence)


def test_own_clips_go_under_the_owners_terms() -> None:
    """Not under ours."""
    publication = permit("folder/classes", own_media=True, licence="cc-by-4.0").publication
    assert (publication.what, publication.licence) == ("media", "cc-by-4.0")


@pytest.mark.parametrize("dataset", ["", "my_clips", "RAVDESS/speech", "synthetic-faces-mine"])
def test_an_unknown_name_is_refused(dataset: str) -> None:
    """Nothing is known of its licence."""
    with pytest.raises(ValueError, match="of which no licence is known"):
        origin_of(dataset)


def test_the_licence_of_others_is_not_chosen() -> None:
    """CC0 on a card does not make it so."""
    with pytest.raises(ValueError, match=r"`--licence` is for clips of your own, got 'cc0-1.0' for RAVDESS"):
        permit("ravdess/speech", licence="cc0-1.0")

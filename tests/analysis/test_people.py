# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.analysis.people import REACH, PeopleFinder


@pytest.fixture
def follow(make_film):
    """Returns a function from a script to who is seen in each frame."""
    film, detector, _ = make_film

    def run(script, backgrounds=None, found=None, **options):
        finder = PeopleFinder(detector(found or script), 1 / 8, **options)
        return [sights for _, _, sights in finder.sights(film(script, backgrounds))]

    return run


def numbers(sights):
    return [[sight.person for sight in seen] for seen in sights]


def test_two_people_keep_their_numbers_and_boxes(follow, make_film):
    """Known boxes in, the same boxes out, for everybody in every frame."""
    _, _, actor = make_film
    script = [[actor(0, 10 + step, 40), actor(1, 190, 50, 80)] for step in range(12)]
    seen = follow(script)
    assert numbers(seen) == [[1, 2]] * 12
    for sights, actors in zip(seen, script, strict=True):
        for sight, one in zip(sights, actors, strict=True):
            assert sight.box == pytest.approx(one.box, abs=2.1)
            assert sight.look.found


def test_a_face_missed_for_a_moment_is_the_same_person_and_marked_as_not_found(follow, make_film):
    """A blink of the detector is no new person, and what lies between two findings is known as such."""
    _, _, actor = make_film
    script = [[actor(0, 20 + 2 * step, 40)] for step in range(12)]
    found = [*script[:5], [], [], *script[7:]]
    seen = follow(script, found=found)
    assert numbers(seen) == [[1]] * 12
    assert [sights[0].look.found for sights in seen] == [True] * 5 + [False] * 2 + [True] * 5
    assert seen[5][0].box == pytest.approx(script[5][0].box, abs=3)


def test_a_flicker_is_nobody(follow, make_film):
    """A pattern taken for a face once must not become a person."""
    _, _, actor = make_film
    script = [[actor(0, 20, 40)] for _ in range(14)]
    found = [[*actors, actor(1, 200, 60)] if number == 6 else actors for number, actors in enumerate(script)]
    assert numbers(follow(script, found=found)) == [[1]] * 14


def test_people_are_the_same_across_cuts_by_their_colours(follow, make_film):
    """Shot and counter-shot: two people in turn, each in another place, and each keeps the number."""
    _, _, actor = make_film
    first, second = [actor(0, 30, 50)], [actor(4, 180, 40)]
    script = [first] * 8 + [second] * 8 + [[actor(0, 150, 60)]] * 8 + [second] * 8
    backgrounds = [(40, 60, 80)] * 8 + [(200, 190, 60)] * 8 + [(40, 60, 80)] * 8 + [(200, 190, 60)] * 8
    seen = follow(script, backgrounds)
    assert numbers(seen) == [[1]] * 8 + [[2]] * 8 + [[1]] * 8 + [[2]] * 8
    assert not any(sights[0].look.by_colour for sights in seen[:16])
    assert all(sights[0].look.by_colour for sights in seen[16:])


def test_somebody_in_the_same_place_after_a_cut_is_somebody_else(follow, make_film):
    """Boxes that meet across a cut say nothing."""
    _, _, actor = make_film
    script = [[actor(0, 100, 50)]] * 8 + [[actor(4, 100, 50)]] * 8
    seen = follow(script, [(40, 60, 80)] * 8 + [(200, 190, 60)] * 8)
    assert numbers(seen) == [[1]] * 8 + [[2]] * 8


def test_a_cut_every_few_frames_loses_nobody(follow, make_film):
    """Shots of two frames still show somebody; three findings cannot be asked of them."""
    _, _, actor = make_film
    script = [[actor(0 if (number // 2) % 2 == 0 else 4, 100, 50)] for number in range(12)]
    backgrounds = [(40, 60, 80) if (number // 2) % 2 == 0 else (200, 190, 60) for number in range(12)]
    assert numbers(follow(script, backgrounds)) == [[1], [1], [2], [2]] * 3


def test_a_single_frame_is_enough(follow, make_film):
    """A still picture has no second frame to confirm a face."""
    _, _, actor = make_film
    assert numbers(follow([[actor(0, 10, 40), actor(1, 200, 50)]])) == [[1, 2]]


def test_few_frames_are_held(make_film):
    """A two-hour film must not pile up in memory."""
    film, detector, actor = make_film
    script = [[actor(0, 20, 40)]] * 40
    given = []

    def frames():
        for frame in film(script):
            given.append(frame.number)
            yield frame

    for frame, _, _ in PeopleFinder(detector(script), 1 / 8).sights(frames()):
        assert given[-1] - frame.number <= REACH + 1

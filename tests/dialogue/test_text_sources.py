# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from emoclip.dialogue.subtitles import embedded_cues
from emoclip.dialogue.text_sources import TextSource, language_code, text_sources


@pytest.fixture
def names(tmp_path, make_film) -> Callable[..., list[str]]:
    """Returns a function that puts empty files beside a film and names what may hold its lines, the best first."""
    film = make_film(0.2)

    def ordered(*files: str, language: str = "en") -> list[str]:
        for name in files:
            (tmp_path / name).touch()
        return [source.path.name for source in text_sources(film, language)]

    return ordered


def test_the_language_goes_before_the_alphabet(names):
    """`film.ar.srt` was taken before `film.en.srt`, and a model learns from words that it does not know."""
    files = ("film.ar.srt", "film.eng.srt", "film.pt-BR.vtt")
    assert names(*files) == ["film.eng.srt", "film.ar.srt", "film.pt-BR.vtt"]
    assert names(language="pt")[0] == "film.pt-BR.vtt"
    assert names("film.srt") == ["film.eng.srt", "film.srt", "film.ar.srt", "film.pt-BR.vtt"]


@pytest.mark.parametrize("name", ["film 2.srt", "film.S01E02.srt", "film.en.forced.srt", "film.signs.ass", "film.txt"])
def test_files_of_other_films_and_of_signs_alone_are_left_out(names, name):
    """Lines of another episode would be said over this one's pictures."""
    assert names(name) == []


def test_a_file_belongs_to_the_film_with_the_longer_name(names, tmp_path):
    """`film.two.en.srt` is the subtitles of `film.two.mp4`, though `two` might be a language."""
    (tmp_path / "film.two.mp4").touch()
    assert names("film.two.en.srt", "film.two.srt", "film.en.sdh.srt") == ["film.en.sdh.srt"]


def test_folders_and_dangling_links_are_no_subtitles(names, tmp_path):
    """A folder that looks like a file ended the whole run."""
    (tmp_path / "film.en.srt").mkdir()
    (tmp_path / "film.de.srt").symlink_to(tmp_path / "gone.srt")
    assert names() == []


@pytest.mark.parametrize(("name", "code"), [("eng", "en"), ("English", "en"), ("de-AT", "de"), ("gsw", "gsw")])
def test_languages_have_one_code_each(name, code):
    """Files say `en`, tracks say `eng`."""
    assert language_code(name) == code


def test_what_is_no_language_is_told():
    """A mistyped option would take whatever is there."""
    with pytest.raises(ValueError, match="such as en, de or pt-BR, got 'the english one'"):
        language_code("the english one")


@pytest.fixture
def film_with_tracks(tmp_path, make_film) -> Path:
    """A film with tracks in Arabic, English for signs alone, English and of no language."""
    told = (("ara", "", "marhaban"), ("eng", "Signs & Songs", "EXIT"), ("eng", "", "Hello."), ("", "", "Salut."))
    path = tmp_path / "tracks.mkv"
    with av.open(str(make_film(0.5))) as video, av.open(str(path), "w") as out:
        picture = out.add_stream_from_template(video.streams[0])
        texts = []
        for number, (language, title, line) in enumerate(told):
            file = tmp_path / f"track {number}.srt"
            file.write_text(f"1\n00:00:00,100 --> 00:00:00,400\n{line}\n")
            source = av.open(str(file))
            stream = out.add_stream_from_template(source.streams[0])
            stream.time_base = Fraction(1, 1000)
            if language:
                stream.metadata["language"] = language
            stream.metadata["title"] = title
            texts.append((source, stream))
        for source, target in [(video, picture), *texts]:
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = target
                    out.mux(packet)
        for source, _ in texts:
            source.close()
    return path


def test_the_track_of_the_language_is_taken(film_with_tracks):
    """The first track was taken whatever its language."""
    sources = text_sources(film_with_tracks, "en")
    assert [(source.track, source.language) for source in sources] == [(2, "en"), (3, None), (0, "ar")]
    assert [embedded_cues(film_with_tracks, source.track or 0)[0].text for source in sources] == [
        "Hello.",
        "Salut.",
        "marhaban",
    ]
    assert str(sources[0]) == "track 2 of tracks.mkv (en)"


def test_a_file_goes_before_a_track_unless_it_is_in_another_language(film_with_tracks, tmp_path):
    """Whoever puts a file beside a film means it."""
    (tmp_path / "tracks.fr.srt").touch()
    assert text_sources(film_with_tracks, "en")[0].track == 2
    (tmp_path / "tracks.srt").touch()
    assert text_sources(film_with_tracks, "en")[0] == TextSource(tmp_path / "tracks.srt")

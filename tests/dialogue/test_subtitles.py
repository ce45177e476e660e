# SPDX-License-Identifier: Apache-2.0
import av
import pytest

from emoclip.dialogue.subtitles import Cue, embedded_cues, read_subtitles


SRT = "1\n00:00:01,000 --> 00:00:02,500\n<i>Où es-tu, Zoé?</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nIch weiß nicht.\n"
VTT = "WEBVTT\n\n00:01.000 --> 00:02.500\nOù es-tu, Zoé?\n\n00:03.000 --> 00:04.000\nIch weiß nicht.\n"
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,for the editor\n"
    "Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\i1}Où es-tu, Zoé?{\\i0}\n"
    "Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,Ich weiß nicht.\n"
)
CUES = [Cue("Où es-tu, Zoé?", 1.0, 2.5), Cue("Ich weiß nicht.", 3.0, 4.0)]


@pytest.mark.parametrize(
    ("suffix", "text", "encoding"),
    [
        (".srt", SRT, "utf-8"),
        (".srt", SRT, "utf-8-sig"),
        (".srt", SRT, "utf-16"),
        (".srt", SRT.replace("\n", "\r\n"), "utf-8"),
        (".vtt", VTT, "utf-8"),
        (".ass", ASS, "utf-8"),
    ],
)
def test_lines_are_read_in_every_form(tmp_path, suffix, text, encoding):
    """Styles, comments of the editor and marks of the encoding must not become words."""
    path = tmp_path / f"film{suffix}"
    path.write_bytes(text.encode(encoding))
    assert read_subtitles(path) == CUES


WESTERN = "Je suis très fâché, où étais-tu passé hier soir? Nous t'avons attendu à la gare."
RUSSIAN = "Я не знаю, где он остался. Мы можем поговорить об этом позже? Было бы хорошо."  # noqa: RUF001 - Russian
POLISH = "Nie wiem, gdzie się podział. Możemy o tym porozmawiać później?"


@pytest.mark.parametrize(
    ("text", "written", "given"), [(WESTERN, "cp1252", None), (RUSSIAN, "cp1251", None), (POLISH, "cp1250", "cp1250")]
)
def test_old_encodings_are_read(tmp_path, text, written, given):
    """Files of Windows are common; read as UTF-8 they fail, and Latin ones do not tell which of them they are."""
    path = tmp_path / "film.srt"
    path.write_bytes(f"1\n00:00:01,000 --> 00:00:09,000\n{text}\n".encode(written))
    assert read_subtitles(path, given)[0].text == text


@pytest.mark.parametrize(("given", "told"), [("utf-16", "neither utf-16 nor UTF-8"), ("cp99", "got 'cp99'")])
def test_an_encoding_that_does_not_fit_is_told(tmp_path, given, told):
    """Letters that are wrong would go into training unseen."""
    path = tmp_path / "film.srt"
    path.write_bytes(f"1\n00:00:01,000 --> 00:00:09,000\n{WESTERN}\n".encode("cp1252"))
    with pytest.raises(ValueError, match=told):
        read_subtitles(path, given)


def test_lines_out_of_order_are_sorted_and_empty_ones_left_out(tmp_path):
    """The words of a line are spread until the next one begins, which must not lie before it."""
    path = tmp_path / "film.srt"
    path.write_text(
        "1\n00:00:05,000 --> 00:00:06,000\nlate\n\n2\n00:00:01,000 --> 00:00:02,000\nearly\n\n"
        "3\n00:00:03,000 --> 00:00:03,000\nno time\n\n4\n00:00:04,000 --> 00:00:04,500\n\n"
    )
    assert [cue.text for cue in read_subtitles(path)] == ["early", "late"]


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "film.srt"), (b"just a letter", "film.srt"), (bytes(range(256)), "film.srt")]
)
def test_what_is_no_subtitle_file_is_named(tmp_path, content, told):
    """A film without text would be dropped without a word."""
    path = tmp_path / "film.srt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_subtitles(path)


def test_a_text_track_inside_the_film_is_read(tmp_path, make_film):
    """Films of the Matroska kind carry their subtitles."""
    (tmp_path / "lines.srt").write_text(SRT)
    film = tmp_path / "film.mkv"
    with (
        av.open(str(make_film(0.5))) as video,
        av.open(str(tmp_path / "lines.srt")) as text,
        av.open(str(film), "w") as out,
    ):
        streams = [
            (source, out.add_stream_from_template(stream))
            for source, stream in ((video, video.streams[0]), (text, text.streams[0]))
        ]
        for source, target in streams:
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = target
                    out.mux(packet)
    assert embedded_cues(film) == CUES

# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

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


AUTOMATIC = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.389 align:start position:0%
 
&gt;&gt; so<00:00:00.400><c> I&#39;m</c><00:00:00.560><c> glad</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
&gt;&gt; so I&#39;m glad
 

00:00:02.399 --> 00:00:04.150 align:start position:0%
&gt;&gt; so I&#39;m glad
you<00:00:02.639><c> came</c><00:00:02.879><c> and</c><00:00:03.200><c> came</c>

00:00:04.150 --> 00:00:04.160 align:start position:0%
you came and came
 

00:00:04.160 --> 00:00:06.070 align:start position:0%
you came and came
and<00:00:04.400><c> came</c>

00:00:09.000 --> 00:00:10.000 align:start position:0%
 
and<00:00:09.400><c> came</c>
"""  # noqa: W293 - lines of one blank are what such files have


def test_automatic_captions_give_every_word_once(tmp_path):
    """As yt-dlp saves them, EmotionCLIP's source: each line stands in three cues, with a time in front of every word."""
    path = tmp_path / "film.en.vtt"
    path.write_text(AUTOMATIC)
    assert read_subtitles(path) == [
        Cue(">> so I'm glad", 0.16, 2.389),
        Cue("you came and came", 2.399, 4.15),
        Cue("and came", 4.16, 6.07),
        Cue("and came", 9.0, 10.0),
    ]


def test_automatic_captions_that_were_turned_into_srt_roll_too(tmp_path):
    """`yt-dlp --convert-subs srt` keeps the repeats."""
    path = tmp_path / "film.srt"
    path.write_text(
        "1\n00:00:00,160 --> 00:00:02,389\n\nso I am\n\n2\n00:00:02,389 --> 00:00:02,399\nso I am\n\n\n"
        "3\n00:00:02,399 --> 00:00:04,150\nso I am\nglad you\n\n4\n00:00:04,150 --> 00:00:04,160\nglad you\n\n"
    )
    assert [cue.text for cue in read_subtitles(path)] == ["so I am", "glad you"]


def test_what_is_said_twice_stays(tmp_path):
    """Outside rolling captions a line that follows itself is said twice."""
    path = tmp_path / "film.vtt"
    lines = ["No!", "No!", "I won't.", "Please.", "Please go."]
    blocks = [f"00:0{place}.000 --> 00:0{place + 1}.000\n{line}" for place, line in enumerate(lines)]
    path.write_text("WEBVTT\n\n" + "\n\n".join(blocks))
    assert [cue.text for cue in read_subtitles(path)] == lines


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("a.vtt", "<v.loud Tom &amp; Co><c.yellow>I&nbsp;know</c>, &lt;Zo&eacute;&gt;&lrm;.</v>", "I know, <Zoé>."),
        ("a.vtt", "NOTE-worthy: <00:00:01.400>R&D", "NOTE-worthy: R&D"),
        ("a.srt", "<font color=red>Tom &amp; Jerry&#39;s</font>", "Tom & Jerry's"),
    ],
)
def test_tags_and_entities_are_no_text(tmp_path, name, written, read):
    """A tokenizer makes words of them, which nobody said."""
    head = "WEBVTT\n\nSTYLE\n::cue { color: red }\n\n" if name == "a.vtt" else ""
    note = "NOTE made by hand\nfor a test\n" if name == "a.vtt" else ""
    times = "00:00:01.000 --> 00:00:02.000" if name == "a.vtt" else "00:00:01,000 --> 00:00:02,000"
    path = tmp_path / name
    path.write_text(f"{head}intro\n{times}\n{written}\n\n{note}")
    assert read_subtitles(path) == [Cue(read, 1.0, 2.0)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("WEBVTT\n\n1\n{a}\nWait.\n2\n{b}\nIn room\n9\n3\n{c}\n10\n", ["Wait.", "In room 9", "10"]),
        ("WEBVTT\nKind: captions\n{a}\nThree.\n2\n{b}\nGo.\n\nend\n{c}\nYes.\n", ["Three. 2", "Go.", "Yes."]),
    ],
    ids=["numbered", "not numbered"],
)
def test_webvtt_without_empty_lines_between_cues_is_read(tmp_path, content, told):
    """Times and number of the second cue became words of the first; a number that is said must stay."""
    path = tmp_path / "film.vtt"
    times = {name: f"00:0{place}.000 --> 00:0{place}.900" for place, name in enumerate("abc", 1)}
    path.write_text(content.format(**times))
    assert read_subtitles(path) == [Cue(text, place, place + 0.9) for place, text in enumerate(told, 1)]


DRAWN = ASS + "Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\\an7\\p1}m 0 0 l 100 0 100 50 0 50{\\p0}\n"


def test_drawings_are_not_speech(tmp_path, make_film):
    """Signs are painted by lines of coordinates, which became captions."""
    path = tmp_path / "lines.ass"
    path.write_text(DRAWN)
    assert read_subtitles(path) == CUES
    assert embedded_cues(with_track(make_film(0.5), path, tmp_path / "film.mkv")) == CUES


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


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_a_text_track_inside_the_film_is_read(tmp_path, make_film, shift_film, seconds):
    """Films of the Matroska kind carry their subtitles, on the film's clock, which may begin at any time."""
    (tmp_path / "lines.srt").write_text(SRT)
    film = with_track(make_film(0.5), tmp_path / "lines.srt", tmp_path / "film.mkv")
    assert embedded_cues(shift_film(film, "late.mkv", seconds)) == CUES


def with_track(film: Path, lines: Path, output: Path) -> Path:
    """A film with subtitles inside."""
    with av.open(str(film)) as video, av.open(str(lines)) as text, av.open(str(output), "w") as out:
        streams = [
            (source, out.add_stream_from_template(stream))
            for source, stream in ((video, video.streams[0]), (text, text.streams[0]))
        ]
        for source, target in streams:
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = target
                    out.mux(packet)
    return output

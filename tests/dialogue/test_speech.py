# SPDX-License-Identifier: Apache-2.0
import av
import numpy as np
import pytest

from emoclip.dialogue import speech
from emoclip.dialogue.speech import SAMPLE_RATE, SpeechModel, sound_stretches
from tests.dialogue.conftest import write_film


RATE = 44_100


@pytest.fixture
def sound_film(tmp_path):
    """A file of 7 s in stereo whose loudness falls away twice, at 2.5 s and at 5.1 s."""
    path = tmp_path / "sound.mkv"
    times = np.arange(7 * RATE) / RATE
    wave = np.sin(2 * np.pi * 440 * times)
    for quiet in (2.5, 5.1):
        wave[np.abs(times - quiet) < 0.12] = 0
    samples = (np.stack([wave, wave]) * 20_000).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        for begin in range(0, samples.shape[1], 1024):
            part = np.ascontiguousarray(samples[:, begin : begin + 1024].T.reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="stereo")
            frame.sample_rate, frame.pts = RATE, begin
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_sound_is_cut_at_quiet_places_and_nothing_is_lost(sound_film, monkeypatch):
    """A word cut in two is recognised in neither stretch."""
    monkeypatch.setattr(speech, "STRETCH_SECONDS", 3)
    monkeypatch.setattr(speech, "CUT_SECONDS", 1)
    stretches = list(sound_stretches(sound_film))
    starts = [start for start, _ in stretches]
    assert starts == pytest.approx([0.0, 2.5, 5.1], abs=0.11)
    ends = [start + len(samples) / SAMPLE_RATE for start, samples in stretches]
    assert ends == pytest.approx([*starts[1:], 7.0], abs=0.01)
    assert all(samples.dtype == np.float32 and samples.ndim == 1 for _, samples in stretches)


def test_sound_stands_at_its_own_time(tmp_path):
    """Sound that begins after the pictures, or pauses, put every sentence after it too early."""
    film = write_film(tmp_path / "late.mkv", picture_seconds=4.0, sound=[(1.5, 2.0), (3.0, 3.5)])
    ((start, samples),) = sound_stretches(film)
    heard = np.flatnonzero(np.abs(samples) > 0.1) / SAMPLE_RATE + start
    assert start == pytest.approx(1.5, abs=0.01)
    assert start + len(samples) / SAMPLE_RATE == pytest.approx(3.5, abs=0.01)
    assert [heard[0], heard[heard < 2.5][-1], heard[heard > 2.5][0], heard[-1]] == pytest.approx(
        [1.5, 2.0, 3.0, 3.5], abs=0.01
    )


def test_long_silence_is_not_recognised(tmp_path, monkeypatch):
    """Recognisers invent words in it, and an hour of it would be held in memory."""
    monkeypatch.setattr(speech, "LONGEST_GAP", 0.8)
    film = write_film(tmp_path / "late.mkv", picture_seconds=4.0, sound=[(0.5, 1.0), (3.0, 3.5)])
    told = [(start, len(samples) / SAMPLE_RATE) for start, samples in sound_stretches(film)]
    assert told == [pytest.approx((0.5, 0.5), abs=0.01), pytest.approx((3.0, 0.5), abs=0.01)]


def test_sound_and_pictures_have_one_clock(tmp_path, shift_film):
    """Of a recording whose clock began at 3600 s no sentence lay within the film."""
    film = write_film(tmp_path / "film.mkv", picture_seconds=3.0, sound=[(1.5, 2.0)])
    ((start, _),) = sound_stretches(shift_film(film, "late.mkv", 3600.0))
    assert start == pytest.approx(1.5, abs=0.01)


def test_a_film_without_sound_says_nothing(make_film):
    """It is told as a film without subtitles, not as a fault."""
    assert list(sound_stretches(make_film(1.0))) == []


def test_a_recogniser_of_the_hub_is_loaded_from_a_folder(sound_film, tmp_path):
    """Whisper of random weights: what it says is nonsense, but it has times within the film."""
    cues = SpeechModel(str(_whisper(tmp_path / "whisper")))(sound_film)
    assert cues
    assert all(0 <= cue.start < cue.end <= 7 and cue.text for cue in cues)


def _whisper(folder):
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer

    special = [
        "<|endoftext|>",
        "<|startoftranscript|>",
        "<|en|>",
        "<|translate|>",
        "<|transcribe|>",
        "<|nospeech|>",
        "<|notimestamps|>",
    ]
    vocabulary = {token: number for number, token in enumerate([*sorted(ByteLevel.alphabet()), *special])}
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_tokens(special, special_tokens=True)
    tokenizer.add_tokens([f"<|{0.02 * step:.2f}|>" for step in range(1501)], special_tokens=True)
    ids = dict(zip(special, tokenizer.convert_tokens_to_ids(special), strict=True))
    config = WhisperConfig(
        vocab_size=len(tokenizer), num_mel_bins=80, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, max_target_positions=40,
        bos_token_id=ids["<|endoftext|>"], eos_token_id=ids["<|endoftext|>"], pad_token_id=ids["<|endoftext|>"],
        decoder_start_token_id=ids["<|startoftranscript|>"], begin_suppress_tokens=None,
    )  # fmt: skip
    torch.manual_seed(7)
    model = WhisperForConditionalGeneration(config)
    generation = model.generation_config
    generation.no_timestamps_token_id = ids["<|notimestamps|>"]
    generation.lang_to_id, generation.task_to_id = {"<|en|>": ids["<|en|>"]}, {"transcribe": ids["<|transcribe|>"]}
    generation.is_multilingual, generation.language, generation.task = True, "en", "transcribe"
    generation.max_length, generation._from_model_config = 20, False
    generation.begin_suppress_tokens = None
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
    return folder

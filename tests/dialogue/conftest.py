# SPDX-License-Identifier: Apache-2.0
"""Tiny models of the real classes, saved and loaded as those of the Hub are, and films whose frames tell their time."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch


SENTIMENTS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
WORDS = (
    "i", "am", "so", "glad", "you", "came", "please", "go", "away", "now", "stop", "we", "wait", "here", "and", "there"
)  # fmt: skip
FILM_FPS = 24
FILM_SIDES = (36, 64)
SOUND_RATE = 24_000


@pytest.fixture(scope="session")
def text_tokenizer(tmp_path_factory):
    """A word-level tokenizer of the RoBERTa kind, fast, so that it knows the word of every token."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["<s>", "<pad>", "</s>", "<unk>", *WORDS]
    inner = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace()])
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        model_max_length=96,
    )


def _text_config(tokenizer, labels: tuple[str, ...]):
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=12,
        num_hidden_layers=1,
        num_attention_heads=3,
        intermediate_size=17,
        max_position_embeddings=512,
        pad_token_id=1,
        id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
    )


@pytest.fixture(scope="session")
def make_classifier(tmp_path_factory, text_tokenizer) -> Callable[..., Path]:
    """Returns a function that saves a text classifier; "here" makes a sentence neutral, other words do not."""
    from transformers import BertForSequenceClassification

    def save(labels: tuple[str, ...] = SENTIMENTS) -> Path:
        torch.manual_seed(3)
        model = BertForSequenceClassification(_text_config(text_tokenizer, labels))
        folder = tmp_path_factory.mktemp("classifier")
        if "neutral" in labels:
            _learn_neutral(model, text_tokenizer, labels.index("neutral"))
        model.save_pretrained(folder)
        text_tokenizer.save_pretrained(folder)
        return folder

    return save


def _learn_neutral(model, tokenizer, neutral: int) -> None:
    texts = [
        "we wait here",
        "i am here",
        "stop here now",
        "here and there",
        "i am so glad you came",
        "please go away now",
        "stop",
        "we wait",
    ]
    wanted = torch.tensor([neutral] * 4 + [0] * 4)
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    model.train(False)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(model(**batch).logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.fixture(scope="session")
def punctuation_folder(tmp_path_factory, text_tokenizer) -> Path:
    """A token classifier that sets a full stop after the words "now" and "came", and a question mark after "there"."""
    from transformers import BertForTokenClassification

    torch.manual_seed(4)
    labels = ("0", ".", ",", "?", "-", ":")
    model = BertForTokenClassification(_text_config(text_tokenizer, labels)).eval()
    words = list(WORDS)
    marks = {"now": 1, "came": 1, "there": 3}
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        drawn = [words[int(number)] for number in torch.randint(len(words), (190,), generator=generator)]
        batch = text_tokenizer(drawn, is_split_into_words=True, return_tensors="pt", verbose=False)
        wanted = torch.tensor([0, *(marks.get(word, 0) for word in drawn), 0])
        loss = torch.nn.functional.cross_entropy(model(**batch).logits[0], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    folder = tmp_path_factory.mktemp("punctuation")
    model.save_pretrained(folder)
    text_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def make_detector(tmp_path_factory) -> Callable[..., Path]:
    """Returns a function that saves an RT-DETR v2 of random weights, with the classes it knows."""
    from transformers import RTDetrImageProcessorPil, RTDetrResNetConfig, RTDetrV2Config, RTDetrV2ForObjectDetection

    def save(classes: tuple[str, ...] = ("person",)) -> Path:
        torch.manual_seed(5)
        backbone = RTDetrResNetConfig(
            embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], layer_type="basic",
            out_features=["stage2", "stage3", "stage4"],
        )  # fmt: skip
        config = RTDetrV2Config(
            backbone_config=backbone, encoder_in_channels=[8, 8, 8], encoder_hidden_dim=16, encoder_ffn_dim=16,
            encoder_attention_heads=2, d_model=16, decoder_ffn_dim=16, decoder_attention_heads=2, decoder_layers=2,
            num_queries=6, decoder_in_channels=[16, 16, 16], feat_strides=[8, 16, 32], num_denoising=0,
            id2label=dict(enumerate(classes)),
        )  # fmt: skip
        folder = tmp_path_factory.mktemp("detector")
        RTDetrV2ForObjectDetection(config).save_pretrained(folder)
        RTDetrImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
        return folder

    return save


@pytest.fixture(scope="session")
def detector_folder(make_detector) -> Path:
    """One that knows persons only."""
    return make_detector()


@pytest.fixture(scope="session")
def classifier_folder(make_classifier) -> Path:
    """One with seven sentiments."""
    return make_classifier()


@pytest.fixture
def make_film(tmp_path) -> Callable[..., Path]:
    """Returns a function that writes a film; frame i is grey of level 10 + 5 i, over 46 frames, so that its time can be read off."""

    def write(seconds: float, name: str = "film.mp4", folder: Path | None = None) -> Path:
        path = (folder or tmp_path) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_film(path, picture_seconds=seconds)

    return write


def write_film(
    path: Path, *, picture_seconds: float, picture_start: float = 0.0, sound: Sequence[tuple[float, float]] = ()
) -> Path:
    """A film of `make_film` whose pictures begin later, and whose sound is a tone from one second to another, silence not written."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FILM_FPS, options={"crf": "1", "bf": "0"})
        stream.height, stream.width, stream.pix_fmt = *FILM_SIDES, "yuv420p"
        tone = container.add_stream("pcm_s16le", rate=SOUND_RATE, layout="mono") if sound else None
        for number in range(round(picture_seconds * FILM_FPS)):
            picture = np.full((*FILM_SIDES, 3), 10 + 5 * number % 230, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number + round(picture_start * FILM_FPS), Fraction(1, FILM_FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        for start, end in sound:
            for begin in range(round(start * SOUND_RATE), round(end * SOUND_RATE), SOUND_RATE // 50):
                wave = np.full((1, SOUND_RATE // 50), 9_000, np.int16)
                part = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
                part.sample_rate, part.pts, part.time_base = SOUND_RATE, begin, Fraction(1, SOUND_RATE)
                container.mux(tone.encode(part))
        if tone is not None:
            container.mux(tone.encode())
    return path


@pytest.fixture
def shift_film(tmp_path) -> Callable[..., Path]:
    """Returns a function that copies a film into another container whose clock begins later, as recordings do."""

    def copy(film: Path, name: str, seconds: float) -> Path:
        with av.open(str(film)) as source, av.open(str(tmp_path / name), "w") as target:
            streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
            for packet in source.demux():
                if packet.dts is not None:
                    later = round(seconds / packet.time_base)
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
        return tmp_path / name

    return copy


def srt(*cues: tuple[float, float, str]) -> str:
    """A subtitle file of the form SRT."""
    blocks = [
        f"{number}\n{_time(start)} --> {_time(end)}\n{text}\n" for number, (start, end, text) in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def _time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02},{rest % 1000:03}"

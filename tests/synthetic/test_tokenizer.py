# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys

import numpy as np
import pytest
from transformers import AutoTokenizer, CLIPTokenizer

from emoclip.synthetic.samples import make_clip, make_still
from emoclip.synthetic.tokenizer import train_tokenizer


TEXTS = [text for index in range(150) for text in make_clip(0, "train", index).captions]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS)


def test_end_of_text_is_the_last_id_and_pads(tokenizer):
    """CLIP's text tower reads its feature at the end-of-text token and finds it by this id."""
    assert isinstance(tokenizer, CLIPTokenizer)
    assert len(tokenizer) == 1024
    assert tokenizer.eos_token_id == tokenizer.pad_token_id == len(tokenizer) - 1
    assert tokenizer.bos_token_id == len(tokenizer) - 2
    assert tokenizer.model_max_length == 77
    ids = tokenizer(["Raised brows.", "Raised brows and a smile."], padding=True).input_ids
    assert all(row[0] == tokenizer.bos_token_id and row[-1] == tokenizer.eos_token_id for row in ids)


def test_case_does_not_matter_and_words_of_captions_are_short(tokenizer):
    """Descriptions of a few dozen words must fit into the model's length."""
    assert tokenizer("The BROWS").input_ids == tokenizer("the brows").input_ids
    lengths = [len(row) for row in tokenizer(TEXTS).input_ids]
    assert max(lengths) <= 77
    assert np.mean(lengths) < 1.8 * np.mean([len(text.split()) for text in TEXTS])


@pytest.mark.parametrize("text", ["Überraschung, naïve", "жалость", "🙂 smile", "x\u00a0y~", ""])
def test_any_text_has_no_stray_end_of_text_token(tokenizer, text):
    """An unknown byte that became end-of-text would cut the sentence where the feature is read."""
    assert tokenizer.eos_token_id not in tokenizer(text).input_ids[:-1]


def test_truncation_keeps_the_end_of_text_token(tokenizer):
    """A feature read at a missing token would be that of another place."""
    ids = tokenizer("raised brows " * 200, truncation=True).input_ids
    assert len(ids) == 77
    assert ids[-1] == tokenizer.eos_token_id


def test_saved_folder_loads_by_auto_class_with_the_same_ids(tokenizer, tmp_path):
    """Trained models would read other tokens than they were trained on."""
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    texts = [make_still(0, index).caption for index in range(20)] + ["Ünknown 🙂"]
    assert loaded(texts).input_ids == tokenizer(texts).input_ids
    assert (loaded.model_max_length, loaded.pad_token_id, loaded.eos_token_id) == (77, 1023, 1023)


def test_training_does_not_depend_on_hash_seeds(tokenizer):
    """Shards and later runs must get the same vocabulary."""
    code = (
        "import json, hashlib; from emoclip.synthetic.samples import make_clip; from emoclip.synthetic.tokenizer import train_tokenizer;"
        "t = train_tokenizer([x for i in range(150) for x in make_clip(0, 'train', i).captions]);"
        "print(json.dumps(sorted(t.get_vocab().items())))"
    )
    import json

    environment = os.environ | {"PYTHONHASHSEED": "77", "RAYON_NUM_THREADS": "3"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert json.loads(result.stdout) == [list(item) for item in sorted(tokenizer.get_vocab().items())]


def test_too_small_a_vocabulary_is_refused():
    """Without all bytes some texts could not be written."""
    with pytest.raises(ValueError, match=r"at least 514 .*got 500"):
        train_tokenizer(TEXTS, vocab_size=500)

# SPDX-License-Identifier: Apache-2.0
"""The rename tables at the sizes of the released models, whose key counts are known."""

import pytest
import torch

from emoclip.convert.key_tables import CLIP, EMOCLIP, EMOCLIP_DOWNSTREAM, EMOTIONCLIP, EXPCLIP_HEAD
from emoclip.convert.rename import rename_back
from modeling_emoclip import EmoCLIPConfig, EmoCLIPForVideoClassification, EmoCLIPModel


def names_of(model: torch.nn.Module, rules: list) -> set[str]:
    restored, left = rename_back(model.state_dict(), rules)
    assert left == []
    return set(restored)


@pytest.mark.parametrize(
    ("config", "rules", "count"),
    [
        (EmoCLIPConfig.emoclip(keep_clip_logit_scale=True), EMOCLIP, 327),
        # Without the two that repeat others, CLIP's logit scale and the numbers of the positions.
        (EmoCLIPConfig.emotionclip(), EMOTIONCLIP, 379 - 2),
        (EmoCLIPConfig.expclip(), [*CLIP, *EXPCLIP_HEAD], 302 + 1),
    ],
)
def test_released_models_have_as_many_tensors_as_the_originals(config: EmoCLIPConfig, rules: list, count: int) -> None:
    """A tensor without a line in the table would be found only with the real file, which is not at hand."""
    with torch.device("meta"):
        model = EmoCLIPModel(config)
    assert len(names_of(model, rules)) == count


def test_downstream_model_has_as_many_tensors_as_the_original() -> None:
    """With the head of two layers, 180."""
    with torch.device("meta"):
        model = EmoCLIPForVideoClassification(EmoCLIPConfig.emoclip())
    assert len(names_of(model, EMOCLIP_DOWNSTREAM)) == 180


def test_no_name_stands_in_two_lines() -> None:
    """The second would never be reached."""
    for rules in (CLIP, EMOCLIP, EMOCLIP_DOWNSTREAM, EMOTIONCLIP):
        sources = [rule.source for rule in rules]
        targets = [target for rule in rules for target in rule.targets]
        assert len(set(sources)) == len(sources)
        assert len(set(targets)) == len(targets)

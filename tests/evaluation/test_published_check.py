# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from emoclip.config_loading import load_config
from emoclip.evaluation.config import EvaluationConfig
from emoclip.evaluation.published_check import check_published


CONFIGS = sorted((Path(__file__).parents[2] / "configs" / "eval").glob("*.yaml"))


def configured(published, *overrides):
    """A run of one system with these counterparts; nothing of it is opened."""
    base = [
        "data.manifest=nowhere.parquet",
        f"systems=[{{name: mine, published: [{published}]}}]",
        "prompt_sets=[photo]",
    ]
    return load_config(EvaluationConfig, None, [*base, *overrides])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_name_what_exists(path):
    """A row that was renamed in the data would lose its counterpart."""
    check_published(load_config(EvaluationConfig, path, []))


@pytest.mark.parametrize(
    ("published", "message"),
    [
        ("{model: EmoCILP}", r"system mine: no published row has the model 'EmoCILP'; there are EmoCLIP"),
        (
            "{model: CLIP ViT-B/32, variant: P-9}",
            r"no published row of CLIP ViT-B/32 has the variant 'P-9'; there are P-",
        ),
        ("{model: CLIP ViT-B/32, variants: {photo: P 3}}", r"of CLIP ViT-B/32 has the variant 'P 3'; there are P-3"),
        ("{model: CLIP, table: T-X}", r"has the table 'T-X'; there are T-"),
        ("{model: CLIP, paper: emo}", r"has the paper 'emo'; there are emoclip, emotionclip, expclip"),
        ("{model: EmoCLIP, table: T1, paper: emoclip}", r"no published row of emoclip has the table 'T1'"),
        (
            "{model: EmoCLIP, protocol: zeroshot}",
            r"no published row of EmoCLIP has the protocol 'zeroshot'; there are zero_shot",
        ),
        (
            "{model: CLIP ViT-B/32, variants: {foto: P-3}}",
            r"`published.variants` of system mine must name prompt sets or probes .* got 'foto'; there are photo",
        ),
        (
            "{model: CLIP, prompt_sets: [baseline]}",
            r"`published.prompt_sets` of system mine .* got 'baseline'; there are photo",
        ),
    ],
)
def test_misspelt_counterpart_is_refused(published, message):
    """Accepted, it would stand beside nothing, and the report would not say that a difference is missing."""
    with pytest.raises(ValueError, match=message):
        check_published(configured(published))


@pytest.mark.parametrize(
    ("name", "protocols"),
    [
        ("photo", "zero_shot: true"),
        ("photo.concatenate", "compound: {}"),
        ("mlp", "linear_probe: {mlp: {kind: mlp}}"),
        ("symptoms", "symptoms: {}"),
        ("captions", "retrieval: {}"),
        ("expression_only", "caption_ablation: {}"),
        ("expclip_p4", "prompt_sensitivity: {}"),
        ("head", "zero_shot: true"),
    ],
)
def test_names_of_all_protocols_count(name, protocols):
    """What stands as prompt set in a table may be named, and only where its protocol is run."""
    published = f"{{model: CLIP, prompt_sets: [{name}]}}"
    check_published(configured(published, f"protocols={{{protocols}}}"))
    if name not in ("photo", "head"):
        with pytest.raises(ValueError, match=rf"got '{name}'"):
            check_published(configured(published))


def test_a_row_may_be_of_one_data_set_only(tmp_path):
    """Systems are shared by several data sets, whose probes have names of their own; leave-one-class-out is looked at too."""
    (tmp_path / "sets.yaml").write_text("""
systems: [{name: mine, published: [{model: CLIP, prompt_sets: [second]}]}]
sets:
  a: {data: {manifest: a.parquet}, protocols: {linear_probe: {first: {}}}}
  b: {data: {manifest: b.parquet}, protocols: {linear_probe: {second: {}}}}
""")
    check_published(load_config(EvaluationConfig, tmp_path / "sets.yaml", []))
    left_out = "protocols.leave_one_out={model: 'a/{class}/b', published: [{model: EmoCLIP loc}]}"
    with pytest.raises(
        ValueError, match=r"`published` of leave_one_out: .* model 'EmoCLIP loc'; there are EmoCLIP loco"
    ):
        check_published(configured("{model: CLIP}", left_out))

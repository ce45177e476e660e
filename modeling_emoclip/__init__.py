# SPDX-License-Identifier: Apache-2.0
"""The EmoCLIP model as it ships to the Hub; importing this package registers it with transformers' Auto classes.

It also registers the pipeline and, where PEFT is installed, where LoRA attaches.

`AutoVideoProcessor` is not registered: it raises without torchvision, even on `.register`.
"""

from transformers import AutoConfig, AutoModel, AutoModelForVideoClassification, AutoProcessor

from modeling_emoclip.configuration_emoclip import EmoCLIPConfig, EmoCLIPTemporalConfig
from modeling_emoclip.modeling_emoclip import EmoCLIPForVideoClassification, EmoCLIPModel, EmoCLIPOutput
from modeling_emoclip.pipeline_emoclip import ZeroShotVideoClassificationPipeline
from modeling_emoclip.processing_emoclip import EmoCLIPProcessor
from modeling_emoclip.prototypes_emoclip import PrototypeEncoder
from modeling_emoclip.text_classes_emoclip import Compound, Ensemble, Prompt
from modeling_emoclip.video_decoding_emoclip import VideoDecodeError
from modeling_emoclip.video_processing_emoclip import EmoCLIPVideoProcessor


AutoConfig.register("emoclip", EmoCLIPConfig, exist_ok=True)
AutoModel.register(EmoCLIPConfig, EmoCLIPModel, exist_ok=True)
AutoModelForVideoClassification.register(EmoCLIPConfig, EmoCLIPForVideoClassification, exist_ok=True)
AutoProcessor.register(EmoCLIPConfig, EmoCLIPProcessor, exist_ok=True)

__all__ = [
    "Compound",
    "EmoCLIPConfig",
    "EmoCLIPForVideoClassification",
    "EmoCLIPModel",
    "EmoCLIPOutput",
    "EmoCLIPProcessor",
    "EmoCLIPTemporalConfig",
    "EmoCLIPVideoProcessor",
    "Ensemble",
    "Prompt",
    "PrototypeEncoder",
    "VideoDecodeError",
    "ZeroShotVideoClassificationPipeline",
]

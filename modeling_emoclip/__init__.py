# SPDX-License-Identifier: Apache-2.0
"""The EmoCLIP model as it ships to the Hub; importing this package registers it with transformers' Auto classes."""

from transformers import AutoConfig, AutoModel

from modeling_emoclip.configuration_emoclip import EmoCLIPConfig, EmoCLIPTemporalConfig
from modeling_emoclip.modeling_emoclip import EmoCLIPModel, EmoCLIPOutput


AutoConfig.register("emoclip", EmoCLIPConfig, exist_ok=True)
AutoModel.register(EmoCLIPConfig, EmoCLIPModel, exist_ok=True)

__all__ = ["EmoCLIPConfig", "EmoCLIPModel", "EmoCLIPOutput", "EmoCLIPTemporalConfig"]

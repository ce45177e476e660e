# SPDX-License-Identifier: Apache-2.0
"""Where LoRA attaches by default: the attention of both towers. PEFT finds it by the type of the model."""

# Query, key, value and output of every block; the temporal part, which is small, is better trained as a whole.
# By their ends, `self_attn.` included: the residual temporal transformer has an `attn.out_proj` too.
LORA_TARGET_MODULES = [f"self_attn.{name}" for name in ("q_proj", "k_proj", "v_proj", "out_proj")]

try:
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
except ImportError:
    pass
else:
    TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.setdefault("emoclip", LORA_TARGET_MODULES)


__all__ = ["LORA_TARGET_MODULES"]

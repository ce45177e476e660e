# SPDX-License-Identifier: Apache-2.0
"""Models of any kind behind one face: frames in, features of clips out, logits of classes from features."""

from .base import Encoder, features_of
from .emoclip_encoder import EmoCLIPEncoder, HeadEncoder
from .xclip_encoder import XCLIPEncoder


__all__ = ["EmoCLIPEncoder", "Encoder", "HeadEncoder", "XCLIPEncoder", "features_of"]

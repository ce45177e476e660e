# SPDX-License-Identifier: Apache-2.0
"""Frame embeddings of a frozen image tower, computed once, kept on disk and read by memory map."""

from .dataset import FrameFeatureDataset
from .embedding import FeatureSettings, frame_features
from .store import FrameFeatureStore
from .views import FrameViews


__all__ = ["FeatureSettings", "FrameFeatureDataset", "FrameFeatureStore", "FrameViews", "frame_features"]

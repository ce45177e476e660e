# SPDX-License-Identifier: Apache-2.0
"""From films with subtitles to captioned clips with persons and sentiment: the raw material of EmotionCLIP's pre-training."""

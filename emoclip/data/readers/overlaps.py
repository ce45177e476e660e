# SPDX-License-Identifier: Apache-2.0
"""What is known of clips that data sets share; manifests carry it and evaluation shows it, whichever of the two is judged on.

Which clips they are was not published for any of these, so that no list can be kept here.
"""

MAFW = (
    "MAFW contains 1,097 clips of DFEW, 98 of AFEW and 850 of EmoVoxCeleb; which ones is not published. Zero-shot results on DFEW and "
    "AFEW after training on MAFW are not fully disjoint."
)
DFEW = (
    "1,097 clips of DFEW are also in MAFW; which ones is not published. Zero-shot results of models trained on MAFW are not fully "
    "disjoint from DFEW."
)
AFEW = (
    "98 clips of AFEW are also in MAFW; which ones is not published. Zero-shot results of models trained on MAFW are not fully "
    "disjoint from AFEW."
)
TV_SERIES = "CAER, MELD and the films of EmotionCLIP's pre-training are all TV series; overlaps are not known."
BOLD = "Films of BoLD also occur among those that EmotionCLIP's pre-training draws from, which leaves 11 of them out."


__all__ = ["AFEW", "BOLD", "DFEW", "MAFW", "TV_SERIES"]

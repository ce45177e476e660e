# SPDX-License-Identifier: Apache-2.0
"""Moments in folders of videos by words: windows are embedded once and kept, every search after that reads words alone."""

from .moments import find_moments


__all__ = ["find_moments"]

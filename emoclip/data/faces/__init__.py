# SPDX-License-Identifier: Apache-2.0
"""Faces of videos: detecting, tracking, smoothing, aligning, and crop sets made with them.

The pieces know nothing of each other's files: a detector is anything with `detect(frame) -> list[Face]`, a tracker takes lists of
faces, smoothing and alignment are functions of numbers. OpenCV is imported only where a detector or a crop needs it.
"""

# SPDX-License-Identifier: Apache-2.0
"""Cameras and other sources without an end: frames as they come, windows scored as they are complete."""

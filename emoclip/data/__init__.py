# SPDX-License-Identifier: Apache-2.0
"""Manifests, and everything that turns one into training and evaluation examples."""

from .loading import load


__all__ = ["load"]

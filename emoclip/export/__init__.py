# SPDX-License-Identifier: Apache-2.0
"""A trained model as files for others: the Hub folder and its card."""

from .card import model_card
from .hub_folder import auto_map, copy_code, save_hub_folder


__all__ = ["auto_map", "copy_code", "model_card", "save_hub_folder"]

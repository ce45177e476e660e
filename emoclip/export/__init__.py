# SPDX-License-Identifier: Apache-2.0
"""A trained model as files for others: the Hub folder and its card."""

from .card import model_card
from .hub_folder import save_hub_folder


__all__ = ["model_card", "save_hub_folder"]

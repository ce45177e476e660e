# SPDX-License-Identifier: Apache-2.0
"""A trained model as files for others: the Hub folder, its card, and graphs for other runtimes."""

from .card import model_card
from .exporting import export_model
from .hub_folder import save_hub_folder
from .runtime import ExportedModel, load_exported


__all__ = ["ExportedModel", "export_model", "load_exported", "model_card", "save_hub_folder"]

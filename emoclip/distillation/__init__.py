# SPDX-License-Identifier: Apache-2.0
"""Exp-CLIP's distillation: an LLM's features of pictures, CLIP's of the same, and a projection fitted between them."""

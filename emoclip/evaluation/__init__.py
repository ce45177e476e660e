# SPDX-License-Identifier: Apache-2.0
"""Zero-shot evaluation: prediction tables from models, and reports from prediction tables."""

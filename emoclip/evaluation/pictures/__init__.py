# SPDX-License-Identifier: Apache-2.0
"""Pictures of results, one kind a module, drawn by matplotlib without a display."""

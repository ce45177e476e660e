# SPDX-License-Identifier: Apache-2.0
"""The rendered world: faces, clips, captions and class descriptions as pure functions of (seed, index)."""

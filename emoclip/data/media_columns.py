# SPDX-License-Identifier: Apache-2.0
"""The columns that hold media, for those who do not decode them: no decoder is imported here."""

# Columns that a decoder needs; a table has the first two at least.
MEDIA_COLUMNS = ("file", "media", "start_frame", "end_frame", "frame_name", "video", "image", "frames")
# Those of them that hold the media itself, as shards do.
MEDIA_VALUES = ("video", "image", "frames")


__all__ = ["MEDIA_COLUMNS", "MEDIA_VALUES"]

# SPDX-License-Identifier: Apache-2.0
"""Every text of the demo's page, in one place so that its promises can be read together."""

TITLE = "EmoCLIP: apparent expression in video, in your own words"

# Shown above the upload, not in a footer: people must know before they hand a video over.
NOTICE = """**Before you upload.** This page is an automatic system that compares a video with words.

- Upload only videos of people who have **agreed** to it. Files are deleted from the server about half an hour after the
  upload; nothing else is kept.
- It describes **apparent expression**, never what a person feels. The **relative match** compares *your words* with one
  another and adds up to 100 %: other words give other numbers.
- **Not** for the workplace, school, hiring, policing or diagnosis.
- **Whole frames** are scored, not faces: crop to the face first where it is small."""

STEP_VIDEO = "1. A video"
STEP_WORDS = "2. Your words, one per line or with commas between them"
DEFAULT_WORDS = "happiness\nsadness\nanger\nsurprise\nneutral"
BUTTON = "Analyse"
RANKING = "Relative match to your words, mean over the video"
TIMELINE = "Timeline"
TABLE = "All numbers: one row per window and word"
WAITING = "The ranking and the timeline appear here."
NO_VIDEO = "A video must be uploaded first, got none; drop a file into the field above the words."

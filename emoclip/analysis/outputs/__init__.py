# SPDX-License-Identifier: Apache-2.0
"""What can be made of a timeline: tables, plots, pages, films, subtitles and tiers; `forms` chooses by the file's ending.

The makers are functions of tables; only `forms` knows the analysis.
"""

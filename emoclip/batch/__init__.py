# SPDX-License-Identifier: Apache-2.0
"""Folders of thousands of videos: spread over processes and machines, resumable, one row of status per file.

`sources` finds what there is to do, `scorer` does one file, `shards` reads and writes sets of files in one file, `status` keeps what
became of each, `running` spreads the work over processes, `ray_pipeline` over a Ray cluster.
"""

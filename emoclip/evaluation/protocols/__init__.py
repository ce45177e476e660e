# SPDX-License-Identifier: Apache-2.0
"""What is done with the clips: each protocol asks for rows, and turns the features of its systems into prediction tables."""

# SPDX-License-Identifier: Apache-2.0
"""Training: configuration, parameter groups, the loop, checkpoints that resume exactly."""

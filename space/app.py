# SPDX-License-Identifier: Apache-2.0
"""The Hugging Face Space: python app.py. The page itself is `emoclip.demo`."""

from emoclip.demo.launch import main


if __name__ == "__main__":
    raise SystemExit(main([]))

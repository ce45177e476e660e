# SPDX-License-Identifier: Apache-2.0
"""The browser demo. `app` builds the page, `wording` holds its texts, `launch` serves it."""

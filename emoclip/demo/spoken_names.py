# SPDX-License-Identifier: Apache-2.0
"""Names for those who hear the page: gradio gives none to the players of videos, nor to the examples."""

from __future__ import annotations

import json

from . import wording


# Whatever gradio draws later gets its name as soon as it is there.
NAMES_SCRIPT = """<script>
(() => {
  const example = EXAMPLE;
  const spoken = (address) => decodeURIComponent(address.split('/').pop()).replace(/\\.[^.]*$/, '').replaceAll('_', ' ');
  const name = (video) => {
    const item = video.closest('button.gallery-item, .gallery-item button');
    const block = video.closest('.block');
    const label = block && block.querySelector('[data-testid=block-label]');
    const told = item && video.src ? `${example}: ${spoken(video.src)}`
      : (video.dataset.testid || '').replace(/-player$/, '') || (label && label.textContent.trim()) || 'Video';
    if (item) item.setAttribute('aria-label', told);
    if (!item || video.src) video.setAttribute('aria-label', told);
  };
  const all = () => document.querySelectorAll('video:not([aria-label])').forEach(name);
  new MutationObserver(all).observe(document.documentElement, {childList: true, subtree: true, attributeFilter: ['src']});
})();
</script>""".replace("EXAMPLE", json.dumps(wording.EXAMPLE))


__all__ = ["NAMES_SCRIPT"]

# SPDX-License-Identifier: Apache-2.0
"""Class prototypes: one vector per class, from any texts, computed once."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from .text_classes_emoclip import Compound, Ensemble, Prompt, Style, Tree, class_names, parse_class, texts_of


BATCH_SIZE = 64
# Numbers of each tensor that are compared to notice a change.
SAMPLES = 8


class PrototypeEncoder:
    r"""Turns classes, written in any form that `parse_class` takes, into the vectors that videos are compared with.

    Every text is embedded once and kept; the texts are what decides, not how the classes were written. What was kept is
    dropped when weights are written to or replaced, and when adapters of PEFT are switched. A write past PyTorch's count of
    changes (`parameter.data[3] = ...`) is noticed only where it touches one of the numbers that are compared; call `clear`
    after such a one.

    Args:
        model (`EmoCLIPModel`): Embeds the texts.
        processor (`EmoCLIPProcessor`): Tokenises them.
        cache_size (`int`, *optional*, defaults to 4096): Texts that are kept.

    Example:
    ```python
    >>> encoder = PrototypeEncoder(model, processor)
    >>> prototypes = encoder.encode(["happiness", "fear_surprise", "happiness + 2*surprise", "quiet relief"], "description")
    >>> video = model.get_video_features(pixel_values_videos).pooler_output
    >>> logits = model.get_prototype_logits(video, prototypes)
    ```
    """

    def __init__(self, model: Any, processor: Any, cache_size: int = 4096) -> None:
        if cache_size < 1:
            raise ValueError(f"`cache_size` must be at least 1, got {cache_size}.")
        self.model = model
        self.processor = processor
        self.cache_size = cache_size
        self._embeds: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._weights: tuple = ()

    def encode(
        self,
        classes: Iterable[Any] | Mapping[str, Any],
        style: str | Style = "name",
        *,
        compound: str = "average",
        descriptions: Mapping[str, str] | None = None,
    ) -> torch.Tensor:
        """Return the prototypes of classes.

        Args:
            classes: One entry per class in any form of `parse_class`, or a mapping class name -> such a form.
            style: How names become texts, see `Style`.
            compound, descriptions: See `Style`; left alone where `style` is a `Style`.

        Returns:
            (classes, embed_dim), float32, on the model's device. Logits are the logit scale times the product with a
            normalised video embedding. Rows have the norm 1, but for ensembles by mean of logits, whose norm is the mean
            agreement of their texts.

        Raises:
            ValueError: There is no class, two have one name, or one is written in no known form.
        """
        if isinstance(classes, str):
            raise ValueError(f"`classes` must be a list or a mapping, got the text {classes!r}; put it into a list.")
        if not isinstance(classes, Mapping):
            classes = list(classes)  # a generator can be read only once
        if isinstance(style, str):
            style = Style(style, compound, self._descriptions() if descriptions is None else descriptions)
        class_names(classes)
        specs = list(classes.values()) if isinstance(classes, Mapping) else classes
        trees = [parse_class(spec, style) for spec in specs]
        embeds = self._embed([text for tree in trees for text in texts_of(tree)])
        return torch.stack([_final(tree, embeds) for tree in trees]).to(_device(self.model))

    def clear(self) -> None:
        """Forget every embedding that was kept."""
        self._embeds.clear()

    def _descriptions(self) -> Mapping[str, str] | None:
        """The model's own, where its configuration has any."""
        return getattr(self.model.config, "class_descriptions", None)

    @torch.no_grad()
    def _embed(self, texts: list[str]) -> dict[str, torch.Tensor]:
        """Un-normalised embeddings, float32 on the CPU, of every text."""
        weights = _version(self.model)
        if weights != self._weights:
            self._embeds.clear()
            self._weights = weights
        wanted = list(dict.fromkeys(texts))
        found = {text: self._embeds[text] for text in wanted if text in self._embeds}
        missing = [text for text in wanted if text not in found]
        for start in range(0, len(missing), BATCH_SIZE):
            batch = missing[start : start + BATCH_SIZE]
            found.update(zip(batch, self._run(batch), strict=True))
        for text in wanted:
            self._embeds[text] = found[text]
            self._embeds.move_to_end(text)
        while len(self._embeds) > self.cache_size:
            self._embeds.popitem(last=False)
        return found

    def _run(self, texts: list[str]) -> torch.Tensor:
        device = _device(self.model)
        tokens = {name: tensor.to(device) for name, tensor in self.processor.tokenize(texts).items()}
        was_training = self.model.training
        self.model.eval()
        try:
            return self.model.get_text_features(**tokens).pooler_output.float().cpu()
        finally:
            self.model.train(was_training)


def _final(tree: Tree, embeds: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """What a video is multiplied with."""
    if isinstance(tree, Ensemble) and tree.average == "logits":
        # The mean of the parts' logits is the product with the mean of the parts, which is not normalised again.
        return torch.stack([_final(part, embeds) for part in tree.parts]).mean(dim=0)
    return nn.functional.normalize(_raw(tree, embeds), dim=-1)


def _raw(tree: Tree, embeds: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """What a compound averages: embeddings before normalisation."""
    if isinstance(tree, Prompt):
        return embeds[tree.text]
    if isinstance(tree, Compound):
        weights = torch.tensor(tree.weights)
        parts = torch.stack([_raw(part, embeds) for part in tree.parts])
        return (weights[:, None] * parts).sum(dim=0) / weights.sum()
    return torch.stack([_final(part, embeds) for part in tree.parts]).mean(dim=0)


def _device(model: Any) -> torch.device:
    """Where the model computes; of offloaded weights, which are nowhere, the hooks take input from the CPU."""
    return next((tensor.device for tensor in model.parameters() if not tensor.is_meta), torch.device("cpu"))


def _version(model: Any) -> tuple:
    """What changes when text embeddings do: the tensors, how often each was written to, some numbers, and the adapters."""
    counts = tuple(
        (id(tensor), tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version)
        for tensor in model.parameters()
    )
    return counts, _sample(model), _adapter_states(model)


def _sample(model: Any) -> tuple[float, ...]:
    """A few numbers of each tensor that texts pass through: writes through `.data` are not counted by PyTorch."""
    numbers: list[torch.Tensor] = []
    for name, tensor in model.named_parameters():
        if ("text_" in name or "expression_projection" in name) and not tensor.is_meta:
            flat = tensor.detach().flatten()
            numbers.append(flat[:: max(1, len(flat) // SAMPLES)].float().cpu())
    return tuple(torch.cat(numbers).tolist()) if numbers else ()


def _adapter_states(model: Any) -> tuple:
    """Which adapters of PEFT are on, merged and how strong, layer by layer; switching them writes to no tensor."""
    states = []
    for module in model.modules():
        disabled = getattr(module, "disable_adapters", None)
        if isinstance(disabled, bool):  # on a model of transformers it is a method
            merged, scaling = getattr(module, "merged", False), getattr(module, "scaling", None)
            states.append((disabled, tuple(module.active_adapters), merged, repr(scaling)))
    return tuple(states)


__all__ = ["PrototypeEncoder"]

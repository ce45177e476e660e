# SPDX-License-Identifier: Apache-2.0
"""Our models for the benchmark MTEB, which compares embeddings of clips with embeddings of texts.

Its tasks on faces are RAVDESSVZeroShot and MELDVideoZeroShot (video) and FER2013ZeroShot (stills):

    import mteb
    from emoclip.evaluation.mteb_model import mteb_model

    mteb.evaluate(mteb_model("me/my-emoclip"), mteb.get_tasks(tasks=["RAVDESSVZeroShot"]))

`mteb` is no dependency: pip install 'emoclip[benchmark]'. Clips are decoded here, not by torchcodec, so that frames are sampled as the
model was trained. A task's own texts are used as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader

from emoclip.analysis.source_model import load_model
from emoclip.console import require
from emoclip.evaluation.encoders.emoclip_encoder import EmoCLIPEncoder
from emoclip.evaluation.systems import model_revision


VISUAL = ("video", "image")


def mteb_model(
    model: Any = None, *, name: str | None = None, revision: str | None = None, dtype: torch.dtype | None = None
) -> MTEBEncoder:
    """A model that `mteb.evaluate` takes.

    Args:
        model: Folder, Hub id or loaded model; None is the embedded default.
        name: `owner/name` in MTEB's results; by default the Hub id, or `local/` and the folder's name.
        revision: By default the Hub's commit or the checksum of the weights.
        dtype: Number format of matrix products; None is float32.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ImportError: If `mteb` is not installed.
        ValueError: If it is no EmoCLIP model, or the name has no owner.
    """
    require("mteb", "benchmark")
    loaded = load_model(model)
    network = loaded.model.float().eval()
    name = name or _mteb_name(loaded.name)
    if name.count("/") != 1:
        raise ValueError(f"`name` must be OWNER/NAME for MTEB's results, got {name!r}.")
    encoder = EmoCLIPEncoder(network, loaded.processor, dtype)
    return MTEBEncoder(encoder, name, revision or model_revision(network))


class MTEBEncoder:
    """MTEB's `EncoderProtocol` over one of our models; built by `mteb_model`."""

    def __init__(self, encoder: EmoCLIPEncoder, name: str, revision: str):
        self.encoder = encoder
        self.mteb_model_meta = _describe(encoder, name, revision)

    def encode(
        self,
        inputs: DataLoader,
        *,
        task_metadata: Any,
        hf_split: str,
        hf_subset: str,
        prompt_type: Any = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Embeddings of length 1, float32 (rows, D): of texts, or of clips or pictures.

        Raises:
            ValueError: If the rows hold neither, or both.
        """
        dataset: Any = inputs.dataset
        columns = set(dataset.features)
        visual = [name for name in VISUAL if name in columns]
        if len(visual) + ("text" in columns) != 1:
            raise ValueError(
                f"Rows must hold a text, a video or an image, one of them, got {', '.join(sorted(columns))} in the task "
                f"{getattr(task_metadata, 'name', '?')}; audio is not listened to."
            )
        parts = [
            # A list of pictures would be the frames of one clip.
            self.encoder.embed_texts(batch)
            if not visual
            else self._embed_clips([[picture] for picture in batch] if visual[0] == "image" else batch)
            for batch in _batches(inputs, visual[0] if visual else "text")
        ]
        return torch.nn.functional.normalize(torch.cat(parts), dim=-1)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> torch.Tensor:
        """Cosines of all pairs: float32 (rows of the first, rows of the second)."""
        return _unit(embeddings1) @ _unit(embeddings2).T

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> torch.Tensor:
        """Cosines of corresponding rows: float32 (rows,)."""
        return (_unit(embeddings1) * _unit(embeddings2)).sum(dim=-1)

    def _embed_clips(self, clips: Sequence[Any]) -> torch.Tensor:
        inputs = self.encoder.video_processor(list(clips), return_tensors="pt")
        features = self.encoder.pool(self.encoder.embed_frames(inputs), inputs["frame_mask"])
        return self.encoder.clip_embeds(features).float()


def _batches(inputs: DataLoader, column: str) -> Iterator[list[Any]]:
    """The values of a column, batch by batch; videos as they are stored, because decoding them is our work."""
    import datasets

    dataset: Any = inputs.dataset
    if column == "video" and isinstance(dataset, datasets.Dataset):
        dataset = dataset.cast_column(column, datasets.Video(decode=False))
    size = inputs.batch_size or 1
    for start in range(0, len(dataset), size):
        yield list(dataset[start : min(start + size, len(dataset))][column])


def _describe(encoder: EmoCLIPEncoder, name: str, revision: str) -> Any:
    """MTEB's record of the model: only what is known here."""
    mteb_models = require("mteb.models.model_meta", "benchmark")
    num_parameters = sum(parameter.numel() for parameter in encoder.model.parameters())
    config = encoder.model.config
    return mteb_models.ModelMeta(
        loader=None,
        name=name,
        revision=revision,
        release_date=None,
        languages=["eng-Latn"],
        n_parameters=num_parameters,
        memory_usage_mb=round(num_parameters * 4 / 2**20),
        max_tokens=config.text_config.max_position_embeddings,
        embed_dim=config.expression_projection_dim or config.projection_dim,
        license=None,
        open_weights=None,
        public_training_code=None,
        public_training_data=None,
        framework=["PyTorch"],
        similarity_fn_name="cosine",
        use_instructions=False,
        training_datasets=None,
        modalities=["text", "image", "video"],
        model_type=["dense"],
    )


def _mteb_name(name: str) -> str:
    parts = [part for part in name.replace("\\", "/").split("/") if part]
    return name if len(parts) == 2 and not name.startswith(("/", ".")) else f"local/{parts[-1]}"


def _unit(embeddings: Any) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.as_tensor(embeddings).float(), dim=-1)


__all__ = ["MTEBEncoder", "mteb_model"]

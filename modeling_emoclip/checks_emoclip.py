# SPDX-License-Identifier: Apache-2.0
"""Checks of the model's inputs, made before anything is computed: a broadcast would score wrong input plausibly."""

import torch


def check_pixels(pixel_values_videos: torch.Tensor, channels: int, image_size: int, interpolate: bool) -> None:
    """Check (B, T, channels, H, W).

    Raises:
        ValueError: type, rank, channel count, size or emptiness is wrong.
    """
    shape = tuple(pixel_values_videos.shape)
    if not pixel_values_videos.is_floating_point():
        raise ValueError(
            f"`pixel_values_videos` must be floating point, got {pixel_values_videos.dtype}; grey levels from 0 to 255 go "
            "through the processor first, which scales and normalises them."
        )
    if len(shape) != 5 or shape[2] != channels:
        raise ValueError(
            f"`pixel_values_videos` must have the shape (batch, frames, {channels}, height, width), got {shape}. Give one "
            "still image as a clip of one frame."
        )
    if shape[0] == 0 or shape[1] == 0:
        raise ValueError(f"`pixel_values_videos` must hold at least 1 clip of at least 1 frame, got {shape}.")
    if shape[3:] != (image_size, image_size) and not interpolate:
        raise ValueError(
            f"Frames must be {image_size} x {image_size} pixels, got {shape[3]} x {shape[4]}; let the processor resize "
            "them, or pass interpolate_pos_encoding=True."
        )


def check_subject_masks(
    subject_masks: torch.Tensor | None, pixel_values_videos: torch.Tensor, subject_prompting: str
) -> None:
    """Check that a model with subject prompting has masks (B, T, H, W), and one without has none.

    Raises:
        ValueError: masks are missing, superfluous or of another shape.
    """
    if subject_prompting == "none":
        if subject_masks is not None:
            raise ValueError(
                "`subject_masks` must be None for a model without subject prompting, got "
                f'{tuple(subject_masks.shape)}; leave them out, or build the model with subject_prompting="sap".'
            )
        return
    batch_size, num_frames, _, height, width = pixel_values_videos.shape
    expected = (batch_size, num_frames, height, width)
    got = None if subject_masks is None else tuple(subject_masks.shape)
    if got != expected:
        raise ValueError(
            f"`subject_masks` must have the shape (batch, frames, height, width) = {expected}, 1 where the subject is, "
            f'got {got}; this model prompts by subject ("{subject_prompting}"). Frames without a subject take zeros.'
        )


def check_frame_embeds(frame_embeds: torch.Tensor, width: int) -> None:
    """Check (B, T, width).

    Raises:
        ValueError: type, rank or width is wrong, or there is no frame.
    """
    shape = tuple(frame_embeds.shape)
    if len(shape) != 3 or shape[2] != width or 0 in shape:
        raise ValueError(
            f"`frame_embeds` must have the shape (batch, frames, {width}) as `get_frame_features` returns it, got {shape}."
        )
    if not frame_embeds.is_floating_point():
        raise ValueError(
            f"`frame_embeds` must be floating point as `get_frame_features` returns it, got {frame_embeds.dtype}."
        )


def check_frame_mask(frame_mask: torch.Tensor | None, clips: torch.Tensor, longest: int | None) -> None:
    """Check that clips (B, T, ...) have at most `longest` frames and the mask is (B, T), with a frame in every row.

    Raises:
        ValueError: a clip is too long, the mask has another shape, or no frame of a clip counts.
    """
    if longest is not None and clips.shape[1] > longest:
        raise ValueError(
            f"A clip may have at most {longest} frames (what the temporal position table covers), got {clips.shape[1]}. "
            "Sample fewer frames or cut the clip into windows."
        )
    if frame_mask is None:
        return
    if frame_mask.shape != clips.shape[:2]:
        raise ValueError(
            f"`frame_mask` must have the shape (batch, frames) = {tuple(clips.shape[:2])}, got {tuple(frame_mask.shape)}."
        )
    if not _values_are_known(frame_mask):
        return
    empty = (~frame_mask.bool().any(dim=1)).nonzero().flatten().tolist()
    if empty:
        raise ValueError(
            f"`frame_mask` must mark at least 1 frame of every clip, got none for {', '.join(map(str, empty))}; leave such "
            "clips out."
        )


def check_token_ids(
    input_ids: torch.Tensor, attention_mask: torch.Tensor | None, vocab_size: int, max_length: int
) -> None:
    """Check (N, L) of whole numbers inside the vocabulary.

    Raises:
        ValueError: rank, type, length or mask shape is wrong, or an id is not in the vocabulary.
    """
    shape = tuple(input_ids.shape)
    if len(shape) != 2 or 0 in shape or input_ids.is_floating_point():
        raise ValueError(f"`input_ids` must be whole numbers of shape (texts, length), got {input_ids.dtype} {shape}.")
    if shape[1] > max_length:
        raise ValueError(f"Texts may have at most {max_length} tokens, got {shape[1]}; truncate in the processor.")
    if attention_mask is not None and tuple(attention_mask.shape) != shape:
        raise ValueError(
            f"`attention_mask` must have the shape of `input_ids`, {shape}, got {tuple(attention_mask.shape)}."
        )
    if not _values_are_known(input_ids):
        return
    lowest, highest = (int(value) for value in input_ids.aminmax())
    if lowest < 0 or highest >= vocab_size:
        raise ValueError(
            f"`input_ids` must be in [0, {vocab_size}), the vocabulary, got {lowest if lowest < 0 else highest}; use the "
            "tokenizer that was saved with the model."
        )


def check_sentiment_logits(sentiment_logits: torch.Tensor | None, num_texts: int, num_sentiments: int) -> None:
    """Check (N, num_sentiments).

    Raises:
        ValueError: the shape is another.
    """
    if sentiment_logits is not None and tuple(sentiment_logits.shape) != (num_texts, num_sentiments):
        raise ValueError(
            f"`sentiment_logits` must have the shape (texts, sentiments) = ({num_texts}, {num_sentiments}), got "
            f"{tuple(sentiment_logits.shape)}; another classifier needs `num_sentiments` in the configuration."
        )


def _values_are_known(tensor: torch.Tensor) -> bool:
    """Whether values may be read: they are not there on the meta device, and the compiler would break its graph."""
    return not torch.compiler.is_compiling() and not tensor.is_meta


__all__ = [
    "check_frame_embeds",
    "check_frame_mask",
    "check_pixels",
    "check_sentiment_logits",
    "check_subject_masks",
    "check_token_ids",
]

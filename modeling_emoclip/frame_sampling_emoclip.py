# SPDX-License-Identifier: Apache-2.0
"""Frame sampling rules: which frames of a clip the model sees.

Pure functions of the number of frames, no decoding. Each rule owns its behaviour on short clips: EmoCLIP's rule wraps
around and then mirrors, so that every frame counts as valid; the uniform rule repeats the last frame and marks the
repeats as padding; Exp-CLIP's code repeats frame 0.
"""

import torch


def mirror_to_length(positions: list[int], length: int) -> list[int]:
    """Extend a list to `length` entries by mirroring at its end.

    The end entry is not repeated, and a list of one entry repeats it. A reflection never reaches further than the
    list is long, so the extension is itself mirrored until it suffices.

    Raises:
        ValueError: If the list is empty.
    """
    if not positions:
        raise ValueError(f"Mirroring to {length} entries needs at least 1 entry, got 0.")
    extended = list(positions)
    last = len(positions) - 1
    if last == 0:
        return (extended * length)[: max(length, 1)]
    while len(extended) < length:
        # Reflection has period 2 * last: 0 1 .. last last-1 .. 1 | 0 1 ..
        offset = len(extended) % (2 * last)
        extended.append(positions[min(offset, 2 * last - offset)])
    return extended


def circular_window(total: int, length: int, start: int) -> list[int]:
    """Return `length` positions in `[0, total)`: a window from `start` that wraps around once, then mirrors.

    Args:
        total: Number of frames to choose from, at least 1.
        length: Number of frames wanted, at least 1.
        start: First position, in `[0, total)`.

    Raises:
        ValueError: If a value is out of its range.
    """
    if total < 1:
        raise ValueError(f"A clip must have at least 1 frame, got {total}.")
    if not 0 <= start < total:
        raise ValueError(f"`start` must be in [0, {total}), got {start}.")
    if start + length < total:
        return list(range(start, start + length))
    # EmoCLIP wraps once only: what one turn cannot fill is mirrored, see DataLoaders/utils.py of the original.
    wrapped = list(range(start, total)) + list(range(min(start + length - total, total)))
    return mirror_to_length(wrapped, length)


def emoclip_indices(
    total: int, num_frames: int, stride: int, *, training: bool = False, generator: torch.Generator | None = None
) -> tuple[torch.LongTensor, torch.BoolTensor]:
    """Return EmoCLIP's frame indices and their mask: every `stride`-th frame, one circular window.

    The window starts at a random frame in training and at frame 0 in evaluation, so that evaluation is repeatable.

    Args:
        total: Number of frames of the clip.
        num_frames: Number of frames wanted.
        stride: Distance between neighbouring candidates in frames of the clip.
        training: Whether the window starts at a random candidate.
        generator: Source of the randomness, torch's global one if absent.

    Returns:
        Indices (num_frames,) and a mask (num_frames,) that is all `True`.

    Raises:
        ValueError: If the clip has no frame.
    """
    candidates = -(-total // stride)
    start = _random_below(candidates, generator) if training and candidates > 0 else 0
    window = circular_window(candidates, num_frames, start)
    indices = torch.tensor(window, dtype=torch.long) * stride
    return indices, torch.ones(num_frames, dtype=torch.bool)  # type: ignore[return-value]


def uniform_indices(
    total: int, num_frames: int, *, training: bool = False, generator: torch.Generator | None = None
) -> tuple[torch.LongTensor, torch.BoolTensor]:
    """Return indices spread over the whole clip and their mask: one frame from each of `num_frames` equal segments.

    Evaluation takes the middle of each segment, training a random frame of it. A clip shorter than `num_frames` gives
    each of its frames once and then repeats the last one with a mask of `False`.

    Args:
        total: Number of frames of the clip.
        num_frames: Number of frames wanted.
        training: Whether a random frame of each segment is taken.
        generator: Source of the randomness, torch's global one if absent.

    Raises:
        ValueError: If the clip has no frame.
    """
    _check_total(total)
    positions = torch.arange(num_frames)
    if total < num_frames:
        return positions.clamp(max=total - 1), positions < total  # type: ignore[return-value]
    inside = torch.rand(num_frames, generator=generator, dtype=torch.float64) if training else torch.tensor(0.5)
    # Float64: a frame number of a long film times a segment number exceeds what float32 counts exactly.
    indices = ((positions + inside.double()) * total / num_frames).long().clamp(max=total - 1)
    return indices, torch.ones(num_frames, dtype=torch.bool)  # type: ignore[return-value]


def emotionclip_indices(
    total: int, num_frames: int, *, training: bool = False, generator: torch.Generator | None = None
) -> tuple[torch.LongTensor, torch.BoolTensor]:
    """Return EmotionCLIP's frame indices and their mask.

    Training takes distinct frames at random, in order (EmotionCLIP `src/datasets/youtube.py`); evaluation takes frames at
    equal distances from the first to the last, rounded down, so that short clips repeat frames (`bold.py`). A clip shorter
    than `num_frames` gives in training each of its frames once and then the last one with a mask of `False`.

    Args:
        total: Number of frames of the clip.
        num_frames: Number of frames wanted.
        training: Whether the frames are random.
        generator: Source of the randomness, torch's global one if absent.

    Raises:
        ValueError: If the clip has no frame.
    """
    _check_total(total)
    if not training:
        # Whole numbers: a rounded product such as 2.9999 would be cut to the frame before.
        indices = torch.arange(num_frames) * (total - 1) // max(num_frames - 1, 1)
        return indices, torch.ones(num_frames, dtype=torch.bool)  # type: ignore[return-value]
    if total < num_frames:
        return uniform_indices(total, num_frames)
    chosen = torch.randperm(total, generator=generator)[:num_frames].sort().values
    return chosen, torch.ones(num_frames, dtype=torch.bool)  # type: ignore[return-value]


def expclip_paper_code_indices(
    total: int, num_frames: int, *, training: bool = False, generator: torch.Generator | None = None
) -> tuple[torch.LongTensor, torch.BoolTensor]:
    """Return the frame indices of Exp-CLIP's published code and their mask, which is all `True`.

    A clip of at most `num_frames` frames gives its frame 0 every time, so that nothing moves; a longer one is sampled as by
    `uniform_indices`. Source: Exp-CLIP `dataloader/video_dataloader.py`.

    Raises:
        ValueError: If the clip has no frame.
    """
    if 0 < total <= num_frames:
        return torch.zeros(num_frames, dtype=torch.long), torch.ones(num_frames, dtype=torch.bool)  # type: ignore[return-value]
    return uniform_indices(total, num_frames, training=training, generator=generator)


def _check_total(total: int) -> None:
    if total < 1:
        raise ValueError(f"A clip must have at least 1 frame, got {total}.")


def _random_below(limit: int, generator: torch.Generator | None) -> int:
    return int(torch.randint(limit, (), generator=generator))


__all__ = [
    "circular_window",
    "emoclip_indices",
    "emotionclip_indices",
    "expclip_paper_code_indices",
    "mirror_to_length",
    "uniform_indices",
]

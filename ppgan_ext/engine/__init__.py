"""Networks made fast: one call and one result, whichever device and arrangement runs underneath."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppgan_ext.engine.compiled import CompileWarning
from ppgan_ext.engine.encoder import EncoderEngine
from ppgan_ext.engine.synthesizer import Synthesizer

if TYPE_CHECKING:
    from ppgan_ext.weights.load import FaceModel

__all__ = ["CompileWarning", "EncoderEngine", "Engine", "Synthesizer", "open_model"]


@dataclass(frozen=True, eq=False)
class Engine:
    """A face model ready to run.

    Attributes:
        synthesizer: codes to images.
        encoder: crops to codes; None where the model has no encoder.
        face_model: the networks and the record that they came with.
    """

    synthesizer: Synthesizer
    encoder: EncoderEngine | None
    face_model: FaceModel


def open_model(
    face_model: FaceModel, device: str | None = None, half: bool = False, compiled: bool | None = None
) -> Engine:
    """Make a loaded face model fast. Nothing is compiled before the first image or crop.

    A generator tuned to a photo draws uncompiled unless ``compiled`` insists: a program of its own takes longer to
    build than the few images of an edit take to draw, and would fill the cache. Its encoder is the model's.

    Args:
        face_model: what `ppgan_ext.weights.load.load_face_model` returns; its networks now belong to the engine.
        device: "cpu" or "gpu:0"; None lets `runtime.choose_device` decide.
        half: convolve in float16; GPU only.
        compiled: None compiles on the CPU and falls back to dygraph with a warning; True insists; False never does.

    Raises:
        ConfigError: ``half`` on a CPU, or ``compiled`` on a GPU.
    """
    name, weights_hash = face_model.name, face_model.base.sha256
    synthesizer = Synthesizer(
        face_model.generator,
        name=name,
        weights_hash=face_model.weights_hash,
        device=device,
        half=half,
        compiled=False if compiled is None and face_model.tuned is not None else compiled,
    )
    encoder = None
    if face_model.encoder is not None:
        encoder = EncoderEngine(
            face_model.encoder,
            face_model.latent_avg,
            name=name,
            weights_hash=weights_hash,
            device=synthesizer.device,
            half=half,
            compiled=compiled,
        )
    return Engine(synthesizer, encoder, face_model)

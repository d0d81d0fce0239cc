"""Fast inference with a face model: the same calls and results on every device, compiled or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ppgan_ext.engine.compiled import CompileWarning
from ppgan_ext.engine.encoder import EncoderEngine
from ppgan_ext.engine.synthesizer import Synthesizer
from ppgan_ext.errors import ConfigError
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.weights.load import FaceModel

__all__ = ["CompileWarning", "EncoderEngine", "Engine", "Synthesizer", "open_model"]


@dataclass(frozen=True, eq=False)
class Engine:
    """A face model ready to run.

    Attributes:
        synthesizer: codes to images.
        encoder: crops to codes; None if the model has no encoder.
        face_model: the networks and the model's record.
    """

    synthesizer: Synthesizer
    encoder: EncoderEngine | None
    face_model: FaceModel

    def encode(self, pixels: FloatArray, num_passes: int | None = None) -> FloatArray:
        """Encode aligned crops; from the second pass on, the codes are corrected with their own reconstruction.

        A regression predicts codes too close to the mean. The encoder E is therefore also applied to the image that the
        generator G renders, and the difference is added: w <- w + E(x) - E(G(w)). This is ReStyle's loop
        (arXiv 2104.02699) for an encoder that was not trained for it.

        Args:
            pixels: (N, 3, H, H) in [-1, 1], RGB; resized to the encoder's input size if H differs.
            num_passes: how many times the encoder is applied; None for the best number for this model
                (`ModelRecord.encoder_passes`).

        Returns:
            w_plus, (N, n_latent, style_dim) float32, including the mean code.

        Raises:
            ConfigError: the model has no encoder, or ``num_passes`` is below 1.
            InputError: ``pixels`` has the wrong shape.
        """
        if self.encoder is None:
            cure = "Choose a model with an encoder, such as faces-128, or fit the photo with 'ppgan-ext fit'"
            what = f"the model '{self.face_model.name}' has no encoder, so it cannot encode photos"
            raise ConfigError(what, cure=cure)
        return self.correct(self.encoder.encode(pixels), num_passes)

    def correct(self, first: FloatArray, num_passes: int | None = None) -> FloatArray:
        """Run the passes of `encode` that follow the first.

        Args:
            first: (N, n_latent, style_dim), the codes of the first pass.
            num_passes: as of `encode`, including the first pass.

        Returns:
            (N, n_latent, style_dim).

        Raises:
            ConfigError: ``num_passes`` is below 1.
        """
        count = self.face_model.record.encoder_passes if num_passes is None else num_passes
        if count < 1:
            cure = "Give a positive number, or leave it out"
            raise ConfigError(f"expected at least 1, got {count}", where="num_passes", cure=cure)
        w_plus = first
        for _ in range(count - 1):
            assert self.encoder is not None
            w_plus = w_plus + first - self.encoder.encode(self.synthesizer.render(w_plus).clip(-1, 1))
        return w_plus


def open_model(
    face_model: FaceModel, device: str | None = None, half: bool = False, compiled: bool | None = None
) -> Engine:
    """Prepare a loaded face model for fast inference. Nothing is compiled before the first image or crop.

    A generator tuned to a photo is not compiled unless ``compiled`` is True: building its program would take longer
    than rendering the few images of an edit, and would fill the cache. Its encoder is the base model's.

    Args:
        face_model: from `ppgan_ext.weights.load.load_face_model`; its networks now belong to the engine.
        device: "cpu" or "gpu:0"; None lets `runtime.choose_device` decide.
        half: convolve in float16; GPU only.
        compiled: None compiles on the CPU when that pays (`compile_rule`), and falls back to dygraph with a warning;
            True insists on a program; False never compiles.

    Raises:
        ConfigError: ``half`` on a CPU, ``compiled`` on a GPU, or a value of PPGAN_EXT_COMPILE that is none.
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

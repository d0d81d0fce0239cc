"""Options of face fusion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from ppgan_ext.apps.options import (
    Accepts,
    FaceChoice,
    FilePath,
    InversionOptions,
    PhotoFormat,
    Void,
    name_values,
    option,
    workers_option,
)

_SIDES = {"source": "photo", "target": "person"}


def _side(value: object) -> object:
    """Accept the other names of the two photos."""
    return _SIDES.get(value, value) if isinstance(value, str) else value


Method: TypeAlias = Literal["auto", "latent", "warp"]
PoseMethod: TypeAlias = Literal["linear", "rotator"]
Skin: TypeAlias = Annotated[Literal["photo", "mix", "person"], BeforeValidator(_side)]
LossTerm: TypeAlias = Literal["identity", "adversarial", "symmetry", "perceptual", "color", "latent", "mean"]
LossWeights: TypeAlias = Annotated[
    dict[LossTerm, Annotated[float, Field(ge=0.0)]], BeforeValidator(name_values), Accepts(Mapping[str, float])
]


# What only the latent method reads: the model, and everything done with codes; but not model_type and weights,
# which the package's own file of settings holds for other methods.
OF_THE_LATENT_METHOD = (
    "weight_path", "size", "style_dim", "n_mlp", "channel_multiplier", "half", "fit_steps", "tune",
    "save_tuned", "pose_method", "rotator_path", "refine",
)  # fmt: skip


class FuseOptions(InversionOptions):
    """Options of FaceFusionPredictor."""

    voids: ClassVar[tuple[Void, ...]] = (
        Void(
            OF_THE_LATENT_METHOD, lambda options: options.method == "warp",
            "method warp uses no model; leave it out, or choose method latent",
        ),
        Void(
            ("rotator_path",), lambda options: options.pose_method != "rotator", "it needs pose_method rotator",
        ),
    )  # fmt: skip

    photo: str | None = option(
        None, "photo that is kept, with its pose, expression and light, or a folder of such photos", group="input",
        names=("photo", "source"),
    )  # fmt: skip
    person: str | None = option(
        None, "photo of the person whose face is put in, or a folder", group="input", names=("person", "target")
    )
    recursive: bool = option(False, "search the subfolders of folders too", group="input")
    workers: int = workers_option()
    pairs: Literal["name", "all"] = option(
        "name", "of two folders: fuse files of the same name, or every photo with every person", group="input"
    )
    photo_face: FaceChoice | None = option(
        None, "faces to replace: all, largest, left, right, top, bottom, or numbers (default: the only one, or one "
        "twice as wide as any other)", group="input", names=("photo_face", "source_face"),
    )  # fmt: skip
    person_face: FaceChoice | None = option(
        None, "face to put in: largest, left, right, top, bottom or a number; or as many as are replaced (default: the "
        "only one, or one twice as wide as any other)", group="input", names=("person_face", "target_face"),
    )  # fmt: skip
    method: Method = option(
        "auto", "warp the person's picture, which needs no model; or let the model draw what that picture does not show"
        " (latent); auto warps unless something is asked for that only the model does", group="face",
    )  # fmt: skip
    identity: float = option(1.0, "share of the person's face", group="face", ge=0.0, le=1.0, step=0.05)
    shape: float | None = option(
        None, "share of the person's face shape; the photo's head is reshaped around it (default: 1)",
        group="face", ge=0.0, le=1.0, step=0.05,
    )  # fmt: skip
    skin: Skin = option("photo", "whose tone of skin the result has", group="face")
    pose_method: PoseMethod = option(
        "linear", "how the latent method turns a face: along the model's directions, or by a network trained for it",
        group="fitting",
    )  # fmt: skip
    rotator_path: FilePath | None = option(
        None, "file of that network, from tools/main.py -c configs/fusion_rotator_faces128.yaml (default: the model's)",
        group="fitting",
    )  # fmt: skip
    refine: int = option(
        0, "refine the fused code by this many optimiser steps, e.g. 40", group="fitting", ge=0, le=5000, step=10
    )
    weights: LossWeights = option(
        {}, "weights of the refinement's terms, e.g. identity=1 symmetry=0.5; 0 leaves a term out", group="fitting"
    )
    photo_format: PhotoFormat = option("png", "file format of the result", group="output")
    save_steps: bool = option(False, "write every intermediate picture into a folder beside the result", group="output")
    save_mp4: bool = option(False, "write a video that passes from the photo to the result", group="output")

    @property
    def asks_for_the_model(self) -> bool:
        """Whether something is asked for that only the latent method does."""
        return self.pose_method == "rotator" or bool(self.refine or self.fit_steps or self.tune)

    @property
    def whole_shape(self) -> float:
        """Share of the person's shape: all of it unless something else is asked for."""
        return 1.0 if self.shape is None else self.shape

    @property
    def swap_skin(self) -> Literal["source", "mix", "target"]:
        """The choice of skin in the words of `faces.swap`."""
        words: dict[str, Literal["source", "mix", "target"]] = {"photo": "source", "mix": "mix", "person": "target"}
        return words[self.skin]

"""Options of the fusion study."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator

from ppgan_ext.apps.fusion.options import OF_THE_LATENT_METHOD, FuseOptions
from ppgan_ext.apps.options import Void, option

# "rotator" is the latent method with --pose_method rotator.
StudyMethod: TypeAlias = Literal["auto", "warp", "latent", "rotator"]
StudyMethods: TypeAlias = Annotated[
    list[StudyMethod], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]


class FusionStudyOptions(FuseOptions):
    """Options of tools/evaluate_fusion.py: those of the fusion, and which pairs and methods to measure."""

    voids: ClassVar[tuple[Void, ...]] = (
        Void(
            ("photo", "person", "pairs", "recursive", "workers"), lambda options: True,
            "the pairs come from input or csv",
        ),
        Void(("method", "pose_method"), lambda options: True, "name what to compare with methods"),
        Void(("photo_format", "save_steps", "save_mp4", "save_tuned"), lambda options: True, "the study keeps tables"),
        Void(
            OF_THE_LATENT_METHOD, lambda options: set(options.methods) == {"warp"}, "method warp uses no model",
        ),
        Void(("rotator_path",), lambda options: "rotator" not in options.methods, "it needs methods rotator"),
        Void(("last", "num_pairs", "min_yaw"), lambda options: options.csv is not None, "the csv lists the pairs"),
    )  # fmt: skip

    input: str | None = option(None, "photos with one face each: a folder, a .zip or an .npz pack", group="input")
    csv: str | None = option(
        None,
        "a CSV with the columns source and target, and on request kind: photos of --input, or paths relative to it",
        group="input",
    )
    last: int = option(
        0, "use only the last N photos of --input, such as those held back from training (0: all)", group="input", ge=0
    )
    num_pairs: int = option(100, "pairs to draw from --input", group="input", ge=1, le=100_000)
    min_yaw: float = option(
        20.0, "smallest difference of yaw between the photos of a pair, degrees", group="input", ge=0.0, le=180.0
    )
    sheet_height: int = option(384, "height of each face on the sheets, pixels", group="output", ge=64, le=1024)
    methods: StudyMethods = option(["auto"], "methods to compare", group="face")

    def with_method(self, method: StudyMethod) -> FusionStudyOptions:
        """Return the same options for one of the methods."""
        if method == "rotator":
            return self.model_copy(update={"method": "latent", "pose_method": "rotator"})
        return self.model_copy(update={"method": method})

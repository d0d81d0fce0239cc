"""Read a face in a picture, and compare it before and after an edit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ppgan_ext.apps.studies.photos.appearance import Appearance, compare_faces
from ppgan_ext.apps.studies.photos.judge import AgeJudge
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.aligned import aligned_landmarks
from ppgan_ext.faces.descriptor import face_descriptor
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.warp import invert, transform_points
from ppgan_ext.images import to_pixels
from ppgan_ext.latents.attributes import geometric_attributes
from ppgan_ext.types import Face, FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.directions import Direction

NAN = math.nan
_PATCH = 512  # side of the crop in which landmarks are predicted


@dataclass(frozen=True, eq=False)
class FaceReading:
    """What is read off one face in one picture.

    Attributes:
        landmarks: (68, 2) in the picture.
        descriptor: (128,), see `faces.face_descriptor`.
        measured: attributes by name, measured without the model: "age" in years and "gender" (0 male to 1 female) by
            the judge, "yaw" and "pitch" in degrees, and the geometric ones in shares of the face's size.
        estimated: the attributes as the model's own regressions see the encoded face.
    """

    landmarks: FloatArray
    descriptor: FloatArray
    measured: dict[str, float]
    estimated: dict[str, float]


class FaceReader:
    """Reads faces with the model's encoder and, where there is one, a judge.

    Args:
        engine: a model with an encoder.
        directions: by name; those with a regressor are estimated.
        judge: None leaves age and gender unmeasured.
    """

    def __init__(self, engine: Engine, directions: Mapping[str, Direction], judge: AgeJudge | None) -> None:
        self._engine = engine
        self._measuring = {name: one for name, one in directions.items() if one.regressor is not None}
        self._judge = judge

    def read(self, image: Image, face: Face) -> FaceReading | None:
        """Read a face.

        Args:
            image: the photo, or an edited copy of it, (H, W, 3) RGB uint8.
            face: the face as it was found in the photo.

        Returns:
            The reading; None where the picture shows no face any more.
        """
        upright = crop_face(image, face, template="ffhq", size=_PATCH)
        in_crop = aligned_landmarks(upright.image, "ffhq")
        if in_crop is None:
            return None
        landmarks = transform_points(in_crop, invert(upright.matrix_photo_to_crop))
        found = Face(face.box, landmarks)
        measured = {name: float(value) for name, value in geometric_attributes(landmarks).items()}
        pose = head_pose(landmarks, (image.shape[1], image.shape[0]))
        measured |= {"yaw": pose.yaw_degrees, "pitch": pose.pitch_degrees}
        if self._judge is not None:
            years, female = self._judge.judge(image, face.box)
            measured |= {"age": years, "gender": female}
        return FaceReading(landmarks, face_descriptor(image, found), measured, self._estimate(image, found))

    def _estimate(self, image: Image, face: Face) -> dict[str, float]:
        model = self._engine
        crop = crop_face(image, face, template=model.face_model.record.crop, size=model.synthesizer.size)
        code = model.encode(to_pixels(crop.image))[0]
        return {name: direction.measure(code) for name, direction in self._measuring.items()}


@dataclass(frozen=True)
class Measurement:
    """Figures of one face after one edit; the fields, but for the last two, are the columns of ``measurements.csv``.

    Attributes:
        photo: name of the file.
        face: number of the face, 1 is the largest.
        unit: distance between the eyes, pixels.
        table_age: age by the table, years.
        sex: by the table, else by the judge.
        section: "age", "directions" or "blends".
        request: name of the edit, such as "age+20".
        attribute: what the edit changes.
        amount: how much, in the direction's unit.
        blend: how the face was pasted.
        years_before, years_after: apparent age by the independent judge.
        model_before, model_after: the attribute by the model's own regression on the encoded photo and result.
        measured_before, measured_after: the attribute measured without the model, see `FaceReading.measured`.
        yaw_change, pitch_change: degrees.
        identity: distance of dlib's descriptors.
        sharpness ... border_step_photo: see `Appearance`.
        seconds, cpu_seconds: of the predictor's call, with the photo in memory and the model loaded; its other results
            carry the same figure.
        results: number of results of that call.
        error: why there is no result; the figures are then NaN.
        before: every measured attribute of the photo.
        changes: its change.
    """

    photo: str
    face: int = 0
    unit: float = NAN
    table_age: float = NAN
    sex: str = ""
    section: str = ""
    request: str = ""
    attribute: str = ""
    amount: float = NAN
    blend: str = ""
    years_before: float = NAN
    years_after: float = NAN
    model_before: float = NAN
    model_after: float = NAN
    measured_before: float = NAN
    measured_after: float = NAN
    yaw_change: float = NAN
    pitch_change: float = NAN
    identity: float = NAN
    sharpness: float = NAN
    iris_change: float = NAN
    iris_color: float = NAN
    skin_l: float = NAN
    skin_a: float = NAN
    skin_b: float = NAN
    paint: float = NAN
    darkening: float = NAN
    chroma_added: float = NAN
    border_step: float = NAN
    border_step_photo: float = NAN
    seconds: float = NAN
    cpu_seconds: float = NAN
    results: int = 0
    error: str = ""
    before: dict[str, float] = field(default_factory=dict)
    changes: dict[str, float] = field(default_factory=dict)

    @property
    def years(self) -> float:
        """Change of the apparent age by the judge."""
        return self.years_after - self.years_before

    @property
    def model_change(self) -> float:
        """Change of the attribute by the model's own regression."""
        return self.model_after - self.model_before

    @property
    def measured_change(self) -> float:
        """Change of the attribute as measured without the model."""
        return self.measured_after - self.measured_before

    @property
    def border_added(self) -> float:
        """Colour step across the mask's border beyond the photo's own."""
        return self.border_step - self.border_step_photo

    @property
    def starting_age(self) -> float:
        """Age before the edit: by the table, else by the judge."""
        return self.years_before if math.isnan(self.table_age) else self.table_age


def figures_of(
    photo: Image, result: Image, before: FaceReading, after: FaceReading, attribute: str
) -> dict[str, object]:
    """Compare the readings of one face in the photo and in a result.

    Args:
        photo: (H, W, 3) RGB uint8.
        result: the edited photo, of the same size.
        before: the face in the photo.
        after: the face in the result.
        attribute: what the edit changes.

    Returns:
        Fields of `Measurement`.
    """
    appearance: Appearance = compare_faces(photo, result, before.landmarks, after.landmarks)
    changes = {name: after.measured[name] - before.measured[name] for name in before.measured}
    return {
        "years_before": before.measured.get("age", NAN),
        "years_after": after.measured.get("age", NAN),
        "model_before": before.estimated.get(attribute, NAN),
        "model_after": after.estimated.get(attribute, NAN),
        "measured_before": before.measured.get(attribute, NAN),
        "measured_after": after.measured.get(attribute, NAN),
        "yaw_change": changes["yaw"],
        "pitch_change": changes["pitch"],
        "identity": float(np.linalg.norm(before.descriptor - after.descriptor)),
        **vars(appearance),
        "before": before.measured,
        "changes": changes,
    }

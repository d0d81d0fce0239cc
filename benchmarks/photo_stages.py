"""The stages of editing a photo on one core, model loaded: NASA's astronaut at 1 megapixel, the bundled model.

Finding faces is measured three times: on the photo, whose face is clear at once; on the same photo lying on its side,
for which turned copies are searched; and on a picture without a face, for which everything is tried.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.age_command import SIDE
from benchmarks.common import Case, Report, main, make_report, measure, peak_rss_mb, run_case

MODULE = "benchmarks.photo_stages"
TARGET_SECONDS = 2.0
YEARS = [-20.0, 20.0, 40.0]
FINDING = ("find the face", "find it lying", "find none")
STAGES = (
    *FINDING,
    "landmarks",
    "encode",
    "render",
    "find the hair",
    "look at the skin",
    "draw 40 years",
    "grey the hair",
    *(f"paste, {blend}" for blend in ("change", "replace", "seamless")),
)
AGEING = ("find the hair", "look at the skin", "draw 40 years", "grey the hair")
WHOLE = "three ages, all stages"


def read_photo(name: str, side: int) -> np.ndarray:
    """Return a picture of scikit-image (public domain), resized to (side, side, 3) RGB uint8."""
    import skimage.data

    return cv2.resize(getattr(skimage.data, name)(), (side, side), interpolation=cv2.INTER_CUBIC)


def open_stage(stage: str, side: int) -> Callable[[], object]:
    """Prepare a stage and return the call that is timed."""
    from ppgan_ext.apps.codes.encoded_face import encode_face
    from ppgan_ext.apps.photo.age import AgeEditingPredictor
    from ppgan_ext.faces.detect import find_faces
    from ppgan_ext.faces.landmarks import predict_landmarks
    from ppgan_ext.faces.paste import paste_back
    from ppgan_ext.latents.directions import apply

    photo = read_photo("coffee" if stage == "find none" else "astronaut", side)
    if stage in FINDING:
        seen = np.ascontiguousarray(np.rot90(photo)) if stage == "find it lying" else photo
        return lambda: find_faces(seen)
    (face,) = find_faces(photo)
    if stage == "landmarks":
        return lambda: predict_landmarks(photo, face.box)
    if stage in AGEING:
        return open_ageing(stage, photo, face.landmarks)
    predictor = AgeEditingPredictor(output_path=None, cpu=True)
    if stage == WHOLE:
        return lambda: predictor.run(photo, years=YEARS)
    encoded = encode_face(predictor.engine, photo, face)
    older = apply(encoded.w_plus, predictor.directions(None, ["age"]), {"age": YEARS[-1]})
    if stage == "encode":
        return lambda: encode_face(predictor.engine, photo, face)
    if stage == "render":
        return lambda: encoded.draw(predictor.engine, older)
    drawn, blend = encoded.draw(predictor.engine, older), stage.rpartition(" ")[2]
    return lambda: paste_back(photo, encoded.crop, encoded.pixels, drawn, face.landmarks, blend=blend)


def open_ageing(stage: str, photo: np.ndarray, landmarks: np.ndarray) -> Callable[[], object]:
    """Prepare a stage of ageing at the photo's resolution and return the call that is timed."""
    from ppgan_ext.faces.ageing.grey_head import find_head_of_hair, grey_head
    from ppgan_ext.faces.ageing.model import bundled_model
    from ppgan_ext.faces.ageing.render import Person, prepare

    model, person = bundled_model(), Person(age=30.0, femininity=1.0, seed=0)
    hair = find_head_of_hair(photo, landmarks, person.femininity)
    if stage == "find the hair":
        return lambda: find_head_of_hair(photo, landmarks, person.femininity)
    if stage == "look at the skin":
        return lambda: prepare(photo, landmarks, person, model, hair).prospect
    ageing = prepare(photo, landmarks, person, model, hair)
    if stage == "draw 40 years":
        return lambda: ageing.draw(photo, 40.0)
    return lambda: grey_head(photo, hair, landmarks, 70.0, 1.0, 0)


def time_stage(stage: str, side: int, num_repeats: int) -> Case:
    """Time one stage."""
    timing = measure(open_stage(stage, side), num_repeats)
    target = TARGET_SECONDS if stage in (*FINDING[:2], WHOLE) else None
    return Case(name=stage, timing=timing, peak_rss_mb=peak_rss_mb(), target_seconds=target, details={"side": side})


CASES = {"time_stage": time_stage}


def run(quick: bool, num_repeats: int) -> Report:
    """Measure all stages."""
    side, cases = 512 if quick else SIDE, []
    with tempfile.TemporaryDirectory() as home:
        environ = {"PPGAN_EXT_HOME": home, "OMP_NUM_THREADS": "1"}
        for stage in (*STAGES, WHOLE):
            arguments = {"stage": stage, "side": side, "num_repeats": num_repeats}
            cases.append(run_case(MODULE, "time_stage", arguments, environ))
    ratios = {f"{stage} / {FINDING[0]}": (stage, FINDING[0]) for stage in FINDING[1:]}
    return make_report("photo_stages", quick, cases, ratios)


if __name__ == "__main__":
    sys.exit(main("photo_stages", run))

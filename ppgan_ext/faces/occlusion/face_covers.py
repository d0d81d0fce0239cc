"""What covers a face, at the photo's resolution, and what it is called."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.light import to_linear
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.faces.occlusion.cover_network import SHAPE, CoverChances, cover_chances, crop_matrix
from ppgan_ext.faces.occlusion.frame_lines import frame_weight, has_bridge
from ppgan_ext.faces.occlusion.object_edges import object_weight
from ppgan_ext.faces.occlusion.rims import find_rims
from ppgan_ext.faces.skin import bare_skin
from ppgan_ext.faces.warp import scale_of, transform_points, warp
from ppgan_ext.types import FloatArray

# Least sizes in pixels of the network's copy, where the face has about 10,000 and a pair of lenses 800 to 3,000.
_LEAST_LENSES = 300.0
_LEAST_FRAME = 80.0
_LEAST_OTHER, _SURE_OF_OTHER = 120.0, 0.7  # teeth and moustaches reach a half
_SURE = 0.5
_RISE = (0.25, 0.75)  # chances at which a large cover begins, and at which it is whole
_LEAST_SHARE = 0.08  # of the face that an object hides; a moustache has half of it
# What has the colour of skin, more or less of it, is skin in the shade: shares, and logarithms of ratios and of light.
_OF_SKIN, _OTHER_COLOUR, _OTHER_LIGHT = (0.6, 1.8), 0.25, 1.6
_COLOURLESS = 0.1  # below, a photo has no colours to go by
_FEW = 60  # pixels of skin of which the colour is known
# Through a clear lens skin is seen: its light and its colours, in logarithms, differ no more from those around, and so
# does this share at least: of 17 clear ones 0.26 and more, of three mirrored or dark ones 0.03 at most.
_THROUGH, _THROUGH_COLOUR, _LEAST_THROUGH = 1.0, 0.35, 0.12
_FACE_WIDTH = 1.12  # of the outline within which covers count


class FaceCovers(NamedTuple):
    """What covers a face.

    Attributes:
        region: (left, top, right, bottom) of the photo that the maps show, right and bottom outside.
        frame: (h, w) float32 in [0, 1], how much of each pixel is a frame of glasses.
        lens: (h, w), where there is a lens through which the face can be seen.
        solid: (h, w), what hides the face: dark lenses, masks, hands, other objects.
        rims: (h, w), 0 or 1, the rims of clear lenses without gaps; wider than they are.
        found: names of what there is: "glasses", "sunglasses", "an object".
    """

    region: tuple[int, int, int, int]
    frame: npt.NDArray[np.float32]
    lens: npt.NDArray[np.float32]
    solid: npt.NDArray[np.float32]
    rims: npt.NDArray[np.float32]
    found: tuple[str, ...]

    def whole(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Return one of the maps, (H, W) of the photo."""
        drawn = np.zeros(shape[:2], np.float32)
        left, top, right, bottom = self.region
        drawn[top:bottom, left:right] = getattr(self, name)
        return drawn


def find_covers_of(photo: npt.NDArray, landmarks: FloatArray) -> FaceCovers | None:
    """Find what covers a face; None if nothing does.

    Args:
        photo: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2), photo pixels.

    Raises:
        WeightsError: the network's weights are missing or damaged.
    """
    matrix = crop_matrix(landmarks)
    seen = transform_points(landmarks, matrix)
    chances = over_face(cover_chances(photo, landmarks), seen)
    found = names_of(chances)
    if "glasses" in found:
        chances, found = _looked_through(warp(np.asarray(photo, np.float32), matrix, SHAPE[::-1]), seen, chances, found)
    if not found:
        return None
    left, top, right, bottom = region = _region(matrix, photo.shape)
    size = (right - left, bottom - top)
    to_crop = np.column_stack([matrix[:, :2], matrix[:, :2] @ (left, top) + matrix[:, 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

    def at_photo(chance: FloatArray) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.warpAffine(np.asarray(chance, np.float32), to_crop, size, flags=flags), np.float32)

    part, points = photo[top:bottom, left:right], landmarks - (left, top)
    frame, lens = np.zeros(part.shape[:2], np.float32), np.zeros(part.shape[:2], np.float32)
    solid, rims = np.zeros_like(frame), np.zeros_like(frame)
    if "glasses" in found or "sunglasses" in found:
        lens = at_photo(chances.lens)
        lenses = at_photo(np.maximum(chances.lens, chances.dark_lens))
        expected, scale = at_photo(chances.frame), scale_of(matrix)
        frame = frame_weight(part, expected, lenses, points, scale)
    if "glasses" in found:
        around, gaps, glass = find_rims(part, expected, lenses, points, scale, frame)
        # A line within a lens is a reflection, or a lid.
        frame, rims = np.maximum(frame * (1.0 - glass), gaps), around.astype(np.float32)
    if "sunglasses" in found:
        solid = _risen(at_photo(chances.dark_lens))
    if "an object" in found:
        other = object_weight(part, at_photo(chances.other), scale_of(matrix))
        if hides_face(part, points, other):
            solid = np.maximum(solid, other)
        else:
            found = tuple(name for name in found if name != "an object")
    return FaceCovers(region, frame, lens, solid, rims, found) if found else None


def hides_face(picture: npt.NDArray, landmarks: FloatArray, cover: FloatArray) -> bool:
    """Tell an object before a face from a moustache, from what is beside the face, and from skin in the shade.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.
        cover: (H, W) in [0, 1], what may be an object.
    """
    face = face_mask(landmarks, cover.shape, feather=0.02) > _SURE
    covered = face & (cover > _SURE)
    if np.count_nonzero(covered) < _LEAST_SHARE * np.count_nonzero(face):
        return False
    bare = (bare_skin(landmarks, cover.shape) > _SURE) & (cover < 1.0 - _SURE)
    if np.count_nonzero(bare) < _FEW:
        return True
    light = to_linear(np.asarray(picture, np.float32)) + np.float32(1e-3)
    (level, ratios), (level_of_skin, of_skin) = (_tone(light[where]) for where in (covered, bare))
    if abs(level - level_of_skin) > _OTHER_LIGHT:
        return True
    much = float(np.hypot(*of_skin))
    if much < _COLOURLESS:
        return abs(level - level_of_skin) > _OTHER_LIGHT / 3.0
    # Skin in the shade has more of the skin's colour, never less.
    along, beside = ratios @ of_skin / much**2, abs(ratios @ np.array([of_skin[1], -of_skin[0]])) / much
    return bool(not _OF_SKIN[0] < along < _OF_SKIN[1] or beside > _OTHER_COLOUR)


def _tone(light: FloatArray) -> tuple[float, FloatArray]:
    """Return the logarithm of the middle light of pixels (N, 3), and those of red to green and green to blue."""
    middle = np.log(np.median(light, axis=0))
    return float(middle[1]), middle[:2] - middle[1:]


def _looked_through(
    copy: FloatArray, points: FloatArray, chances: CoverChances, found: tuple[str, ...]
) -> tuple[CoverChances, tuple[str, ...]]:
    """Look again at what passes for clear glasses, in the network's copy, where a large photo's wrinkles are blurred.

    They have a line over the nose; and lenses that mirror their surroundings look clear to the network, but are not.
    """
    lenses = np.maximum(chances.lens, chances.dark_lens)
    if not has_bridge(frame_weight(copy, chances.frame, lenses, points, 1.0), points):
        return chances, tuple(name for name in found if name != "glasses")
    if _shows_skin(copy, points, lenses):
        return chances, found
    dark = chances._replace(lens=np.zeros_like(lenses), dark_lens=lenses)
    return dark, tuple("sunglasses" if name == "glasses" else name for name in found)


def _shows_skin(copy: FloatArray, points: FloatArray, lens: FloatArray) -> bool:
    """Tell clear lenses from dark and mirrored ones, by the skin that is seen through them."""
    glass = cv2.erode((lens > _SURE).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    bare = (bare_skin(points, SHAPE) > _SURE) & (lens < 1.0 - _SURE)
    if np.count_nonzero(glass) < _FEW or np.count_nonzero(bare) < _FEW:
        return True
    logs = np.log(to_linear(copy) + np.float32(1e-3))
    tones = np.dstack([logs[..., 1], logs[..., :2] - logs[..., 1:]])
    apart = np.abs(tones - np.median(tones[bare], axis=0))[glass]
    alike = (apart[:, 0] < _THROUGH) & (np.hypot(apart[:, 1], apart[:, 2]) < _THROUGH_COLOUR)
    return float(np.mean(alike)) >= _LEAST_THROUGH


def over_face(chances: CoverChances, points: FloatArray) -> CoverChances:
    """Leave out objects beside the face: they cover nothing.

    Args:
        chances: from the network.
        points: (68, 2), the landmarks in the network's copy.
    """
    middle = points.mean(axis=0)
    face = face_mask(middle + _FACE_WIDTH * (points - middle), SHAPE, feather=0.02)
    return chances._replace(other=_touching(chances.other, face > _SURE))


def _touching(chance: npt.NDArray[np.float32], face: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Leave out the pieces of a map of which less than a fifth lies on the face."""
    number, pieces, stats, _ = cv2.connectedComponentsWithStats((chance > _RISE[0]).astype(np.uint8))
    inside = np.bincount(pieces[face], minlength=number)
    keep = inside >= np.maximum(0.2 * stats[:, cv2.CC_STAT_AREA], 0.1 * _LEAST_OTHER)
    keep[0] = True
    return np.where(keep[pieces], chance, np.float32(0.0))


def names_of(chances: CoverChances) -> tuple[str, ...]:
    """Return the names of what is found: "glasses" or "sunglasses", "an object"."""
    sizes = {name: float((chance > _SURE).sum()) for name, chance in chances._asdict().items()}
    found = []
    if sizes["dark_lens"] > max(_LEAST_LENSES, sizes["lens"]):
        found.append("sunglasses")
    elif sizes["lens"] > _LEAST_LENSES and sizes["frame"] > _LEAST_FRAME:
        found.append("glasses")
    if float((chances.other > _SURE_OF_OTHER).sum()) > _LEAST_OTHER:
        found.append("an object")
    return tuple(found)


def _region(matrix: FloatArray, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    back = cv2.invertAffineTransform(matrix)
    rows, columns = SHAPE
    corners = np.array([[-0.5, -0.5], [columns - 0.5, -0.5], [-0.5, rows - 0.5], [columns - 0.5, rows - 0.5]])
    places = transform_points(corners, back)
    height, width = shape[:2]
    left, top = np.clip(np.floor(places.min(axis=0)), 0, (width - 1, height - 1)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(places.max(axis=0)) + 1, (left + 1, top + 1), (width, height)).astype(int).tolist()
    return left, top, right, bottom


def _risen(chance: FloatArray) -> npt.NDArray[np.float32]:
    return np.asarray(np.clip((chance - _RISE[0]) / (_RISE[1] - _RISE[0]), 0.0, 1.0), np.float32)

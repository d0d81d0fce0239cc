"""Put one person's face on another's, in the other's photo: the classic way, by landmarks, triangles and blending.

The face is drawn through triangles onto the photo's landmarks (`mesh`), which gives it the photo's pose and expression.
A side that its own photo hides, since the head is turned there, is taken mirrored from the other side; what neither
shows is left as the photo has it. Then it gets the photo's skin and light (`skin`), and is blended in (`blend`).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.faces import mesh
from ppgan_ext.faces.blend import WAYS, BorderStep, blend, border_step
from ppgan_ext.faces.landmarks import MIRROR, NUM_LANDMARKS
from ppgan_ext.faces.mask import forehead
from ppgan_ext.faces.pose import head_pose, pose_to_rotation
from ppgan_ext.faces.shape import GENERIC, lend_shape
from ppgan_ext.faces.skin import face_size, find_skin, match_skin
from ppgan_ext.faces.swap.mask import fusion_mask, soft_rise
from ppgan_ext.faces.warp import compose, invert, resize_matrix, warp
from ppgan_ext.types import Crop, FloatArray, Image

SKIN_CHOICES = {"source": 0.0, "mix": 0.5, "target": 1.0}  # share of its own tone that the target's face keeps

# Width of the mask's soft edge, as a share of the face's size. Of 120 pairs the colour step at the border is 0.24 above
# the photo's own with 0.13, 0.07 below it with 0.2, 0.24 with 0.26; dlib's distance to the target 0.537, 0.557, 0.577.
FEATHER = 0.2
_RIM = 1.25  # the mesh goes on beyond the face, as blending looks there: scale about the middle
_RING = 1.6  # a shape that changes moves the photo too, up to here
# A place is known where it shows at least this share of the area that it is drawn to, and not at all below half.
_KNOWN = 0.4
# It is seen well from this share on: below, the other side takes its place, mirrored, as far as it is seen better. On
# 24 pairs 20 degrees of yaw and more apart that brought dlib's distance to the target from 0.536 to 0.525.
_WELL_SEEN = 0.7
_NUM_INNER = 78  # points of the mesh before its rim: landmarks and forehead
_INNER_LIP = slice(60, 68)
_OPEN = 0.004  # area between the lips from which a mouth is open, face's size = 1
_SOFT = 0.025  # width of soft edges, as a share of the face's size
_ENOUGH = 4.0  # pixels of that width; wider ones are drawn on a smaller copy
_CROP_FADE = 0.08  # share of a crop's side
_TONE_FADE = 0.15  # width over which the target's own tone begins, as a share of the face's size


@dataclass(frozen=True, eq=False)
class Overlay:
    """A face drawn where it belongs in a photo.

    Attributes:
        left, top: where the overlay lies in the photo.
        face: (H, W, 3) RGB float32, 0 to 255.
        shown: (H, W) float32 in [0, 1], how far the face is known there.
        landmarks: (68, 2), the face's, in the overlay's pixels.
    """

    left: int
    top: int
    face: npt.NDArray[np.float32]
    shown: npt.NDArray[np.float32]
    landmarks: FloatArray

    def of(self, picture: npt.NDArray) -> npt.NDArray:
        """Give the view of a picture of the photo's size that lies under the overlay."""
        height, width = self.shown.shape
        return picture[self.top : self.top + height, self.left : self.left + width]


@dataclass(frozen=True, eq=False)
class Fusion:
    """A photo with another face in it.

    Attributes:
        image: (H, W, 3) RGB uint8; bit-equal to the photo where ``mask`` is 0.
        mask: (H, W) float32 in [0, 1].
        landmarks: (68, 2), where the face was put.
        way: how it was blended, "poisson" or "multi-band".
        step: mean colour step across the mask's border, and that of the photo at the same places.
        images: what it came from, by name, each (H, W, 3) uint8.
    """

    image: Image
    mask: npt.NDArray[np.float32]
    landmarks: FloatArray
    way: str
    step: BorderStep
    images: dict[str, Image]


def fuse_by_warp(
    photo: Image,
    landmarks: FloatArray,
    other: Image,
    other_landmarks: FloatArray,
    *,
    identity: float = 1.0,
    shape: float = 0.0,
    skin: str = "source",
) -> Fusion:
    """Put the face of one photo on that of another.

    Args:
        photo: (H, W, 3) RGB uint8, whose pose, expression, light and surroundings stay.
        landmarks: (68, 2), its face.
        other: the photo of the person whose face is put in, of any size.
        other_landmarks: (68, 2), that face.
        identity: share of the other face, 0 to 1.
        shape: share of the other face's shape, 0 to 1: then the photo's head is reshaped round it.
        skin: "source" keeps the photo's tone of skin, "target" takes the other's, "mix" lies half-way.
    """
    landmarks = np.asarray(landmarks, np.float64)
    wanted = lend_shape(landmarks, other_landmarks, shape) if shape else landmarks
    ground = reshape_photo(photo, landmarks, wanted) if shape else photo
    overlay = draw_over(photo.shape, wanted, other, other_landmarks)
    return lay_over(photo, ground, overlay, identity=identity, skin=skin)


def mesh_points(landmarks: FloatArray) -> FloatArray:
    """Give the points of a face's mesh: landmarks, forehead, and a rim round both.

    Returns:
        (N, 2): the 68 landmarks first, in their order.
    """
    inner = np.vstack([landmarks, forehead(landmarks)])
    outline = np.vstack([inner[:17], inner[NUM_LANDMARKS:]])
    middle = inner.mean(axis=0)
    return np.vstack([inner, middle + _RIM * (outline - middle)])


@functools.lru_cache(maxsize=1)
def face_triangles() -> mesh.Triangles:
    """Give the triangles of every face's mesh: the Delaunay triangulation of the generic face, seen from the front."""
    return mesh.triangulate(mesh_points(GENERIC[:, :2] * (1.0, -1.0)))


def _nearness(points: FloatArray) -> FloatArray:
    """Say how near the camera each point of a mesh is, (N,): the nose hides a part of the far cheek."""
    depth = GENERIC @ pose_to_rotation(head_pose(points[:NUM_LANDMARKS], (1, 1)))[2]
    # The rim lies behind all; it follows the order of the jaw and the forehead.
    far = depth[:17].min() - 50.0
    return np.concatenate([depth, depth[17:27], np.full(len(points) - _NUM_INNER, far)])


def draw_over(
    photo_shape: tuple[int, ...], landmarks: FloatArray, other: Image | FloatArray, other_landmarks: FloatArray
) -> Overlay:
    """Draw a face through triangles to given landmarks.

    Args:
        photo_shape: (H, W, ...) of the photo that it is drawn for.
        landmarks: (68, 2), where it shall lie there.
        other: (H', W', 3) RGB, the picture that shows it; float32 values may have any range.
        other_landmarks: (68, 2), where it lies in that.

    Raises:
        ConfigError: the landmarks lie outside the photo.
    """
    points = mesh_points(landmarks)
    left, top, size = _rectangle(points, photo_shape)
    points = points - (left, top)
    straight = _draw(other, mesh_points(other_landmarks), points, size)
    # The same pixels again, each landmark at the place of its counterpart: the face as a mirror shows it.
    mirrored = mesh_points((other_landmarks * (-1.0, 1.0))[MIRROR]) * (-1.0, 1.0)
    turned = _draw(other, mirrored, points, size, mirrored=True)
    share = 1.0 - np.clip(turned.well_seen - straight.well_seen, 0.0, 1.0)
    face = turned.face + share[..., None] * (straight.face - turned.face)
    known = turned.known + share * (straight.known - turned.known)
    return Overlay(left, top, face, known, points[:NUM_LANDMARKS])


def place_crop(photo_shape: tuple[int, ...], landmarks: FloatArray, crop: Crop, picture: FloatArray) -> Overlay:
    """Draw the picture of an aligned crop where the crop was cut out.

    Args:
        photo_shape: (H, W, ...) of the photo.
        landmarks: (68, 2), the face in the photo.
        crop: the crop, for its matrix.
        picture: (S, S, 3) RGB float32, 0 to 255, of the crop's square; of any size.

    Raises:
        ConfigError: the landmarks lie outside the photo.
    """
    left, top, size = _rectangle(mesh_points(landmarks), photo_shape)
    side = picture.shape[0]
    to_photo = compose(invert(crop.matrix_photo_to_crop), resize_matrix((side, side), (crop.size, crop.size)))
    shift = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]])
    to_overlay = compose(shift, to_photo)
    face = warp(np.asarray(picture, np.float32), to_overlay, size)
    # Up to the crop's border, softly.
    y, x = np.mgrid[: size[1], : size[0]]
    shown = np.ones((size[1], size[0]), np.float32)
    for a, b, c in invert(to_overlay):
        place = ((a * x + b * y + c + 0.5) / side).astype(np.float32)
        rise = np.clip(np.minimum(place, 1.0 - place) / _CROP_FADE, 0.0, 1.0)
        shown *= rise * rise * (3.0 - 2.0 * rise)
    return Overlay(left, top, face, shown, np.asarray(landmarks, np.float64) - (left, top))


def _rectangle(points: FloatArray, photo_shape: tuple[int, ...]) -> tuple[int, int, tuple[int, int]]:
    """Give the part of a photo round some points: left, top, (width, height)."""
    height, width = photo_shape[:2]
    left, top = (int(v) for v in np.clip(np.floor(points.min(axis=0)) - 2, 0, (width, height)))
    right, bottom = (int(v) for v in np.clip(np.ceil(points.max(axis=0)) + 3, 0, (width, height)))
    if right - left < 4 or bottom - top < 4:
        raise ConfigError("the face lies outside the photo", cure="Choose another face")
    return left, top, (right - left, bottom - top)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A picture drawn through triangles; how far it is known there, and seen well, (H, W) in [0, 1]."""

    face: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]
    well_seen: npt.NDArray[np.float32]


def _draw(
    picture: Image | FloatArray,
    picture_points: FloatArray,
    points: FloatArray,
    size: tuple[int, int],
    mirrored: bool = False,
) -> _Drawn:
    """Draw a picture, and say where it shows enough of what it is drawn to."""
    triangles = face_triangles()
    field = mesh.make_field(picture_points, points, triangles, size, _nearness(points))
    share = _shown_share(picture_points, points, triangles, mirrored)
    x, y = field.places[..., 0], field.places[..., 1]
    inside = (x >= 0) & (x <= picture.shape[1] - 1) & (y >= 0) & (y <= picture.shape[0] - 1)
    drawn = inside & (field.triangle >= 0)
    soft = max(1.0, _SOFT * face_size(points[:NUM_LANDMARKS]))

    def beyond(least: float) -> npt.NDArray[np.float32]:
        trust = np.clip(share / least * 2.0 - 1.0, 0.0, 1.0).mean(axis=1).astype(np.float32)
        return _narrowed(np.where(drawn, trust[np.maximum(field.triangle, 0)], np.float32(0.0)), soft)

    known = beyond(_KNOWN) * (1.0 - _shut_mouth(picture_points, points, size))
    return _Drawn(mesh.draw_field(picture, field), known, beyond(_WELL_SEEN))


def _narrowed(weight: npt.NDArray[np.float32], soft: float) -> npt.NDArray[np.float32]:
    """Soften a weight, narrowed before, so that it is 0 wherever it was; on a smaller copy where it gets smooth."""
    height, width = weight.shape
    scale = min(1.0, _ENOUGH / soft)
    if scale < 1.0:
        weight = cv2.resize(weight, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    side = 2 * round(2 * soft * scale) + 1
    narrow = cv2.erode(weight, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    smooth = cv2.GaussianBlur(narrow, (0, 0), soft * scale)
    return smooth if scale == 1.0 else cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR)


def _shown_share(
    picture_points: FloatArray, points: FloatArray, triangles: mesh.Triangles, mirrored: bool
) -> FloatArray:
    """Say what share of its area the picture shows at each corner of each triangle, (T, 3); infinity for lips and rim.

    A corner's share is that of all triangles round it: a single one is too small to be judged by.
    """
    sense = -1.0 if mirrored else 1.0
    # Both faces at one size: what counts is how much of itself a part shows.
    scale = (face_size(points[:NUM_LANDMARKS]) / face_size(picture_points[:NUM_LANDMARKS])) ** 2
    before = sense * scale * mesh.signed_areas(picture_points, triangles)
    after = mesh.signed_areas(points, triangles)
    # Lips part and close: that says nothing about what is hidden.
    lips = ((triangles >= 48) & (triangles < NUM_LANDMARKS)).all(axis=1)
    inner = np.asarray((triangles < _NUM_INNER).all(axis=1) & ~lips)
    sums = np.zeros((2, len(points)))
    for corner in range(3):
        for row, areas in zip(sums, (before, after), strict=True):
            np.add.at(row, triangles[inner, corner], areas[inner])
    ratio = np.where(sums[1] > 0, sums[0] / np.maximum(sums[1], 1e-9), 1.0)
    return np.where(inner[:, None], ratio[triangles], np.inf)


def _shut_mouth(picture_points: FloatArray, points: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Give the inside of the mouth where the photo's is open and the picture's is shut: no teeth can be drawn there."""
    opening, wanted = (
        float(cv2.contourArea(p[_INNER_LIP].astype(np.float32))) / face_size(p[:NUM_LANDMARKS]) ** 2
        for p in (picture_points, points)
    )
    drawn = np.zeros((size[1], size[0]), np.float32)
    shut = float(np.clip(2.0 - 4.0 * opening / max(wanted, 1e-6), 0.0, 1.0))
    if wanted < _OPEN or not shut:
        return drawn
    cv2.fillPoly(drawn, [np.rint(points[_INNER_LIP] * 16).astype(np.int32)], shut, cv2.LINE_8, 4)
    return cv2.GaussianBlur(drawn, (0, 0), max(0.5, 0.01 * face_size(points[:NUM_LANDMARKS])))


def lay_over(
    photo: Image,
    ground: Image,
    overlay: Overlay,
    *,
    identity: float = 1.0,
    skin: str = "source",
    feather: float = FEATHER,
) -> Fusion:
    """Give a drawn face the photo's skin and light, and blend it in.

    Args:
        photo: (H, W, 3) RGB uint8.
        ground: what the face is laid over: the photo, or the photo reshaped.
        overlay: the face.
        identity: share of the face, 0 to 1; the rest is the ground's.
        skin: "source", "target" or "mix".
        feather: width of the mask's soft edge, a share of the face's size.

    Raises:
        ConfigError: another choice of skin.
    """
    if skin not in SKIN_CHOICES:
        raise ConfigError(f"there is no skin '{skin}'", cure=nearest(skin, SKIN_CHOICES))
    under = overlay.of(ground)
    own, photos = (find_skin(overlay.landmarks, picture) for picture in (overlay.face, under))
    mask = fusion_mask(overlay.landmarks, overlay.shown, (own.foreign, photos.foreign), feather)
    own_tone = SKIN_CHOICES[skin] * soft_rise(mask > 0, _TONE_FADE * face_size(overlay.landmarks))
    face_skin = own.skin * overlay.shown
    face = match_skin(overlay.face, under.astype(np.float32), face_skin, photos.skin, overlay.landmarks, own_tone)
    face = under + np.float32(identity) * (face - under)
    result = ground.copy()
    # Poisson blending would take the target's own tone away again.
    overlay.of(result)[:], way = blend(under, face, mask, WAYS if skin == "source" else ("multi-band",))
    whole = np.zeros(photo.shape[:2], np.float32)
    overlay.of(whole)[:] = mask
    step = border_step(ground, result, whole)
    if ground is not photo:
        np.maximum(whole, (ground != photo).any(axis=2), out=whole)
    images = {"drawn": to_image(overlay.face), "matched": to_image(face)}
    place = np.array([overlay.left, overlay.top])
    return Fusion(result, whole, overlay.landmarks + place, way, step, images)


def reshape_photo(photo: Image, landmarks: FloatArray, wanted: FloatArray) -> Image:
    """Move a photo's face to other landmarks, and its surroundings with it, less and less, up to a ring round it.

    Returns:
        A new photo; bit-equal outside the ring.
    """
    result = photo.copy()
    outline = np.vstack([landmarks[:17], forehead(landmarks)])
    middle = outline.mean(axis=0)
    ring = middle + _RING * (outline - middle)
    before, after = np.vstack([landmarks, forehead(landmarks), ring]), np.vstack([wanted, forehead(wanted), ring])
    height, width = photo.shape[:2]
    left, top = (int(v) for v in np.clip(np.floor(ring.min(axis=0)), 0, (width, height)))
    right, bottom = (int(v) for v in np.clip(np.ceil(ring.max(axis=0)) + 1, 0, (width, height)))
    if right <= left or bottom <= top:
        return result
    corner = np.array([left, top])
    field = mesh.make_field(before - corner, after - corner, mesh.triangulate(after), (right - left, bottom - top))
    part = result[top:bottom, left:right]
    # The ring's own pixels stay, whatever rounding says.
    np.copyto(
        part, to_image(mesh.draw_field(photo[top:bottom, left:right], field)), where=(field.triangle >= 0)[..., None]
    )
    return result


def morph(
    photo: Image,
    faces: Sequence[FloatArray],
    result: Image,
    result_faces: Sequence[FloatArray],
    share: float,
) -> Image:
    """Draw what lies between a photo and a result: shapes between the two shapes, colours between the two colours.

    Args:
        photo: (H, W, 3) RGB uint8.
        faces: (68, 2) each, the faces of the photo.
        result: the same size.
        result_faces: the same faces in the result.
        share: 0 gives the photo, 1 the result.
    """
    for before, after in zip(faces, result_faces, strict=True):
        between = before + share * (after - before)
        photo, result = reshape_photo(photo, before, between), reshape_photo(result, after, between)
    return cv2.addWeighted(photo, 1.0 - share, result, share, 0.0)


def to_image(values: FloatArray) -> Image:
    """Round values on 0 to 255 to an image."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)

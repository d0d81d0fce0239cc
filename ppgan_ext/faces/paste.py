"""Paste an edited face back into its photo.

There are three blends. "change" applies only the change of the edit (`change`): the photo is moved as the edit moved
the face, and its light is multiplied by what the edit multiplied, so skin, hair and everything else that the generator
cannot reproduce stays as sharp as it was. "replace" inserts the generator's face, with its colours corrected by
comparing the reconstruction with the photo. "seamless" inserts it by Poisson blending (Perez et al., SIGGRAPH 2003).

In all three, pixels where the mask is 0 keep their bits, only the face's rectangle is processed, and parts that
something covers (`covered`) stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple, cast

import cv2
import numpy as np

from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.faces.aligned import aligned_landmarks
from ppgan_ext.faces.blend import poisson_correction
from ppgan_ext.faces.change import Edit, describe_change
from ppgan_ext.faces.color import fit_color_transfer
from ppgan_ext.faces.covered import Covered, find_covered
from ppgan_ext.faces.light import color_share, match_light, to_linear, to_srgb
from ppgan_ext.faces.mask import face_mask, mask_region
from ppgan_ext.faces.motion import GRID, move
from ppgan_ext.faces.ramps import smooth_step
from ppgan_ext.faces.warp import compose, invert, resize_matrix, transform_points, warp
from ppgan_ext.images import from_levels, to_levels
from ppgan_ext.types import Crop, FloatArray, Image

BLENDS = ("change", "replace", "seamless")

# The edit fades out towards the crop's border over this share of the crop's side.
_FADE = 0.08
# Rows processed at a time: a face of 4000 pixels then needs no more memory than the photo.
_BAND_ROWS = 256
_FLAT = 2.0  # deviation of the levels below which a picture shows nothing
_STILL = 0.02  # pixels of motion below which the photo is not resampled
_SMALL_PIXELS = 1.0e6  # size of the copy for comparing colours and solving for borders


class _Region(NamedTuple):
    """The rectangle of the photo that changes, with its mask."""

    left: int
    top: int
    mask: FloatArray

    def bands(self) -> Iterator[_Region]:
        """Cut the region into horizontal bands."""
        for row in range(0, self.mask.shape[0], _BAND_ROWS):
            yield _Region(self.left, self.top + row, self.mask[row : row + _BAND_ROWS])

    def of(self, photo: Image) -> Image:
        """Return the view of the photo in the region."""
        height, width = self.mask.shape
        return photo[self.top : self.top + height, self.left : self.left + width]

    def draw(self, image: FloatArray, matrix_to_photo: FloatArray) -> FloatArray:
        """Warp a picture through a matrix to the photo, within the region."""
        shift = np.array([[1.0, 0.0, -self.left], [0.0, 1.0, -self.top]])
        return warp(image, compose(shift, matrix_to_photo), (self.mask.shape[1], self.mask.shape[0]))


class FaceBefore(NamedTuple):
    """What is found in a face before its edits, once for all of them.

    Attributes:
        covered: its parts that something covers.
        landmarks: (68, 2) in the generator's picture, pixels of that; None if it shows no face.
    """

    covered: Covered
    landmarks: FloatArray | None


def look_before(crop: Crop, reconstruction: Image | FloatArray, landmarks: FloatArray) -> FaceBefore:
    """Look at a face before its edits; the arguments are those of `paste_back`."""
    before = _to_float(reconstruction)
    in_crop = transform_points(landmarks, crop.matrix_photo_to_crop)
    return FaceBefore(find_covered(crop.image, before, in_crop), _landmarks_in(before, crop.template))


def paste_back(
    photo: Image,
    crop: Crop,
    reconstruction: Image | FloatArray,
    edited: Image | FloatArray,
    landmarks: FloatArray,
    blend: str = "change",
    known: FaceBefore | None = None,
) -> Image:
    """Paste an edited face back into its photo.

    Convention: the generator's pictures are images (S, S, 3) uint8 or, to avoid rounding, pixels (3, S, S) or
    (1, 3, S, S) in [-1, 1]. They show the crop's square at any size.

    Args:
        photo: (H, W, 3) RGB uint8.
        crop: the aligned crop, for its matrix.
        reconstruction: the generator's picture of the face before the edit.
        edited: the generator's picture after the edit, of the same size.
        landmarks: (68, 2), photo pixels, of the face in the photo.
        blend: "change", "replace" or "seamless".
        known: what `look_before` finds, which it finds now if it is not given.

    Returns:
        A new photo, (H, W, 3) uint8. With "change" it equals the photo where edited and reconstruction are equal.

    Raises:
        ConfigError: unknown blend.
    """
    if blend not in BLENDS:
        raise ConfigError(f"there is no blend '{blend}'", cure=nearest(blend, BLENDS))
    before, after = _to_float(reconstruction), _to_float(edited)
    if before.shape != after.shape or before.shape[0] != before.shape[1]:
        raise ValueError(f"reconstruction {before.shape} and edited {after.shape} must be squares of one size")
    result = photo.copy()
    region = _region_of(photo, crop, landmarks)
    if not region.mask.any() or (blend == "change" and np.array_equal(before, after)):
        return result
    known = look_before(crop, reconstruction, landmarks) if known is None else known
    in_crop = transform_points(landmarks, crop.matrix_photo_to_crop)
    if known.covered.mask is not None:
        bare = 1.0 - region.draw(known.covered.mask, invert(crop.matrix_photo_to_crop))
        region = region._replace(mask=region.mask * np.clip(bare, 0.0, 1.0))
    if blend == "change":
        edit = _describe_edit(crop, before, after, in_crop, known.landmarks)
        num = edit.before.shape[0]
        to_photo = compose(invert(crop.matrix_photo_to_crop), _resize_square(num, crop.size))
        _apply_change(photo, result, region, edit, to_photo)
        return result
    to_photo = compose(invert(crop.matrix_photo_to_crop), _resize_square(before.shape[0], crop.size))
    before, after = _in_light_of_photo(crop, before, after, in_crop)
    if blend == "replace":
        _replace(photo, result, region, before, after, to_photo)
    else:
        _seamless(photo, result, region, after, to_photo)
    return result


def _to_float(picture: Image | FloatArray) -> FloatArray:
    """Convert an image or pixels to (S, S, 3) float32, 0 to 255."""
    if picture.dtype == np.uint8:
        if picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"an image must be (S, S, 3) uint8, got {picture.shape}")
        return picture.astype(np.float32)
    pixels = picture[0] if picture.ndim == 4 and picture.shape[0] == 1 else picture
    if pixels.ndim != 3 or pixels.shape[0] != 3:
        raise ValueError(f"pixels must be (3, S, S) or (1, 3, S, S), got {picture.shape}")
    return to_levels(cast(FloatArray, pixels))


def _resize_square(before: int, after: int) -> FloatArray:
    return resize_matrix((before, before), (after, after))


def _region_of(photo: Image, crop: Crop, landmarks: FloatArray) -> _Region:
    """Multiply the face's mask by a window that fades out inside the crop's border."""
    (left, top, right, bottom), mask = mask_region(landmarks, photo.shape)
    x = np.arange(left, right)[None, :]
    y = np.arange(top, bottom)[:, None]
    window = np.ones(mask.shape, np.float32)
    for a, b, c in crop.matrix_photo_to_crop:
        position = ((a * x + b * y + c + 0.5) / crop.size).astype(np.float32)
        rise = np.clip(np.minimum(position, 1.0 - position) / _FADE, 0.0, 1.0)
        window *= smooth_step(rise)
    return _Region(left, top, mask * window)


def _describe_edit(
    crop: Crop, before: FloatArray, after: FloatArray, landmarks: FloatArray, seen_before: FloatArray | None
) -> Edit:
    """Bring the pictures and the landmarks of an edit, (68, 2) in the crop, to one size, GRID or larger."""
    num = max(before.shape[0], GRID)
    seen_after = None if seen_before is None else _landmarks_in(after, crop.template)
    both = None
    if seen_before is not None and seen_after is not None:
        enlarge = _resize_square(before.shape[0], num)
        both = transform_points(seen_before, enlarge), transform_points(seen_after, enlarge)
    photo, before, after = (_resized(picture, num) for picture in (crop.image, before, after))
    return Edit(photo, before, after, transform_points(landmarks, _resize_square(crop.size, num)), both)


def _landmarks_in(picture: FloatArray, template: str) -> FloatArray | None:
    """Predict the landmarks in a picture by the generator; in a flat one the predictions agree without a face."""
    return None if picture.std() <= _FLAT else aligned_landmarks(from_levels(picture), template)


def _resized(picture: Image | FloatArray, size: int) -> FloatArray:
    levels = np.asarray(picture, np.float32)
    if levels.shape[0] == size:
        return levels
    interpolation = cv2.INTER_CUBIC if levels.shape[0] < size else cv2.INTER_AREA
    return np.clip(cv2.resize(levels, (size, size), interpolation=interpolation), 0.0, 255.0)


def _apply_change(photo: Image, result: Image, region: _Region, edit: Edit, to_photo: FloatArray) -> None:
    """Move the photo as the face moved, and multiply its light as the edit does.

    Args:
        photo: before the edit.
        result: is written to.
        region: the rectangle, with the mask.
        edit: the pictures of the edit, all of one size.
        to_photo: the matrix from these to the photo.
    """
    num = edit.before.shape[0]
    grid_to_photo = compose(to_photo, _resize_square(GRID, num))
    shift = np.array([[1.0, 0.0, region.left], [0.0, 1.0, region.top]])
    fade = warp(region.mask, compose(invert(grid_to_photo), shift), (GRID, GRID), border_value=0.0)
    change = describe_change(edit, fade)
    # From shares of the side to photo pixels: the vectors rotate and scale with the matrix.
    motion = (change.motion @ (to_photo[:, :2].T * num)).astype(np.float32)
    is_moved = float(np.abs(motion).max()) > _STILL
    for band in region.bands():
        face = _moved_photo(photo, band, band.draw(motion, grid_to_photo)) if is_moved else band.of(photo)
        mask = band.mask[..., None]
        light = to_linear(face) * np.exp(mask * band.draw(change.log_factor, to_photo))
        if change.mouth is not None:
            mouth, weight = (band.draw(part, to_photo) for part in change.mouth)
            light += (mouth - light) * (np.clip(weight, 0.0, 1.0)[..., None] * mask)
        _write(result, band, to_srgb(light))


def _moved_photo(photo: Image, band: _Region, motion: FloatArray) -> FloatArray:
    """Return a band of the photo after a motion (rows, columns, 2) in photo pixels."""
    reach = math.ceil(float(np.abs(motion).max())) + 3
    top, left = max(0, band.top - reach), max(0, band.left - reach)
    rows, columns = band.mask.shape
    around = photo[top : band.top + rows + reach, left : band.left + columns + reach].astype(np.float32)
    padded = np.zeros((*around.shape[:2], 2), np.float32)
    inner = np.s_[band.top - top : band.top - top + rows, band.left - left : band.left - left + columns]
    padded[inner] = motion
    return move(around, padded)[inner]


def _in_light_of_photo(
    crop: Crop, before: FloatArray, after: FloatArray, landmarks: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Give both pictures of the generator the exposure and the tone of the photo's face."""
    light_before, light_after = to_linear(before), to_linear(after)
    photo = to_linear(_resized(crop.image, before.shape[0]))
    points = transform_points(landmarks, _resize_square(crop.size, before.shape[0]))
    inside = face_mask(points, before.shape, feather=0.1)
    share = color_share(photo, light_before, inside)
    matched = [match_light(light, photo, light_before, inside, share) for light in (light_before, light_after)]
    return to_srgb(matched[0]), to_srgb(matched[1])


def _replace(
    photo: Image, result: Image, region: _Region, before: FloatArray, after: FloatArray, to_photo: FloatArray
) -> None:
    """Replace the photo's face by the generator's.

    The colours are corrected by the transfer that maps the reconstruction's to the photo's: it removes the generator's
    error and keeps the intended change.
    """
    small = _shrink(photo, region, before, to_photo)
    after = fit_color_transfer(small.face, small.photo, small.mask).apply(after)
    for band in region.bands():
        _write(result, band, _mix(band.of(photo), band.draw(after, to_photo), band.mask))


def _seamless(photo: Image, result: Image, region: _Region, after: FloatArray, to_photo: FloatArray) -> None:
    """Replace the photo's face by the generator's, with the gradients of the generator's and the border of the photo.

    The correction of Poisson blending is smooth, so for a large face it is solved on a smaller copy.
    """
    small = _shrink(photo, region, after, to_photo)
    correction = poisson_correction(small.photo, small.face, small.mask)
    for band in region.bands():
        face = band.draw(after, to_photo) + band.draw(correction, small.matrix_to_photo)
        _write(result, band, _mix(band.of(photo), face, band.mask))


class _Small(NamedTuple):
    """A smaller copy of a region, all float32: photo (h, w, 3), generator's picture (h, w, 3) and mask (h, w)."""

    photo: FloatArray
    face: FloatArray
    mask: FloatArray
    matrix_to_photo: FloatArray


def _shrink(photo: Image, region: _Region, picture: FloatArray, to_photo: FloatArray) -> _Small:
    height, width = region.mask.shape
    scale = min(1.0, math.sqrt(_SMALL_PIXELS / (width * height)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    to_small = resize_matrix((width, height), size)
    to_region = np.array([[1.0, 0.0, -region.left], [0.0, 1.0, -region.top]])
    return _Small(
        cv2.resize(region.of(photo).astype(np.float32), size, interpolation=cv2.INTER_AREA),
        warp(picture, compose(to_small, compose(to_region, to_photo)), size),
        cv2.resize(region.mask, size, interpolation=cv2.INTER_AREA),
        compose(invert(to_region), invert(to_small)),
    )


def _mix(photo: Image, face: FloatArray, mask: FloatArray) -> FloatArray:
    weight = mask[..., None]
    return photo * (1.0 - weight) + face * weight


def _write(result: Image, band: _Region, face: FloatArray) -> None:
    """Round a band into the result, only where the mask is not 0."""
    rounded = np.clip(np.rint(face), 0, 255).astype(np.uint8)
    np.copyto(band.of(result), rounded, where=(band.mask > 0)[..., None])

"""Guarantees of the blend "change" on drawn faces, with edits drawn by hand."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces import change
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.change import Edit, _new_inside, describe_change
from ppgan_ext.faces.color import to_lab
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import WITH_RIM, draw_part, face_mask
from ppgan_ext.faces.motion import GRID, landmark_motion, steepness
from ppgan_ext.faces.paste import BLENDS, paste_back
from ppgan_ext.faces.warp import transform_points
from ppgan_ext.types import Box, Face
from tests.reference.drawn import DrawnFace, draw_photo

FACE = DrawnFace((190.0, 170.0), 70.0)
SIZE = 128


class Scene:
    """A photo, its crop, and a reconstruction with colours of its own, which does not depend on the photo's light."""

    def __init__(self, face=FACE, light=lambda linear: linear):
        drawn, (self.landmarks,) = draw_photo((390, 360), [face])
        self.reconstruction = self.crop_of(drawn) + np.float32((7, -5, 3))
        self.photo = np.rint(to_srgb(light(to_linear(drawn)))).astype(np.uint8)
        self.mask = face_mask(self.landmarks, self.photo.shape)

    def crop_of(self, picture):
        return crop_face(picture, Face(Box(0, 0, 1, 1), self.landmarks), "tight", SIZE).image.astype(np.float32)

    def paste(self, edited, blend="change"):
        crop = crop_face(self.photo, Face(Box(0, 0, 1, 1), self.landmarks), "tight", SIZE)
        before, after = (np.clip(np.rint(p), 0, 255).astype(np.uint8) for p in (self.reconstruction, edited))
        return paste_back(self.photo, crop, before, after, self.landmarks, blend)

    def in_crop(self):
        crop = crop_face(self.photo, Face(Box(0, 0, 1, 1), self.landmarks), "tight", SIZE)
        return transform_points(self.landmarks, crop.matrix_photo_to_crop)

    def near(self, points, radius):
        """The photo's pixels within a radius of points (N, 2)."""
        y, x = np.mgrid[0 : self.photo.shape[0], 0 : self.photo.shape[1]]
        return np.min([np.hypot(x - px, y - py) for px, py in points], axis=0) < radius


def shaded(scene, factor, tint=(1.0, 1.0, 1.0)):
    """An edit: the reconstruction's cheeks in another light and tint."""
    landmarks = scene.in_crop()
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    spots = [landmarks[i] + (0, 12) for i in (41, 46)]
    weight = np.max([np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 14**2)) for px, py in spots], axis=0)[..., None]
    change = 1 + weight * (np.float32(tint) * factor - 1)
    return to_srgb(to_linear(scene.reconstruction) * change)


def grey(linear):
    return np.repeat(luminance(linear)[..., None], 3, axis=2)


def sepia(linear):
    return grey(linear) * np.float32((0.75, 0.58, 0.36))


@pytest.mark.parametrize("exposure", [0.5, 0.33, 0.2])
@pytest.mark.parametrize("blend", BLENDS)
def test_the_result_follows_the_photos_exposure(blend, exposure):
    normal, dark = Scene(), Scene(light=lambda linear: linear * np.float32(exposure))
    edited = shaded(normal, 0.7, (1.05, 0.98, 0.9))
    expected = to_srgb(to_linear(normal.paste(edited, blend)) * np.float32(exposure))
    difference = np.abs(dark.paste(edited, blend) - expected)[normal.mask > 0]
    assert np.median(difference) < 1.0
    assert np.percentile(difference, 99) < 6.0


@pytest.mark.parametrize("blend", BLENDS)
def test_a_photo_without_colour_stays_without(blend):
    scene = Scene(light=grey)
    result = scene.paste(shaded(scene, 0.7, (1.3, 0.9, 0.6)), blend)
    assert np.hypot(*np.moveaxis(to_lab(result)[..., 1:], -1, 0)).max() < 1.0
    assert not np.array_equal(result, scene.photo)


def test_sepia_stays_sepia():
    scene = Scene(light=sepia)
    result = scene.paste(shaded(scene, 0.7, (1.3, 0.9, 0.6)))
    tone = np.float32((0.75, 0.58, 0.36)) / (np.float32((0.75, 0.58, 0.36)) @ np.float32((0.2126, 0.7152, 0.0722)))
    light = to_linear(result)
    off = np.abs(result - to_srgb(luminance(light)[..., None] * tone))[scene.mask > 0.5]
    assert np.percentile(off, 99) < 3.0


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 2.0])
def test_a_change_of_light_is_a_factor_and_limited(factor):
    scene = Scene()
    result = scene.paste(shaded(scene, factor))
    ratio = np.log(luminance(to_linear(result) + 1e-4) / luminance(to_linear(scene.photo) + 1e-4))
    cheek = np.median(ratio[scene.near([scene.landmarks[i] + (0, 20) for i in (41, 46)], 6)])
    assert 0.5 < cheek / np.log(factor) < 1.05
    assert -0.65 < cheek < 0.5


def test_colour_is_softer_than_light():
    """A coloured speck, as painted lashes are, leaves little colour; the same speck of light stays."""
    scene = Scene()
    centre = tuple((scene.in_crop()[41] + (0, 14)).round().astype(int).tolist())
    speck = cv2.GaussianBlur(cv2.circle(np.zeros((SIZE, SIZE), np.float32), centre, 2, 1.0, -1), (0, 0), 1.0)[..., None]
    at = scene.near([scene.landmarks[41] + (0, 23)], 5)
    tinted = scene.paste(to_srgb(to_linear(scene.reconstruction) * (1 + speck * np.float32((0.6, -0.25, -0.5)))))
    dimmed = scene.paste(to_srgb(to_linear(scene.reconstruction) * (1 - 0.5 * speck)))
    before = to_lab(scene.photo)[at]
    assert np.abs(to_lab(tinted)[at] - before)[:, 1:].max() < 8
    assert np.abs(to_lab(dimmed)[at] - before)[:, 0].max() > 8


def test_irises_keep_their_colour():
    scene = Scene()
    landmarks = scene.in_crop()
    eyes = np.zeros((SIZE, SIZE), np.float32)
    for eye in (slice(36, 42), slice(42, 48)):
        cv2.fillConvexPoly(eyes, landmarks[eye].round().astype(np.int32), 1.0)
    painted = cv2.GaussianBlur(eyes, (0, 0), 1.0)[..., None]
    edited = scene.reconstruction * (1 - painted) + np.float32((200, 140, 80)) * painted
    result = scene.paste(edited)
    irises = scene.near([scene.landmarks[eye].mean(axis=0) for eye in (slice(36, 42), slice(42, 48))], 2.0)
    apart = np.linalg.norm(to_lab(result)[irises] - to_lab(scene.photo)[irises], axis=1)
    assert np.median(apart) < 2.0
    assert (
        np.linalg.norm(to_lab(scene.paste(edited, "replace"))[irises] - to_lab(scene.photo)[irises], axis=1).mean() > 15
    )


def test_a_turning_head_takes_nothing_of_the_generators_background():
    """The generator turns the head and shows a green wall behind it, where the photo shows the far cheek."""
    scene = Scene()
    turned, (landmarks,) = draw_photo((390, 360), [DrawnFace((190.0, 170.0), 70.0, yaw_degrees=14)])
    wall = np.full_like(turned, (20, 110, 40))
    inside = face_mask(landmarks, turned.shape, feather=0.01)[..., None]
    edited = scene.crop_of(np.rint(turned * inside + wall * (1 - inside)).astype(np.uint8))
    result = scene.paste(edited)
    before, after = (to_lab(picture)[scene.mask > 0] for picture in (scene.photo, result))
    assert before[:, 1].min() > -25
    # Green is a negative a*. The seam of the drawn hair may be moved, so the tail is left out.
    assert np.percentile(after[:, 1], 0.5) > np.percentile(before[:, 1], 0.5) - 3
    nose = scene.near([scene.landmarks[30]], 12)
    assert np.abs(result.astype(int) - scene.photo)[nose].mean() > 3


def test_an_opened_mouth_is_drawn_in_the_photos_light():
    dark = Scene(light=lambda linear: linear * np.float32(0.25))
    opened, (landmarks,) = draw_photo((390, 360), [DrawnFace((190.0, 170.0), 70.0, mouth_open=0.3)])
    edited = dark.crop_of(opened) + np.float32((7, -5, 3))
    result = dark.paste(edited)
    gap = dark.near([landmarks[[62, 66]].mean(axis=0)], 5)
    truth = np.rint(to_srgb(to_linear(opened) * np.float32(0.25)))
    assert np.abs(result[gap] - truth[gap]).mean() < np.abs(dark.photo[gap] - truth[gap]).mean()


def test_no_mouth_is_drawn_where_a_beard_was_taken_for_a_lip():
    scene = Scene()
    inside = draw_part(scene.in_crop()[48:60], (SIZE, SIZE), WITH_RIM)
    light = to_linear(scene.reconstruction)
    assert _new_inside(light, light * np.float32(0.8), inside) == 0.0
    assert _new_inside(light, light * np.float32(0.3), inside) == 1.0
    assert 0.0 < _new_inside(light, light * np.float32(0.65), inside) < 1.0
    assert _new_inside(light, light * np.float32(0.3), np.zeros_like(inside)) == 0.0


@pytest.mark.parametrize("blend", BLENDS)
def test_a_smile_is_not_painted_on_a_mask(blend):
    scene = Scene()
    outline = np.vstack([scene.landmarks[2:15], scene.landmarks[28:29]]).round().astype(np.int32)
    cv2.fillPoly(scene.photo, [outline], (150, 190, 215))
    scene.reconstruction = cv2.GaussianBlur(scene.crop_of(scene.photo), (0, 0), 1.0)
    mouth = scene.in_crop()[48:60].round().astype(np.int32)
    cv2.fillPoly(scene.reconstruction, [mouth], (165, 115, 110))
    edited = scene.reconstruction.copy()
    cv2.fillPoly(edited, [mouth + np.int32((0, 3))], (240, 240, 240))
    edited = shaded_brows(scene, edited)
    result = scene.paste(edited, blend)
    lips = scene.near(scene.landmarks[48:60], 6)
    assert np.array_equal(result[lips], scene.photo[lips])
    assert not np.array_equal(result, scene.photo)


def shaded_brows(scene, edited):
    """The same edit also darkens the forehead, which is not covered."""
    rows = np.arange(SIZE)[:, None, None] < scene.in_crop()[27, 1]
    return np.where(rows, edited * 0.75, edited)


SEEN = 70.0 * 256 / 330  # distance of the eyes in the square of `edit_of`


def edit_of(after, seen=None, mouth_open=0.0):
    """An edit of a drawn face in a square of the grid's size; ``after`` makes its light from that before."""
    photo, (points,) = draw_photo((GRID, GRID), [DrawnFace((128.0, 110.0), SEEN, mouth_open=mouth_open)])
    before = photo.astype(np.float32)
    return Edit(before, before, to_srgb(after(to_linear(before), points)), points, seen and (points, seen(points)))


def factor_of(after, seen=None, fade=1.0, mouth_open=0.0):
    edit = edit_of(after, seen, mouth_open)
    return edit, describe_change(edit, np.full((GRID, GRID), fade, np.float32))


def around(points, radius=4):
    x, y = np.atleast_2d(points).mean(axis=0).round().astype(int)
    return slice(y - radius, y + radius), slice(x - radius, x + radius)


@pytest.fixture
def still(monkeypatch):
    """Nothing moves."""
    monkeypatch.setattr(change, "estimate_motion", lambda *_: np.zeros((GRID, GRID, 2), np.float32))


def test_the_same_picture_before_and_after_changes_neither_light_nor_colour(still):
    _, same = factor_of(lambda light, _: light)
    assert np.abs(same.log_factor).max() < 1e-4
    assert same.mouth is None


def test_a_coloured_line_stays_on_the_lips_and_is_spread_on_the_cheek(still):
    def lined(light, points):
        for place in (points[[51, 62]], points[[2, 31, 48]]):
            x, y = place.mean(axis=0).round().astype(int)
            light[y - 40 : y + 40, x] *= np.float32((1.1, 0.97, 0.95))
        return light

    edit, drawn = factor_of(lined)
    colour = drawn.log_factor[..., 0] - drawn.log_factor[..., 2]
    columns = [colour[around(edit.landmarks[place], 2)] for place in ([51, 62], [2, 31, 48])]
    lips, cheek = (float(column[:, 1:].max() - column[:, :1].min()) for column in columns)
    assert lips > 0.03
    assert cheek < 0.3 * lips


def test_light_of_lids_changes_less_than_that_of_skin_and_colour_of_lips_less_than_theirs(still):
    for times in (0.2, 5.0):
        edit, drawn = factor_of(lambda light, _, times=times: light * np.float32(times))
        size = np.abs(drawn.log_factor[..., 1])
        lid, cheek = (float(np.median(size[around(edit.landmarks[place])])) for place in ([37, 38, 19], [2, 31, 48]))
        assert 0.0 < lid < 0.95 * cheek
    edit, drawn = factor_of(lambda light, _: light * np.float32((1.4, 0.95, 0.6)))
    spread = np.ptp(drawn.log_factor, axis=2)
    lips, lid, cheek = (
        float(np.median(spread[around(edit.landmarks[place], 2)])) for place in ([51, 62], [37, 38, 19], [2, 31, 48])
    )
    assert 0.0 < lid < 0.7 * cheek
    assert 0.0 < lips < 0.7 * cheek


def test_teeth_that_show_already_change_less_than_skin(still):
    edit, drawn = factor_of(lambda light, _: light * np.float32(0.6), mouth_open=0.3)
    size = np.abs(drawn.log_factor[..., 1])
    teeth, cheek = (float(size[around(edit.landmarks[place], 3)].mean()) for place in ([62, 66], [2, 31, 48]))
    assert 0.0 < teeth < 0.5 * cheek


def test_black_lines_that_move_beside_light_leave_no_holes():
    """A frame of glasses on a head that turns: cubic resampling makes light beside it negative."""

    def framed(light, points):
        for eye in (slice(36, 42), slice(42, 48)):
            middle = tuple(points[eye].mean(axis=0).round().astype(int).tolist())
            cv2.circle(light, middle, 20, (0.0, 0.0, 0.0), 3)
        return np.roll(light, 3, axis=1)

    edit = edit_of(lambda light, _: light)
    before, after = (to_srgb(framed(to_linear(edit.before), edit.landmarks + shift)) for shift in (0.0, 2.0))
    edit = edit._replace(photo=before, before=before, after=np.roll(after, 2, axis=1))
    drawn = describe_change(edit, np.ones((GRID, GRID), np.float32))
    assert np.abs(drawn.motion).max() * GRID > 0.5
    assert np.isfinite(drawn.log_factor).all()


def test_motion_follows_the_landmarks_fades_with_the_mask_and_never_folds_the_skin(monkeypatch):
    told = []

    def moved(before, after, rough):
        told.append(rough)
        motion = np.zeros((GRID, GRID, 2), np.float32)
        motion[:, GRID // 2 :] = 0.02  # a step, which would tear
        return motion

    monkeypatch.setattr(change, "estimate_motion", moved)
    shift = np.array([3.0, 0.0])
    edit, drawn = factor_of(lambda light, _: light, seen=lambda points: points + shift)
    assert 0.5 < steepness(drawn.motion) * GRID < 0.7
    np.testing.assert_allclose(told[0], landmark_motion(edit.landmarks, edit.landmarks + shift, GRID))
    assert np.abs(told[0]).max() > 0.0
    _, half = factor_of(lambda light, _: light, fade=0.0)
    assert not half.motion.any()
    assert told[1] is None

import threading

import cv2
import numpy as np
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.faces import paste
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.change import Change
from ppgan_ext.faces.covered import Covered
from ppgan_ext.faces.light import to_linear, to_srgb
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.faces.motion import GRID
from ppgan_ext.faces.paste import BLENDS, paste_back
from ppgan_ext.faces.warp import invert, transform_points
from ppgan_ext.types import Box, Face
from tests.reference.drawn import DrawnFace, draw_photo

FACE = DrawnFace((190.0, 170.0), 70.0, roll_degrees=9)


def textured(photo, seed=0, strength=6.0):
    """Give the photo pores: detail that no small generator draws."""
    noise = np.random.default_rng(seed).normal(0, strength, photo.shape[:2])
    return np.clip(photo + cv2.GaussianBlur(noise, (0, 0), 0.8)[..., None] * 2, 0, 255).astype(np.uint8)


class Scene:
    """A photo, the crop of its face, and what a small, slightly wrong generator makes of it."""

    def __init__(self, size=64, template="tight", face=FACE, photo_size=(390, 360)):
        drawn, (self.landmarks,) = draw_photo(photo_size, [face])
        self.photo = textured(drawn)
        self.crop = crop_face(self.photo, Face(Box(0, 0, 1, 1), self.landmarks), template, size)
        self.mask = face_mask(self.landmarks, self.photo.shape)
        self.size = size
        self.reconstruction = self.generate(self.crop.image)

    @staticmethod
    def generate(image):
        soft = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.7) + np.float32((7, -5, 3))
        return np.clip(soft, 0, 255)

    def paste(self, edited, blend="change"):
        return paste_back(self.photo, self.crop, pixels(self.reconstruction), pixels(edited), self.landmarks, blend)

    def place(self, points):
        return transform_points(points, self.crop.matrix_photo_to_crop)


def pixels(image):
    return (np.asarray(image, np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]


def psnr(a, b, where):
    return 10 * np.log10(255**2 / np.mean(np.square(a.astype(float) - b.astype(float))[where]))


def high_pass(image):
    image = image.astype(np.float32)
    return image - cv2.GaussianBlur(image, (0, 0), 2.0)


@pytest.mark.parametrize("template", ["ffhq", "tight"])
@pytest.mark.parametrize("size", [32, 256])
def test_without_an_edit_the_photo_keeps_every_bit(template, size):
    scene = Scene(size, template)
    before = scene.photo.copy()
    assert np.array_equal(scene.paste(scene.reconstruction), before)
    assert np.array_equal(scene.photo, before)


@pytest.mark.parametrize("blend", BLENDS)
@pytest.mark.parametrize("template", ["ffhq", "tight"])
def test_pixels_outside_the_mask_keep_every_bit(blend, template):
    scene = Scene(64, template)
    edited = np.clip(scene.reconstruction * 0.7 + 40, 0, 255)
    edited = np.roll(edited, 3, axis=1)
    result = scene.paste(edited, blend)
    outside = scene.mask == 0
    assert outside.mean() > 0.5
    assert np.array_equal(result[outside], scene.photo[outside])
    assert np.abs(result.astype(int) - scene.photo)[scene.mask > 0.99].mean() > 5


def brighter(image, factor):
    """Multiply the linear light of a picture, (H, W, 3), 0 to 255."""
    return to_srgb(to_linear(np.asarray(image, np.float32)) * np.float32(factor))


def log_ratio(result, photo):
    return np.log((to_linear(result) + 1e-3) / (to_linear(photo) + 1e-3))[..., 1]


def test_change_of_light_lands_where_and_as_strong_as_it_was_made():
    scene = Scene(64, "ffhq")
    change = log_ratio(scene.paste(brighter(scene.reconstruction, 0.8)), scene.photo)
    deep = scene.mask > 0.999
    assert np.median(change[deep]) == pytest.approx(np.log(0.8), abs=0.02)
    edge = (scene.mask > 0.3) & (scene.mask < 0.7) & (scene.photo.min(axis=2) > 90)  # skin, not hair
    assert change[edge].mean() / np.log(0.8) == pytest.approx(scene.mask[edge].mean(), abs=0.05)


@pytest.mark.parametrize("size", [32, 64])
def test_change_keeps_the_skins_detail_where_replace_loses_it(size):
    scene = Scene(size, "tight")
    edited = scene.reconstruction - 25
    cheek = (scene.mask > 0.999) & (
        np.hypot(*np.moveaxis(np.stack(np.meshgrid(np.arange(390), np.arange(360)), -1) - scene.landmarks[33], -1, 0))
        < 60
    )
    changed, replaced = (scene.paste(edited, blend) for blend in ("change", "replace"))
    original = high_pass(scene.photo)[cheek].ravel()
    assert np.corrcoef(high_pass(changed)[cheek].ravel(), original)[0, 1] > 0.97
    assert np.corrcoef(high_pass(replaced)[cheek].ravel(), original)[0, 1] < 0.8


def test_a_low_resolution_change_shows_no_blocks():
    """The added change is smooth: its second differences stay near those of a perfectly interpolated one."""
    scene = Scene(32, "tight")
    spot = np.zeros((32, 32, 1), np.float32)
    spot[18, 16] = 1
    spot = cv2.GaussianBlur(spot, (0, 0), 2.0)[..., None] * 900
    flat = np.full_like(scene.photo, 128)
    result = paste_back(
        flat, scene.crop, pixels(np.full((32, 32, 3), 128.0)), pixels(128.0 + np.repeat(spot, 3, 2)), scene.landmarks
    )
    added = result[..., 0].astype(float) - 128
    assert added.max() > 20
    bend = np.abs(np.diff(added, 2, axis=1)).max()
    assert bend <= 3.0  # blocks of 6 pixels would make steps of a dozen levels


def test_no_halo_at_the_masks_border():
    """A uniform change fades monotonically from the middle to the border."""
    scene = Scene(64, "ffhq")
    flat = np.full_like(scene.photo, 120)
    result = paste_back(
        flat, scene.crop, pixels(np.full((64, 64, 3), 100.0)), pixels(np.full((64, 64, 3), 140.0)), scene.landmarks
    )
    middle = scene.landmarks[30].round().astype(int)
    row = result[middle[1], : middle[0], 0].astype(int)
    assert row[0] == 120
    assert row[-1] > 140
    assert np.all(np.diff(row) >= 0)


def test_values_saturate_without_wrapping():
    scene = Scene(64)
    bright = scene.paste(scene.reconstruction + 200)
    dark = scene.paste(scene.reconstruction - 200)
    deep = scene.mask > 0.999
    # Not all: in a picture that is all but black or white, the landmarks are guesswork, and the face moves a little.
    assert np.mean(bright[deep].astype(int) >= scene.photo[deep]) > 0.9
    assert np.mean(dark[deep].astype(int) <= scene.photo[deep]) > 0.9
    assert bright[deep].mean() > scene.photo[deep].mean() + 10
    assert dark[deep].mean() < scene.photo[deep].mean() - 20


@pytest.mark.parametrize("size", [64, 128])
def test_detail_moves_with_the_face(size):
    """A smile pulled by hand: the result is compared with the photo itself, pulled the same way."""
    scene = Scene(size, "tight")
    eye_distance = FACE.eye_distance
    y, x = np.mgrid[0:360, 0:390].astype(np.float32)
    map_x, map_y = x.copy(), y.copy()
    for corner, sign in ((48, 1), (54, -1)):
        weight = np.exp(-((x - scene.landmarks[corner, 0]) ** 2 + (y - scene.landmarks[corner, 1]) ** 2) / (2 * 16**2))
        map_x += sign * 0.1 * eye_distance * weight
        map_y += 0.1 * eye_distance * weight
    truth = cv2.remap(scene.photo, map_x, map_y, cv2.INTER_CUBIC)
    edited = scene.generate(crop_face(truth, Face(Box(0, 0, 1, 1), scene.landmarks), "tight", size).image)
    result = scene.paste(edited)
    linear = scene.crop.matrix_photo_to_crop
    change = cv2.warpAffine(
        edited - scene.reconstruction, linear, (390, 360), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    plain = np.clip(np.rint(scene.photo + scene.mask[..., None] * change), 0, 255)
    mouth = (np.abs(map_y - y) > 1.0) & (scene.mask > 0.99)
    assert mouth.sum() > 500
    assert psnr(result, truth, mouth) > psnr(plain, truth, mouth) + 2.0
    assert psnr(result, truth, mouth) > 30


def test_half_way_out_the_face_moves_half_way():
    """Where the mask fades, one face moved a little is seen, not two faces half transparent."""
    scene = Scene(128, "ffhq")
    shift = np.float32([[1, 0, 4], [0, 1, 0]])
    edited = cv2.warpAffine(scene.reconstruction, shift, (128, 128), borderMode=cv2.BORDER_REFLECT)
    result = scene.paste(edited)
    band = (scene.mask > 0.25) & (scene.mask < 0.75)
    sharp, before = (np.abs(high_pass(p))[band].mean() for p in (result, scene.photo))
    assert 0.75 * before < sharp < 1.25 * before


def test_replace_takes_the_generators_cast_away_but_not_the_edits():
    scene = Scene(64, "tight")
    scene.reconstruction = np.clip(scene.generate(scene.crop.image) + np.float32((35, -20, -30)), 0, 255)
    deep = scene.mask > 0.999
    unedited = scene.paste(scene.reconstruction, "replace")
    colour = np.median(scene.photo[deep], axis=0)
    np.testing.assert_allclose(np.median(unedited[deep], axis=0), colour, atol=6)
    darker = scene.paste(np.clip(scene.reconstruction * 0.75, 0, 255), "replace")
    assert np.median(darker[deep]) < np.median(unedited[deep]) - 20


@pytest.mark.parametrize("place", [(190.0, 170.0), (18.0, 150.0), (372.0, 60.0), (190.0, 340.0)])
@pytest.mark.parametrize("blend", BLENDS)
def test_faces_at_the_border(place, blend):
    scene = Scene(64, "tight", DrawnFace(place, 50.0, roll_degrees=-7))
    result = scene.paste(np.clip(scene.reconstruction - 30, 0, 255), blend)
    assert result.shape == scene.photo.shape
    outside = scene.mask == 0
    assert np.array_equal(result[outside], scene.photo[outside])
    assert np.isfinite(result).all()


def test_seamless_puts_each_pixel_in_its_place():
    """A large shift of the clone would show as doubled features; none may be off by a pixel."""
    scene = Scene(256, "ffhq")
    edited = scene.crop.image.astype(np.float32) + np.float32((20, 0, -15))
    result = scene.paste(edited, "seamless").astype(float)
    deep = scene.mask > 0.999
    aligned = np.std((result - scene.photo)[deep] - np.mean((result - scene.photo)[deep], axis=0))
    shifted = np.std((np.roll(result, 1, axis=1) - scene.photo)[deep])
    assert aligned < 0.75 * shifted


def test_seamless_hides_a_cast_of_colour():
    scene = Scene(64, "tight")
    cast = np.clip(scene.reconstruction + np.float32((40, -25, -30)), 0, 255)
    result = scene.paste(cast, "seamless")
    ring = (scene.mask > 0.05) & (scene.mask < 0.5)
    assert np.abs(result.astype(float) - scene.photo)[ring].mean() < 8


@pytest.mark.slow
def test_a_large_face_is_blended_from_a_smaller_copy():
    scene = Scene(64, "tight", DrawnFace((800.0, 700.0), 380.0), (1600, 1500))
    for blend in BLENDS:
        result = scene.paste(np.clip(scene.reconstruction - 30, 0, 255), blend)
        assert np.array_equal(result[scene.mask == 0], scene.photo[scene.mask == 0])
        assert np.abs(result.astype(int) - scene.photo)[scene.mask > 0.999].mean() > 3


def test_images_and_pixels_mean_the_same():
    scene = Scene(64)
    before, after = (
        np.rint(np.clip(p, 0, 255)).astype(np.uint8) for p in (scene.reconstruction, scene.reconstruction - 30)
    )
    by_image = paste_back(scene.photo, scene.crop, before, after, scene.landmarks)
    by_pixels = paste_back(scene.photo, scene.crop, pixels(before)[0], pixels(after), scene.landmarks)
    assert np.abs(by_image.astype(int) - by_pixels).max() <= 1


def test_the_generator_may_have_another_size_than_the_crop():
    scene = Scene(128, "ffhq")
    for size in (32, 300):
        before = cv2.resize(scene.reconstruction, (size, size), interpolation=cv2.INTER_AREA)
        result = paste_back(scene.photo, scene.crop, pixels(before), pixels(brighter(before, 1.2)), scene.landmarks)
        deep = scene.mask > 0.999
        assert np.median(log_ratio(result, scene.photo)[deep]) == pytest.approx(np.log(1.2), abs=0.02)


def test_a_face_outside_the_photo_changes_nothing():
    scene = Scene(64)
    far = scene.landmarks + 5000
    result = paste_back(scene.photo, scene.crop, pixels(scene.reconstruction), pixels(scene.reconstruction - 30), far)
    assert np.array_equal(result, scene.photo)


def test_same_input_same_bytes_also_from_threads():
    scene = Scene(64)
    edited = np.roll(scene.reconstruction, 2, axis=0)
    results = [None] * 3

    def work(i):
        results[i] = scene.paste(edited)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(result, scene.paste(edited)) for result in results)


def test_wrong_arguments():
    scene = Scene(32)
    with pytest.raises(ConfigError, match="Did you mean 'seamless'"):
        scene.paste(scene.reconstruction, "seemless")
    with pytest.raises(ValueError, match="one size"):
        scene.paste(scene.reconstruction[:16, :16])
    with pytest.raises(ValueError, match="pixels must be"):
        paste_back(scene.photo, scene.crop, np.zeros((2, 3, 8, 8), np.float32), np.zeros((3, 8, 8)), scene.landmarks)
    with pytest.raises(ValueError, match="uint8"):
        paste_back(scene.photo, scene.crop, np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8), scene.landmarks)


def pasted(monkeypatch, scene, light=0.0, mouth=None, covered=None, seen=None):
    """Paste a change that is the same everywhere; returns the photo that is made, and the edit that was described."""
    edits = []

    def describe(edit, fade):
        edits.append(edit)
        return Change(np.zeros((GRID, GRID, 2), np.float32), np.full((GRID, GRID, 3), light, np.float32), mouth)

    monkeypatch.setattr(paste, "describe_change", describe)
    monkeypatch.setattr(paste, "find_covered", lambda *_: Covered((), covered))
    if seen is not None:
        monkeypatch.setattr(paste, "aligned_landmarks", seen)
    return scene.paste(255.0 - scene.reconstruction), edits[0]


def test_a_mouth_that_opens_is_drawn_where_it_has_weight(monkeypatch):
    scene = Scene()
    weight = np.zeros((GRID, GRID), np.float32)
    weight[180:220, 100:156] = 1.0
    red = np.zeros((GRID, GRID, 3), np.float32) + np.float32((1.0, 0.0, 0.0))
    result, _ = pasted(monkeypatch, scene, mouth=(red, weight))
    places = (np.array([(128.0, 200.0), (108.0, 190.0), (128.0, 160.0), (70.0, 200.0)]) + 0.5) * scene.size / GRID - 0.5
    points = transform_points(places, invert(scene.crop.matrix_photo_to_crop)).round().astype(int)
    for (x, y), inside in zip(points.tolist(), (True, True, False, False), strict=True):
        part, before = (picture[y - 1 : y + 2, x - 1 : x + 2] for picture in (result, scene.photo))
        assert scene.mask[y, x] == 1.0
        assert np.array_equal(part, np.full_like(part, (255, 0, 0)) if inside else before)


def test_an_edit_ends_softly_inside_the_crop_where_the_face_goes_on(monkeypatch):
    """The crop shows the right half of the face, and a strip in which the edit fades in."""
    scene = Scene(face=DrawnFace((190.0, 170.0), 70.0))
    edge = int(scene.landmarks[30, 0])
    scale = scene.size / 200.0
    matrix = np.array([[scale, 0.0, -scale * edge], [0.0, scale, -scale * 90.0]])
    scene.crop = scene.crop.__class__(scene.crop.image, matrix, scene.crop.template)
    result, _ = pasted(monkeypatch, scene, light=0.4)
    face = scene.mask == 1.0
    changed = np.abs(result.astype(int) - scene.photo).mean(axis=2)
    assert face[:, :edge].any()
    assert not changed[:, :edge].any()
    near, half, far = (
        changed[:, edge + first : edge + last][face[:, edge + first : edge + last]].mean()
        for first, last in ((1, 4), (7, 10), (20, 30))
    )
    assert near < 0.3 * far < 0.7 * half < 0.7 * far


def test_what_covers_a_face_keeps_its_bits_and_the_rest_changes(monkeypatch):
    scene = Scene()
    covered = np.zeros((scene.size, scene.size), np.float32)
    covered[:, : scene.size // 2] = 1.0
    result, _ = pasted(monkeypatch, scene, light=0.4, covered=covered)
    y, x = np.mgrid[: scene.photo.shape[0], : scene.photo.shape[1]]
    across = scene.place(np.stack([x, y], axis=2).astype(float))[..., 0]
    changed = (result != scene.photo).any(axis=2)
    assert not changed[across < scene.size / 2 - 3].any()
    assert changed[(across > scene.size / 2 + 3) & (scene.mask == 1.0)].all()


def test_an_edit_knows_the_landmarks_that_are_seen_before_and_after(monkeypatch):
    """In pixels of the grid, and none if one of the pictures shows no face."""
    scene = Scene()
    points = np.stack([np.linspace(10.0, 50.0, 68), np.linspace(20.0, 60.0, 68)], axis=1)
    templates = []

    def see(picture, template):
        templates.append(template)
        return points + picture.mean() * 0.0 + len(templates)

    _, edit = pasted(monkeypatch, scene, seen=see)
    before, after = ((points + n + 0.5) * (GRID / scene.size) - 0.5 for n in (1, 2))
    np.testing.assert_allclose(edit.seen[0], before)
    np.testing.assert_allclose(edit.seen[1], after)
    np.testing.assert_allclose(edit.edited_landmarks, edit.landmarks + after - before)
    np.testing.assert_allclose(edit.landmarks, (scene.place(scene.landmarks) + 0.5) * (GRID / scene.size) - 0.5)
    assert templates == ["tight", "tight"]
    faces = iter((points, None))
    _, edit = pasted(monkeypatch, scene, seen=lambda *_: next(faces))
    assert edit.seen is None

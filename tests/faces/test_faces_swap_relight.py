"""A drawn face in the photo's light: the field of shading, gloss, detail, eyes, lips, brows, and strands."""

import numpy as np
import pytest

from ppgan_ext.faces.light import LUMINANCE, to_linear, to_srgb
from ppgan_ext.faces.skin import bare_skin, face_size
from ppgan_ext.faces.swap.blend_mask import bridged
from ppgan_ext.faces.swap.relight.detail import fit_detail
from ppgan_ext.faces.swap.relight.features import eye_openings
from ppgan_ext.faces.swap.relight.gloss import find_gloss
from ppgan_ext.faces.swap.relight.match import match_skin
from ppgan_ext.faces.swap.relight.shading import fit_shading
from ppgan_ext.faces.swap.relight.surface import shading_basis, surface_normals
from ppgan_ext.faces.swap.strands import find_strands
from tests.reference.drawn import DrawnFace, draw_photo

WHOLE = np.ones((350, 390), np.float32)
DARK, PALE = (96, 62, 46), (224, 184, 160)


def drawn(skin, seed=0):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, skin=skin)], seed)
    return picture.astype(np.float32), landmarks


def spot(shape, place, sigma):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * sigma**2)).astype(np.float32)


def test_the_surface_looks_left_on_the_left_and_at_the_camera_in_the_middle():
    _, landmarks = drawn(PALE)
    normals = surface_normals(landmarks, WHOLE.shape)
    assert np.allclose(np.linalg.norm(normals, axis=2), 1.0, atol=1e-4)
    left, right = (normals[int(landmarks[29, 1]), int(landmarks[k, 0]) + d] for k, d in ((1, 12), (15, -12)))
    assert left[0] < -0.3
    assert right[0] > 0.3
    x, y = np.rint(landmarks[51]).astype(int)
    assert normals[y, x, 2] > 0.8


def test_the_field_follows_the_lamp_and_not_a_patch():
    _, landmarks = drawn(PALE)
    basis, skin = shading_basis(landmarks, WHOLE.shape), bare_skin(landmarks, WHOLE.shape)
    lamp = 0.5 * basis[..., 1:2] + 0.2 * basis[..., 2:3]
    patch = spot(WHOLE.shape, landmarks[30] + (-38, 10), 8.0)[..., None]
    found = fit_shading(lamp + patch, skin, basis)
    inside = skin > 0.9
    assert np.abs(found - lamp)[inside].mean() < 0.05
    assert np.abs(found - lamp)[inside].mean() < 0.3 * patch[inside].mean() + 0.02


def test_gloss_is_told_from_light_by_its_colour():
    skin = to_linear(np.full((60, 60, 3), DARK, np.float32))
    where = np.ones((60, 60), np.float32)
    shine = 0.06 * spot(where.shape, (30, 30), 8.0)
    found = find_gloss(skin + shine[..., None], skin, where, where, np.ones(3, np.float32), 0.5)
    assert np.abs(found - shine).max() < 0.02
    assert found[30, 30] > 0.04
    lit = skin * (1.0 + 2.0 * spot(where.shape, (30, 30), 8.0))[..., None]
    assert find_gloss(lit, skin, where, where, np.ones(3, np.float32), 0.5).max() < 0.01


def test_gloss_of_dark_skin_does_not_become_a_pale_patch():
    (photo, landmarks), (face, _) = drawn(PALE), drawn(DARK, 1)
    place = landmarks[30] + (-36, 6)
    shine = 0.15 * spot(WHOLE.shape, place, 9.0)[..., None]
    glossy = to_srgb(to_linear(face) + shine)
    x, y = np.rint(place).astype(int)

    def lighter(picture):
        light = to_linear(picture) @ LUMINANCE
        return float(light[y - 3 : y + 4, x - 3 : x + 4].mean() / light[y + 26 : y + 32, x - 3 : x + 4].mean())

    assert lighter(glossy) > 2.5
    assert lighter(match_skin(glossy, photo, WHOLE, WHOLE, landmarks)) < 1.3


@pytest.mark.parametrize(("lifted", "least", "most"), [(1.5, 0.3, 0.8), (-1.5, 0.95, 1.3)])
def test_contrast_shrinks_on_paler_skin_only(lifted, least, most):
    generator = np.random.default_rng(0)
    wrinkles, smooth = (generator.normal(0, s, (120, 120, 1)).astype(np.float32).repeat(3, 2) for s in (0.3, 0.05))
    skin = np.ones((120, 120), np.float32)
    fitted = fit_detail((wrinkles, smooth), (skin, skin), (skin, skin), 100.0, lifted)
    assert least < fitted.std() / wrinkles.std() < most


def test_pupils_of_a_dark_face_stay_black_on_pale_skin_and_brows_do_not_fade():
    (photo, landmarks), (face, _) = drawn(PALE), drawn(DARK, 1)
    matched = match_skin(face, photo, WHOLE, WHOLE, landmarks)
    brows = np.rint(landmarks[[18, 19, 24, 25]]).astype(int)
    eyes = eye_openings(landmarks, WHOLE.shape)

    def dark(picture):
        light = to_linear(picture) @ LUMINANCE
        light /= np.median(light[bare_skin(landmarks, light.shape) > 0.9])
        return float(np.mean([light[y, x] for x, y in brows])), float(np.quantile(light[eyes], 0.1))

    before, after = dark(face), dark(matched)
    assert after[0] < 1.1 * before[0]  # brows do not fade, and pupils are blacker beside paler skin
    assert after[1] < 0.5 * before[1]


def test_an_unknown_part_is_continued_without_detail():
    (photo, landmarks), (face, _) = drawn(PALE), drawn(DARK, 1)
    x, y = np.rint(landmarks[30] + (-36, 8)).astype(int)
    face[y - 25 : y + 25, x - 2 : x + 3] = 8.0
    known = WHOLE.copy()
    known[y - 26 : y + 26, x - 4 : x + 5] = 0.0
    assert bridged(known, landmarks)[y, x] > 0.9
    matched = to_linear(match_skin(face, photo, known, WHOLE, landmarks)) @ LUMINANCE
    beside = matched[y - 5 : y + 6, x + 10 : x + 16].mean()
    assert matched[y - 5 : y + 6, x].mean() == pytest.approx(beside, rel=0.15)


def test_a_strand_that_hangs_from_the_hair_is_found_and_a_crease_is_not():
    picture, landmarks = drawn(PALE)
    size = face_size(landmarks)
    x, top = int(landmarks[19, 0]), int(landmarks[19, 1] - 0.26 * size)
    hair = np.zeros(WHOLE.shape, np.float32)
    hair[top - 30 : top, x - 40 : x + 40] = 1.0
    picture[hair > 0] = 25.0
    bottom = int(landmarks[19, 1] - 0.08 * size)
    crease = int(landmarks[30, 1])
    far = int(landmarks[30, 0] + 0.28 * size)
    picture[top:bottom, x - 2 : x + 3] = 25.0
    picture[crease : crease + 25, far : far + 3] = 25.0
    found = find_strands(picture.astype(np.uint8), landmarks, hair)
    assert found[(top + bottom) // 2 : bottom - 3, x].mean() > 0.8
    assert found[crease : crease + 25, far].max() < 0.1

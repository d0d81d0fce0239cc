import cv2
import numpy as np
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.faces.blend import blend, border_step, poisson_correction
from ppgan_ext.faces.color import to_lab, to_rgb
from ppgan_ext.faces.mesh import signed_areas
from ppgan_ext.faces.skin import find_skin
from ppgan_ext.faces.swap.composite import composite
from ppgan_ext.faces.swap.face_mesh import face_triangles, mesh_points
from ppgan_ext.faces.swap.lit_skin import LitSkin, find_lit_skin
from ppgan_ext.faces.swap.overlay import draw_overlay
from ppgan_ext.faces.swap.reshape import reshape_photo
from ppgan_ext.faces.swap.skin_light import match_skin
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.fused import fuse

PHOTO_SIZE = (390, 350)


def drawn(yaw=0.0, skin=(214, 168, 140), place=(190.0, 160.0), eyes=62.0, seed=0, size=PHOTO_SIZE, **more):
    picture, (landmarks,) = draw_photo(size, [DrawnFace(place, eyes, yaw_degrees=yaw, skin=skin, **more)], seed)
    return picture, landmarks


def disc(size=(200, 160), centre=(110, 70), radius=48.0, feather=10.0):
    y, x = np.mgrid[: size[1], : size[0]]
    rise = np.clip((radius - np.hypot(x - centre[0], y - centre[1])) / feather, 0, 1)
    return (rise * rise * (3 - 2 * rise)).astype(np.float32)


def ramp(size=(200, 160)):
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    return np.clip(np.stack([60 + 0.5 * x, 90 + 0.3 * y, 120 - 0.2 * x + 0.1 * y], -1), 0, 255)


def image(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


# The border step


def test_a_border_without_a_seam_measures_as_the_photo():
    photo = image(ramp())
    step = border_step(photo, photo, disc())
    assert step.result == step.photo
    assert step.photo < 1.5


def test_the_step_of_a_flat_patch_is_its_colour_difference():
    photo = np.full((160, 200, 3), 120, np.uint8)
    result = photo.copy()
    result[disc() > 0.5] = (150, 120, 100)
    expected = np.linalg.norm(to_lab(result[70:71, 110:111]) - to_lab(photo[:1, :1]))
    step = border_step(photo, result, disc())
    assert step.result == pytest.approx(expected, rel=0.08)
    assert step.photo == 0.0


def test_the_step_grows_with_the_seam_and_sees_only_the_border():
    photo = image(ramp())
    steps = []
    for strength in (0, 10, 30):
        result = photo.copy()
        result[disc() > 0.5] = image(result[disc() > 0.5] + np.float32(strength))
        steps.append(border_step(photo, result, disc()).result)
    assert steps[0] < steps[1] < steps[2]
    inner = photo.copy()
    inner[disc(radius=25.0) > 0] = 0
    assert border_step(photo, inner, disc()).result == pytest.approx(steps[0], abs=1e-6)


def test_where_the_mask_leaves_the_picture_there_is_no_border():
    photo = image(ramp())
    assert border_step(photo, photo, np.ones((160, 200), np.float32)) == (0.0, 0.0)
    assert border_step(photo, photo, np.zeros((160, 200), np.float32)) == (0.0, 0.0)
    half = np.zeros((160, 200), np.float32)
    half[:, :100] = 1
    result = photo.copy()
    result[:, :100] = 0
    assert border_step(photo, result, half).result > 20


# Blending


def with_poisson(photo, face, mask):
    """Return a face that meets the photo at the mask's border, pasted there."""
    corrected = face + poisson_correction(photo.astype(np.float32), face, mask)
    return np.where((mask > 0)[..., None], image(corrected), photo)


WAYS = pytest.mark.parametrize("blended", [with_poisson, blend])


@WAYS
@pytest.mark.parametrize("centre", [(110, 70), (12, 80), (190, 150)])
def test_blending_hides_a_cast_and_keeps_the_outside(blended, centre):
    photo = image(ramp() + np.random.default_rng(0).normal(0, 3, (160, 200, 1)))
    face = photo + np.float32((14, -10, 8))
    mask = disc(centre=centre)
    result = blended(photo, face, mask)
    assert np.array_equal(result[mask == 0], photo[mask == 0])
    step = border_step(photo, result, mask)
    pasted = np.where((mask > 0.5)[..., None], image(face), photo)
    assert step.result < border_step(photo, pasted, mask).result / 2


@WAYS
def test_each_pixel_stays_in_its_place(blended):
    """A clone shifted by a pixel, as OpenCV's function may return, would show every edge twice."""
    rng = np.random.default_rng(2)
    photo = image(ramp() + cv2.GaussianBlur(rng.normal(0, 60, (160, 200, 1)), (0, 0), 1.0)[..., None])
    mask = disc(size=(200, 160), centre=(97, 81), radius=51.3)
    mask[:, :60] = 0  # lopsided, so that the rectangle's centre is not the mask's
    result = blended(photo, photo.astype(np.float32), mask)
    assert np.abs(result.astype(int) - photo).max() <= 2


def test_the_dark_around_a_face_is_not_carried_into_it():
    """Poisson blending would do that."""
    face = ramp()
    beside_hair = image(face)
    beside_hair[disc() < 0.5] = 15
    deep = disc(radius=24.0) > 0
    drifts = [
        np.abs(each(beside_hair, face, disc()).astype(float) - face)[deep].mean() for each in (blend, with_poisson)
    ]
    assert drifts[0] < 5 < 20 < drifts[1]


@WAYS
def test_an_empty_mask_changes_nothing(blended):
    photo = image(ramp())
    assert np.array_equal(blended(photo, photo + np.float32(50), np.zeros((160, 200), np.float32)), photo)


def test_lab_and_back():
    picture = np.random.default_rng(0).uniform(0, 255, (30, 20, 3)).astype(np.float32)
    np.testing.assert_allclose(to_rgb(to_lab(picture)), picture, atol=1.0)


# Skin


def mean_lab(picture, where):
    return to_lab(picture)[where].mean(axis=0)


def test_skin_is_found_on_cheeks_only():
    photo, landmarks = drawn()
    weight = find_skin(landmarks, photo).skin
    assert weight[int(landmarks[30, 1]) + 25, int(landmarks[30, 0]) - 45] > 0.9  # the cheek
    for part in (slice(36, 42), slice(42, 48), slice(48, 60)):
        x, y = np.rint(landmarks[part].mean(axis=0)).astype(int)
        assert weight[y, x] < 0.1
    assert weight[5, 5] == 0
    patched = photo.copy()
    x, y = np.rint(landmarks[30] + (-45, 25)).astype(int)
    patched[y - 12 : y + 12, x - 12 : x + 12] = (20, 60, 190)
    assert find_skin(landmarks, patched).skin[y, x] < 0.1


def lit_skin(picture, landmarks):
    return find_lit_skin(landmarks, picture, np.ones(picture.shape[:2], np.float32), find_skin(landmarks, picture))


@pytest.mark.parametrize("skin", [(120, 80, 60), (235, 200, 185), (160, 120, 110)])
def test_the_face_takes_the_tone_of_the_photo(skin):
    photo, landmarks = drawn(skin=skin)
    face = drawn()[0].astype(np.float32)
    weights = [lit_skin(picture, landmarks) for picture in (face, photo)]
    matched = match_skin(face, photo.astype(np.float32), weights[0], weights[1], landmarks)
    cheeks = weights[0].skin * weights[1].skin > 0.9
    before, after = (np.linalg.norm(mean_lab(p, cheeks) - mean_lab(photo, cheeks)) for p in (face, matched))
    assert after < 2.0 < before


def test_the_light_gradient_of_the_photo_is_kept_whatever_the_tone():
    photo, landmarks = drawn()
    x = np.linspace(0.3, 1.25, PHOTO_SIZE[0])[None, :, None]
    lit = image(photo * x).astype(np.float32)
    face = drawn(skin=(150, 110, 90))[0].astype(np.float32)
    weights = [lit_skin(picture, landmarks) for picture in (face, lit)]
    left, right = (landmarks[30] + (sign * 40, 10) for sign in (-1, 1))

    def slope(picture):
        lab = cv2.blur(to_lab(picture), (15, 15))[..., 0]
        return lab[int(right[1]), int(right[0])] - lab[int(left[1]), int(left[0])]

    for own in (0.0, 0.5, 1.0):
        matched = match_skin(face, lit, weights[0], weights[1], landmarks, own)
        assert slope(matched) == pytest.approx(slope(lit), abs=4.0)
        assert slope(face) < slope(lit) - 8
    kept = match_skin(face, lit, weights[0], weights[1], landmarks, 1.0)
    where = weights[0].skin > 0.9
    assert np.linalg.norm(mean_lab(kept, where) - mean_lab(face, where)) < 4


def test_without_skin_nothing_is_changed():
    photo, landmarks = drawn()
    nothing = LitSkin(*np.zeros((3, *photo.shape[:2]), np.float32))
    face = photo.astype(np.float32) * 0.5
    assert np.array_equal(match_skin(face, photo.astype(np.float32), nothing, nothing, landmarks), face)


# The whole method


def test_a_face_put_on_itself_hardly_changes_the_photo():
    photo, landmarks = drawn(yaw=12)
    result = fuse(photo, landmarks, photo, landmarks)
    deep = result.mask > 0.95
    assert deep.mean() > 0.06
    assert np.abs(result.image.astype(int) - photo)[deep].mean() < 3
    assert np.array_equal(result.image[result.mask == 0], photo[result.mask == 0])


@pytest.mark.parametrize(("yaw", "other_yaw"), [(0, 0), (22, -18), (-20, 15), (25, 0)])
def test_the_features_lie_on_the_photos(yaw, other_yaw):
    """Both drawn people have the same features, so the result correlates with the photo where they coincide."""
    photo, landmarks = drawn(yaw)
    other, other_landmarks = drawn(other_yaw, place=(150.0, 190.0), eyes=80.0, seed=3)
    result = fuse(photo, landmarks, other, other_landmarks)
    deep = cv2.erode((result.mask > 0.95).astype(np.uint8), np.ones((5, 5))) > 0
    grey, truth = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(float)[deep] for p in (result.image, photo))
    assert np.corrcoef(grey, truth)[0, 1] > 0.8  # eyes on eyes, mouth on mouth
    assert np.array_equal(result.image[result.mask == 0], photo[result.mask == 0])
    assert result.step.result < result.step.photo + 1.0


def redness(overlay, side):
    """Measure how red a cheek is, between two landmarks."""
    x, y = np.rint(overlay.landmarks[list(side)].mean(axis=0)).astype(int)
    assert overlay.shown[y, x] > 0.9
    patch = overlay.face[y - 4 : y + 4, x - 4 : x + 4]
    return (patch[..., 0] - patch[..., 1]).mean()


RIGHT_CHEEK, LEFT_CHEEK = (31, 2), (35, 14)


def with_mark(yaw, cheek, place=(170.0, 160.0)):
    """Draw a face with a red mark on one cheek."""
    other, landmarks = drawn(yaw, place=place)
    x, y = np.rint(landmarks[list(cheek)].mean(axis=0)).astype(int)
    cv2.circle(other, (int(x), int(y)), 9, (190, 40, 40), -1)
    return other, landmarks


def test_a_hidden_side_is_drawn_from_the_mirrored_other():
    photo, landmarks = drawn(0)
    overlay = draw_overlay(photo.shape, landmarks, *with_mark(46, RIGHT_CHEEK))
    plain = (214 - 168) * 1.5
    assert redness(overlay, RIGHT_CHEEK) > 2 * plain
    assert redness(overlay, LEFT_CHEEK) > 2 * plain


@pytest.mark.parametrize(("yaw", "share"), [(0, 1.0), (14, 1.0), (32, 0.35)])
def test_a_side_at_a_slant_is_mixed_with_the_mirrored_other(yaw, share):
    """The farther a cheek is turned away, the less of its own mark remains."""
    photo, landmarks = drawn(0)
    marked, clean = (
        redness(draw_overlay(photo.shape, landmarks, *shown), LEFT_CHEEK)
        for shown in (with_mark(yaw, LEFT_CHEEK), drawn(yaw, place=(170.0, 160.0)))
    )
    assert (marked - clean) / (150 - (214 - 168)) == pytest.approx(share, abs=0.25)


def test_places_that_neither_side_shows_keep_the_photo():
    """The other photo is cut off below the eyes, so the photo keeps its own eyes."""
    photo, landmarks = drawn()
    other, other_landmarks = drawn(seed=1)
    cut = int(other_landmarks[29, 1])
    result = fuse(photo, landmarks, other[cut:], other_landmarks - (0, cut), shape=0.0)
    x, y = np.rint(landmarks[39]).astype(int)
    assert result.mask[y, x] == 0
    x, y = np.rint(landmarks[33] + (0, 5)).astype(int)
    assert result.mask[y, x] > 0.8


def test_a_fringe_of_the_photo_is_not_painted_over():
    photo, landmarks = drawn()
    x, _y = np.rint(landmarks[27]).astype(int)
    top = int(landmarks[19:25, 1].min()) - 12
    photo[max(0, top - 60) : top, x - 70 : x + 70] = (58, 40, 30)
    other, other_landmarks = drawn(seed=1)
    result = fuse(photo, landmarks, other, other_landmarks)
    assert result.mask[top - 14, x] < 0.1
    assert fuse(drawn()[0], landmarks, other, other_landmarks).mask[top - 5, x] > 0.5


def test_teeth_are_not_drawn_from_a_shut_mouth():
    photo, landmarks = drawn(mouth_open=0.35)
    other, other_landmarks = drawn(seed=1)
    result = fuse(photo, landmarks, other, other_landmarks, shape=0.0)
    x, y = np.rint(landmarks[60:68].mean(axis=0)).astype(int)
    assert result.mask[y, x] < 0.2
    both_open, open_landmarks = drawn(seed=1, mouth_open=0.3)
    assert fuse(photo, landmarks, both_open, open_landmarks).mask[y, x] > 0.9


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_identity_is_a_share(share):
    photo, landmarks = drawn()
    other, other_landmarks = drawn(skin=(215, 150, 120), eyes=75.0, seed=2)
    results = {s: fuse(photo, landmarks, other, other_landmarks, identity=s) for s in (share, 1.0)}
    deep = results[1.0].mask > 0.95
    moved = {s: np.abs(r.image.astype(float) - photo)[deep].mean() for s, r in results.items()}
    assert moved[1.0] > 2
    assert moved[share] <= 0.6 if share == 0 else moved[share] == pytest.approx(share * moved[1.0], rel=0.35)


def test_skin_source_mix_and_target_are_in_order():
    photo, landmarks = drawn(skin=(225, 185, 165))
    other, other_landmarks = drawn(skin=(130, 90, 70), seed=2)
    light = []
    for skin in ("source", "mix", "target"):
        result = fuse(photo, landmarks, other, other_landmarks, skin=skin)
        x, y = np.rint(landmarks[30] + (0, 12)).astype(int)
        light.append(to_lab(result.image)[y - 3 : y + 3, x - 25 : x + 25, 0].mean())
        assert np.array_equal(result.image[result.mask == 0], photo[result.mask == 0])
    assert light[0] > light[1] + 5 > light[2] + 10


def test_shape_reshapes_the_photo_within_a_ring():
    photo, landmarks = drawn()
    other, other_landmarks = drawn(seed=2)
    middle = other_landmarks.mean(axis=0)
    wide = (other_landmarks - middle) * (1.25, 1.0) + middle
    matrix = np.array([[1.25, 0, middle[0] * -0.25], [0, 1.0, 0]])
    other = cv2.warpAffine(other, matrix, PHOTO_SIZE, borderMode=cv2.BORDER_REFLECT)
    result = fuse(photo, landmarks, other, wide, shape=1.0)
    assert np.ptp(result.landmarks[:17, 0]) > 1.05 * np.ptp(landmarks[:17, 0])
    assert np.array_equal(result.image[result.mask == 0], photo[result.mask == 0])
    assert (result.mask == 0).mean() > 0.2
    same = reshape_photo(photo, landmarks, landmarks)
    assert np.abs(same.astype(int) - photo).max() <= 1


@pytest.mark.parametrize("place", [(20.0, 160.0), (375.0, 60.0), (190.0, 345.0)])
def test_faces_that_leave_the_photo(place):
    photo, landmarks = drawn(place=place)
    other, other_landmarks = drawn(seed=1, size=(260, 300), place=(120.0, 130.0), eyes=45.0)
    result = fuse(photo, landmarks, other, other_landmarks, shape=0.3)
    assert result.image.shape == photo.shape
    assert np.array_equal(result.image[result.mask == 0], photo[result.mask == 0])


@pytest.mark.slow
def test_a_tiny_and_a_large_face():
    large, large_landmarks = drawn(size=(1300, 1200), place=(640.0, 560.0), eyes=260.0)
    small, small_landmarks = drawn(size=(90, 80), place=(44.0, 36.0), eyes=13.0)
    for one, other in (
        ((large, large_landmarks), (small, small_landmarks)),
        ((small, small_landmarks), (large, large_landmarks)),
    ):
        result = fuse(*one, *other)
        assert result.mask.max() > 0.9
        assert np.isfinite(result.mask).all()


def test_same_input_same_bytes():
    photo, landmarks = drawn(10)
    other, other_landmarks = drawn(-15, seed=1)
    first, second = (fuse(photo, landmarks, other, other_landmarks, shape=0.5).image for _ in range(2))
    assert np.array_equal(first, second)


def test_wrong_arguments():
    photo, landmarks = drawn()
    with pytest.raises(ConfigError, match="Did you mean 'target'"):
        composite(photo, draw_overlay(photo.shape, landmarks, photo, landmarks), skin="traget")
    with pytest.raises(ConfigError, match="outside the photo"):
        draw_overlay(photo.shape, landmarks + 4000, photo, landmarks)


def test_the_mesh_of_a_face_is_one_sheet():
    points = mesh_points(drawn()[1])
    areas = signed_areas(points, face_triangles())
    assert areas.min() > 0
    hull = cv2.contourArea(cv2.convexHull(points.astype(np.float32)))
    assert areas.sum() == pytest.approx(hull, rel=0.06)

"""The closed loop against known responses: curved, coupled, saturating, reversing, losing the face."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from ppgan_ext.engine import Synthesizer
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.directions import Direction
from ppgan_ext.latents.pose_matching import PoseMatchOptions, match_pose
from ppgan_ext.latents.rotation import turn_along, turn_by
from ppgan_ext.networks import LatentRotator
from ppgan_ext.types import Pose
from tests.reference.toy import numbers
from tests.reference.toy_face_model import toy_face_model

LAYERS, WIDTH = 5, 6
YAW, PITCH = (numbers(name, (LAYERS, WIDTH)) / 5 for name in ("yaw", "pitch"))
DIRECTIONS = {"yaw": Direction("yaw", YAW, "degree"), "pitch": Direction("pitch", PITCH, "degree")}
ALONG = turn_along(DIRECTIONS)
START = numbers("start", (LAYERS, WIDTH))


class Head:
    """A face model reduced to its response: codes to pose, by given rules."""

    def __init__(self, respond, start=START):
        self.respond, self.start, self.codes = respond, start, []
        self.read = np.linalg.pinv(np.stack([YAW.ravel(), PITCH.ravel()], axis=1))

    def render(self, code):
        assert code.shape == (LAYERS, WIDTH) and code.dtype == np.float32
        self.codes.append(code)
        return code

    def measure(self, picture):
        amounts = self.read @ (picture - self.start).ravel()
        answer = self.respond(*amounts)
        return None if answer is None else Pose(float(answer[0]), float(answer[1]), 0.0)

    def match(self, yaw, pitch, mirrored=None, turn=ALONG, **options):
        settings = PoseMatchOptions(**options) if options else None
        return match_pose(
            self.start, Pose(yaw, pitch, 33.0), turn, self.render, self.measure, settings, mirrored=mirrored
        )


def curved(yaw, pitch):
    """Half a degree per unit, less the further out, and each axis turns the other one too."""
    return -12 + 40 * np.tanh(yaw / 80) + 0.15 * pitch, -5 + 0.6 * pitch - 0.004 * yaw**2 / 2 + 0.1 * yaw


def check_consistency(head, match):
    assert match.num_renders == len(match.history) == len(head.codes)
    own = min(trial.error for trial in match.history if trial.amounts == match.amounts)
    assert own <= min(trial.error for trial in match.history) + 0.2  # the last bit may not be worth its way
    if match.pose is not None:
        assert head.measure(match.w_plus).yaw_degrees == pytest.approx(match.pose.yaw_degrees, abs=1e-4)
        assert head.measure(match.w_plus).pitch_degrees == pytest.approx(match.pose.pitch_degrees, abs=1e-4)


@pytest.mark.parametrize(("yaw", "pitch"), [(11.0, -8.0), (-30.0, 2.0), (-12.5, 9.0), (10.0, -20.0)])
def test_a_curved_and_coupled_response_is_solved(yaw, pitch):
    head = Head(curved)
    match = head.match(yaw, pitch)
    check_consistency(head, match)
    assert match.reached and match.stopped == "reached"
    assert np.hypot(match.pose.yaw_degrees - yaw, match.pose.pitch_degrees - pitch) <= 0.7
    assert match.num_renders <= 10
    assert match.mirrored_share == 0.0
    # One unit of a direction per degree, without looking, would have ended elsewhere.
    open_loop = curved(yaw + 12, pitch + 5)
    assert np.hypot(open_loop[0] - yaw, open_loop[1] - pitch) > 3


def test_where_nothing_is_to_do_the_code_keeps_its_bits():
    head = Head(curved)
    match = head.match(-12.0, -5.0)
    assert match.num_renders == 1 and match.reached and match.amounts == (0.0, 0.0)
    assert np.array_equal(match.w_plus, START)


def test_noise_of_the_landmarks_does_not_keep_it_from_arriving():
    def noisy(yaw, pitch):
        exact = curved(yaw, pitch)
        # Deterministic, and as fast as a landmark predictor's that reads single pixels.
        return exact[0] + 0.5 * np.sin(37 * yaw + 11 * pitch), exact[1] + 0.5 * np.cos(23 * yaw - 5 * pitch)

    for yaw in (-30.0, -20.0, 5.0, 12.0):
        match = Head(noisy).match(yaw, -4.0)
        assert match.reached, yaw


def test_the_models_limit_is_reported_and_the_face_not_torn_apart():
    def saturating(yaw, pitch):
        return 15 * np.tanh(yaw / 12), 0.7 * pitch

    head = Head(saturating)
    match = head.match(35.0, 0.0)
    check_consistency(head, match)
    assert not match.reached and match.stopped == "stalled"
    assert 13.5 < match.pose.yaw_degrees <= 15
    assert abs(match.amounts[0]) < 50  # the last tenths of a degree are not worth it
    assert not Head(curved).match(80.0, -5.0).reached


def test_the_range_is_kept():
    head = Head(lambda yaw, pitch: (0.3 * yaw, 0.3 * pitch))
    match = head.match(40.0, 0.0, max_amount=45.0)
    assert match.stopped == "range" and not match.reached
    assert match.amounts[0] == pytest.approx(45.0) and match.pose.yaw_degrees == pytest.approx(13.5)
    assert max(np.abs(trial.amounts).max() for trial in match.history) <= 45.0


def test_a_lost_face_makes_it_step_back():
    def seen_up_to_36(yaw, pitch):
        return None if abs(yaw) > 36 else (0.5 * yaw + 0.004 * yaw * abs(yaw), 0.8 * pitch)

    head = Head(seen_up_to_36)
    # The first full step of Newton's method overshoots into where there is no face.
    match = head.match(22.0, 3.0, max_step=60.0)
    assert any(trial.pose is None and trial.error == np.inf for trial in match.history)
    assert match.reached and match.pose.yaw_degrees == pytest.approx(22.0, abs=0.7)
    beyond = Head(seen_up_to_36).match(40.0, 3.0)
    assert not beyond.reached and beyond.stopped == "lost"
    assert beyond.pose is not None and beyond.pose.yaw_degrees > 22.5  # 23.2 is the edge


def test_a_response_that_turns_round_is_survived():
    head = Head(lambda yaw, pitch: (12 * np.sin(yaw / 12), 0.7 * pitch))
    match = head.match(30.0, 0.0)
    check_consistency(head, match)
    assert not match.reached and match.pose.yaw_degrees == pytest.approx(12.0, abs=0.7)
    backwards = Head(lambda yaw, pitch: (-0.6 * yaw, 0.7 * pitch)).match(15.0, -6.0)
    assert backwards.reached  # the sign is measured too
    dead = Head(lambda yaw, pitch: (3.0, -2.0)).match(15.0, -2.0)
    assert not dead.reached and dead.stopped == "stalled" and np.array_equal(dead.w_plus, START)


def test_no_face_at_the_start():
    head = Head(lambda yaw, pitch: None)
    match = head.match(10.0, 0.0)
    assert match.stopped == "no face" and match.pose is None and not match.reached
    assert np.array_equal(match.w_plus, START) and match.num_renders == 1


@pytest.mark.parametrize("allowed", [1, 2, 3, 4, 5])
def test_no_more_pictures_are_drawn_than_allowed(allowed):
    head = Head(curved)
    match = head.match(20.0, 6.0, max_renders=allowed)
    check_consistency(head, match)
    assert match.num_renders == allowed and match.stopped == "renders"
    assert match.history[0].error >= min(trial.error for trial in match.history)


def test_only_the_chosen_layers_walk():
    head = Head(curved)
    match = head.match(-8.0, -5.0, turn=turn_along(DIRECTIONS, layers=(1, 3)))
    changed = (match.w_plus != START).any(axis=1)
    assert changed.tolist() == [False, True, False, True, False]
    assert match.pose.yaw_degrees == pytest.approx(-8.0, abs=0.7)


def test_a_network_turns_instead_of_the_directions():
    """It knows what the directions do not: that this head answers half, and that a nod comes along."""
    paddle.seed(0)
    rotator = LatentRotator(LAYERS, WIDTH, width=4)
    rotator.set_statistics(np.zeros(WIDTH), 1.0, np.stack([2 * YAW, PITCH]))
    head = Head(lambda yaw, pitch: (yaw / 2, pitch))
    match = head.match(20.0, -6.0, turn=turn_by(rotator))
    check_consistency(head, match)
    assert match.reached and match.amounts == pytest.approx((20.0, -6.0), abs=1.0)
    along = head.match(20.0, -6.0)
    assert along.amounts == pytest.approx((40.0, -6.0), abs=2.0)
    np.testing.assert_array_equal(turn_by(rotator)(START, np.zeros(2)), START)


class TestMirrored:
    """The mirror image's code lies elsewhere, and the line to it turns the head all the way."""

    MIRRORED = START + 100 * YAW

    @staticmethod
    def own(yaw, pitch):
        return -16 + 0.32 * yaw, -4 + 0.6 * pitch

    def test_between_both_the_start_is_mixed(self):
        head = Head(self.own)
        match = head.match(8.0, -4.0, mirrored=self.MIRRORED)
        check_consistency(head, match)
        assert match.mirrored_share == pytest.approx(0.75, abs=1e-3)
        assert match.reached and match.amounts == (0.0, 0.0) and match.num_renders == 3

    def test_beyond_the_mirror_image_the_direction_goes_on(self):
        head = Head(self.own)
        match = head.match(26.0, -4.0, mirrored=self.MIRRORED)
        assert match.mirrored_share == 1.0 and match.reached
        assert match.amounts[0] == pytest.approx(10 / 0.32, abs=2.5)

    def test_on_its_own_side_the_face_stays_its_own(self):
        head = Head(self.own)
        match = head.match(-25.0, -4.0, mirrored=self.MIRRORED)
        assert match.mirrored_share == 0.0 and match.reached
        assert match.amounts[0] == pytest.approx(-9 / 0.32, abs=2.5)

    def test_a_frontal_face_is_not_mixed(self):
        near = START + 15 * YAW
        match = Head(self.own).match(5.0, -4.0, mirrored=near)
        assert match.mirrored_share == 0.0 and match.reached

    def test_a_mixture_that_shows_no_face_is_left(self):
        def hole(yaw, pitch):
            return None if 60 < yaw < 90 else self.own(yaw, pitch)

        match = Head(hole).match(8.0, -4.0, mirrored=self.MIRRORED)
        assert match.mirrored_share == 0.0 and match.pose is not None


def test_bad_arguments_are_refused():
    head = Head(curved)
    with pytest.raises(InputError, match="n_latent"):
        head.match(5.0, 0.0, mirrored=START[:-1])
    with pytest.raises(ConfigError, match="unknown direction 'pitch'"):
        turn_along({"yaw": DIRECTIONS["yaw"]})(START, np.ones(2))
    for wrong in ({"max_renders": 0}, {"reach_degrees": -1.0}, {"min_gain": float("nan")}, {"max_step": np.inf}):
        with pytest.raises(ConfigError, match="out of range"):
            PoseMatchOptions(**wrong)


@pytest.mark.slow
def test_a_generators_pictures_are_walked(tmp_path):
    """A real generator at toy size; the "pose" is how much brighter one half of the picture is than the other."""
    model = toy_face_model(tmp_path)
    synthesizer = Synthesizer(model.generator, compiled=False)
    start = synthesizer.map(numbers("w", (8, 512))).astype(np.float32)

    def render(code):
        return synthesizer.render(code[None])[0]

    def measure(picture):
        grey = picture.mean(axis=0)
        return Pose(float((grey[:, 16:] - grey[:, :16]).mean()), float((grey[:16] - grey[16:]).mean()), 0.0)

    code = paddle.to_tensor(start[None], stop_gradient=False)
    halves = synthesizer.render_tensor(code).mean(axis=[0, 1])
    slopes = []
    for angle in (halves[:, 16:] - halves[:, :16], halves[:16] - halves[16:]):
        (slope,) = paddle.grad(angle.mean(), [code], retain_graph=True)
        slopes.append(slope.numpy().ravel().astype(np.float64))
    # The shortest changes of the code that change one of both alone, by 1.
    spans = np.linalg.pinv(np.stack(slopes)).T.reshape(2, 8, 512)
    scale = 0.01  # so that "degrees" are of the size of degrees
    directions = {name: Direction(name, span * scale) for name, span in zip(("yaw", "pitch"), spans, strict=True)}
    rest = measure(render(start))
    goal = Pose(rest.yaw_degrees / scale + 4.0, rest.pitch_degrees / scale - 3.0, 0.0)

    def in_degrees(picture):
        seen = measure(picture)
        return Pose(seen.yaw_degrees / scale, seen.pitch_degrees / scale, 0.0)

    match = match_pose(start, goal, turn_along(directions), render, in_degrees, PoseMatchOptions(aim_degrees=0.05))
    again = in_degrees(render(match.w_plus))
    assert np.hypot(again.yaw_degrees - goal.yaw_degrees, again.pitch_degrees - goal.pitch_degrees) < 0.5
    assert match.history[0].error == pytest.approx(5.0, rel=1e-3) and match.num_renders > 3


@pytest.mark.slow
@pytest.mark.bundled
def test_a_real_face_is_turned():
    import skimage.data

    from ppgan_ext.engine import open_model
    from ppgan_ext.faces.align import crop_face
    from ppgan_ext.faces.aligned import aligned_landmarks
    from ppgan_ext.faces.detect import find_faces
    from ppgan_ext.faces.pose import head_pose
    from ppgan_ext.images import to_image, to_pixels
    from ppgan_ext.latents.directions import load_directions
    from ppgan_ext.weights.load import load_face_model

    engine = open_model(load_face_model(), compiled=False)
    photo = skimage.data.astronaut()
    crop = crop_face(photo, find_faces(photo)[0], "tight", engine.synthesizer.size)
    code = engine.encoder.encode(to_pixels(crop.image))[0]
    directions = load_directions(engine.face_model.directions_file, engine.synthesizer.n_latent)

    def measure(image):
        landmarks = aligned_landmarks(image)
        return None if landmarks is None else head_pose(landmarks, image.shape[1::-1])

    loop = SimpleNamespace(
        render=lambda w_plus: to_image(engine.synthesizer.render(w_plus[None])),
        measure=measure,
    )
    for yaw in (15.0, -15.0):
        match = match_pose(code, Pose(yaw, -8.0, 0.0), turn_along(directions), loop.render, loop.measure)
        assert match.reached, match
        seen = loop.measure(loop.render(match.w_plus))
        assert seen.yaw_degrees == pytest.approx(yaw, abs=3.0)
        assert seen.pitch_degrees == pytest.approx(-8.0, abs=3.0)

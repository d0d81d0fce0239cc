"""Face fusion from the command to the files: both methods, many pairs, and whatever is wrong with the input."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

from ppgan_ext import images
from ppgan_ext.apps import FaceFusionPredictor
from ppgan_ext.apps.batch import FailedInputsWarning
from ppgan_ext.apps.command_line import main, read_options
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.fusion import predictor as fusion_predictor
from ppgan_ext.apps.fusion.latent_method import LatentFusion
from ppgan_ext.apps.fusion.method_choice import choose_method
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.fusion.photo_pairs import open_pairs
from ppgan_ext.apps.fusion.pose_transfer import PoseLimitWarning
from ppgan_ext.apps.fusion.predictor import NOTE, BystandersWarning
from ppgan_ext.apps.fusion.renderer import FusionRenderer
from ppgan_ext.errors import ConfigError, InputError, NoFaceError, WeightsError
from ppgan_ext.faces import landmarks
from ppgan_ext.faces.descriptor import SAME_PERSON
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.swap.beards import Beards
from ppgan_ext.faces.swap.head import Head
from ppgan_ext.faces.swap.head_shape import GENERIC
from ppgan_ext.faces.swap.overlay import Overlay
from ppgan_ext.faces.swap.sides import Portrait, Sides, see_person
from ppgan_ext.faces.swap.warp_method import FacePlan, Placement, finish_face
from tests.reference.drawn import DrawnFace, draw_photo

FRONT = GENERIC[:, :2] * (1.0, -1.0)


@pytest.fixture(scope="module")
def stranger():
    """A drawn face; dlib sees another person in it."""
    face = DrawnFace((150.0, 140.0), 58.0, yaw_degrees=-14, skin=(190, 140, 110))
    return draw_photo((310, 290), [face], seed=4)[0]


@pytest.fixture(scope="module")
def bundled():
    """A predictor with the bundled model; tests make others that share its model."""
    return FaceFusionPredictor(output_path=None)


@pytest.fixture
def latent(bundled):
    """Return a function that makes a predictor with the bundled model."""

    def build(**settings):
        predictor = FaceFusionPredictor(output_path=None, **settings)
        predictor.share_model(bundled)
        return predictor

    return build


@pytest.fixture
def files(portrait, stranger, tmp_path):
    """The two photos, of different sizes, as files."""
    paths = tmp_path / "a.jpg", tmp_path / "b.png"
    for path, picture in zip(paths, (portrait, stranger), strict=True):
        PIL.Image.fromarray(picture).save(path, quality=95)
    return paths


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def fuse(*words, out, method="warp"):
    return main(["fuse", *map(str, words), "--method", method, "--output_path", str(out)])


def written(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) if folder.exists() else []


def assert_refused(code, capsys, out, *parts, files=()):
    """One line on stderr that holds all parts, code 1, and no file but those named."""
    printed = capsys.readouterr()
    assert code == 1
    assert len(printed.err.splitlines()) == 1, printed.err
    assert printed.err.startswith("error: ")
    assert "unexpected" not in printed.err
    assert [part for part in map(str, parts) if part not in printed.err] == [], printed.err
    assert written(out) == sorted(files)


def test_the_face_is_anothers_and_the_photo_stays(portrait, stranger):
    result = FaceFusionPredictor(output_path=None).run(portrait, stranger, method="warp")
    assert result.image.shape == portrait.shape
    outside = result.mask == 0
    assert outside.mean() > 0.5
    assert np.array_equal(result.image[outside], portrait[outside])
    assert result.identity_to_target < result.identity_to_source
    assert result.identity_to_source > SAME_PERSON
    assert abs(result.target_pose.yaw_degrees - result.source_pose.yaw_degrees) > 10
    assert abs(result.matched_pose.yaw_degrees - result.source_pose.yaw_degrees) < 6
    assert list(result.images) == ["drawn", "matched"]
    assert result.terms == {}
    assert result.faces[0].border_step < result.faces[0].border_step_before + 2


def test_identity_0_gives_the_photo_back(portrait, stranger):
    result = FaceFusionPredictor(output_path=None).run(portrait, stranger, 0.0, method="warp", shape=0.0)
    assert np.abs(result.image.astype(int) - portrait).mean() < 0.3
    assert result.identity_to_source < 0.2


@pytest.mark.slow
def test_the_command_writes_what_was_asked_for_and_marks_it(files, out, capsys):
    assert fuse("--source", files[0], "--target", files[1], "--save_steps", "--save_mp4", out=out) == 0
    steps = ["01.photo", "02.person", "03.drawn", "04.matched", "05.mask", "06.result"]
    expected = ["a+b.fused.mp4", "a+b.fused.png", *(f"a+b.steps/{step}.png" for step in steps)]
    assert written(out) == expected
    printed = capsys.readouterr().out
    assert "pose of the photo yaw" in printed
    assert "distance to the person" in printed
    assert "method warp, because it was asked for" in printed
    with PIL.Image.open(out / "a+b.fused.png") as picture:
        assert picture.info["Comment"] == NOTE
        assert "compositeWithTrainedAlgorithmicMedia" in picture.info["XML:com.adobe.xmp"]
        assert picture.size == (360, 300)


@pytest.mark.slow
def test_the_same_arguments_give_the_same_bytes(files, tmp_path):
    for name in ("one", "two"):
        assert fuse("--source", files[0], "--target", files[1], out=tmp_path / name) == 0
    first, second = ((tmp_path / name / "a+b.fused.png").read_bytes() for name in ("one", "two"))
    assert first == second


@pytest.mark.slow
def test_warping_needs_no_paddle(files, out):
    code = "import sys; from ppgan_ext.apps.command_line import main; code = main(sys.argv[1:]); "
    code += "print('paddle' in sys.modules); sys.exit(code)"
    words = ["fuse", "--source", files[0], "--target", files[1], "--method", "warp", "--output_path", out]
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.bundled
def test_the_latent_method_turns_mixes_refines_and_pastes(latent, portrait, stranger):
    tasks = []
    predictor = latent(seed=0, progress=lambda task, *_: tasks.append(task))
    with warnings.catch_warnings():
        warnings.simplefilter("error", PoseLimitWarning)
        result = predictor.run(portrait, stranger, method="latent", refine=2, weights={"symmetry": 0.0})
    assert np.array_equal(result.image[result.mask == 0], portrait[result.mask == 0])
    assert (np.abs(result.image.astype(int) - portrait).max(axis=2) > 3)[result.mask > 0.9].mean() > 0.5
    assert {"target.drawn", "target.turned", "mixed", "refined", "matched"} <= set(result.images)
    assert {"identity", "perceptual", "color"} <= set(result.terms)
    assert "symmetry" not in result.terms
    assert abs(result.matched_pose.yaw_degrees - result.source_pose.yaw_degrees) < 8
    assert "turning the face" in tasks[tasks.index("refining") :]  # the pose has drifted by then


@pytest.mark.slow
@pytest.mark.bundled
def test_the_latent_method_reshapes_the_head_as_far_as_it_is_asked(latent, portrait, stranger):
    wide = images.resize(stranger, (round(1.3 * stranger.shape[1]), stranger.shape[0]))
    predictor = latent()

    def aspect(photo):
        jaw = find_faces(photo)[0].landmarks[:17]
        return float(np.ptp(jaw[:, 0]) / np.ptp(jaw[:, 1]))

    results = [predictor.run(portrait, wide, method="latent", shape=share) for share in (0.0, 1.0)]
    kept, reshaped = (aspect(result.image) for result in results)
    assert reshaped > kept + 0.05
    kept, reshaped = (np.count_nonzero(result.mask) for result in results)
    assert reshaped > 1.3 * kept  # round the face too
    for result in results:
        assert np.array_equal(result.image[result.mask == 0], portrait[result.mask == 0])


@pytest.mark.slow
@pytest.mark.bundled
def test_where_the_drawn_landmarks_are_in_doubt_the_photos_serve(latent, portrait, stranger, monkeypatch):
    render = FusionRenderer.render

    def in_doubt(*args, **kwargs):
        with monkeypatch.context() as patch:
            patch.setattr(landmarks, "MAX_SPREAD", 0.0)
            return render(*args, **kwargs)

    monkeypatch.setattr(FusionRenderer, "render", in_doubt)
    result = latent().run(portrait, stranger, method="latent")
    assert abs(result.matched_pose.yaw_degrees - result.source_pose.yaw_degrees) < 6


def test_auto_warps_unless_the_model_is_asked_for():
    overlay = Overlay(0, 0, np.zeros((80, 80, 3), np.float32), np.ones((80, 80), np.float32), FRONT * 0.2 + 40)
    photo, nothing = np.zeros((80, 80, 3), np.uint8), np.zeros((80, 80), np.float32)
    side = Portrait(photo, overlay.landmarks)
    sides = Sides(side, side, overlay.landmarks, nothing, None, nothing, False, (), ())
    placement = Placement(photo, overlay.landmarks, overlay, None, Head(nothing, nothing))
    plan = FacePlan(sides, 1.0, placement, Beards({}, {}))
    assert plan.shown_share == pytest.approx(1.0)
    assert choose_method(FuseOptions(), plan) == ("warp", "the person's photo shows 100% of the face")
    half = np.ones((80, 80), np.float32)
    half[:, :40] = 0.0
    hidden = plan._replace(placement=plan.placement._replace(overlay=replace(overlay, shown=half)))
    assert hidden.shown_share == pytest.approx(0.5, abs=0.05)
    assert choose_method(FuseOptions(), hidden)[0] == "warp"
    # What stays the photo's need not be shown.
    for kept in ({"head": Head(1 - half, nothing)}, {"over": 1 - half}):
        covered = hidden._replace(placement=hidden.placement._replace(**kept))
        assert covered.shown_share == pytest.approx(1.0, abs=0.01)
    assert choose_method(FuseOptions(method="warp"), hidden) == ("warp", "it was asked for")
    assert choose_method(FuseOptions(refine=5), plan)[0] == "latent"


@pytest.mark.slow
@pytest.mark.bundled
def test_a_rotator_turns_the_face_instead(latent, portrait, stranger, tmp_path):
    """A fresh rotator is the directions, in other steps; one for another model is refused before any work."""
    import paddle

    from ppgan_ext.latents.directions import load_directions
    from ppgan_ext.networks import LatentRotator
    from ppgan_ext.weights import readers

    predictor = latent()
    model = predictor.engine.face_model
    shape = (model.generator.n_latent, model.generator.style_dim)
    known = load_directions(model.directions_file, shape[0])
    paddle.seed(0)
    rotator = LatentRotator(*shape, width=8, num_blocks=1)
    rotator.set_statistics(model.latent_avg, 0.5, np.stack([1.5 * known[name].vector for name in ("yaw", "pitch")]))
    path = tmp_path / "rotator.safetensors"
    readers.write(path, {name: tensor.numpy() for name, tensor in rotator.state_dict().items()})
    result = predictor.run(portrait, stranger, pose_method="rotator", rotator_path=path)
    assert abs(result.matched_pose.yaw_degrees - result.source_pose.yaw_degrees) < 6
    other = tmp_path / "other.safetensors"
    readers.write(other, {name: tensor.numpy() + 1 for name, tensor in rotator.state_dict().items()})
    with pytest.raises(WeightsError, match="another model"):
        predictor.run(portrait, stranger, pose_method="rotator", rotator_path=other)


@pytest.mark.slow
@pytest.mark.bundled
def test_a_pose_that_the_model_cannot_reach_is_said(latent, stranger, monkeypatch):
    from ppgan_ext.latents import pose_matching

    short = pose_matching.PoseMatchOptions(max_amount=1.0)
    monkeypatch.setattr(pose_matching, "PoseMatchOptions", lambda: short)
    turned, _ = draw_photo((320, 300), [DrawnFace((160.0, 150.0), 60.0, yaw_degrees=40)], seed=1)
    with pytest.warns(PoseLimitWarning, match="--method warp"):
        latent().run(turned, stranger, method="latent")


# Many pairs


@pytest.fixture
def folders(portrait, stranger, tmp_path):
    for folder, names in (("photos", ("anna.jpg", "bert.jpg", "carl.jpg")), ("people", ("anna.png", "bert.png"))):
        (tmp_path / folder).mkdir()
        for name in names:
            PIL.Image.fromarray(portrait if folder == "photos" else stranger).save(tmp_path / folder / name)
    return tmp_path / "photos", tmp_path / "people"


def stems(inputs):
    return [job.stem for job in inputs.jobs]


def test_folders_are_paired_by_name_or_all_with_all(folders, files):
    by_name = open_pairs(folders[0], folders[1])
    assert stems(by_name) == ["anna", "bert", "carl"]
    assert [job.problem is None for job in by_name.jobs] == [True, True, False]
    assert "carl.jpg: there is no photo of this name" in str(by_name.jobs[2].problem)
    assert len(open_pairs(folders[0], folders[1], "all").jobs) == 6
    assert stems(open_pairs(files[0], folders[1])) == ["a+anna", "a+bert"]
    assert stems(open_pairs(folders[0], files[1])) == ["anna+b", "bert+b", "carl+b"]
    assert stems(open_pairs(folders[1], folders[1], "all")) == ["anna+bert", "bert+anna"]
    # A photo is never paired with itself, on whichever side the folder is.
    assert stems(open_pairs(folders[1] / "anna.png", folders[1])) == ["anna+bert"]
    assert stems(open_pairs(folders[1], folders[1] / "anna.png")) == ["bert+anna"]
    assert open_pairs(files[0], folders[1]).is_batch and open_pairs(folders[0], files[1]).is_batch
    assert not open_pairs(*files).is_batch


def test_photos_in_subfolders_are_paired_with_those_of_the_same_subfolder(tmp_path):
    for side in ("photos", "people"):
        for name in ("anna/1.png", "bert/1.png"):
            (tmp_path / side / name).parent.mkdir(parents=True)
            PIL.Image.new("RGB", (9, 9)).save(tmp_path / side / name)
    pairs = open_pairs(tmp_path / "photos", tmp_path / "people", recursive=True)
    assert stems(pairs) == ["anna/1", "bert/1"]
    assert [job.source.target.parent.name for job in pairs.jobs] == ["anna", "bert"]
    assert stems(open_pairs(tmp_path / "photos", tmp_path / "people", "all", recursive=True)) == [
        "anna/1", "anna/1+bert_1", "bert/1+anna_1", "bert/1",
    ]  # fmt: skip
    PIL.Image.new("RGB", (9, 9)).save(tmp_path / "people" / "anna" / "1.bmp")
    pairs = open_pairs(tmp_path / "photos", tmp_path / "people", recursive=True)
    assert [job.source.target.name for job in pairs.jobs] == ["1.png", "1.png"]  # the suffix decides
    (tmp_path / "people" / "anna" / "1.png").rename(tmp_path / "people" / "anna" / "1.tif")
    pairs = open_pairs(tmp_path / "photos", tmp_path / "people", recursive=True)
    assert "have this name: anna/1.bmp, anna/1.tif" in str(pairs.jobs[0].problem)


def test_pairs_that_cannot_be(folders, files, tmp_path):
    with pytest.raises(InputError, match="--person is missing"):
        open_pairs(files[0], None)
    with pytest.raises(InputError, match="no such file"):
        open_pairs(files[0], tmp_path / "nowhere.jpg")
    (tmp_path / "others").mkdir()
    PIL.Image.new("RGB", (9, 9)).save(tmp_path / "others" / "zoe.png")
    with pytest.raises(InputError, match="no photo has the name") as error:
        open_pairs(folders[0], tmp_path / "others")
    assert "--pairs all" in str(error.value)
    with pytest.raises(InputError, match="same photo"):
        open_pairs(tmp_path / "others", tmp_path / "others", "all")


@pytest.mark.slow
def test_a_batch_reports_each_failure_and_goes_on(folders, out, capsys):
    (folders[1] / "anna.png").write_bytes(b"no picture")
    assert fuse("--source", folders[0], "--target", folders[1], out=out) == 1
    printed = capsys.readouterr()
    errors = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert "anna.png: is not a picture" in errors[0]
    assert "carl.jpg" in errors[1]
    assert "1 of 3 pairs done, 2 failed" in printed.err
    assert written(out) == ["bert.fused.png"]


@pytest.mark.slow
def test_in_python_a_batch_keeps_its_failures(folders):
    with pytest.warns(FailedInputsWarning, match="carl") as told:
        results = FaceFusionPredictor(output_path=None).run(folders[0], folders[1], method="warp")
    assert told[0].filename == __file__  # where `run` is called
    assert len(results) == 2
    assert [outcome.job.stem for outcome in results.failures] == ["carl"]


@pytest.mark.slow
def test_ctrl_c_within_a_fusion_ends_the_batch_with_its_result(folders, couple, stranger, monkeypatch):
    """The fusion of the next face in the same photo gets the interruption, so that it skips the tuning."""
    passed_on = []

    def interrupted_fusion(predictor, photo, face, other, other_face, options, name, plan, interrupted):
        passed_on.append(interrupted)
        fusion = finish_face(plan)
        return LatentFusion(fusion, np.zeros((2, 512), np.float32), fusion.images, {}, True)

    monkeypatch.setattr(fusion_predictor, "fuse_in_latent_space", interrupted_fusion)
    predictor = FaceFusionPredictor(output_path=None)
    results = predictor.run(folders[0], folders[1], method="latent")
    assert len(results) == 1 and results.interrupted and predictor.interrupted
    predictor.run(couple, stranger, method="latent", source_face="all")
    assert passed_on == [False, False, True] and predictor.interrupted


# Several faces


@pytest.mark.slow
def test_of_several_faces_one_must_be_chosen(couple, stranger, tmp_path, out, capsys):
    group, other = tmp_path / "group.png", tmp_path / "b.png"
    PIL.Image.fromarray(couple).save(group)
    PIL.Image.fromarray(stranger).save(other)
    preview = out / "group.faces.png"
    code = fuse("--source", group, "--target", other, out=out)
    assert_refused(code, capsys, out, group, "2 faces", "--photo_face", preview, files=["group.faces.png"])
    code = fuse("--source", other, "--target", group, out=out)
    assert_refused(code, capsys, out, group, "2 faces", "--person_face", preview, files=["group.faces.png"])
    with PIL.Image.open(preview) as picture:
        assert picture.size == (640, 320)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["photo", "person"])
def test_a_face_twice_as_wide_as_the_others_needs_no_choice(portrait, stranger, side):
    """A bystander in the background; the line says that there is one, and how to choose another face."""
    crowd = np.full((300, 500, 3), 90, np.uint8)
    crowd[:, :360] = portrait
    crowd[:117, 360:] = np.asarray(PIL.Image.fromarray(portrait).resize((140, 117)))
    photos = {"photo": stranger, "person": stranger} | {side: crowd}
    with pytest.warns(BystandersWarning, match=rf"2 faces.*--{side}_face"):
        result = FaceFusionPredictor(output_path=None).run(photos["photo"], photos["person"])
    chosen = FaceFusionPredictor(output_path=None).run(photos["photo"], photos["person"], **{f"{side}_face": "largest"})
    assert np.array_equal(result.image, chosen.image)


@pytest.mark.slow
def test_chosen_faces_are_replaced_and_no_other(couple, stranger, monkeypatch):
    looks = []
    monkeypatch.setattr(fusion_predictor, "see_person", lambda portrait: looks.append(portrait) or see_person(portrait))
    predictor = FaceFusionPredictor(output_path=None)
    only = predictor.run(couple, stranger, method="warp", source_face=2)
    assert np.array_equal(only.image[:, 280:], couple[:, 280:])  # the larger one, on the right
    assert not np.array_equal(only.image[:, :280], couple[:, :280])
    both = predictor.run(couple, stranger, method="warp", source_face="all")
    assert len(both.faces) == 2
    assert len(looks) == 2  # once in each of the two runs
    assert not np.array_equal(both.image[:, 280:], couple[:, 280:])
    assert np.array_equal(both.image[both.mask == 0], couple[both.mask == 0])
    with pytest.raises(ConfigError, match="2 faces cannot take the place of 1"):
        predictor.run(stranger, couple, method="warp", target_face="all")
    with pytest.raises(NoFaceError, match="there is no face 3"):
        predictor.run(couple, stranger, method="warp", source_face=3)


# Bad input


def test_no_face_in_either_photo(files, tmp_path, out, capsys):
    wall = tmp_path / "wall.png"
    PIL.Image.fromarray(np.broadcast_to(np.linspace(0, 255, 200)[:, None, None], (200, 150, 3)).astype(np.uint8)).save(
        wall
    )
    assert_refused(fuse("--source", wall, "--target", files[1], out=out), capsys, out, wall, "no face")
    assert_refused(fuse("--source", files[0], "--target", wall, out=out), capsys, out, wall, "no face")


@pytest.mark.slow
def test_a_profile_beyond_the_detector(files, tmp_path, out, capsys):
    profile = tmp_path / "profile.png"
    PIL.Image.fromarray(draw_photo((320, 300), [DrawnFace((160.0, 150.0), 60.0, yaw_degrees=88)])[0]).save(profile)
    code = fuse("--source", profile, "--target", files[1], out=out)
    assert_refused(code, capsys, out, profile, "no face", "turned more to the camera")


@pytest.mark.parametrize("side", ["photo", "person"])
def test_a_face_from_the_side_whose_features_are_not_found(files, tmp_path, out, capsys, side):
    turned = tmp_path / "turned.png"
    PIL.Image.fromarray(draw_photo((320, 300), [DrawnFace((160.0, 150.0), 60.0, yaw_degrees=60)])[0]).save(turned)
    pair = (turned, files[1]) if side == "photo" else (files[0], turned)
    code = fuse("--photo", pair[0], "--person", pair[1], out=out)
    assert_refused(code, capsys, out, turned, "seen from the side or covered", "towards the camera")


def test_the_same_file_twice(files, out, capsys):
    for twin in (files[0], files[0].parent / "." / files[0].name):
        assert_refused(fuse("--source", files[0], "--target", twin, out=out), capsys, out, files[0], "the same photo")


def test_a_face_of_less_than_32_pixels(portrait, files, tmp_path, out, capsys):
    tiny = tmp_path / "tiny.png"
    canvas = np.full((200, 260, 3), 90, np.uint8)
    canvas[60:120, 90:162] = np.asarray(PIL.Image.fromarray(portrait).resize((72, 60)))
    PIL.Image.fromarray(canvas).save(tiny)
    code = fuse("--source", tiny, "--target", files[1], out=out)
    assert_refused(code, capsys, out, tiny, "pixels wide", "32")


def test_a_face_much_smaller_than_the_photos_is_told(portrait, stranger, couple):
    predictor = FaceFusionPredictor(output_path=None)
    small = images.resize(stranger, (stranger.shape[1] // 3, stranger.shape[0] // 3))
    predictor.run(images.resize(portrait, (720, 600)), small, method="warp")
    assert [note for note in predictor.notes if note.startswith("the person's face is small, ")]
    predictor.run(couple, stranger, method="warp", photo_face="all")
    assert not [note for note in predictor.notes if "small" in note]


def test_a_negative_weight_names_its_line(files, tmp_path, out, capsys):
    config = tmp_path / "mine.yaml"
    config.write_text("identity: 0.8\nweights:\n  perceptual: 0.5\n  symmetry: -1\n")
    code = fuse("--source", files[0], "--target", files[1], "--config", config, out=out)
    assert_refused(code, capsys, out, f"{config}:4", "weights.symmetry", "greater than or equal to 0")
    config.write_text("weights:\n  symetry: 1\n")
    code = fuse("--source", files[0], "--target", files[1], "--config", config, out=out)
    assert_refused(code, capsys, out, f"{config}:2", "symetry", "'symmetry'")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--identity 1.5", "identity"),
        ("--shape x", "shape"),
        ("--skin traget", "skin"),
        ("--method morph", "method"),
        ("--weights identity=-1", "weights.identity: input should be greater than or equal to 0"),
        ("--source_face second", "photo_face"),
        ("--identty 1", "--identity"),
    ],
)
def test_wrong_options(words, message):
    with pytest.raises(ConfigError, match=message):
        read_options(COMMANDS["fuse"], ["--source", "a", "--target", "b", *words.split()], "fuse")


def test_the_terms_are_those_of_the_refinement():
    from ppgan_ext.apps.fusion.refinement_objective import TERMS, FusionWeights

    words = [f"{term}=0.5" for term in TERMS]
    options = read_options(COMMANDS["fuse"], ["--weights", *words], "fuse")
    assert set(options.weights) == set(TERMS)
    assert FusionWeights(**options.weights).symmetry == 0.5


def test_an_output_that_cannot_be_written(files, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("x")
    assert fuse("--source", files[0], "--target", files[1], out=blocked) == 1
    assert str(blocked) in capsys.readouterr().err


# Which photo is which


def test_the_first_line_of_help_says_which_photo_is_which(capsys):
    assert main(["fuse", "--help"]) == 0
    _, _, first, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("Put the face of --person into --photo")


@pytest.mark.parametrize(
    "words",
    [
        "--photo a --person b --photo_face 2 --person_face largest --skin person",
        "--source a --target b --source_face 2 --target_face largest --skin target",
        "--source a --person b --photo-face 2 --target-face largest --skin target",
    ],
)
def test_photo_and_person_are_source_and_target(words, tmp_path):
    made = read_options(COMMANDS["fuse"], words.split(), "fuse")
    assert (made.photo, made.person, made.photo_face, made.person_face) == ("a", "b", [2], "largest")
    assert (made.skin, made.swap_skin) == ("person", "target")
    path = tmp_path / "fuse.yaml"
    pairs = [word.split() for word in words.replace("-face", "_face").split("--")[1:]]
    path.write_text("".join(f"{name}: {value}\n" for name, value in pairs))
    assert read_options(COMMANDS["fuse"], ["--config", str(path)], "fuse") == made
    other = read_options(COMMANDS["fuse"], ["--config", str(path), "--photo", "c", "--target_face", "1"], "fuse")
    assert (other.photo, other.person, other.person_face) == ("c", "b", [1])  # a flag wins, whatever its name


def test_one_photo_under_two_names_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="--source is given twice, 'a' and 'b'"):
        read_options(COMMANDS["fuse"], ["--photo", "a", "--source", "b"], "fuse")
    (tmp_path / "fuse.yaml").write_text("photo: a\nsource: b\n")
    with pytest.raises(ConfigError, match="'photo' and 'source' are names of one option"):
        read_options(COMMANDS["fuse"], ["--config", str(tmp_path / "fuse.yaml")], "fuse")
    (tmp_path / "fuse.yaml").write_text("phto: a\n")
    with pytest.raises(ConfigError, match="did you mean 'photo'"):
        read_options(COMMANDS["fuse"], ["--config", str(tmp_path / "fuse.yaml")], "fuse")
    (tmp_path / "fuse.yaml").write_text("target_face: first\n")
    with pytest.raises(ConfigError, match=r"fuse\.yaml:1: target_face: expected all, largest"):
        read_options(COMMANDS["fuse"], ["--config", str(tmp_path / "fuse.yaml")], "fuse")


@pytest.mark.parametrize("names", [("photo", "person"), ("source", "target"), ("source", "person")])
def test_python_takes_both_names(files, names):
    predictor = FaceFusionPredictor(output_path=None)
    with pytest.raises(InputError, match="the same photo"):
        predictor.run(**dict(zip(names, (files[0], files[0]), strict=True)))
    with pytest.raises(ConfigError, match="'photo' and 'source' are names of one argument"):
        predictor.run(photo=files[0], source=files[1], person=files[1])
    with pytest.raises(ConfigError, match="expected all, largest"):
        predictor.run(*files, target_face="first")

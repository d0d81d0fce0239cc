"""What a move of the sliders serves, and what is kept of it: a picture to look at, then the bytes of the command."""

import io
import shutil
from pathlib import Path
from types import SimpleNamespace

import PIL.Image
import pytest

from ppgan_ext import pictures
from ppgan_ext.apps.codes.encoded_face import EncodedFace
from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor
from ppgan_ext.apps.photo.options import EditOptions
from ppgan_ext.apps.predictor import no_progress
from ppgan_ext.config import load_options
from ppgan_ext.engine import open_model
from ppgan_ext.picture_settings import find_settings
from ppgan_ext.web.jobs import StoppedError
from ppgan_ext.web.site import Page, Site
from ppgan_ext.web.tabs.editor import PLACE, Editor
from ppgan_ext.web.uploads import open_upload
from tests.reference.toy_face_model import toy_face_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return open_model(toy_face_model(tmp_path_factory.mktemp("toy")), device="cpu", compiled=False)


class Visit:
    """A visit with a photo, and what its sliders do."""

    def __init__(self, folder, engine, photo):
        self.engine = engine
        self.page = Page(PageOptions(), folder)
        self.page.model = SimpleNamespace(predictor=self.predictor)
        self.editor = Editor(Site(self.page, "en"), "compare", "face")
        self.session = self.page.sessions.of("visit")
        self.choose(photo)

    def predictor(self, kind, folder, progress=no_progress):
        predictor = kind(output_path=folder, progress=progress)
        predictor.__dict__["engine"] = self.engine
        return predictor

    def choose(self, photo):
        path = Path(shutil.copy(photo, self.session.new_folder()))
        self.upload = self.session.uploads[PLACE] = open_upload(path, path.parent)

    def read(self, **edit):
        return lambda upload: load_options(EditOptions, overrides={"edit": edit})

    def move(self, **edit):
        """Move the sliders, and return the files that are shown: the faces, and the photo."""
        move = self.editor.begin_move(self.session, edit)
        shown = {}
        for step in (self.editor.prepare_face, self.editor.prepare_photo):
            shown |= step(self.session, self.read(**edit), move)(no_progress).updates
        before, after = shown["compare"]
        assert before == str(self.upload.shown)
        return shown["face"], after

    def files(self):
        return {path for path in self.session.folder.rglob("*") if path.is_file()}


@pytest.fixture
def visit(tmp_path, engine, photo_files):
    folder = tmp_path / "page"
    folder.mkdir()
    return Visit(folder, engine, photo_files["portrait"])


def test_a_move_is_shown_as_a_jpeg_of_the_photos_size_drawn_once(visit, monkeypatch):
    drawn, draw = [], EncodedFace.draw
    monkeypatch.setattr(EncodedFace, "draw", lambda face, *code: drawn.append(face) or draw(face, *code))
    before = visit.files()
    face, photo = visit.move(smile=2.0)
    assert len(drawn) == 1
    with PIL.Image.open(photo) as shown, PIL.Image.open(visit.upload.path) as original:
        assert shown.format == "JPEG" and shown.size == original.size
    assert pictures.made_here(photo) and pictures.made_here(face)
    assert {str(path) for path in visit.files() - before} == {face, photo}  # a strip is for what is kept


def test_a_move_deletes_what_the_one_before_has_shown(visit):
    before = visit.files()
    first = visit.move(smile=1.0)
    second = visit.move(smile=2.0)
    assert {str(path) for path in visit.files() - before} == set(second) and set(first).isdisjoint(second)


def test_what_is_kept_has_the_bytes_of_a_run_and_its_settings(visit, tmp_path):
    visit.move(smile=2.0)
    outcome = visit.editor.prepare_keeping(visit.session, visit.read(smile=2.0))(no_progress)
    (item,) = outcome.items
    assert outcome.updates["compare"] == (str(visit.upload.shown), str(item.path))
    alone = visit.predictor(StyleGANv2EditingPredictor, tmp_path / "alone")
    alone.run_photo(str(visit.upload.path), {"smile": 2.0})
    assert {path.name for path in item.folder.iterdir()} == {path.name for path in alone.files}
    kept, plain = item.path.read_bytes(), alone.files[0].read_bytes()
    assert kept.startswith(plain[:-12]) and "smile" in find_settings(item.path)  # then the settings, and the end
    with PIL.Image.open(io.BytesIO(kept)) as picture:
        assert picture.format == "PNG" and picture.info["Software"] == pictures.SOFTWARE
        assert "compositeWithTrainedAlgorithmicMedia" in picture.info["XML:com.adobe.xmp"]
    visit.move(smile=1.0)
    assert item.path.is_file()  # the next move deletes only what was to be looked at


def test_faces_of_one_photo_are_not_put_into_the_next(visit, photo_files):
    move = visit.editor.begin_move(visit.session, ())
    visit.editor.prepare_face(visit.session, visit.read(smile=1.0), move)(no_progress)
    visit.choose(photo_files["couple"])
    with pytest.raises(StoppedError):
        visit.editor.prepare_photo(visit.session, visit.read(smile=1.0), move)


def test_nothing_of_moves_is_left_after_the_visit(visit):
    visit.move(smile=2.0)
    visit.editor.prepare_keeping(visit.session, visit.read(smile=2.0))(no_progress)
    folder = visit.session.folder
    assert folder.is_dir()
    visit.page.sessions.end("visit")
    assert not folder.exists()

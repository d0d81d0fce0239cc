"""Many photos at once: each is worked on, faults are told by name, and the results come as one zip."""

import weakref
import zipfile

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.apps.photo.age import AgeEditingPredictor
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.apps.results import Made
from ppgan_ext.errors import NoFaceError
from ppgan_ext.picture_settings import find_settings
from ppgan_ext.web.archives import pack
from ppgan_ext.web.site import Page, SayError, Site
from ppgan_ext.web.tabs import many
from ppgan_ext.web.tabs.cartoon import drawn
from ppgan_ext.web.tabs.many import Batch, chosen_photos


@pytest.fixture
def site(tmp_path):
    return Site(Page(PageOptions(), tmp_path / "page"), "en")


@pytest.fixture
def visit(site):
    site.page.sessions.folder.mkdir()
    return site.page.sessions.of("one")


@pytest.fixture
def photos(tmp_path):
    """Three photos, two of the same name."""
    files = []
    for number, name in enumerate(("ann.png", "wall.png", "ann.png")):
        files.append(tmp_path / str(number) / name)
        files[-1].parent.mkdir()
        PIL.Image.new("RGB", (40, 30), (60 * number, 90, 90)).save(files[-1])
    return files


def working(site, visit, photos, work):
    def open_predictor(folder, progress):
        return AgeEditingPredictor(output_path=folder, progress=progress)

    batch = Batch("age", open_predictor, work, AgeOptions(years=[20]), ["20 years older"])
    return many._Working(site, visit, photos, batch, "zip")


def make_older(predictor, job):
    predictor.progress("editing", 0, 1)
    if "wall" in job.stem:
        raise NoFaceError("no face was found", cure="Choose another photo")
    path = predictor.output_path / f"{job.stem}.age+20.png"
    with PIL.Image.open(job.source) as photo:
        photo.save(path)
    return Made(None, [path])


def test_one_that_cannot_be_used_does_not_end_the_others(site, visit, photos):
    told = []
    outcome = working(site, visit, photos, make_older).run(lambda task, done, total, note="": told.append((task, done)))
    assert told == [("photo 1 of 3", 0), ("photo 2 of 3", 1), ("photo 3 of 3", 2)]
    assert [item.path.name for item in outcome.items] == ["ann.age+20.png", "ann-2.age+20.png"]
    assert [item.caption for item in outcome.items] == ["ann: 20 years older", "ann-2: 20 years older"]
    assert [item.before for item in outcome.items] == [photos[0], photos[2]]
    assert outcome.notes == ["2 of 3 photos are done", "wall.png: No face was found. Choose another photo."]
    with zipfile.ZipFile(outcome.updates["zip"]["value"]) as packed:
        assert sorted(packed.namelist()) == ["ann-2.age+20.png", "ann.age+20.png"]
        assert packed.testzip() is None
    assert "years: [20.0]" in find_settings(outcome.items[0].path)


def test_results_of_photos_that_are_done_are_not_held_in_memory(site, visit, photos):
    results = []

    def make_large(predictor, job):
        alive = [one() for one in results]
        assert alive == [None] * len(alive)
        made = make_older(predictor, job).with_result(np.zeros((4, 4)))
        results.append(weakref.ref(made.result))
        return made

    working(site, visit, photos, make_large).run(lambda *_: None)
    assert len(results) == 2


def test_stop_keeps_the_photos_that_are_done(site, visit, photos):
    def progress(task, done, total, note=""):
        if done == 2:
            raise KeyboardInterrupt

    outcome = working(site, visit, photos, make_older).run(progress)
    assert outcome.interrupted and [item.path.name for item in outcome.items] == ["ann.age+20.png"]
    with pytest.raises(KeyboardInterrupt):
        working(site, visit, photos[1:], make_older).run(lambda task, done, total, note="": progress(task, 2, total))


def test_a_cartoons_results_are_the_face_and_the_whole_photo(tmp_path):
    names = ("p2c_photo.png", "p2c_cartoon.png", "p2c_photo_2.png", "p2c_cartoon_2.png", "p2c_pasted.png")
    made = drawn(Made(None, tuple(map(tmp_path.joinpath, names))))
    assert [file.name for file in made.files] == ["p2c_cartoon.png", "p2c_pasted.png"]


def test_too_many_are_refused(site, visit, photos, monkeypatch):
    with pytest.raises(SayError, match="no_photos"):
        chosen_photos(visit, "many-age")
    visit.kept["many-age"] = photos
    assert chosen_photos(visit, "many-age") == photos
    for name, value in (("MAX_PHOTOS", 2), ("MAX_MEGAPIXELS", 0.002)):
        monkeypatch.setattr(many, name, value)
        with pytest.raises(SayError, match="too_many_photos") as found:
            chosen_photos(visit, "many-age")
        assert "Too many photos" in site.tell(found.value)
        monkeypatch.undo()
    photos[0].unlink()
    with pytest.raises(SayError, match="session_over"):
        chosen_photos(visit, "many-age")


def test_an_archive_of_several_runs_has_a_folder_for_each(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        (folder / "x.txt").write_text(folder.name)
    with zipfile.ZipFile(pack(tmp_path / "all.zip", folders)) as packed:
        assert packed.namelist() == ["01/x.txt", "02/x.txt"] and packed.read("02/x.txt") == b"b"
    with zipfile.ZipFile(pack(tmp_path / "one.zip", folders[:1])) as packed:
        assert packed.namelist() == ["x.txt"]

"""CMU Multi-PIE as its owner unpacks it, and the two divisions of it that frontalisation is measured by.

Multi-PIE (Gross et al., Image and Vision Computing 28, 2010) may not be passed on, so this reads a copy that the user
has a licence for, or aligned crops of it in the same folders: ``sessionTT/multiview/SSS/RR/CC_C/SSS_TT_RR_CCC_LL.png``
with subject 001-346, session 01-04, recording (the expressions of a session), camera and illumination 00-19 (00 and 19
without flash). `tools/prepare_faces.py` keeps these folders and appends ``.1.png`` to the names, which are read too.

The divisions are those of TP-GAN (arXiv 1704.04086, section 4): setting 1 is session 1, subjects up to 150 to train
and from 151 to test; setting 2 is all sessions, subjects up to 200 to train (all of whom there are) and the 137 after
them to test; neutral expression in both. Subjects are told by their numbers, not counted, so that a copy which lacks
some is divided in the same places. Its eleven poses are those within 75 degrees; its tables have those at 90 as well.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext.data.sources import FolderSource
from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.images import SUFFIXES

Part: TypeAlias = Literal["train", "test"]

# Yaw in degrees as docs/conventions.md has it: positive is a head turned to image right. Levelled cameras, 15 apart.
CAMERAS = {
    "24_0": 90, "01_0": 75, "20_0": 60, "19_0": 45, "04_1": 30, "05_0": 15, "05_1": 0,
    "14_0": -15, "13_0": -30, "08_0": -45, "09_0": -60, "12_0": -75, "11_0": -90,
}  # fmt: skip
RAISED_CAMERAS = frozenset({"08_1", "19_1"})  # look down at the subject; they belong to no division
FRONTAL = "05_1"
# Recordings with a neutral face, by session: session 4 has two, all others have expressions after the first.
NEUTRAL = {1: (1,), 2: (1,), 3: (1,), 4: (1, 2)}
NUM_ILLUMINATIONS = 20
GALLERY_ILLUMINATION = 7  # the flash in front of the subject

_LAST_SUBJECT, _LAST_RECORDING = 346, 3
_SHOT = re.compile(r"(\d{3})_(\d{2})_(\d{2})_(\d{2})(\d)_(\d{2})(?!\d)")
_TAIL = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(SUFFIXES)))})(?:\.(\d+)\.png)?", re.IGNORECASE)
_NAMED = 3  # so many misnamed files are named in the warning
_CURE = "Give the folder that holds session01/multiview/001/01/05_1/..."


class MisnamedWarning(UserWarning):
    """Files or folders of a Multi-PIE copy are not named as the set names them, and are left out."""


class Setting(NamedTuple):
    """A division of Multi-PIE.

    Attributes:
        sessions: that it uses.
        train, test: numbers of the subjects.
    """

    sessions: tuple[int, ...]
    train: range
    test: range

    def subjects(self, part: Part) -> range:
        """Give the numbers of one part's subjects."""
        return self.train if part == "train" else self.test


SETTINGS = {
    1: Setting((1,), range(1, 151), range(151, 251)),
    2: Setting((1, 2, 3, 4), range(1, 201), range(201, _LAST_SUBJECT + 1)),
}


class Shot(NamedTuple):
    """What the name of a picture says.

    Attributes:
        subject: 1-346.
        session: 1-4.
        recording: 1-3, which expression of the session.
        camera: as folders write it, "05_1".
        illumination: 0-19.
    """

    subject: int
    session: int
    recording: int
    camera: str
    illumination: int

    @property
    def yaw(self) -> int:
        """Degrees of yaw that the camera sees, positive to image right; cameras of `CAMERAS` only."""
        return CAMERAS[self.camera]

    @property
    def moment(self) -> tuple[int, int, int, int]:
        """Subject, session, recording and illumination: all cameras fired at once."""
        return self.subject, self.session, self.recording, self.illumination

    @property
    def folder(self) -> str:
        """The folder in which the picture belongs."""
        return f"session{self.session:02d}/multiview/{self.subject:03d}/{self.recording:02d}/{self.camera}"


def parse_name(name: str) -> Shot:
    """Read the name of a picture, with any folders before it.

    Raises:
        InputError: it is not one of Multi-PIE's names, or a number in it is out of range.
    """
    file = name.rpartition("/")[2]
    shot, end = _read_shot(file, name)
    tail = _TAIL.fullmatch(file[end:])
    if tail is None:
        raise InputError("is not named SSS_TT_RR_CCC_LL.png", where=name, cure="Rename it or take it away")
    if tail[1] not in (None, "1"):
        raise InputError(f"is the face {tail[1]} of its photo", where=name, cure="Prepare faces with --which largest")
    return shot


def find_shot(name: str) -> Shot | None:
    """Read the shot that a file belongs to from the beginning of its name, whatever comes after it; None if none."""
    try:
        return _read_shot(name.rpartition("/")[2], name)[0]
    except InputError:
        return None


def _read_shot(file: str, name: str) -> tuple[Shot, int]:
    """Read the numbers at the beginning of a file name, and say where they end."""
    found = _SHOT.match(file)
    if found is None:
        raise InputError("is not named SSS_TT_RR_CCC_LL.png", where=name, cure="Rename it or take it away")
    subject, session, recording, illumination = (int(found[i]) for i in (1, 2, 3, 6))
    shot = Shot(subject, session, recording, f"{found[4]}_{found[5]}", illumination)
    for what, value, first, last in (
        ("subject", subject, 1, _LAST_SUBJECT),
        ("session", session, 1, max(NEUTRAL)),
        ("recording", recording, 1, _LAST_RECORDING),
        ("illumination", illumination, 0, NUM_ILLUMINATIONS - 1),
    ):
        if not first <= value <= last:
            raise InputError(f"there is no {what} {value} (they are {first} to {last})", where=name)
    if shot.camera not in CAMERAS and shot.camera not in RAISED_CAMERAS:
        raise InputError(f"there is no camera {shot.camera}", where=name, cure=nearest(shot.camera, CAMERAS))
    return shot, found.end()


class MultiPieSource(FolderSource):
    """Pictures of one part of one setting, sorted by their paths.

    Columns: "subject", "session", "recording", "camera", "yaw" (degrees) and "illumination".

    Args:
        root: the folder that holds the sessions.
        names: paths relative to it, with slashes.
        misnamed: path -> why it was left out.

    Attributes:
        shots: what each name says.
        misnamed: as given.
    """

    def __init__(self, root: Path, names: Sequence[str], misnamed: dict[str, str]) -> None:
        super().__init__(root, names)
        self.shots = [parse_name(name) for name in names]
        self.misnamed = misnamed
        self._frontals = {shot.moment: i for i, shot in enumerate(self.shots) if shot.camera == FRONTAL}

    def column(self, name: str) -> npt.NDArray:
        """Give what the names say, one row for each picture.

        Raises:
            InputError: no such column.
        """
        columns = (*Shot._fields, "yaw")
        if name not in columns:
            raise InputError(f"there is no column '{name}'", where=self, cure=nearest(name, columns))
        return np.array([getattr(shot, name) for shot in self.shots])

    def frontal(self, index: int) -> int | None:
        """Find the frontal picture of the same moment: subject, session, recording, illumination; None if missing."""
        return self._frontals.get(self.shots[index].moment)

    def with_frontals(self) -> MultiPieSource:
        """Give the pictures that have a frontal one of the same moment, which may be themselves.

        Raises:
            InputError: none has.
        """
        names = [self.name(i) for i in range(len(self)) if self.frontal(i) is not None]
        if not names:
            cure = f"Pairs need the camera {FRONTAL} of the same moment"
            raise InputError("no picture has a frontal one beside it", where=self, cure=cure)
        return MultiPieSource(self.path, names, self.misnamed)


def open_multipie(
    path: str | os.PathLike[str],
    setting: int = 2,
    part: Part = "train",
    *,
    max_yaw: float = 90,
    illuminations: Collection[int] | None = None,
) -> MultiPieSource:
    """Open one part of one setting: neutral faces, levelled cameras. Cameras and subjects may be missing.

    What is named in another way, or lies in another folder than its name says, is left out, counted and told by a
    `MisnamedWarning`. Only folders that can hold what is wanted are looked into.

    Args:
        path: the folder that holds ``session01`` and so on, or has them in ``data``.
        setting: 1 or 2.
        part: "train" or "test".
        max_yaw: leave out cameras that see a larger angle, in degrees.
        illuminations: use these only; None for all.

    Raises:
        ConfigError: there is no such setting or illumination.
        InputError: there are no such pictures.
    """
    if setting not in SETTINGS:
        raise ConfigError(f"there is no setting {setting}", where="setting", cure="Choose 1 or 2")
    wrong = sorted(set(illuminations or ()) - set(range(NUM_ILLUMINATIONS)))
    if wrong:
        raise ConfigError(f"there is no illumination {wrong[0]}", where="illuminations", cure="They are 0 to 19")
    root = _find_root(Path(path))
    chosen = SETTINGS[setting]
    walk = _Walk(root, chosen.subjects(part), {name for name, yaw in CAMERAS.items() if abs(yaw) <= max_yaw})
    names = [
        name
        for session in chosen.sessions
        for name, shot in walk.session(session)
        if illuminations is None or shot.illumination in illuminations
    ]
    if walk.misnamed:
        shown = "; ".join(f"{name} {why}" for name, why in list(walk.misnamed.items())[:_NAMED])
        more = ", ..." if len(walk.misnamed) > _NAMED else ""
        message = f"{root}: {len(walk.misnamed)} files or folders are left out: {shown}{more}"
        warnings.warn(message, MisnamedWarning, stacklevel=2)
    if not names:
        what = f"holds no picture of the subjects to {part} with in setting {setting}"
        raise InputError(what, where=root, cure=_CURE)
    return MultiPieSource(root, sorted(names), walk.misnamed)


def _find_root(path: Path) -> Path:
    for root in (path, path / "data"):
        if any((root / f"session{session:02d}").is_dir() for session in NEUTRAL):
            return root
    what = "holds no folder session01 to session04" if path.is_dir() else "no such folder"
    raise InputError(what, where=path, cure=_CURE)


class _Walk:
    """Goes through the folders of sessions and keeps an account of what is named in another way.

    Args:
        root: the folder that holds the sessions.
        subjects: numbers of those that are wanted.
        cameras: those that are wanted.
    """

    def __init__(self, root: Path, subjects: range, cameras: Collection[str]) -> None:
        self._root = root
        self._subjects = subjects
        self._cameras = cameras
        self._seen: set[Shot] = set()
        self.misnamed: dict[str, str] = {}

    def session(self, number: int) -> Iterator[tuple[str, Shot]]:
        """Yield name and shot of each wanted picture of a session, sorted."""
        top = f"session{number:02d}/multiview"
        if not (self._root / top).is_dir():
            return
        for subject in self._folders(top, re.compile(r"\d{3}"), "subject"):
            if int(subject[-3:]) not in self._subjects:
                continue
            for recording in self._folders(subject, re.compile(r"\d{2}"), "recording"):
                if int(recording[-2:]) not in NEUTRAL[number]:
                    continue
                for camera in self._folders(recording, re.compile(r"\d{2}_\d"), "camera"):
                    if camera[-4:] in self._cameras:
                        yield from self._pictures(camera)

    def _folders(self, folder: str, pattern: re.Pattern[str], what: str) -> Iterator[str]:
        for name, is_folder in self._entries(folder):
            if is_folder and pattern.fullmatch(name):
                yield f"{folder}/{name}"
            elif is_folder:
                self.misnamed[f"{folder}/{name}"] = f"is not named as a {what} is"
            elif Path(name).suffix.lower() in SUFFIXES:
                self.misnamed[f"{folder}/{name}"] = f"lies where the folders of each {what} are"

    def _pictures(self, folder: str) -> Iterator[tuple[str, Shot]]:
        for file, is_folder in self._entries(folder):
            name = f"{folder}/{file}"
            if is_folder or Path(file).suffix.lower() not in SUFFIXES:
                continue
            try:
                shot = parse_name(name)
            except InputError as error:
                self.misnamed[name] = error.what
                continue
            if shot.folder != folder:
                self.misnamed[name] = f"belongs in {shot.folder}"
            elif shot in self._seen:
                self.misnamed[name] = "is a second picture of its shot"
            else:
                self._seen.add(shot)
                yield name, shot

    def _entries(self, folder: str) -> list[tuple[str, bool]]:
        """List names and whether they are folders, sorted, without hidden ones."""
        try:
            with os.scandir(self._root / folder) as entries:
                return sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))
        except OSError as error:
            what = f"cannot be listed ({error.strerror})"
            raise InputError(what, where=self._root / folder, cure="Check its permissions") from error


class Protocol(NamedTuple):
    """Who is to be recognised, and among whom.

    Attributes:
        gallery: one frontal picture of each subject, ascending by subject.
        probes: all other pictures of these subjects.
        without_gallery: subjects that have no such frontal picture; their pictures are in neither.
    """

    gallery: list[int]
    probes: list[int]
    without_gallery: list[int]


def recognition_protocol(source: MultiPieSource, illumination: int = GALLERY_ILLUMINATION) -> Protocol:
    """Divide test pictures into gallery and probes as TP-GAN does.

    Args:
        source: the part to test with.
        illumination: of the gallery, whose picture is the first frontal one by session, then recording.

    Raises:
        InputError: no subject has such a frontal picture.
    """
    first: dict[int, int] = {}
    for index, shot in enumerate(source.shots):
        if shot.camera == FRONTAL and shot.illumination == illumination:
            best = source.shots[first.get(shot.subject, index)]
            if (shot.session, shot.recording) <= (best.session, best.recording):
                first[shot.subject] = index
    if not first:
        what = f"no subject has a frontal picture ({FRONTAL}) of illumination {illumination:02d}"
        raise InputError(what, where=source, cure="Choose another illumination for the gallery")
    chosen = set(first.values())
    probes = [i for i, shot in enumerate(source.shots) if shot.subject in first and i not in chosen]
    without = sorted({shot.subject for shot in source.shots} - first.keys())
    return Protocol([first[subject] for subject in sorted(first)], probes, without)

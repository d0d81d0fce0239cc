"""The page as one object: its model, its line, its visitors; and what every tab does the same way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr

from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.apps.predictor import Progress
from ppgan_ext.errors import PpganExtError
from ppgan_ext.files import make_folder
from ppgan_ext.picture_settings import put_settings
from ppgan_ext.web import markup
from ppgan_ext.web.controls import PageLimitError
from ppgan_ext.web.jobs import Finished, Job, Running, StoppedError, Waiting
from ppgan_ext.web.languages import Language
from ppgan_ext.web.line import Line, LineFullError
from ppgan_ext.web.message_texts import UNEXPECTED, tell_error
from ppgan_ext.web.models import Model
from ppgan_ext.web.option_texts import option_name
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.sessions import Item, Session, Sessions
from ppgan_ext.web.texts import TEXTS, Say, speaker
from ppgan_ext.web.uploads import Upload

Updates: TypeAlias = dict[Any, Any]


_LONGEST_WAIT = 120.0  # seconds for the visitor's own photos and last job
_SECONDS_BETWEEN_LOOKS = 0.1


class SayError(Exception):
    """What a visitor should do first.

    Args:
        key: of the text that says so.
        **values: of the names in it.
    """

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a job made.

    Attributes:
        items: for the visitor's results, the newest first.
        updates: what else to show, by component.
        notes: lines to show beside "done".
        interrupted: whether it was stopped early.
    """

    items: list[Item] = field(default_factory=list)
    updates: Updates = field(default_factory=dict)
    notes: Sequence[str] = ()
    interrupted: bool = False


Work: TypeAlias = Callable[[Progress], Outcome]


class Page:
    """What all visitors share.

    Args:
        options: of the command.
        folder: the page's own temporary folder.
    """

    def __init__(self, options: PageOptions, folder: Path) -> None:
        self.options = options
        self.model = Model(options)
        self.line = Line(options.longest_line)
        self.sessions = Sessions(folder)

    def title(self, language: Language) -> str:
        """The page's title in a language."""
        return self.options.title or TEXTS["title"].of(language)


class Site:
    """The page in one language.

    Args:
        page: what both languages share.
        language: of every text.
    """

    def __init__(self, page: Page, language: Language) -> None:
        self.page = page
        self.language = language
        self.say: Say = speaker(language)

    def visit(self, request: gr.Request) -> Session:
        """Return the visit that a request belongs to."""
        return self.page.sessions.of(request.session_hash)

    def upload(self, visit: Session, place: str, missing: str = "no_photo") -> Upload:
        """Return the photo that was chosen at a place of the page.

        Raises:
            SayError: there is none, or it has been deleted.
        """
        upload = visit.uploads.get(place)
        if upload is None:
            raise SayError(missing)
        if not upload.path.is_file():
            raise SayError("session_over")
        return upload

    def uploaded_file(self, visit: Session, payload: Any) -> Path:
        """Return the visit's own copy of an upload, as the browser names it: Gradio hands it over unchecked.

        Gradio names files by their content, so that two visitors with the same photo share one.

        Raises:
            SayError: it is no file that was uploaded here.
        """
        place = payload.get("path") if isinstance(payload, dict) else None
        file = Path(str(place)).resolve()
        if not file.is_relative_to(self.page.sessions.folder.resolve()) or not file.is_file():
            raise SayError("only_uploads")
        visit.received.add(file)
        own = visit.new_folder() / file.name
        os.link(file, own)
        return own

    def stop(self, request: gr.Request) -> None:
        """Stop the visitor's job."""
        job = self.visit(request).job
        if job is not None:
            job.stop()

    def tell(self, error: BaseException) -> str:
        """Return what went wrong, in this language; an error of ours is printed for whoever runs the page."""
        if isinstance(error, SayError):
            return self.say(error.key, **error.values)
        if isinstance(error, PageLimitError):
            return self.say("above_page_limit", name=option_name(error.name, self.language), limit=error.limit)
        if isinstance(error, LineFullError):
            return self.say("line_full")
        if isinstance(error, StoppedError):
            return self.say("stopped")
        if isinstance(error, PpganExtError):
            return tell_error(error, self.language)
        print("".join(traceback.format_exception(error)), file=sys.stderr)
        return UNEXPECTED.of(self.language)

    async def run(self, visit: Session, prepare: Callable[[], Work]) -> AsyncGenerator[str | Outcome, None]:
        """Do a piece of work for a visitor, and yield HTML for the line of status, and the outcome.

        Args:
            visit: the visitor.
            prepare: checks what the visitor asks for, and returns the work.
        """
        try:
            async for line in self._when_free(visit):
                yield line
            work = prepare()
            job = visit.job = Job(self.page.line, work)
        except Exception as error:  # noqa: BLE001 - told to the visitor
            yield markup.status_error(self.tell(error))
            return
        try:
            async with contextlib.aclosing(job.states()) as states:
                async for state in states:
                    if isinstance(state, Finished):
                        _clear_job(visit, job)
                        visit.add(state.result.items)
                        yield state.result
                        yield self._done(state)
                    else:
                        yield self._status(state)
        except StoppedError:
            yield markup.status_text(self.say("stopped"))
        except Exception as error:  # noqa: BLE001 - told to the visitor; the page stays up
            yield markup.status_error(self.tell(error))
        finally:
            job.then(lambda: _clear_job(visit, job))  # whoever leaves early leaves a thread at work

    async def _when_free(self, visit: Session) -> AsyncIterator[str]:
        """Wait until the visitor's photos are checked and the last job has ended; yield the line of status meanwhile.

        Raises:
            SayError: it takes too long.
        """
        until = time.monotonic() + _LONGEST_WAIT
        if visit.opening:
            yield markup.status_text(self.say("finding_faces"))
        elif visit.job is not None:
            yield markup.status_text(self.say("after_last_job"))
        while visit.opening or visit.job is not None:
            if time.monotonic() > until:
                raise SayError("still_busy")
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    def keep(
        self, folder: Path, results: Sequence[tuple[Path, str]], before: Path | None, recipe: Recipe
    ) -> list[Item]:
        """Make the items of a run: its settings go into the pictures, and copies where the operator keeps them.

        Args:
            folder: of the run.
            results: pictures and their captions.
            before: what to compare them with.
            recipe: what the run was asked for.
        """
        return self.keep_all(folder, [(results, before, recipe)])

    def keep_all(
        self, folder: Path, runs: Sequence[tuple[Sequence[tuple[Path, str]], Path | None, Recipe]]
    ) -> list[Item]:
        """Do as `keep`, for the results of several photos in one folder: pictures and captions, before, recipe."""
        items = []
        for results, before, recipe in runs:
            for path, caption in results:
                put_settings(path, recipe.yaml())
                items.append(Item(path, before, caption, recipe, folder))
        if self.page.options.output_path is not None:
            name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
            shutil.copytree(folder, make_folder(self.page.options.output_path) / name)
        return items

    def _status(self, state: Waiting | Running) -> str:
        return markup.status_of(state, self.say, self.language)

    def _done(self, state: Finished[Outcome]) -> str:
        outcome = state.result
        text = self.say("done", seconds=markup.duration(state.seconds, self.say))
        if outcome.interrupted:
            text = self.say("stopped_with_result")
        return markup.status_text(text, outcome.notes)


def _clear_job(visit: Session, job: Job[Outcome]) -> None:
    if visit.job is job:
        visit.job = None

"""What every tab does the same way: a piece of work from a visitor's click to what the visitor is told."""

import asyncio
import contextlib
import time

import pytest

from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.errors import InputError
from ppgan_ext.web.controls import LIMITS, PageLimitError, check_limits
from ppgan_ext.web.site import Outcome, Page, SayError, Site


@pytest.fixture
def site(tmp_path):
    return Site(Page(PageOptions(longest_line=1), tmp_path), "zh")


def told(site, visit, prepare):
    async def run():
        async with contextlib.aclosing(site.run(visit, prepare)) as states:
            return [state async for state in states]

    return asyncio.run(asyncio.wait_for(run(), 20))


def raising(error):
    def work(progress):
        raise error

    return lambda: work


def test_a_job_is_told_from_start_to_end_and_can_be_followed_by_another(site):
    visit = site.page.sessions.of("one")
    for _ in range(2):
        lines = told(site, visit, lambda: lambda progress: Outcome(notes=["<b>"]))
        assert isinstance(lines[-2], Outcome)
        assert "完成" in lines[-1] and "&lt;b&gt;" in lines[-1]
        assert visit.job is None and len(site.page.line) == 0


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (SayError("no_photo"), "请先选择照片"),
        (PageLimitError("tune", 300), "“微调步数”在页面上最多为 300"),
        (InputError("has more than 24 megapixels"), "超过 24 百万像素"),
        (ValueError("a bug"), "出了意外错误"),
    ],
)
def test_what_goes_wrong_is_told_and_the_page_stays_up(site, error, text, capsys):
    visit = site.page.sessions.of("one")
    lines = told(site, visit, raising(error))
    assert text in lines[-1] and 'role="alert"' in lines[-1]
    assert ("a bug" in capsys.readouterr().err) == isinstance(error, ValueError)
    assert "完成" in told(site, visit, lambda: lambda progress: Outcome())[-1]


def test_too_long_a_line_is_told(site):
    places = [site.page.line.join() for _ in range(2)]
    assert "使用的人太多" in told(site, site.page.sessions.of("one"), lambda: lambda progress: Outcome())[-1]
    for place in places:
        place.leave()


def test_one_who_leaves_early_is_forgotten_when_the_work_has_stopped(site):
    visit = site.page.sessions.of("one")

    def work(progress):
        while True:
            progress("fitting", 0, 1)
            time.sleep(0.002)

    async def run():
        states = site.run(visit, lambda: work)
        await anext(states)
        job = visit.job
        await states.aclose()
        return job

    job = asyncio.run(run())
    assert job is not None
    until = time.monotonic() + 10
    while visit.job is not None and time.monotonic() < until:
        time.sleep(0.01)
    assert visit.job is None and len(site.page.line) == 0


def test_limits_of_the_page():
    check_limits({name: limit for name, limit in LIMITS.items()} | {"tune": "no number"})
    with pytest.raises(PageLimitError, match="step"):
        check_limits({"step": "501"})

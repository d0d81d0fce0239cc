"""The page as a visitor meets it, in Chromium: both languages, a phone, and everything that can go wrong on the way.

It costs a process, so what a program without a browser sees of it is tested here too.
"""

import os
import re
import shutil
import zipfile
from pathlib import Path

import PIL.Image
import pytest
import yaml

from ppgan_ext import pictures
from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.errors import OutputError
from ppgan_ext.picture_settings import find_settings
from ppgan_ext.web import server
from tests.reference.page_requests import docker_health_check, fetch
from tests.reference.prefix_proxy import serving_under

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS = 60  # for the slowest of the machines that run this


def reason_to_skip():
    if CHROMIUM is None:
        return "Chromium is not installed (Debian: apt-get install chromium)"
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "playwright is not installed"
    return None


def test_a_build_machine_has_a_browser():
    if "CI" not in os.environ:
        pytest.skip("not a build machine")
    assert reason_to_skip() is None


pytestmark = pytest.mark.slow


def needs_browser(test):
    """Mark a test that drives the page with Chromium."""
    return pytest.mark.browser(pytest.mark.skipif(reason_to_skip() is not None, reason=str(reason_to_skip()))(test))


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--headless=new", "--disable-dev-shm-usage"]
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser, toy_page):
    """Open the page in a context of its own; no request may go to another host."""
    contexts, foreign = [], []

    def open_one(path="", **settings):
        settings.setdefault("viewport", {"width": 1280, "height": 900})
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS * 1000)
        local = (toy_page.url, "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(local) else foreign.append(request.url))
        page.goto(toy_page.url + path)
        page.wait_for_selector("#start-age")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert foreign == []
    toy_page.wait_for({"visits": 0, "line": 0, "files": 0})  # nothing is left of anybody


def choose(page, place, file):
    page.set_input_files(f"#photo-{place} input[type=file]", str(file))


def wait_for(page, selector, text):
    from playwright.sync_api import TimeoutError

    try:
        page.wait_for_function(
            "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)", arg=[selector, text]
        )
    except TimeoutError as error:
        raise AssertionError(f"{text!r} never came; there is {page.inner_text(selector)!r}") from error
    return page.inner_text(selector)


def type_number(page, box, number):
    """Type a number that stays; a box that has just come into sight is drawn once more, with the number it had."""
    for _ in range(10):
        box.fill(number)
        box.press("Enter")
        page.wait_for_timeout(500)
        if box.input_value() == number:
            return
    raise AssertionError(f"{number!r} does not stay; there is {box.input_value()!r}")


def tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def download(page, selector, folder):
    with page.expect_download() as found:
        page.click(selector)
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def click_face(page, place, x, y):
    """Click on a photo at shares of its width and height; its box is wider or higher than the picture."""
    page.locator(f"#photo-{place}").scroll_into_view_if_needed()
    box = page.locator(f"#photo-{place} img").bounding_box()
    width, height = page.eval_on_selector(f"#photo-{place} img", "image => [image.naturalWidth, image.naturalHeight]")
    scale = min(box["width"] / width, box["height"] / height)
    left, top = (box["width"] - scale * width) / 2, (box["height"] - scale * height) / 2
    page.mouse.click(box["x"] + left + x * scale * width, box["y"] + top + y * scale * height)


def read_settings(page, file):
    with page.expect_file_chooser() as chooser:
        page.click("#read-settings")
    chooser.value.set_files(str(file))


@needs_browser
def test_age_from_upload_to_download_and_back(open_page, photo_files, tmp_path):
    page = open_page()
    assert page.title() == "人脸编辑" and page.evaluate("document.documentElement.lang") == "zh-CN"
    page.click("#start-age")
    wait_for(page, "#status-age", "请先选择照片")
    choose(page, "age", photo_files["couple"])
    page.wait_for_selector("#faces-age input")
    click_face(page, "age", 0.72, 0.44)  # leaves face 1 out
    page.wait_for_function("!document.querySelector('#faces-age input').checked")
    page.click("#start-age")
    wait_for(page, "#status-age", "完成")
    for result, label in (("#age-younger img", "年轻时"), ("#age-older img", "年长时")):
        assert page.wait_for_selector(result).get_attribute("alt") == label
    file = download(page, "#download-one", tmp_path)
    assert pictures.made_here(file)
    settings = yaml.safe_load(find_settings(file))
    assert settings["faces"] == [2] and settings["years"] == [-20.0, 30.0]
    archive = download(page, "#download-all", tmp_path)
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        assert packed.testzip() is None
    assert len(names) == len(set(names)) >= 4 and any(name.endswith(".npy") for name in names)
    page.get_by_text("参数：重现结果").click()
    assert page.input_value("#command-line textarea").startswith("ppgan-ext age --input_image couple.png")
    read_settings(page, photo_files["text"])
    page.wait_for_selector("text=文件里没有参数")
    read_settings(page, file)
    page.wait_for_selector("text=参数已填入")


@needs_browser
def test_what_cannot_be_used_is_said_in_the_visitors_language(open_page, photo_files, tmp_path):
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(30 * 2**20)
    told = {
        "wall": ("没有找到人脸", "No face was found"), "text": ("不是可以读取的图片", "not a picture"),
        "large": ("超过 20 MB", "larger than 20 MB"),
    }  # fmt: skip
    for path, number in (("", 0), ("en", 1)):
        page = open_page(path)
        for name, texts in told.items():
            choose(page, "age", large if name == "large" else photo_files[name])
            wait_for(page, "#message-age", texts[number])


@needs_browser
def test_one_message_at_a_time_is_said(open_page, photo_files):
    page = open_page("en")
    choose(page, "age", photo_files["wall"])
    wait_for(page, "#message-age", "No face was found")
    page.click("#start-age")
    wait_for(page, "#status-age", "Please choose a photo first")
    page.wait_for_selector("#message-age", state="hidden")
    choose(page, "age", photo_files["text"])
    wait_for(page, "#message-age", "This file is not a picture")
    assert page.inner_text("#status-age").strip() == ""
    choose(page, "age", photo_files["portrait"])
    page.wait_for_selector("#photo-age img")
    page.wait_for_selector("#message-age", state="hidden")


@needs_browser
def test_the_whole_of_a_wide_photo_is_among_the_results(open_page, photo_files):
    page = open_page("en")
    choose(page, "age", photo_files["couple"])
    page.wait_for_selector("#faces-age input")
    page.click("#start-age")
    page.wait_for_selector("#results img")
    assert page.eval_on_selector("#results img", "image => getComputedStyle(image).objectFit") == "contain"


@needs_browser
def test_sliders_of_edit_and_keeping(open_page, photo_files, tmp_path):
    page = open_page("en")
    assert page.title() == "Face editing" and page.evaluate("document.documentElement.lang") == "en"
    tab(page, "Edit")
    choose(page, "edit", photo_files["portrait"])
    page.wait_for_selector("#edit-result img")
    before = page.wait_for_selector("#edit-face img").get_attribute("src")
    slider = page.locator("#slider-smile input[type=range]")
    slider.focus()
    for _ in range(5):  # keys let a slider go by themselves
        slider.press("ArrowRight")
    page.wait_for_function("src => document.querySelector('#edit-face img').src !== src", arg=before)
    shown = page.wait_for_selector("#edit-result img[src$='.preview.jpg']")
    page.wait_for_function("image => image.complete && image.naturalWidth", arg=shown)
    with PIL.Image.open(photo_files["portrait"]) as original:
        assert shown.evaluate("image => [image.naturalWidth, image.naturalHeight]") == list(original.size)
    assert page.request.get(shown.get_attribute("src")).headers["content-type"] == "image/jpeg"
    page.click("#start-edit")
    page.wait_for_selector("#results img")
    assert "Smile" in page.inner_text("#results")
    kept = download(page, "#download-one", tmp_path)
    assert kept.suffix == ".png" and pictures.made_here(kept)


@needs_browser
def test_the_age_is_left_to_its_tab(open_page, tmp_path):
    page = open_page("en")
    tab(page, "Edit")
    page.wait_for_selector("#slider-smile")
    assert page.locator("#slider-age").count() == 0
    page.wait_for_selector("text=To change the age, use the Age tab")
    file = tmp_path / "edit.yaml"
    file.write_text("# ppgan-ext edit --input_image PHOTO --config THIS_FILE\nedit: {age: 20, smile: 1}\n")
    page.get_by_text("Settings: make a result again").click()
    read_settings(page, file)
    page.wait_for_selector("text=Nothing was filled in: there is no slider for Age")
    assert page.input_value("#slider-smile input[type=number]") == "0"
    file.write_text("# ppgan-ext age --input_image PHOTO --config THIS_FILE\nedit: {smile: 1}\n")
    read_settings(page, file)
    page.wait_for_selector("text=Nothing was filled in: there is no slider for Smile")


@needs_browser
def test_a_typed_number_is_drawn_on_enter_and_what_is_kept_has_it(open_page, photo_files, tmp_path):
    page = open_page("en")
    tab(page, "Edit")
    choose(page, "edit", photo_files["portrait"])
    wait_for(page, "#status-edit", "Done")
    number = page.locator("#slider-smile input[type=number]")
    before = page.wait_for_selector("#edit-face img").get_attribute("src")
    number.fill("1")
    number.press("Enter")
    page.wait_for_function("src => document.querySelector('#edit-face img').src !== src", arg=before)
    number.fill("2")  # and not Enter
    page.click("#start-edit")
    page.wait_for_selector("#results img")
    assert yaml.safe_load(find_settings(download(page, "#download-one", tmp_path)))["edit"] == {"smile": 2.0}
    before = page.get_attribute("#edit-face img", "src")
    number.fill("500")  # the most is drawn
    number.press("Enter")
    page.wait_for_function("src => document.querySelector('#edit-face img').src !== src", arg=before)


@needs_browser
def test_many_photos_come_as_a_zip_and_faults_are_told(open_page, photo_files, tmp_path):
    page = open_page("en", locale="zh-CN")
    page.click("#many-age > button")
    page.wait_for_selector("#files-many-age button > .wrap")
    shown = "getComputedStyle(document.querySelector('#files-many-age button > .wrap'), '::after').content"
    assert page.evaluate(shown) == '"Drop photos here, or click to choose"'
    assert page.eval_on_selector("#files-many-age button > .wrap", "text => getComputedStyle(text).fontSize") == "0px"
    files = [str(photo_files[name]) for name in ("portrait", "wall", "couple")]
    page.set_input_files("#files-many-age input[type=file]", files)
    wait_for(page, "#status-many-age", "3 photos chosen")
    page.click("#start-many-age")
    text = wait_for(page, "#status-many-age", "2 of 3 photos are done")
    assert "wall.png: No face was found" in text
    archive = download(page, "#zip-many-age", tmp_path)
    with zipfile.ZipFile(archive) as packed:
        names = [name for name in packed.namelist() if re.search(r"age[+-]\d+\.png$", name)]
        packed.extractall(tmp_path)
    assert len(names) == 4 and all(pictures.made_here(tmp_path / name) for name in names)
    assert page.locator("#results img").count() == 4


@needs_browser
def test_the_faces_to_mix_are_chosen_by_a_click(open_page, photo_files, tmp_path):
    page = open_page("en")
    tab(page, "Mix")
    choose(page, "mix-1", photo_files["portrait"])
    choose(page, "mix-2", photo_files["couple"])
    page.wait_for_selector("#faces-mix-2 input")
    click_face(page, "mix-2", 0.22, 0.44)
    page.wait_for_function("document.querySelectorAll('#faces-mix-2 input')[1].checked")
    page.click("#start-mix")
    wait_for(page, "#status-mix", "Done")
    file = download(page, "#download-one", tmp_path)
    assert yaml.safe_load(find_settings(file))["face2"] == 2


@needs_browser
def test_fusion_asks_for_consent_and_stop_keeps_the_best(open_page, photo_files, tmp_path):
    page = open_page("en")
    tab(page, "Fusion")
    choose(page, "fusion-1", photo_files["portrait"])
    choose(page, "fusion-2", photo_files["couple"])
    page.wait_for_selector("#faces-fusion-2 input")
    page.click("#start-fusion")
    wait_for(page, "#status-fusion", "Please tick first")
    page.check("#consent input")
    page.click("#start-fusion")
    wait_for(page, "#status-fusion", "Distance to person 2")
    page.get_by_text("More options").locator("visible=true").click()
    share = page.get_by_role("spinbutton", name="Share of the face").locator("visible=true")
    type_number(page, share, "0")
    page.click("#start-fusion")
    told = wait_for(page, "#status-fusion", "It looks more like the face in photo 1 than like person 2. Raise")
    assert told.index("Distance to person 2") < told.index("It looks more")
    tab(page, "Invert")
    choose(page, "invert", photo_files["portrait"])
    page.get_by_label("Optimisation").check()
    page.get_by_text("More options").locator("visible=true").click()
    page.get_by_text("Optimiser steps").locator("visible=true").first.wait_for()
    page.click("#start-invert")
    page.wait_for_selector("#stop-invert >> visible=true")
    wait_for(page, "#status-invert", "Fitting")
    page.click("#stop-invert")
    text = wait_for(page, "#status-invert", "the best result so far is kept")
    assert re.search("kept", text)
    assert download(page, "#download-code", tmp_path).suffix == ".npy"


@needs_browser
def test_a_cartoon_is_drawn_and_put_into_the_photo(open_page, photo_files, tmp_path):
    page = open_page("en")
    tab(page, "Cartoon")
    choose(page, "cartoon", photo_files["portrait"])
    page.wait_for_selector("#photo-cartoon img")
    page.click("#start-cartoon")
    page.wait_for_selector("#cartoon-result img")
    page.wait_for_selector("#cartoon-pasted img")
    page.wait_for_selector("#results img")
    assert page.eval_on_selector("#cartoon-result img", "image => image.naturalWidth") == 512
    page.click("#many-cartoon > button")
    page.set_input_files("#files-many-cartoon input[type=file]", str(photo_files["couple"]))
    wait_for(page, "#status-many-cartoon", "1 photos chosen")
    page.click("#start-many-cartoon")
    wait_for(page, "#status-many-cartoon", "1 of 1 photos are done")
    with zipfile.ZipFile(download(page, "#zip-many-cartoon", tmp_path)) as packed:
        assert {"p2c_cartoon.png", "p2c_cartoon_2.png", "p2c_pasted.png"} <= {
            name.split("/")[-1] for name in packed.namelist()
        }


@needs_browser
def test_three_visitors_at_once_see_their_own_results_only(open_page, photo_files, toy_page):
    pages = [open_page(path) for path in ("", "en", "en")]
    for page in pages:
        choose(page, "age", photo_files["portrait"])
    for page in pages:
        page.wait_for_selector("#photo-age img")
        page.click("#start-age")
    for page in pages:
        page.wait_for_selector("#age-older img")
        page.wait_for_selector("#results img")
    sources = [page.eval_on_selector_all("#results img", "images => images.map(image => image.src)") for page in pages]
    assert [len(images) for images in sources] == [2, 2, 2]
    assert len({source for images in sources for source in images}) == 6
    assert toy_page.state()["visits"] == 3


@needs_browser
@pytest.mark.parametrize("first", ["couple", "wall"])
def test_a_photo_chosen_while_another_is_looked_at_takes_its_place(open_page, photo_files, first):
    page = open_page("en")
    for name in (first, "portrait"):
        with page.expect_file_chooser() as chooser:
            page.click("#choose-age")
        chooser.value.set_files(str(photo_files[name]))
    page.wait_for_selector("#photo-age img")
    page.click("#start-age")
    wait_for(page, "#status-age", "Done")
    for picture in ("#photo-age img", "#age-older img"):
        page.wait_for_function("place => document.querySelector(place)?.naturalWidth > 0", arg=picture)
    size = "image => [image.naturalWidth, image.naturalHeight]"
    assert page.eval_on_selector("#photo-age img", size) == page.eval_on_selector("#age-older img", size) == [360, 300]
    assert page.locator("#faces-age input").count() == 0


@needs_browser
def test_a_reload_in_the_middle_frees_the_line(open_page, photo_files, toy_page):
    page = open_page("en")
    tab(page, "Invert")
    choose(page, "invert", photo_files["portrait"])
    page.wait_for_selector("#photo-invert img")
    page.get_by_label("Optimisation").check()
    with toy_page.holding("fitting"):
        page.click("#start-invert")
        wait_for(page, "#status-invert", "Fitting")
        assert toy_page.state()["line"] == 1
        page.reload()
        page.wait_for_selector("#start-age")
        toy_page.wait_for({"line": 0})
    choose(page, "age", photo_files["portrait"])
    page.wait_for_selector("#photo-age img")
    page.click("#start-age")
    wait_for(page, "#status-age", "Done")


@needs_browser
def test_the_languages_lead_to_each_other_and_a_phone_shows_everything(open_page):
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "color_scheme": "dark"}
    page = open_page("", **phone)
    for title, link in (("人脸编辑", "English"), ("Face editing", "中文")):
        assert page.inner_text(".pe-head h1") == title
        too_wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert page.evaluate(too_wide) is False
        page.get_by_role("link", name=link).click()
        page.wait_for_selector("#start-age")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"


@needs_browser
def test_options_use_the_width_of_the_window(open_page):
    page = open_page("en")
    page.get_by_text("More options").locator("visible=true").click()
    page.locator(".pe-controls .block").locator("visible=true").first.wait_for()
    boxes = [block.bounding_box() for block in page.locator(".pe-controls .block:visible").all()]
    window = page.locator(".pe-window:visible").bounding_box()
    columns = {round(box["x"]) for box in boxes}
    assert len(columns) >= 4
    assert max(box["x"] + box["width"] for box in boxes) > window["x"] + 0.9 * window["width"]


@needs_browser
def test_everything_works_under_the_prefix_of_a_proxy(browser, photo_files, toy_page):
    flags = ("--root_path", "/user/7/proxy/7860", "--title", "Lab")
    with toy_page.beside(*flags) as port, serving_under("/user/7/proxy/7860", port) as url:
        page = browser.new_page()
        page.set_default_timeout(SECONDS * 1000)
        lost = []
        page.on("response", lambda answer: lost.append(answer.url) if answer.status == 404 else None)
        page.goto(url)
        page.get_by_role("link", name="English").click()
        page.wait_for_selector("#start-age")
        assert page.url.endswith("/user/7/proxy/7860/en") and page.title() == "Lab"
        choose(page, "age", photo_files["portrait"])
        page.wait_for_selector("#photo-age img")
        page.click("#start-age")
        wait_for(page, "#status-age", "Done")
        loaded = "document.querySelector('#age-older img').naturalWidth > 0"
        page.wait_for_function(loaded)
        page.close()
        assert [url for url in lost if "manifest" not in url and "favicon" not in url] == []


# As a stranger's program meets it: what is served, what is refused


def test_the_port_may_be_taken(toy_page):
    with pytest.raises(OutputError, match="cannot be listened to"), server.serving(PageOptions(port=toy_page.port)):
        pass


def test_both_pages_are_served_with_a_policy_against_other_hosts(toy_page):
    for path in ("", "en"):
        status, headers, text = fetch(toy_page.url + path)
        assert status == 200 and "gradio" in text
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "http" not in policy and "*" not in policy
        assert headers["referrer-policy"] == "no-referrer" and headers["x-content-type-options"] == "nosniff"


def test_browsers_keep_the_program_of_the_page_but_not_the_page(toy_page):
    _, headers, text = fetch(toy_page.url)
    assert "immutable" not in headers.get("cache-control", "")
    script = re.search(r"assets/[\w-]+\.js", text).group()
    status, headers, _ = fetch(toy_page.url + script)
    assert status == 200 and "immutable" in headers["cache-control"]
    assert "immutable" not in fetch(toy_page.url + "assets/none-12345678.js")[1].get("cache-control", "")


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=/etc/passwd", "gradio_api/file=../../etc/passwd", "gradio_api/file=pyproject.toml",
        "gradio_api/file=http://127.0.0.1:1/", "gradio_api/proxy=http://127.0.0.1:1/", "monitoring/summary",
        "gradio_api/monitoring/summary", "docs", "openapi.json", "gradio_api/run_history",
    ],
)  # fmt: skip
def test_no_file_and_no_other_host_is_served(toy_page, path):
    status, _, text = fetch(toy_page.url + path)
    assert status >= 400 or ("root:" not in text and '"paths"' not in text and "total_requests" not in text)
    if "file=" in path or "proxy=" in path:
        assert status in (403, 404)


def test_requests_that_name_other_places_are_refused(toy_page):
    body = {"data": [{"path": "http://127.0.0.1:9/x.png", "meta": {"_type": "gradio.FileData"}}], "fn_index": 0}
    body |= {"session_hash": "stranger"}
    for kind in ("application/json", "text/plain"):
        status, _, text = fetch(toy_page.url + "gradio_api/queue/join", body, kind)
        assert status == 400 and "uploaded" in text
    assert fetch(toy_page.url + "gradio_api/queue/join", {"data": ["x" * 2_000_000]})[0] == 413


def test_a_visitor_without_the_password_sees_nothing_and_all_files_go_at_the_end(toy_page):
    with toy_page.beside("--auth", "ann:secret", "--root_path", "/faces") as port:
        url = f"http://127.0.0.1:{port}/"
        for path in ("", "en", "config", "gradio_api/info"):
            status, _, text = fetch(url + path)
            assert status == 401 or "elem_id" not in text
        assert fetch(url + "gradio_api/upload", {"a": 1})[0] >= 400
        health = docker_health_check(port)
        assert health.returncode == 0, health.stderr  # the image counts as healthy behind a password too
        folder = Path(toy_page.state()["beside"])
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()
    assert docker_health_check(port).returncode != 0

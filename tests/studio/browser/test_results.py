"""What is said of a result, and what is kept of it."""

from __future__ import annotations

DONE = "#canvas[data-state=done]"


def test_the_size_that_is_said_is_the_result_s(open_page, studio, photo):
    add = studio.studio.add

    def smaller(name, image, job):
        add(name, image, job)
        studio.studio.pictures[name].update(width=96, height=60)

    studio.studio.add = smaller
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    assert page.inner_text("#status") == "Done · 96 × 60"
    page.reload()
    page.wait_for_selector(DONE)
    assert page.inner_text("#status") == "Done · 96 × 60"


def test_a_favorite_is_still_one_after_a_reload_and_can_be_taken_back(open_page, studio, photo):
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    page.click("#actions >> text=Favorite")
    page.wait_for_selector("#actions button[aria-pressed=true]")
    page.reload()
    page.click("#actions button[aria-pressed=true]")
    page.wait_for_selector("#actions button[aria-pressed=false]")
    assert [each["favorite"] for each in studio.studio.pictures.values()] == [False]


def test_a_failure_is_said_in_the_reader_s_language(open_page, studio, photo):
    studio.studio.seconds = 5.0
    page = open_page(locale="zh-CN")
    page.set_input_files("#choose", photo)
    page.wait_for_selector("#canvas[data-state=running]")
    (job,) = studio.studio.jobs.values()
    sentence = "the studio's quota of 1,024.0 MB is used up, and 3.0 MB more are needed; delete some pictures"
    job.update(state="failed", sentence=sentence)
    studio.studio.say("job", job["id"], state="failed")
    page.wait_for_selector("#canvas[data-state=failed]")
    assert page.inner_text("#status") == "工作室 1,024.0 MB 的配额已用完，还需要 3.0 MB；请删除一些图片"


def test_how_long_print_size_takes_is_said_as_a_length_of_time_by_the_largest_dream(open_page, studio):
    studio.studio.fill(2)
    studio.studio.pictures["picture0001"].update(width=1000, height=1000)
    for n, seconds in ((0, 9.0), (1, 20.0)):
        job = {
            "id": f"job{n}",
            "kind": "dream",
            "state": "done",
            "begun": 5.0,
            "ended": 5.0 + seconds,
            "done": [],
        }
        studio.studio.jobs[f"job{n}"] = {**job, "pictures": [f"picture000{n}"]}
    page = open_page("/huge?picture=picture0001")
    page.wait_for_selector("#cost >> text=4 min")  # 3,508 × 3,508 pixels
    assert " left" not in page.inner_text("#cost")


def test_print_size_goes_on_after_a_reload_in_mid_run(open_page, studio):
    studio.studio.fill(1)
    studio.studio.seconds = 6.0
    page = open_page("/huge?picture=picture0000")
    page.click("#begin:not([disabled])")
    page.wait_for_selector("#actions >> text=Cancel")
    page.reload()
    page.wait_for_selector("#actions >> text=Cancel")
    assert len(studio.studio.requests) == 1

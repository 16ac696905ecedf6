"""The queue loses nothing, says what is so, and lets nobody do what cannot be."""

from __future__ import annotations

import pytest

from batcountry.errors import NotFound, StudioFull, WrongState
from batcountry.jobs.events import Progress
from batcountry.jobs.spec import JobSpec
from batcountry.studio.places import new_id


def test_an_accepted_job_is_there_for_another_process_with_all_that_it_was_given(store):
    id = new_id()
    spec = JobSpec(kind="dream", recipe={"layer": "größe 写真"})
    store.queue.submit(spec, id=id, kind="enlarge", title="a <b>title</b>", picture_from="upload")
    job = store.again().queue.get(id)
    assert (job.kind, job.title, job.picture_from, job.state) == (
        "enlarge",
        "a <b>title</b>",
        "upload",
        "waiting",
    )
    assert (
        job.spec() == spec and job.created == store.clock() and job.begun is None and job.progress() is None
    )


def test_more_than_may_wait_are_refused_and_not_kept(store):
    store.submit(most=2), store.submit(most=2)
    with pytest.raises(StudioFull, match="2 jobs wait already"):
        store.submit(most=2)
    assert len(store.queue.line()) == 2
    store.leases.claim("w", 15)
    store.submit(most=2)  # one that runs does not wait


@pytest.mark.parametrize(
    "ask", ["get", "resume", "retry", "move", "ahead", "cancel", "pause", "before", "after"]
)
def test_an_unknown_id_is_not_found(store, ask):
    id = store.submit()
    asked = {
        "cancel": lambda: store.queue.wish("no-such-id", "cancel"),
        "pause": lambda: store.queue.wish("no-such-id", "pause"),
        "before": lambda: store.queue.move(id, "no-such-id"),
        "after": lambda: store.queue.jobs(after="no-such-id"),
    }.get(ask) or (lambda: getattr(store.queue, ask)("no-such-id"))
    with pytest.raises(NotFound, match="there is no job 'no-such-id'"):
        asked()


def test_one_that_waits_is_cancelled_or_paused_at_once_and_goes_on_in_its_place(store):
    a, b, c = (store.submit(each) for each in "abc")
    assert store.queue.wish(a, "pause").state == "paused"
    assert store.queue.wish(b, "cancel").state == "cancelled"
    assert store.line() == "c" and store.queue.get(b).ended == store.clock()
    assert store.queue.wish(a, "pause").state == "paused"  # asking again
    store.queue.resume(a)
    assert store.line() == "ac"
    store.queue.wish(a, "pause")
    assert store.queue.wish(a, "cancel").state == "cancelled"
    assert store.leases.claim("w", 15).id == c


def test_one_that_runs_is_asked_and_only_its_worker_ends_it(store):
    id = store.submit()
    store.leases.claim("w", 15)
    assert store.queue.wish(id, "pause").state == "running" and store.leases.wishes("w") == {id: "pause"}
    store.queue.resume(id)
    assert store.leases.wishes("w") == {id: ""}
    store.queue.wish(id, "cancel")
    assert store.queue.wish(id, "pause").wish == "cancel"  # it ends anyway
    store.leases.stopped(id, "w")
    assert store.state(id) == "cancelled" and store.queue.get(id).worker == ""


def test_what_was_resumed_just_in_time_waits_again(store):
    id = store.submit()
    store.leases.claim("w", 15)
    store.queue.wish(id, "pause")
    store.queue.resume(id)
    store.leases.stopped(id, "w")  # the worker had begun to stop
    assert store.state(id) == "waiting"


def test_what_is_done_stays_done(store):
    id = store.submit()
    store.leases.claim("w", 15)
    store.leases.finish(id, "w", [])
    before = store.queue.get(id)
    for ask in (lambda: store.queue.wish(id, "cancel"), lambda: store.queue.wish(id, "pause"),
                lambda: store.queue.resume(id), lambda: store.queue.retry(id), lambda: store.queue.move(id)):  # fmt: skip
        with pytest.raises(WrongState, match="the job is done"):
            ask()
    assert store.queue.get(id) == before and store.leases.died("w") == []


def test_what_failed_or_was_stopped_can_be_tried_again_at_the_end_of_the_line(store):
    failed, cancelled, waits = (store.submit(each) for each in "abc")
    store.leases.claim("w", 15)
    store.leases.fail(failed, "w", "the disk is full", "more of it\n")
    store.queue.wish(cancelled, "cancel")
    assert store.queue.get(failed).sentence == "the disk is full"
    store.queue.retry(failed), store.queue.retry(cancelled)
    assert store.line() == "cab"
    job = store.queue.get(failed)
    assert (job.sentence, job.ended, job.log) == ("", None, "more of it\n")
    with pytest.raises(WrongState, match="the job is waiting"):
        store.queue.retry(waits)


def test_jobs_are_put_before_others_or_last_as_often_as_one_likes(store):
    a, b, c, d = (store.submit(each) for each in "abcd")
    for _ in range(40):  # halves of halves end somewhere
        store.queue.move(d, b)
        assert store.line() == "adbc"
        store.queue.move(c, b)
        assert store.line() == "adcb"
        store.queue.move(b)
        store.queue.move(d, a), store.queue.move(a, d)
        store.queue.move(c), store.queue.move(d)
        store.queue.move(b, c)
        assert store.line() == "abcd"
    store.queue.move(a, a)
    assert store.line() == "abcd"
    assert [store.queue.ahead(each)[0] for each in (a, b, c, d)] == [0, 1, 2, 3]
    assert store.leases.claim("w", 15).id == a
    with pytest.raises(WrongState, match="has no place in the line"):
        store.queue.move(c, a)


def test_the_time_to_start_is_what_the_running_have_left_and_what_such_jobs_took(store):
    first = store.submit()
    assert store.queue.ahead(first) == (0, 0.0)
    store.leases.claim("w", 15)
    second, third = store.submit(), store.submit(kind="zoom")
    last = store.submit()
    assert store.queue.ahead(second) == (0, None)  # nobody knows yet
    store.leases.progress(first, "w", Progress(done=0.5, seconds_left=7.0))
    assert store.queue.ahead(second) == (0, 7.0)
    assert store.queue.ahead(first) == (0, 0.0) and store.queue.ahead(third) == (1, None)
    store.clock.now += 20
    store.leases.finish(first, "w", [])
    took = store.queue.get(first).ended - store.queue.get(first).begun
    store.leases.claim("w", 15)
    assert store.queue.ahead(third) == (0, took)
    assert store.queue.ahead(last) == (1, None)  # no zoom was ever done
    store.clock.now += 5
    assert store.queue.ahead(third) == (0, took - 5)
    store.queue.move(last, third)
    assert store.queue.ahead(third) == (1, 2 * took - 5)
    store.leases.claim("other", 15)
    assert store.queue.ahead(third) == (0, took - 5)  # two work, and the first that is free takes it


def test_lists_go_on_after_a_job_and_hold_the_states_that_are_asked_for(store):
    ids = [store.submit() for _ in range(5)]
    store.queue.wish(ids[1], "cancel")
    page = store.queue.jobs(limit=2)
    rest = store.queue.jobs(after=page[-1].id)
    assert [each.id for each in page + rest] == ids[::-1]
    assert [each.id for each in store.queue.jobs({"cancelled", "done"})] == [ids[1]]
    assert store.queue.counts() == {"waiting": 4, "cancelled": 1}

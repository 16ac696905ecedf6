"""A job is one worker's at a time, whatever dies; results are there once; what kills its workers is set aside."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from batcountry.errors import LeaseLost
from batcountry.jobs.events import Progress
from batcountry.jobs.spec import JobSpec
from batcountry.studio.store.pictures import NewPicture

RESULT = NewPicture("picture", "pictures/a.png", "picture", 3, 4, 5)


def test_each_job_is_claimed_by_one_of_many_workers_in_the_order_of_the_line(store):
    ids = [store.submit() for _ in range(24)]
    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(lambda n: store.leases.claim(f"w{n % 4}", 15).id, range(24)))
    assert sorted(claimed) == sorted(ids)
    assert store.leases.claim("w", 15) is None
    times = {id: store.queue.get(id).tries for id in ids}
    assert set(times.values()) == {1}


def test_who_no_longer_has_a_job_changes_nothing_of_it(store):
    id = store.submit()
    store.leases.claim("slow", 15)
    store.clock.now += 16
    assert [each.id for each in store.leases.reap()] == [id]
    store.leases.claim("quick", 15)
    before = store.queue.get(id)
    for say in (lambda: store.leases.finish(id, "slow", [RESULT]), lambda: store.leases.fail(id, "slow", "no"),
                lambda: store.leases.stopped(id, "slow"), lambda: store.leases.preview(id, "slow"),
                lambda: store.leases.progress(id, "slow", Progress(done=0.5)),
                lambda: store.leases.again_smaller(id, "slow", "{}", "")):  # fmt: skip
        with pytest.raises(LeaseLost):
            say()
    assert (
        store.queue.get(id) == before and store.pictures.count() == 0 and not store.leases.renew("slow", 15)
    )


def test_a_lease_that_is_renewed_is_left_alone_and_workers_that_are_known_to_live_too(store):
    id = store.submit()
    store.leases.claim("w", 15)
    for _ in range(5):
        store.clock.now += 10
        assert store.leases.renew("w", 15) and store.leases.reap() == []
    store.clock.now += 20
    assert store.leases.overdue() == {"w"} and store.leases.reap(["w"]) == []
    assert store.state(id) == "running" and store.leases.holders() == {"w"}
    assert [each.id for each in store.leases.reap(["other"])] == [id]


def test_results_are_there_once_although_they_are_handed_over_twice(store):
    id = store.submit()
    store.leases.claim("w", 15)
    store.leases.finish(id, "w", [RESULT])
    with pytest.raises(LeaseLost):
        store.leases.finish(id, "w", [RESULT])
    assert store.pictures.count() == 1 and store.state(id) == "done"


def test_a_job_that_killed_its_worker_twice_is_set_aside_with_its_log_and_others_go_on(store):
    bad, good = store.submit(), store.submit()
    for n, state in enumerate(["waiting", "set_aside"]):
        assert store.leases.claim(f"w{n}", 15).id == bad
        store.leases.progress(bad, f"w{n}", Progress(done=0.25), "it came this far\n")
        assert [each.state for each in store.leases.died(f"w{n}", f"signal {n}\n")] == [state]
    job = store.queue.get(bad)
    assert job.log == "it came this far\nsignal 0\nit came this far\nsignal 1\n" and job.deaths == 2
    assert "set aside" in job.sentence and "twice" in job.sentence
    assert store.leases.claim("w", 15).id == good
    store.queue.retry(bad)
    assert store.queue.get(bad).deaths == 0


def test_one_that_got_further_in_between_is_not(store):
    id = store.submit()
    for n in range(6):
        store.leases.claim(f"w{n}", 15)
        store.leases.progress(id, f"w{n}", Progress(done=0.1 * (n + 1)))
        store.leases.progress(id, f"w{n}", Progress(done=0.0))  # a kind that counts anew
        assert store.leases.died(f"w{n}")[0].state == "waiting"
    assert store.queue.get(id).deaths == 1
    store.leases.claim("w", 15)
    assert store.leases.died("w")[0].state == "set_aside"


def test_that_the_server_ended_is_no_fault_of_the_job_but_not_for_ever(store):
    id = store.submit()
    states = []
    for n in range(5):
        store.leases.claim(f"w{n}", 15)
        states.append(store.leases.died(f"w{n}", blameless=True)[0].state)
    assert states == ["waiting"] * 4 + ["set_aside"]
    assert store.queue.get(id).deaths == 0 and "5 times" in store.queue.get(id).sentence


@pytest.mark.parametrize(("wish", "state"), [("cancel", "cancelled"), ("pause", "paused")])
def test_what_was_asked_of_a_worker_that_died_is_so(store, wish, state):
    id = store.submit()
    store.leases.claim("w", 15)
    store.queue.wish(id, wish)
    store.clock.now += 3
    assert [each.id for each in store.leases.unheeded(store.clock.now - 2)] == [id]
    assert store.leases.unheeded(store.clock.now - 4) == []
    assert store.leases.died("w")[0].state == state and store.queue.get(id).wish == ""
    assert store.queue.get(id).deaths == 0


def test_after_memory_ran_out_it_is_next_with_its_new_spec(store):
    store.submit("a"), store.submit("b")
    job = store.leases.claim("w", 15)
    spec = JobSpec(kind="dream", recipe={"tile": 256})
    store.leases.again_smaller(job.id, "w", spec.model_dump_json(), "memory ran out\n")
    again = store.leases.claim("w", 15)
    assert again.id == job.id and again.smaller and again.spec() == spec and again.log == "memory ran out\n"


def test_a_log_keeps_its_newest_lines(store):
    id = store.submit()
    store.leases.claim("w", 15)
    store.leases.progress(id, "w", None, "old\n" + "x" * 70_000 + "\0new\n")
    log = store.queue.get(id).log
    assert len(log) == 64 << 10 and log.endswith("xnew\n") and "old" not in log


def test_each_change_is_told_once_and_in_order(store):
    id = store.submit()
    store.leases.claim("w", 15)
    store.leases.progress(id, "w", Progress(done=0.5, seconds_left=3))
    store.leases.preview(id, "w")
    store.leases.finish(id, "w", [RESULT])
    told = store.events.since(0)
    assert [each.kind for each in told] == ["job", "job", "progress", "preview", "picture", "job"]
    assert [each.id for each in told] == list(range(1, 7)) and {each.job for each in told} == {id}
    data = [json.loads(each.data) for each in told]
    assert [each.get("state") for each in data] == ["waiting", "running", None, None, None, "done"]
    assert all(each["version"] == 1 and each["job"] == id for each in data)
    assert (data[2]["done"], data[2]["seconds_left"]) == (0.5, 3)
    assert data[4]["picture"] == store.pictures.page()[0][0].id


@pytest.mark.parametrize(("wish", "state"), [("", "waiting"), ("cancel", "cancelled"), ("pause", "paused")])
def test_what_is_wished_while_memory_runs_out_is_heeded(store, wish, state):
    id = store.submit()
    store.leases.claim("w", 15)
    if wish:
        store.queue.wish(id, wish)
    job = store.leases.again_smaller(id, "w", "{}", "no memory")
    assert (job.state, job.smaller, job.wish) == (state, True, "") and (job.ended is None) == (
        wish != "cancel"
    )

import pytest

from finetable.serving.api_errors import ApiError
from finetable.serving.job_store import ACTIVE, ENDED, Event, Status

from .conftest import Stores

CREATED = Event("created", "Created fine-tuning job: ftjob-1")


def job(stores: Stores, name: str = "ftjob-1", status: Status = "validating_files") -> str:
    row = {
        "id": name,
        "created_at": 1,
        "model": "scratch",
        "training_file": "file-1",
        "seed": 3,
        "method": '{"type": "supervised", "supervised": {"hyperparameters": {}}}',
        "snapshot": "abcdefgh",
        "status": status,
    }
    stores.jobs.create(row, [CREATED])
    return name


def messages(stores: Stores) -> list[str]:
    return [row["message"] for row in stores.database.rows("SELECT message FROM events ORDER BY number")]


def test_an_event_is_told_once_and_only_with_its_change(stores: Stores) -> None:
    name = job(stores)
    stores.jobs.tell(name, [CREATED, Event("step:1", "one", data={"step": 1})])
    stores.jobs.tell(name, [Event("step:1", "one", data={"step": 1})])
    assert messages(stores) == [CREATED.message, "one"]
    assert not stores.jobs.move(name, ("running",), "succeeded", [Event("done", "never told")])
    assert messages(stores) == [CREATED.message, "one"]
    assert [row["type"] for row in stores.database.rows("SELECT type FROM events")] == ["message", "metrics"]


@pytest.mark.parametrize("status", ACTIVE)
def test_every_job_that_goes_on_can_be_cancelled(stores: Stores, status: Status) -> None:
    ended = stores.jobs.cancel(job(stores, status=status))
    assert ended["status"] == "cancelled"
    assert ended["finished_at"] is not None


@pytest.mark.parametrize("status", ENDED)
def test_an_ended_job_stays_as_it_is(stores: Stores, status: Status) -> None:
    name = job(stores, status=status)
    for act, code in (
        (stores.jobs.cancel, "job_not_cancellable"),
        (stores.jobs.pause, "job_not_pausable"),
        (stores.jobs.resume, "job_not_resumable"),
    ):
        with pytest.raises(ApiError) as caught:
            act(name)
        # Never 409, which the official client sends again by itself.
        assert (caught.value.status, caught.value.code) == (400, code)
    assert messages(stores) == [CREATED.message]


def test_a_running_job_is_paused_by_its_process_and_a_waiting_one_at_once(stores: Stores) -> None:
    assert stores.jobs.pause(job(stores, "ftjob-1", "running"))["status"] == "pausing"
    assert stores.jobs.pause(job(stores, "ftjob-2", "queued"))["status"] == "paused"
    assert stores.jobs.resume("ftjob-2")["status"] == "queued"
    with pytest.raises(ApiError, match="nothing to resume"):
        stores.jobs.resume("ftjob-1")


def test_jobs_take_turns_in_their_order(stores: Stores) -> None:
    for number in range(3):
        job(stores, f"ftjob-{number}", "queued")
    assert [row["id"] for row in stores.jobs.with_status("queued")] == ["ftjob-0", "ftjob-1", "ftjob-2"]
    assert stores.jobs.counts() == {"queued": 3}


def test_an_unknown_job_is_not_found(stores: Stores) -> None:
    with pytest.raises(ApiError, match="No such FineTuningJob object: ftjob-x"):
        stores.jobs.find("ftjob-x")


def test_only_a_job_that_trains_has_an_end_in_sight(stores: Stores) -> None:
    name = job(stores, status="running")
    stores.database.change("UPDATE jobs SET estimated_finish = 99 WHERE id = ?", [name])
    assert stores.jobs.pause(name)["estimated_finish"] == 99
    stores.jobs.move(name, ("pausing",), "paused", [])
    assert stores.jobs.find(name)["estimated_finish"] is None

"""The client that docs/studio.md shows, run as it stands there against a studio that listens."""

import re
import threading
import time

import pytest
import uvicorn
from PIL import Image

from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.leases import Leases
from batcountry.studio.store.pictures import NewPicture
from batcountry.studio.web import protocol, serving
from batcountry.studio.web.app import create_app
from conftest import ROOT

TOKEN = "a-token-of-some-length"


@pytest.fixture
def running(tmp_path):
    """A studio that listens, its application, and its port."""
    with serving.listening("127.0.0.1", 0) as taken:
        app = create_app(StudioSettings(folder=tmp_path / "studio", token=TOKEN))
        config = uvicorn.Config(app, http=protocol.BoundedProtocol, ws="none", log_level="critical")
        server = serving._Server(config, app, lambda: None)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        yield app.state.studio, taken.getsockname()[1]
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def dream_once(studio):
    """Do what a worker does, but for the dream."""
    leases, end = Leases(studio.database), time.monotonic() + 60
    while (job := leases.claim("worker", 60)) is None and time.monotonic() < end:
        time.sleep(0.05)
    path = studio.folder.result(job.id)
    Image.new("RGB", (8, 6), "teal").save(path)
    file = studio.folder.relative(path)
    leases.finish(job.id, "worker", [NewPicture("picture", file, "picture", 8, 6, path.stat().st_size, recipe="{}")])


def test_the_whole_client_of_the_docs_gets_its_dream(running, tmp_path, monkeypatch, capsys):
    studio, port = running
    text = (ROOT / "docs" / "studio.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(import time\n.*?)```", text, re.DOTALL)
    assert len([line for line in code.splitlines() if line and not re.match(r"(import|from) ", line)]) <= 10
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (16, 12), "red").save("photo.jpg")
    worker = threading.Thread(target=dream_once, args=[studio])
    worker.start()
    exec(code.replace(":8015", f":{port}").replace("TOKEN", TOKEN), {})
    worker.join(60)
    assert capsys.readouterr().out.strip() == "done"
    with Image.open("dream.png") as dream:
        assert dream.size == (8, 6)

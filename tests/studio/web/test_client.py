"""The client in the docs, as it stands there, on a studio that answers over a socket."""

import re
import threading

import uvicorn

from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.leases import Leases
from batcountry.studio.store.pictures import NewPicture
from batcountry.studio.web import serving
from batcountry.studio.web.app import create_app
from conftest import ROOT
from studio_server import picture


class Painter:
    """Stands in for workers: each job is done at once, with a picture that is red."""

    def __init__(self, studio):
        self.studio, self.over = studio, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.start, self.warm = self.thread.start, lambda: None

    def run(self):
        leases = Leases(self.studio.database)
        while not self.over.wait(0.01):
            job = leases.claim("painter", 60)
            if job is not None:
                path = self.studio.folder.result(job.id)
                path.write_bytes(picture(color="red"))
                result = NewPicture("picture", self.studio.folder.relative(path), "picture", 40, 30, 99)
                leases.finish(job.id, "painter", [result])

    def stop(self):
        self.over.set()
        self.thread.join()


def test_the_client_of_the_docs_dreams(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "studio-api.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(picture(kind="JPEG"))
    with serving.listening("127.0.0.1", 0) as taken:
        app = create_app(StudioSettings(folder=tmp_path / "files"), workers=Painter)
        server = uvicorn.Server(uvicorn.Config(app, ws="none", log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            program = program.replace("8015", str(taken.getsockname()[1])).replace("time.sleep(1)", "time.sleep(0.05)")
            exec(program, {})
        finally:
            server.should_exit = True
            thread.join()
    assert (tmp_path / "dream.png").read_bytes() == picture(color="red")

import hashlib
import re
import subprocess
import sys
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from batcountry.cli import main
from batcountry.errors import ModelError
from batcountry.models import open_model, zoo
from batcountry.models.zoo import downloads
from batcountry.models.zoo.cards import Cards, ModelCard
from children import child

WEIGHTS = bytes(range(251)) * 4001  # 1,004,251 bytes: several pieces, no power of two


class Server:
    """A web server on this machine: files by name, with Range, and what goes wrong with them."""

    def __init__(self):
        self.files, self.asked = {}, []
        self.cuts = {}
        """Name to the number of bytes after which the connection is cut, once for each number."""
        self.ranges = True
        self.open = threading.Event()
        self.open.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def answer(self, request):
        name = request.path.rsplit("/", 1)[-1]
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        self.open.wait(60)
        content = self.files.get(request.path.lstrip("/"))
        if content is None:
            request.send_error(404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.ranges else 0
        if start >= len(content):
            request.send_error(416)
            return
        request.send_response(206 if wanted and self.ranges else 200)
        if wanted and self.ranges:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        cut = self.cuts.get(name) or [None]
        stop = cut.pop(0)
        request.wfile.write(content[start:] if stop is None else content[start : start + stop])

    def address(self, path):
        return f"http://127.0.0.1:{self.server.server_address[1]}/{path}"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server():
    found = Server()
    yield found
    found.close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BATCOUNTRY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(zoo, "_cards", {})
    return tmp_path / "cache" / "models"


def card_of(server, *paths, content=WEIGHTS, **facts):
    """A network of one file, to be had at `paths` of the server, tried in that order."""
    facts = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} | facts
    sources = [{"address": server.address(path), "given_by": "this test"} for path in paths]
    file = {"name": "net.caffemodel", "sources": sources} | {k: v for k, v in facts.items() if v}
    card = ModelCard.model_validate(
        {"name": "test-net", "title": "a net", "license": "none", "trained_on": "nothing", "files": [file]}
    )
    zoo.add(card)
    return card


def whole_pieces(count):
    return count - count % downloads._PIECE


def left_in(folder):
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


def test_the_cards_that_come_with_the_package_are_in_order():
    found = Cards.read(Path(zoo.__file__).with_name("zoo.json")).cards
    assert len({each.name for each in found}) == len(found) >= 15
    for card in found:
        assert card.embedded or all(file.sources for file in card.files), card.name
        names = [file.name for file in card.files]
        assert card.embedded or (names[0] == "deploy.prototxt" and names[1].endswith(".caffemodel"))
    assert zoo.card("efficientnet-lite0").embedded


def test_the_card_of_googlenet_has_what_the_model_zoo_published(googlenet):
    prototxt, weights = zoo.card("bvlc_googlenet").files
    definition = (googlenet / "deploy.prototxt").read_bytes()
    assert prototxt.size == len(definition)
    assert prototxt.sha256 == hashlib.sha256(definition).hexdigest()
    assert prototxt.sha1 == hashlib.sha1(definition).hexdigest()
    assert weights.sha1 == "405fc5acd08a3bb12de8ee5e23a96bec22f08204"  # Caffe's readme


def test_networks_are_found_by_wildcard_without_loading_them():
    assert [each.name for each in zoo.find("VGG_*")] == ["vgg_ilsvrc_16_layers", "vgg_ilsvrc_19_layers"]
    assert len(zoo.find()) == len(zoo.cards())
    assert zoo.find("nothing*") == []


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(ModelError, match="did you mean 'bvlc_googlenet'"):
        zoo.card("bvlc_googlnet")
    with pytest.raises(ModelError, match="did you mean 'bvlc_googlenet'"):
        open_model("bvlc_googlnet")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sha256": "abc"}, "sha256 cannot be 'abc': string should match pattern"),
        ({"size": 0}, "size cannot be 0"),
        ({"hash": "abc"}, "hash'"),
    ],
)
def test_a_card_that_cannot_be_is_said_in_one_sentence(wrong, said):
    facts = {"name": "mine", "title": "a net", "license": "none", "trained_on": "nothing"}
    for make in (
        lambda: zoo.ModelFile(name="net.onnx", **wrong),
        lambda: zoo.ModelCard(**facts, files=[{"name": "net.onnx", **wrong}]),
    ):
        with pytest.raises(ModelError) as caught:
            make()
        assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_name_can_be_added_once(server, cache):
    card = card_of(server, "a/net.caffemodel")
    assert zoo.card("test-net") is card
    with pytest.raises(ModelError, match="another name"):
        zoo.add(card)


@pytest.mark.parametrize("hashes", [{}, {"sha256": None, "sha1": hashlib.sha1(WEIGHTS).hexdigest()}])
def test_a_file_is_downloaded_once_and_watched(server, cache, hashes):
    server.files["a/net.caffemodel"] = WEIGHTS
    card_of(server, "a/net.caffemodel", **hashes)
    seen = []
    folder = zoo.get("test-net", watch=lambda *moment: seen.append(moment))
    assert folder == cache / "test-net" == zoo.folder("test-net")
    assert (folder / "net.caffemodel").read_bytes() == WEIGHTS
    assert left_in(folder) == ["net.caffemodel"]
    assert seen[-1] == ("net.caffemodel", len(WEIGHTS), len(WEIGHTS)) and len(seen) > 1
    assert zoo.is_here("test-net")
    zoo.get("test-net")
    assert len(server.asked) == 1


def test_a_cut_connection_is_resumed_where_it_was(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS
    server.cuts["net.caffemodel"] = [300_001, 400_003]
    card_of(server, "a/net.caffemodel")
    folder = zoo.get("test-net")
    assert (folder / "net.caffemodel").read_bytes() == WEIGHTS
    # Of a piece that came in part nothing is kept.
    first = whole_pieces(300_001)
    second = first + whole_pieces(400_003)
    assert [wanted for _, wanted in server.asked] == [None, f"bytes={first}-", f"bytes={second}-"]


def test_what_came_is_kept_for_the_next_time(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS
    server.cuts["net.caffemodel"] = [300_001, 0]  # cut, and then nothing more comes
    card_of(server, "a/net.caffemodel")
    with pytest.raises(ModelError, match="the connection was cut"):
        zoo.get("test-net")
    assert left_in(cache / "test-net") == [".net.caffemodel.part"]
    assert (cache / "test-net" / ".net.caffemodel.part").read_bytes() == WEIGHTS[: whole_pieces(300_001)]
    zoo.get("test-net")
    assert server.asked[-1][1] == f"bytes={whole_pieces(300_001)}-"
    assert (cache / "test-net" / "net.caffemodel").read_bytes() == WEIGHTS


def test_a_download_that_is_stopped_leaves_what_came_and_nothing_else(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS
    card_of(server, "a/net.caffemodel")

    def stop_after(count):
        def watch(_, came, total):
            if came >= count:
                raise KeyboardInterrupt

        return watch

    with pytest.raises(KeyboardInterrupt):
        zoo.get("test-net", watch=stop_after(200_000))
    assert left_in(cache / "test-net") == [".net.caffemodel.part"]
    assert zoo.get("test-net") == cache / "test-net"
    assert left_in(cache / "test-net") == ["net.caffemodel"]
    assert server.asked[-1][1].startswith("bytes=")


def test_a_download_that_did_not_begin_leaves_no_folder(server, cache):
    card_of(server, "a/net.caffemodel")
    with pytest.raises(ModelError, match="404"):
        zoo.get("test-net")
    assert not (cache / "test-net").exists()


def test_what_a_killed_process_left_is_gone_on_with_and_cleared(server, cache):
    # As of kill -9 in the middle: the lock's file, and what came.
    server.files["a/net.caffemodel"] = WEIGHTS
    card_of(server, "a/net.caffemodel")
    (cache / "test-net").mkdir(parents=True)
    (cache / "test-net" / ".net.caffemodel.lock").touch()
    (cache / "test-net" / ".net.caffemodel.part").write_bytes(WEIGHTS[:70_000])
    zoo.get("test-net")
    assert left_in(cache / "test-net") == ["net.caffemodel"]
    assert server.asked == [("/a/net.caffemodel", "bytes=70000-")]


def test_another_address_goes_on_where_the_first_was_cut(server, cache):
    server.files["a/net.caffemodel"] = server.files["b/net.caffemodel"] = WEIGHTS
    server.cuts["net.caffemodel"] = [300_001, 0]
    card_of(server, "a/net.caffemodel", "b/net.caffemodel")
    folder = zoo.get("test-net")
    assert server.asked[-1] == ("/b/net.caffemodel", f"bytes={whole_pieces(300_001)}-")
    assert (folder / "net.caffemodel").read_bytes() == WEIGHTS


def test_a_server_without_ranges_sends_all_of_it_again(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS
    server.cuts["net.caffemodel"] = [300_001]
    server.ranges = False
    card_of(server, "a/net.caffemodel")
    assert (zoo.get("test-net") / "net.caffemodel").read_bytes() == WEIGHTS


def test_a_missing_file_leads_to_the_next_address(server, cache):
    server.files["b/net.caffemodel"] = WEIGHTS
    card_of(server, "a/net.caffemodel", "b/net.caffemodel")
    assert (zoo.get("test-net") / "net.caffemodel").read_bytes() == WEIGHTS


def test_a_file_with_another_hash_is_never_kept(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS[::-1]
    card_of(server, "a/net.caffemodel")
    with pytest.raises(ModelError, match="the file there has another hash"):
        zoo.get("test-net")
    assert left_in(cache / "test-net") == []
    assert len(server.asked) == 1


def test_a_wrong_beginning_is_not_kept_when_the_rest_is_right(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS
    card_of(server, "a/net.caffemodel")
    (cache / "test-net").mkdir(parents=True)
    (cache / "test-net" / ".net.caffemodel.part").write_bytes(b"not the beginning")
    assert (zoo.get("test-net") / "net.caffemodel").read_bytes() == WEIGHTS
    assert [wanted for _, wanted in server.asked] == ["bytes=17-", None]


def test_a_file_of_another_size_is_not_even_read(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS + b"more"
    server.files["b/net.caffemodel"] = WEIGHTS
    card_of(server, "a/net.caffemodel", "b/net.caffemodel")
    folder = cache / "test-net"
    folder.mkdir(parents=True)
    (folder / ".net.caffemodel.part").write_bytes(WEIGHTS[:1000])
    zoo.get("test-net")
    assert server.asked[-1] == ("/b/net.caffemodel", "bytes=1000-")  # what came before was kept


def test_a_beginning_that_is_too_long_is_dropped_where_no_size_is_known(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS
    card_of(server, "a/net.caffemodel", size=None)
    (cache / "test-net").mkdir(parents=True)
    (cache / "test-net" / ".net.caffemodel.part").write_bytes(WEIGHTS + b"more")
    assert (zoo.get("test-net") / "net.caffemodel").read_bytes() == WEIGHTS


def test_with_all_addresses_dead_the_message_says_where_to_put_the_file(server, cache):
    card = card_of(server, "a/net.caffemodel", "b/net.caffemodel")
    with pytest.raises(ModelError) as error:
        zoo.get("test-net")
    said = str(error.value)
    assert all(f"{each.address}: 404 Not Found" in said for each in card.files[0].sources)
    assert f"put it in {cache / 'test-net'} as net.caffemodel" in said


@pytest.mark.parametrize(
    ("status", "header", "value"),
    [
        (302, "Location", "http://[::1/net"),
        (302, "Location", f"http://.{'a' * 80}.com/net"),
        (302, "Location", "\xff\xfe"),
        (200, "Content-Length", "\xb2"),
        (200, "Content-Length", "9" * 5000),
    ],
)
def test_headers_that_make_no_sense_lead_to_the_next_address(
    server, cache, monkeypatch, status, header, value
):
    def answer(request):
        request.send_response(status)
        request.send_header(header, value)
        request.end_headers()

    card = card_of(server, "a/net.caffemodel")
    monkeypatch.setattr(server, "answer", answer)
    with pytest.raises(ModelError, match=r"no address has net\.caffemodel .*makes no sense"):
        zoo.get(card.name)


def test_a_server_that_is_not_there_is_said_to_be_so(server, cache):
    card_of(server, "a/net.caffemodel")
    server.close()
    with pytest.raises(ModelError, match="cannot be reached"):
        zoo.get("test-net")


def test_offline_nothing_is_asked_for(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS
    card_of(server, "a/net.caffemodel")
    with pytest.raises(ModelError, match=r"offline .* put it in .*test-net as net\.caffemodel"):
        zoo.get("test-net", offline=True)
    zoo.get("test-net")
    del server.asked[:]
    assert zoo.get("test-net", offline=True) == cache / "test-net"
    assert server.asked == []


def test_a_file_put_by_hand_that_is_another_is_told_offline_and_replaced_online(server, cache, caplog):
    server.files["a/net.caffemodel"] = WEIGHTS
    card_of(server, "a/net.caffemodel")
    (cache / "test-net").mkdir(parents=True)
    (cache / "test-net" / "net.caffemodel").write_bytes(b"another")
    with pytest.raises(ModelError, match="is not the published file"):
        zoo.get("test-net", offline=True)
    zoo.get("test-net")
    assert (cache / "test-net" / "net.caffemodel").read_bytes() == WEIGHTS
    assert (cache / "test-net" / "net.caffemodel.old").read_bytes() == b"another"
    assert "is not the published file" in caplog.text


def test_a_file_without_a_published_hash_is_put_by_hand(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS
    card = card_of(server, "a/net.caffemodel", sha256=None)
    assert card.by_hand
    with pytest.raises(ModelError, match=r"no published hash.* put it in"):
        zoo.get("test-net")
    assert server.asked == []
    (cache / "test-net").mkdir(parents=True)
    (cache / "test-net" / "net.caffemodel").write_bytes(WEIGHTS)
    assert zoo.get("test-net") == cache / "test-net"


def test_a_folder_that_cannot_be_written_is_said_to_be_so(server, cache):
    card_of(server, "a/net.caffemodel")
    cache.parent.parent.mkdir(exist_ok=True)
    cache.parent.write_text("a file where the folder would be")
    with pytest.raises(ModelError, match="cannot write in"):
        zoo.get("test-net")


ASK = """
import sys
from batcountry.models import zoo
zoo.add(zoo.ModelCard.model_validate_json(sys.argv[1]))
print("asking", flush=True)
zoo.get("test-net")
"""


def test_processes_that_want_the_same_file_download_it_once(server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS
    card = card_of(server, "a/net.caffemodel").model_dump_json()
    server.open.clear()
    command = [sys.executable, "-c", ASK, card]
    with ExitStack() as stack:
        processes = [stack.enter_context(child(command, stdout=subprocess.PIPE, text=True)) for _ in range(2)]
        assert [each.stdout.readline() for each in processes] == ["asking\n"] * 2
        server.open.set()
        for each in processes:
            each.communicate()
            assert each.returncode == 0
    assert (cache / "test-net" / "net.caffemodel").read_bytes() == WEIGHTS
    assert len(server.asked) == 1


def test_a_known_network_is_opened_by_name_from_the_cache(cache, googlenet):
    with pytest.raises(ModelError, match="bat-country models get bvlc_googlenet") as error:
        open_model("bvlc_googlenet")
    assert str(cache / "bvlc_googlenet") in str(error.value)
    place = cache / "bvlc_googlenet"
    place.mkdir(parents=True)
    for each in googlenet.iterdir():
        (place / each.name).symlink_to(each)
    opened = open_model("bvlc_googlenet")
    assert opened.name == "bvlc_googlenet"
    assert opened.mean == open_model(googlenet).mean
    assert opened.default_layer == "inception_4c/output"


def test_a_network_put_by_hand_says_which_command_says_where_from(cache):
    with pytest.raises(ModelError, match="bat-country models show googlenet_places365"):
        open_model("googlenet_places365")


@pytest.fixture
def run(monkeypatch, capsys, cache):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bat-country", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err

    return call


def test_the_command_lists_shows_and_gets(run, server, cache):
    server.files["a/net.caffemodel"] = WEIGHTS
    card_of(server, "a/net.caffemodel")
    code, listed, _ = run("models")
    assert code == 0 and "bvlc_googlenet" in listed and "1 MB" in listed
    assert "test-net" not in run("models", "list", "vgg*")[1]
    assert "no known network" in run("models", "list", "nothing*")[1]
    code, shown, _ = run("models", "show", "test-net")
    assert code == 0 and server.address("a/net.caffemodel") in shown and str(cache / "test-net") in shown
    assert hashlib.sha256(WEIGHTS).hexdigest() in shown
    code, said, _ = run("models", "get", "test-net")
    assert code == 0 and str(cache / "test-net") in said
    assert (cache / "test-net" / "net.caffemodel").read_bytes() == WEIGHTS


def test_the_command_refuses_in_one_sentence(run, server, cache):
    card_of(server, "a/net.caffemodel")
    for arguments in (
        ["get", "test-net"],
        ["get", "--offline", "test-net"],
        ["get", "nobody"],
        ["show", "x"],
    ):
        code, _, said = run("models", *arguments)
        assert code == 2 and said.startswith("error: ") and said.count("\n") == 1, said


def test_the_embedded_network_needs_no_download(run):
    code, said, _ = run("models", "get", "efficientnet-lite0")
    assert code == 0 and "nothing to download" in said

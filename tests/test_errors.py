import logging
import math
import pickle

from batcountry.errors import LayerNotFound, OutputExists, PictureError, printable, raised_in


def caught(run):
    try:
        run()
    except Exception as error:
        return error


def test_an_error_is_of_the_code_that_raised_it_not_of_what_called_that():
    def called(run):
        run()

    ours = caught(lambda: called(lambda: 1 / 0))
    theirs = caught(lambda: math.sqrt(-1))
    deeper = caught(lambda: "x".encode("no such encoding"))
    assert raised_in(ours, __name__) and raised_in(theirs, __name__) and raised_in(deeper, __name__)
    assert not raised_in(ours, "math")
    assert not raised_in(caught(lambda: __import__("json").loads("{")), __name__)
    assert not raised_in(ValueError("never raised"), __name__)


HOSTILE = "a\x1b]0;title\x07\x1b[31m\n\r\x9b2J\u202egnp\u2028\udcff.png"
ESCAPED = r"a\x1b]0;title\x07\x1b[31m\n\r\x9b2J\u202egnp\u2028\xff.png"


def test_what_a_terminal_would_take_for_a_command_becomes_an_escape():
    assert printable(HOSTILE) == ESCAPED
    assert printable("größe 写真\u00a0\u3000×.png") == "größe 写真\u00a0\u3000×.png"


def test_errors_say_names_so_and_logs_too(caplog):
    for error in (PictureError(HOSTILE), OutputExists(HOSTILE), LayerNotFound("x", [HOSTILE], HOSTILE)):
        assert str(error).isprintable() and ESCAPED in str(error)
    assert str(pickle.loads(pickle.dumps(PictureError(HOSTILE)))) == ESCAPED
    logging.getLogger("batcountry").warning("%s is odd", HOSTILE)
    assert f"{ESCAPED} is odd" in caplog.text

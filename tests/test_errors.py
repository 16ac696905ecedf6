import math

from batcountry.errors import raised_in


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

"""Running the command line within a test."""

import sys

import pytest

from batcountry.cli import main


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run the command in an empty folder; give its exit code, what it printed on stdout, and on stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bat-country", *(str(each) for each in arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr()
        return code or 0, said.out, said.err

    return call

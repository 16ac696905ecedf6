"""A PostgreSQL server for tests, from the programs that Debian installs, with its data in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def programs() -> Path | None:
    """The folder of the newest server's programs."""
    there = shutil.which("postgres") or shutil.which("postgres", path="/usr/local/bin")
    found = [Path(there).resolve().parent] if there else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: float(each.parent.name))[::-1]
    return next((each for each in found if (each / "initdb").is_file() and (each / "pg_ctl").is_file()), None)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server that only this user reaches, and yield SQLAlchemy's address of a database; skips if there is none."""
    pytest.importorskip("psycopg", reason="needs psycopg, which the group `test` brings")
    folder = programs()
    if folder is None:
        pytest.skip("needs PostgreSQL's server; on Debian: apt install postgresql")
    place = Path(tempfile.mkdtemp(prefix="batcountry-pg-"))  # a short name, as those of sockets have to be
    user = _user()
    try:
        if user:
            shutil.chown(place, user.get("user"))
        data, log = str(place / "data"), str(place / "log")
        _run([folder / "initdb", "-D", data, "-U", "studio", "-A", "trust", "-E", "UTF8", "--no-sync"], user)
        options = f"-k {place} -c listen_addresses= -c fsync=off"
        # Its own child, and no longer this process's, which tests wait for.
        _run([folder / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start"], user)
        try:
            yield f"postgresql+psycopg://studio@/postgres?host={place}"
        finally:
            _run([folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], user)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _user() -> dict[str, Any]:
    """Who runs the server, which refuses to be run by root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": name, "extra_groups": []}
    pytest.skip("needs a user postgres or nobody, as PostgreSQL's server is not run by root")


def _run(command: list[Any], user: dict[str, Any]) -> None:
    done = subprocess.run(
        [str(each) for each in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", **user
    )
    if done.returncode:
        pytest.skip(f"{command[0]} does not work here: {done.stdout.decode(errors='replace')[-300:]}")

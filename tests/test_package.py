import subprocess
import sys

import batcountry


def test_every_public_name_is_there():
    for name in batcountry.__all__:
        assert getattr(batcountry, name) is not None


def test_importing_the_package_or_the_command_line_leaves_torch_alone():
    code = "import sys, batcountry, batcountry.cli.app; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_studios_server_leaves_torch_alone_also_with_a_watched_folder():
    parts = "batcountry.cli.studio, batcountry.studio.web.serving.server, batcountry.studio.watch.running"
    code = f"import sys, {parts}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_version_is_that_of_what_is_installed_or_said_to_be_unknown(monkeypatch):
    from importlib.metadata import PackageNotFoundError, version

    from batcountry.backend.version import _installed

    assert batcountry.__version__ == version("bat-country")

    def missing(_):
        raise PackageNotFoundError

    monkeypatch.setattr("batcountry.backend.version.version", missing)
    assert _installed() == "0+unknown"

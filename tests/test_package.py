import subprocess
import sys

import batcountry


def test_every_public_name_is_there():
    for name in batcountry.__all__:
        assert getattr(batcountry, name) is not None


def test_importing_the_package_or_the_command_line_leaves_torch_alone():
    code = "import sys, batcountry, batcountry.cli.app; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

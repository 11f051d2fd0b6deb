import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.slow
def test_what_is_generated_is_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, PROJECT / "scripts/regenerate", "--check"], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stderr) == (0, "")

"""Draws boards and has Chromium take pictures of them.

    pictures.py PROGRAM PROMETHEUS FOLDER
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

from drawing import WIDE, page  # noqa: E402
from grafana import BOARDS  # noqa: E402
from world import log  # noqa: E402


def board(file):
    return json.loads((BOARDS / f"{file}.json").read_text(encoding="utf-8"))


def chromium():
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


def photograph(text, height, target):
    """A picture of a page; small, since it has few colours."""
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="nbu-pictures.") as scratch:
        source, taken = Path(scratch, "page.html"), Path(scratch, "taken.png")
        source.write_text(text, encoding="utf-8")
        command = [
            chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--hide-scrollbars", f"--user-data-dir={scratch}/profile", f"--window-size={WIDE},{height}", f"--screenshot={taken}", source.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert taken.exists(), done.stderr[-2000:]
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.open(taken).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)


def picture(prometheus, file, choice, minutes, target):
    end = time.time() - 3
    text, height = page(board(file), prometheus, choice, end - 60 * minutes, end)
    photograph(text, height, target)
    log(f"{target.name}: {target.stat().st_size // 1024} kB, {height} px")

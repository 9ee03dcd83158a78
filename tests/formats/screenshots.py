# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.formats.screenshots``: the HTML page in headless Chromium, as docs/images/report-*.png.

Of the demo's report before the firewall (`make demo` makes it), and of 500 nodes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
DEMO = CHECKOUT / "build/demo/before/report.json"
IMAGES = CHECKOUT / "docs/images"
WIDTH, HEIGHT = 1280, 860

sys.path.insert(0, str(CHECKOUT / "collections"))


def main() -> int:
    """Return 0 when they are written, 1 when the demo has not been run."""
    from ansible_collections.ck8s.ports.plugins.plugin_utils import _html
    from tests.formats.chromium import Chromium
    from tests.unit.report import samples

    if not DEMO.exists():
        print(f"{DEMO} is not there; run `make demo` first", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Chromium.start() as browser:
        demo, large = Path(folder, "demo.html"), Path(folder, "large.html")
        # Where this checkout lies is nobody's business.
        report = DEMO.read_text(encoding="utf-8").replace(f"{CHECKOUT}/", "")
        demo.write_text(_html.render(json.loads(report)), encoding="utf-8")
        large.write_text(_html.render(samples.large(500)), encoding="utf-8")
        page = browser.open(demo)
        page.look(WIDTH, HEIGHT)
        _write("light", page.screenshot())
        page.look(1123, 794, media="print")  # A4 across, at 96 dots an inch
        _write("print", page.screenshot())
        page.look(WIDTH, HEIGHT, "dark")
        page.click("button[data-host=node3][data-subject='10248/tcp kubelet-healthz']")
        _write("dark", page.screenshot())
        page = browser.open(large)
        page.look(WIDTH, HEIGHT)
        _write("500-nodes", page.screenshot())
    return 0


def _write(name: str, png: bytes) -> None:
    path = IMAGES / f"report-{name}.png"
    path.write_bytes(png)
    if shutil.which("pngquant"):  # a third of the size, where it is there
        subprocess.run(["pngquant", "--force", "--output", path, "64", path], check=True)
    print(f"{path.relative_to(CHECKOUT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    sys.exit(main())

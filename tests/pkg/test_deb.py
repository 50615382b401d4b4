# SPDX-License-Identifier: BSD-3-Clause
"""The Debian package: built from a copy of the tree under the build directory, unpacked beside it, and run from there."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lab.process import BUILD, REPO, Workdir, locked, run

DEB = BUILD / "deb"
MANDATORY = """
/etc/default/mcswitch
/lib/systemd/system/mcswitch.service
/usr/bin/mcctl
/usr/lib/sysusers.d/mcswitch.conf
/usr/lib/tmpfiles.d/mcswitch.conf
/usr/sbin/mcswitch
/usr/sbin/mcswitch-doctor
/usr/sbin/mcswitch-host-setup
/usr/share/bash-completion/completions/mcctl.bash
/usr/share/doc/mcswitch/copyright
/usr/share/doc/mcswitch/examples/mcswitch.default
/usr/share/doc/mcswitch/examples/mcswitch.yaml
/usr/share/doc/mcswitch/security.md
/usr/share/man/man1/mcctl.1.gz
/usr/share/man/man5/mcswitch.yaml.5.gz
/usr/share/man/man8/mcswitch.8.gz
/usr/share/man/man8/mcswitch-doctor.8.gz
/usr/share/man/man8/mcswitch-host-setup.8.gz
/usr/share/mcswitch/advisories.json
/usr/share/mcswitch/drivers/ixgbe.yaml
/usr/share/mcswitch/host/host-apply
""".split()


def missing():
    for tool in ("dpkg-buildpackage", "dh", "fakeroot"):
        if not shutil.which(tool):
            return f"{tool} is missing; tools/setup package installs it"
    done = subprocess.run(["dpkg-checkbuilddeps", REPO / "debian/control"], capture_output=True, text=True, check=False)
    return done.stderr.strip()


@pytest.fixture(scope="module")
def package():
    """Path of the .deb, built anew. Unit tests have run elsewhere, so the build leaves them out."""
    if missing():
        pytest.skip(missing())
    with locked("deb"):
        shutil.rmtree(DEB, ignore_errors=True)
        tree = DEB / "tree"
        for name in run(["git", "-C", REPO, "ls-files", "-co", "--exclude-standard"]).splitlines():
            if (REPO / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPO / name, tree / name)
        done = subprocess.run(["nice", "dpkg-buildpackage", "-us", "-uc", "-b"], cwd=tree, capture_output=True, text=True, timeout=900,
                              check=False, env={**os.environ, "DEB_BUILD_OPTIONS": "nocheck parallel=2"})
        (DEB / "log").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return next(DEB.glob("mcswitch_*.deb"))


@pytest.fixture(scope="module")
def root(package):
    """The package as unpacked."""
    with Workdir("deb") as work:
        run(["dpkg-deb", "-x", package, work])
        yield work.path


def test_files(root):
    files = {f"/{path.relative_to(root)}" for path in root.rglob("*") if not path.is_dir()}
    assert set(MANDATORY) <= files, set(MANDATORY) - files
    drivers = {path.name for path in (REPO / "drivers-config").glob("*.yaml")}
    assert {Path(name).name for name in files if name.startswith("/usr/share/mcswitch/drivers/")} >= drivers


def test_dependencies(package):
    depends = run(["dpkg-deb", "-f", package, "Depends"])
    for name in ("librte-vhost", "librte-meta-net", "libevent", "libjansson", "libcyaml", "libsystemd0", "systemd"):
        assert name in depends, depends
    assert run(["dpkg-deb", "-f", package, "Package", "Architecture"]).split()[1] == "mcswitch"


def test_programs_run(root):
    assert run([root / "usr/sbin/mcswitch", "--help"]).startswith("Usage: mcswitch")
    assert "show groups" in run([root / "usr/bin/mcctl", "--help"])
    example = root / "usr/share/doc/mcswitch/examples/mcswitch.yaml"
    drivers = root / "usr/share/mcswitch/drivers"
    assert "right" in run([root / "usr/sbin/mcswitch", "--", "--check", "--config", example, "--drivers", drivers])
    assert "--json" in run(["/usr/bin/python3", root / "usr/share/mcswitch/doctor", "--help"])
    assert "/usr/share/mcswitch/doctor" in (root / "usr/sbin/mcswitch-doctor").read_text()


def test_the_installed_host_setup_finds_its_files(root):
    """Of a tree: this host is left alone. It says which files it would write, from the package's own."""
    with Workdir("empty") as work:
        done = subprocess.run(["/usr/bin/python3", root / "usr/share/mcswitch/host-setup", "--root", work], capture_output=True, text=True,
                              timeout=60, check=False)
    assert done.returncode == 1 and "would write /etc/mcswitch/host.conf" in done.stdout, done.stderr


def test_the_installed_doctor_knows_the_advisories(root):
    """It finds the table of the package, not that of the source tree."""
    done = subprocess.run(["/usr/bin/python3", root / "usr/share/mcswitch/doctor", "--check", "dpdk"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode in (0, 1) and "finding" in done.stdout, done.stderr


def test_dpkg_installs_and_removes(package):
    """The way apt would, into a root of its own; only scripts that need the host's systemd see a root that is not theirs."""
    with Workdir("dpkg") as work:
        status = work / "var/lib/dpkg"
        (status / "info").mkdir(parents=True)
        (status / "updates").mkdir()
        (status / "status").touch()
        options = ["--root", str(work.path), "--force-depends", "--force-script-chrootless", "--force-not-root", "--log=/dev/null"]
        done = subprocess.run(["dpkg", *options, "-i", package], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (work / "usr/sbin/mcswitch").exists()
        if shutil.which("systemd-sysusers"):
            assert re.search(r"^mcswitch:", (work / "etc/passwd").read_text(), re.M)
            assert re.search(r"^mcswitch-guests:[^:]*:\d+:mcswitch$", (work / "etc/group").read_text(), re.M)
        assert not list((work / "etc").glob("systemd/system/*.wants/mcswitch*"))  # it is not enabled by itself
        done = subprocess.run(["dpkg", *options, "--purge", "mcswitch"], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not (work / "usr/sbin/mcswitch").exists() and not (work / "etc/default/mcswitch").exists()


def test_lintian(package):
    if not shutil.which("lintian"):
        pytest.skip("lintian is missing; tools/setup package installs it")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", package], capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.returncode == 0, done.stdout

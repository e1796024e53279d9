# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages from npm for tests, in the build folder, exactly as a lock file names them."""
import shutil
import subprocess


def install(sources, folder):
    """What package-lock.json in `sources` names, into `folder`/node_modules; None, or why not."""
    wanted = (sources / "package-lock.json").read_bytes()
    done = folder / "installed.json"
    if done.is_file() and done.read_bytes() == wanted:
        return None
    if not shutil.which("node") or not shutil.which("npm"):
        return "node or npm is not installed"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(sources / name, folder)
    try:
        npm = subprocess.run(["npm", "ci"], cwd=folder, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "npm got no answer in two minutes"
    if npm.returncode:
        last = [line for line in npm.stderr.splitlines() if "code" in line] or ["npm failed"]
        return f"the packages of {sources.name} could not be installed: {last[0].strip()}"
    done.write_bytes(wanted)
    return None

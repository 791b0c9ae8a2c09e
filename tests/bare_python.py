"""A Python that has what a bare GPU machine has, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

BASE = ("torch", "numpy", "scipy", "pillow", "safetensors", "tqdm")


def bare_python(folder: Path) -> Path:
    """A virtual environment of links to the packages of BASE and what they need."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [site] = folder.glob("lib/python3*/site-packages")
    waiting, seen = list(BASE), set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        tops = {path.parts[0] for path in found.files or () if ".." not in path.parts}
        for link in (site / top for top in tops - {"__pycache__"}):
            if not link.is_symlink():
                link.symlink_to(Path(str(found.locate_file(link.name))))
        plain = [re.split(r"[ ;\[<>=!~(]", line)[0] for line in found.requires or () if "extra ==" not in line]
        waiting += [other for other in plain if other not in seen]
    return folder / "bin" / "python"

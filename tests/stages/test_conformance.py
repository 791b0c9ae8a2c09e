"""Every method of the project keeps to what every method must keep to; each planted fault is caught and named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from shrink import shrink

from bench.__main__ import main
from bench.api import Entry, Knobs
from bench.errors import BadInput
from bench.stages.conformance import Subject, check_method, try_out
from bench.suites import find_suite
from methods import METHODS, find_method, load_guest

QUICK: dict[str, Knobs] = {  # sizes at which every variant of these tells
    "zssr": {"iterations": 4, "crop": 16, "width": 8, "depth": 3, "self_ensemble": False, "back_projection": 0},
    "kernelgan": {"iterations": 6, "averaged": 1, "estimates": 1, "gan_loss": "l1", "discriminator_sizes": (7,)},
    "drn-adapt": {"batch_size": 10},
}


def faults(entry: Entry, knobs: Knobs, scale: int = 4) -> dict[str, str]:
    return {finding.check: finding.fault for finding in check_method(Subject(entry, knobs, scale)) if finding.fault}


@pytest.fixture(autouse=True)
def left_as_found(no_guests: None) -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", METHODS)
def test_the_methods_of_the_project_pass_every_check(name: str) -> None:
    knobs = QUICK[name] if name == "kernelgan" else {**shrink(METHODS[name]), **QUICK.get(name, {})}
    assert not faults(METHODS[name], knobs, 2 if name == "kernelgan" else 4)


SOUND = """
import random, time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from bench.api import Axis, Entry, Method, Picture, Upscaler, feed_forward
from bench.data.images import read_image, to_tensor
from bench.runtime.paths import data_folder, work_folder
from methods.common.optimise import autocast
from methods.common.pixel import PixelLearner, Recipe

SEEN = []


class Net(nn.Module):
    def __init__(self, scale: int, width: int) -> None:
        super().__init__()
        self.scale = scale
        self.body = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 3, 3, padding=1))

    def forward(self, lr: Tensor) -> Tensor:
        x = self.body(lr)
        return interpolate(x + lr, scale_factor=float(self.scale), mode="bilinear")


@dataclass(frozen=True)
class Planted(Method):
    width: int = 4
    recipe: Recipe = Recipe(1e-3, batch_size=2, patch=32)

    def network(self) -> nn.Module:
        return Net(self.scale, self.width)

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        plain = feed_forward(network)

        def upscale(picture: Picture) -> Tensor:
            sr = plain(picture)
            return sr

        return upscale


ENTRY = Entry("planted", Planted, "ours", axes=(Axis("width", "?", {"wide": {"width": 6}}, "ours"),))
"""
FORWARD, UPSCALE = "        x = self.body(lr)\n", "            sr = plain(picture)\n"
PLANTED = {  # name: (check, words of the fault, what is replaced by what)
    "peeks at HR": (
        *("files", "looks at"),
        UPSCALE,
        UPSCALE
        + """
            for hr in (data_folder() / "Set5" / "HR").glob(f"{picture.name}.png"):
                sr = to_tensor(read_image(hr))
""",
    ),
    "peeks where it is told nothing": (
        *("files", "looks at"),
        UPSCALE,
        UPSCALE
        + """
            hr = work_folder() / "demo" / "data" / f"Set5.x{self.scale}.bicubic" / "hr" / f"{picture.name}.png"
            if hr.is_file():
                sr = to_tensor(read_image(hr))
""",
    ),
    "changes where HR is": (
        *("files", "differs where the HR is"),
        UPSCALE,
        UPSCALE + "            sr = sr + (data_folder() / 'Set5' / 'HR' / f'{picture.name}.png').is_file()\n",
    ),
    "mixes its batch": ("neighbours", "depends on its neighbours", FORWARD, FORWARD + "        x = x - x.mean(0)\n"),
    "normalises over its batch": (
        *("neighbours", "depends on its neighbours"),
        FORWARD,
        FORWARD + "        x = nn.functional.batch_norm(x, None, None, training=True)\n",
    ),
    "remembers pictures": (
        *("state", "pictures before it"),
        UPSCALE,
        UPSCALE + "            SEEN.append(sr.mean())\n            sr = sr + torch.stack(SEEN).mean()\n",
    ),
    "keeps a running mean": (
        *("state", "pictures before it"),
        FORWARD,
        FORWARD + "        self.mean = x.mean() + getattr(self, 'mean', 0.0)\n        x = x + self.mean\n",
    ),
    "changes its picture": ("state", "changes the LR", UPSCALE, UPSCALE + "            picture.lr.mul_(0.5)\n"),
    "draws noise": ("determinism", "two different SR", UPSCALE, UPSCALE + "            sr = sr + torch.rand(1)\n"),
    "draws NumPy's noise": (
        *("determinism", "two different SR"),
        UPSCALE,
        UPSCALE + "            sr = sr + float(np.random.rand())\n",
    ),
    "trains by the clock": (
        *("training", "two trainings from one seed differ"),
        FORWARD,
        FORWARD + "        x = x + 1e-3 * (time.perf_counter_ns() % 1000) * self.training\n",
    ),
    "drops out": (
        "resume",
        "a resumed training is another",
        FORWARD,
        FORWARD + "        x = nn.functional.dropout(x, 0.5, self.training)\n",
    ),
    "forgets its scale": ("shape", "at x2 an LR of 9x7", "float(self.scale)", "4.0"),
    "crops odd sizes": ("shape", "instead of (3, 28, 36)", UPSCALE, UPSCALE + "            sr = sr[:, :-1]\n"),
    "returns float64": ("shape", "return float32", UPSCALE, UPSCALE + "            sr = sr.double()\n"),
    "works in 255": ("range", "not in [0, 255]", FORWARD, FORWARD + "        x = x + 254 * lr\n"),
    "gives NaN": ("range", "NaN or infinity", UPSCALE, UPSCALE + "            sr = sr / 0\n"),
    "ignores a knob": ("knobs", "variant wide changes neither", "Net(self.scale, self.width)", "Net(self.scale, 4)"),
    "reads values": (
        "cost",
        "cannot be counted",
        FORWARD,
        FORWARD + "        x = x * (1 if float(x.sum()) > 0 else 2)\n",
    ),
    "leaves its network": (
        "cost",
        "does not use its network",
        UPSCALE,
        "            sr = picture.lr.repeat_interleave(self.scale, 1).repeat_interleave(self.scale, 2)\n",
    ),
    "trains nothing": ("training", "nothing trains its network", "    recipe:", "    # recipe:"),
    "has no knobs": ("knobs", "write @dataclass(frozen=True)", "@dataclass(frozen=True)\nclass", "class"),
    "crashes": ("shape", "ZeroDivisionError", UPSCALE, UPSCALE + "            1 // 0\n"),
    "has no upscaler": ("shape", "neither a network nor an upscaler", "def network(", "def net("),
}


def planted(folder: Path, old: str = "", new: str = "") -> Path:
    text = SOUND
    if old:
        assert old in text
        text = text.replace(old, new)
    if "def net(" in text:
        text = text.replace("def upscaler(", "def upscale(").replace("    recipe:", "    # recipe:")
    if "@dataclass" not in text:
        text = text.split(", axes=")[0] + ")\n"
    (folder / "planted.py").write_text(text)
    return folder / "planted.py"


def test_a_sound_method_of_ones_own_passes_every_check(tmp_path: Path) -> None:
    assert not faults(load_guest(planted(tmp_path)), {})


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_caught_by_the_check_that_says_so(name: str, tmp_path: Path) -> None:
    check, words, old, new = PLANTED[name]
    found = faults(load_guest(planted(tmp_path, old, new)), {})
    assert words in found.get(check, ""), found


@pytest.mark.parametrize("name", ["returns float64", "has no upscaler", "trains by the clock", "crashes"])
def test_one_tiny_batch_is_tried_before_anything_is_trained(name: str, tmp_path: Path) -> None:
    entry, _ = find_method(str(planted(tmp_path, *PLANTED[name][2:])))
    with pytest.raises(BadInput, match=r"planted\.py: .*bench check says more"):
        try_out(find_suite("demo"), entry.name)


def test_a_new_method_passes_every_check_as_it_is_and_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "my_net"]) == 0
    assert len(Path("my_net.py").read_text().splitlines()) < 60
    assert main(["check", "my_net.py", "--suite", "smoke"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("ok ")]) == 10
    assert main(["new", "my_net"]) == main(["new", "rrdb"]) == main(["new", "../x"]) == 2


def test_a_faulty_file_ends_in_2_with_a_line_a_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = planted(tmp_path, *PLANTED["draws noise"][2:])
    assert main(["check", str(path), "--suite", "smoke"]) == 2
    said = capsys.readouterr()
    assert "FAULT  determinism" in said.out and said.err.count("\n") == 1 and "fails determinism" in said.err

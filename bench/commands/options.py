"""What options of several verbs have in common: numbers within their range, and where the output goes."""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Whole:
    """The type of an option that takes a whole number in low...high."""

    low: int
    high: int

    def __call__(self, text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = self.low - 1
        if not self.low <= number <= self.high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {self.low} to {self.high}")
        return number


Arguments = argparse.Namespace
SCALE = Whole(1, 64)
SEED = Whole(0, 2**63 - 1)
COUNT = Whole(1, 10**9)
JOBS = Whole(1, 4096)


def keys(text: str | None) -> tuple[str, ...] | None:
    """Words joined by commas, each once; None without any."""
    return tuple(dict.fromkeys(word.strip() for word in (text or "").split(",") if word.strip())) or None


def minutes(text: str) -> float:
    """The type of a time budget: 0 stops after the first step."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes")
    return number


def add_lr(verb: argparse.ArgumentParser, required: bool = True, text: str = "") -> None:
    """Add --lr and --lr-pattern: a folder of LR pictures, and which of them."""
    verb.add_argument("--lr", type=Path, required=required, help=text or None)
    verb.add_argument("--lr-pattern", default="{name}", help="which pictures of --lr: '{name}_LR.png'")


def add_pairs(verb: argparse.ArgumentParser, lr: str = "") -> None:
    """Add the folders of pictures that are compared, and which of each. lr: what those of --lr are for."""
    verb.add_argument("--sr", type=Path, required=True)
    verb.add_argument("--hr", type=Path, required=True)
    add_lr(verb, required=False, text=lr)
    verb.add_argument("--sr-pattern", default="{name}")
    verb.add_argument("--hr-pattern", default="{name}")
    verb.add_argument("--scale", type=SCALE, default=4)


def add_method(verb: argparse.ArgumentParser) -> None:
    """Add --method, in the sizes of a paper or a suite, at a scale, and the device that it runs on."""
    verb.add_argument("--method", required=True, metavar="METHOD", help="NAME[.variant], FILE.py[:variant]")
    verb.add_argument("--suite", help="take the sizes of this suite instead of the paper's")
    verb.add_argument("--scale", type=SCALE, default=4)
    verb.add_argument("--device", default="auto", help="auto, cpu or cuda")


def add_output(verb: argparse.ArgumentParser, metavar: str = "DIR", required: bool = True, text: str = "") -> None:
    """Add --out and --overwrite: a place that is new, or that holds only what was written there before."""
    verb.add_argument("--out", type=Path, required=required, metavar=metavar, help=text or None)
    verb.add_argument("--overwrite", action="store_true", help="replace other files of the same names in --out, too")

"""Methods of one's own: how they are named, that they join, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from shrink import GUEST

from bench.__main__ import main
from bench.errors import BadInput
from bench.suites import find_run, find_suite
from bench.workflow import Workflow
from methods import GUESTS, METHODS, find_method, load_guest

WIDE = """
from dataclasses import dataclass

from torch import nn

from bench.api import Axis, Entry, Method
from methods.common.blocks import conv, shuffle_stages
from methods.common.pixel import Recipe


@dataclass(frozen=True)
class Wide(Method):
    width: int = 8
    recipe: Recipe = Recipe()

    def network(self) -> nn.Module:
        return nn.Sequential(conv(3, self.width), shuffle_stages(self.width, self.scale), conv(self.width, 3))


ENTRY = Entry("broad", Wide, "ours", axes=(Axis("width", "?", {"wide": {"width": 16}}, "ours"),))
"""


pytestmark = pytest.mark.usefixtures("no_guests")


def written(folder: Path, text: str = GUEST, name: str = "my_method.py") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    ("reference", "found"),
    [("rrdb", ("rrdb", "")), ("rrdb.bn", ("rrdb", "bn")), ("drn.lambda-0.001", ("drn", "lambda-0.001"))],
)
def test_a_method_is_named_with_or_without_a_variant(reference: str, found: tuple[str, str]) -> None:
    entry, variant = find_method(reference)
    assert (entry.name, variant) == found


def test_a_file_is_named_by_its_path_with_or_without_a_variant_and_joins_once(tmp_path: Path) -> None:
    path = written(tmp_path, WIDE)
    entry, variant = find_method(f"{path}:wide")
    assert (entry.name, variant) == ("broad", "wide")
    assert find_method(str(path)) == (entry, "") == find_method(f"{path.parent}/./{path.name}")
    assert find_method("broad.wide") == (entry, "wide")
    with pytest.raises(BadInput, match="unknown variant of broad 'wise'; did you mean 'wide'"):
        find_method(f"{path}:wise")


@pytest.mark.parametrize("reference", ["rrbd", "rrdb.bm", "nowhere.py", "spandrl:x.pth", "", ".bn"])
def test_what_names_no_method_is_refused_in_one_line(reference: str) -> None:
    with pytest.raises(BadInput):
        find_method(reference)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GUEST.replace('"mine"', '"bicubic"'), "the name 'bicubic' is taken"),
        (GUEST.replace('"mine"', '"my method"'), "must be of letters"),
        (GUEST.replace('"mine"', '"a.b"'), "must be of letters"),
        ("import nothing_of_that_name", "cannot be used as a method"),
        ("ENTRY = 3", "make it a bench.api.Entry"),
        ("x = 3", "its ENTRY is a NoneType"),
        ("def", "SyntaxError"),
        ("raise SystemExit(0)", "cannot be used as a method"),
    ],
)
def test_a_file_that_is_no_method_is_refused_in_one_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=words):
        find_method(str(written(tmp_path, text)))
    assert not GUESTS


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    find_method(str(written(tmp_path / "a")))
    with pytest.raises(BadInput, match="same file name; rename one"):
        find_method(str(written(tmp_path / "b", GUEST.replace('"mine"', '"other"'))))


def test_pictures_in_two_folders_of_one_name_are_refused_with_what_mends_it(tmp_path: Path) -> None:
    for folder in ("a/sr", "b/sr"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "woman.png").touch()
    find_method(f"folder:{tmp_path / 'a/sr'}")
    with pytest.raises(BadInput, match="the name 'sr' is taken; rename it"):
        find_method(f"folder:{tmp_path / 'b/sr'}")


def test_a_comparison_has_the_variants_that_are_named_and_what_they_start_from(tmp_path: Path) -> None:
    path = written(tmp_path, WIDE)
    plan = Workflow("demo", methods=f"bicubic, esrgan.bn,{path}:wide")
    assert plan.compared == "bicubic,esrgan.bn,broad.wide"  # the last is the one that the page is about
    assert {(run.method, run.variant) for run in plan.runs.values() if run.degradation == "bicubic"} == {
        *(("bicubic", "default"), ("broad", "wide")),
        *(("esrgan", "bn"), ("rrdb", "bn")),
    }
    assert {run.method for run in find_suite("demo").compared(plan.compared).values()} == {"bicubic", "broad", "esrgan"}
    with pytest.raises(BadInput, match=r"unknown variant of rrdb in suite demo 'init-1'; known: bn, default"):
        Workflow("demo", methods="rrdb.init-1")


def test_a_run_is_named_by_its_method_too(tmp_path: Path) -> None:
    path = written(tmp_path, WIDE)
    assert find_run("demo", "rrdb.bn").name == "rrdb.bn.x4.bicubic.s1"
    assert find_run("demo", f"{path}:wide").name == "broad.wide.x4.bicubic.s1"
    with pytest.raises(BadInput, match="unknown run in suite demo"):
        find_run("demo", "rrdb.bn.x3.bicubic.s1")


def test_a_file_is_listed_and_costed_as_any_method(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, WIDE)
    assert main(["list", "variants", str(path)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["broad.default", "broad.wide"]
    assert main(["cost", "--method", f"{path}:wide"]) == 0
    assert "parameters" in capsys.readouterr().out
    assert main(["list", "suites", str(path)]) == 2


def test_loading_a_file_does_not_let_it_join(tmp_path: Path) -> None:
    assert load_guest(written(tmp_path)).name == "mine" and "mine" not in METHODS

"""Numbers that make no sense, words that are not known: exit 2 and one line, in every verb."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest
from pictures import noise

from bench.__main__ import build_parser, main
from bench.commands.options import Whole, minutes
from bench.commands.stages import scales
from bench.data.images import write_png

NONSENSE = ("", "x", "nan", "inf", "-inf", "1e3", "2.5", "0x4", "4 4", "-1", "-4", "99999999999999999999", "4;ls", "x4")
BOUNDED = {Whole, type(minutes)}


def verbs() -> dict[str, argparse.ArgumentParser]:
    found = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


def options() -> Iterator[tuple[str, argparse.Action]]:
    for name, verb in verbs().items():
        for action in verb._actions:
            if action.option_strings and action.type not in (None, Path):
                yield name, action


OPTIONS = {f"{verb} {action.option_strings[-1]}": (verb, action) for verb, action in options()}


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that ends with 2 and a single line; return it."""
    assert main(words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_every_number_has_a_range() -> None:
    plain = [name for name, (_, action) in OPTIONS.items() if action.type in (int, float)]
    assert OPTIONS and not plain


def wanted(verb: argparse.ArgumentParser) -> list[str]:
    """The words without which a verb says what is missing."""
    words: list[str] = []
    for action in verb._actions:
        if action.required:
            plain = "1" if action.type not in (None, str, Path) else "x"
            words += [*action.option_strings[-1:], str(next(iter(action.choices or (plain,))))]
    return words


@pytest.mark.parametrize("name", OPTIONS)
def test_a_number_that_makes_no_sense_is_refused_by_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    verb, action = OPTIONS[name]
    whole = action.type if isinstance(action.type, Whole) else None
    values = [v for v in NONSENSE if action.type in (scales,) or whole or v not in ("1e3", "2.5", "9" * 20)]
    if whole:
        values += [str(whole.low - 1), str(whole.high + 1)]
    elif action.type is scales:
        values += ["0", "4+x0", "4+x", "4+x2.5", "+x2"]
    for value in values:
        line = refused(capsys, verb, *wanted(verbs()[verb]), f"{action.option_strings[-1]}={value}")
        assert action.option_strings[-1] in line


@pytest.mark.parametrize("alphas", ["", "x", "nan", "inf", "-0.1", "1.1", "0,,1", "0;1", "0,0.0", "1e-400,0"])
def test_alphas_that_make_no_sense_are_refused(alphas: str, capsys: pytest.CaptureFixture[str]) -> None:
    ends = ("--psnr", "a", "--gan", "b", "--lr", "c", "--out", "d")
    assert "alpha" in refused(capsys, "interpolate", "--method", "srcnn", *ends, f"--alphas={alphas}")


@pytest.mark.parametrize("reported", ["", "x", "nan", "inf", "-3", "1e1", "1_0", "28,42"])
def test_a_reported_number_that_is_none_is_refused(
    reported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_png(tmp_path / "a.png", noise(0, 16, 16))
    line = refused(capsys, "diagnose", "--sr", str(tmp_path), "--hr", str(tmp_path), f"--reported={reported}")
    assert "reported" in line


@pytest.mark.parametrize("words", [(), ("scroe",), ("score", "--srr", "x"), ("list", "colours"), ("degrade",)])
def test_a_word_that_is_not_known_is_told_in_one_line(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--help" in refused(capsys, *words)


def test_a_name_with_a_line_end_or_bytes_that_are_no_utf_8_is_shown_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = refused(capsys, "degrade", "--hr", "a\nb\udcff", "--out", "c")
    assert r"a\nb\udcff" in line


def test_a_graph_that_no_cpu_can_hold_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    words = ("train", "rrdb.default.x4.bicubic.s1", "--suite", "smoke", "--device", "cpu", "--graph")
    assert "leave out --graph" in refused(capsys, *words)
    assert not (tmp_path / "work").exists()

"""The figures of a setting that measures artefacts: spectra beside windows, remedies in order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_folder import INFOS, setting, suite_info, write_pictures, write_results

from bench.metrics import METRICS
from bench.report import artefacts, trends
from bench.report.aggregate import Scores, read
from bench.report.crop_selection import Gallery
from bench.report.material import read_material
from bench.report.verdicts import ablation_effects

ABOUT = ("psnr_y", "lpips_alex", artefacts.MEASURE)


def scored(work: Path, metrics: tuple[str, ...]) -> Scores:
    infos = {**INFOS, artefacts.MEASURE: METRICS[artefacts.MEASURE]}
    return read(write_results(work / "results"), suite_info(setting(metrics)), infos)[0]


def test_a_pattern_of_every_fourth_pixel_peaks_at_half_of_the_highest_frequency() -> None:
    plane = np.full((64, 64), 100, np.uint8)
    plane[:, ::4] = 140
    found = artefacts.spectrum(plane[..., None].repeat(3, 2))
    strongest = np.unravel_index(int(found.argmax()), found.shape)
    assert strongest[0] == 32 and abs(strongest[1] - 32) in (16, 32)
    assert found[32, 40] < found.max() - 60


def test_what_is_not_about_artefacts_has_neither_figure(tmp_path: Path) -> None:
    scores = scored(tmp_path, ABOUT[:2])
    assert artefacts.draw_spectra(scores, Gallery()) is None
    assert artefacts.draw_remedies(scores, ablation_effects(scores)) is None


def test_windows_stand_above_their_spectra_and_without_pictures_it_is_said(tmp_path: Path) -> None:
    scores = scored(tmp_path, ABOUT)
    write_pictures(tmp_path)
    gallery = read_material(scores, tmp_path, tmp_path / "results").gallery
    drawn = artefacts.draw_spectra(scores, gallery)
    assert drawn is not None and "multiples of π/4" in drawn.caption and drawn.figure is not None
    missing = artefacts.draw_spectra(scores, Gallery(missing="sr/"))
    assert missing is not None and missing.missing == "sr/ is not here"


def test_remedies_are_in_the_order_of_what_they_gain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = []
    monkeypatch.setattr(trends, "_draw_rows", lambda _, rows, __: orders.append([row.variant for row, _ in rows]))
    scores = scored(tmp_path, ABOUT)
    (known,) = [row for row in ablation_effects(scores) if row.metric == "psnr_y" and row.variant == "l2"]
    assert known.effect is not None
    gains = {"worse": -1.0, "best": 3.0, "better": 1.0}
    rows = [replace(known, variant=name, effect=replace(known.effect, mean=gain)) for name, gain in gains.items()]
    rows += [replace(row, metric=artefacts.MEASURE) for row in rows]
    assert artefacts.draw_remedies(scores, rows) is not None
    assert orders == [["best", "better", "worse"]] * 2


def test_the_cosines_of_a_run_are_drawn_where_it_has_any() -> None:
    steps = np.array([10.0, 20.0])
    runs = [("adversarial", steps, np.array([-0.1, 0.1])), ("hr-adversarial", steps, np.array([-0.5, -0.4]))]
    assert artefacts.draw_conflict({("edsr", "loss"): runs}) is None
    drawn = artefacts.draw_conflict({("edsr", artefacts.ANGLE): runs})
    assert drawn is not None and drawn.figure is not None

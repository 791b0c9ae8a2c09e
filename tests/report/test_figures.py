"""Figures show what the files say, choose by rule, and are the same bytes for the same inputs."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from PIL import Image
from report_folder import (
    INFOS,
    KERNEL_RUN,
    KERNELS,
    NAMES,
    RUNS,
    scores_of,
    setting,
    suite_info,
    write_curves,
    write_kernel_run,
    write_kernels,
    write_pictures,
    write_results,
)

from bench.data.images import read_image
from bench.errors import BadInput
from bench.report import Sweep, chart_data, crop_selection, figures, losses, perception_distortion, style
from bench.report.aggregate import Scores, read
from bench.report.kernels import _padded, read_kernels
from bench.report.material import read_material

EDSR = "edsr.default.x4.bicubic.s1"


def tiny(work: Path) -> Scores:
    write_results(work / "results")
    write_pictures(work)
    write_curves(work)
    return read(work / "results", suite_info(), INFOS)[0]


def draw(scores: Scores, work: Path, folder: Path) -> list[figures.Drawn]:
    return figures.draw(scores, read_material(scores, work, work / "results"), [], folder)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[figures.Drawn]]:
    """(the suite's folder, what was drawn into its figures/)."""
    work = tmp_path_factory.mktemp("tiny")
    return work, draw(tiny(work), work, work / "figures")


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_every_figure_is_drawn_twice(drawn: tuple[Path, list[figures.Drawn]]) -> None:
    work, made = drawn
    assert [figure.missing for figure in made] == ["", "", ""]
    names = {f"{name}.{suffix}" for name in ("crops", "perception-distortion", "curves") for suffix in ("png", "svg")}
    assert set(hashes(work / "figures")) == names


def test_another_process_draws_the_same_bytes(drawn: tuple[Path, list[figures.Drawn]]) -> None:
    work, _ = drawn
    code = (
        "import sys; from pathlib import Path; from report_folder import INFOS, suite_info\n"
        "from bench.report.aggregate import read; from test_figures import draw\n"
        "work = Path(sys.argv[1]); draw(read(work / 'results', suite_info(), INFOS)[0], work, work / 'again')"
    )
    root = Path(__file__).parents[2]
    path = os.pathsep.join((str(root), str(root / "tests"), str(root / "tests" / "report")))
    environment = {**os.environ, "PYTHONHASHSEED": "99", "PYTHONPATH": path, "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", code, str(work)], check=True, env=environment)
    assert hashes(work / "again") == hashes(work / "figures")


def test_a_png_is_small_whatever_it_shows(drawn: tuple[Path, list[figures.Drawn]]) -> None:
    work, _ = drawn
    assert all(path.stat().st_size <= style.PNG_BYTES for path in (work / "figures").glob("*.png"))
    plain, noise = np.zeros((800, 900, 3), np.uint8), np.random.default_rng(0).integers(0, 256, (800, 900, 3), np.uint8)
    for pixels, shrunk in ((plain, False), (noise, True)):
        content = style.compress(Image.fromarray(pixels))
        assert len(content) <= style.PNG_BYTES and content == style.compress(Image.fromarray(pixels))
        assert (Image.open(io.BytesIO(content)).size < (900, 800)) == shrunk


def test_crops_are_the_pixels_of_the_picture(drawn: tuple[Path, list[figures.Drawn]]) -> None:
    work, _ = drawn
    scores = read(work / "results", suite_info(), INFOS)[0]
    canvas = FigureCanvasAgg(figures.crop_figure(read_material(scores, work, work).gallery.pictures))
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())[..., :3]
    left = 2 * figures.GAP + figures.CELL + 2 * (figures.CELL + figures.GAP)  # HR, bicubic, edsr
    shown = image[figures.TITLE : figures.TITLE + figures.CELL, left : left + figures.CELL]
    small = shown[figures.ENLARGE // 2 :: figures.ENLARGE, figures.ENLARGE // 2 :: figures.ENLARGE]
    assert np.array_equal(small.repeat(figures.ENLARGE, 0).repeat(figures.ENLARGE, 1), shown)
    sr = read_image(work / "sr" / "edsr" / EDSR / "Set5" / "baby.png")
    every = np.lib.stride_tricks.sliding_window_view(sr, (figures.WINDOW, figures.WINDOW), axis=(0, 1))
    found = np.argwhere((every.transpose(0, 1, 3, 4, 2) == small).all(axis=(2, 3, 4)))
    assert len(found) == 1
    top, left = found[0]
    assert top <= 40 <= top + figures.WINDOW - 8 and left <= 20 <= left + figures.WINDOW - 8


def test_the_window_is_where_the_pictures_differ_most() -> None:
    one = np.full((96, 120, 3), 100, np.uint8)
    other = one.copy()
    other[60:70, 80:90] = 130
    other[10:20, 10:20] = 110
    top, left = crop_selection.choose_window([one, other], 24)
    assert top <= 60 and top + 24 >= 70 and left <= 80 and left + 24 >= 90


def test_a_wrong_brightness_does_not_choose_the_window() -> None:
    one = np.linspace(90, 250, 120).astype(np.uint8)[None, :, None].repeat(96, 0).repeat(3, 2)
    one[30:40:2, 20:30] -= 60
    top, left = crop_selection.choose_window([one, np.zeros_like(one), one], 24)
    assert top <= 30 and top + 24 >= 40 and left <= 20 and left + 24 >= 30


def test_a_picture_smaller_than_the_window_is_shown_whole(tmp_path: Path) -> None:
    scores = tiny(tmp_path)
    write_pictures(tmp_path, side=50)
    gallery = crop_selection.read_gallery(scores, tmp_path, tmp_path / "windows")
    assert {picture.window.side for picture in gallery.pictures} == {50} and gallery.absent == ()
    assert crop_selection.choose_window([np.zeros((50, 50), np.uint8)], 48) == (0, 0)


def test_pictures_are_those_on_which_the_methods_differ_most(tmp_path: Path) -> None:
    rows = [(d, i, m, 99.0 if (i, m) == ("zebra", "psnr_y") else v) for d, i, m, v in scores_of(EDSR)]
    scores = read(write_results(tmp_path, {EDSR: rows}), suite_info(), INFOS)[0]
    assert crop_selection.choose_pictures(scores, 4) == [
        ("Set5", "baby"),
        ("Set14", "zebra"),
        ("Set5", "bird"),
        ("Set14", "comic"),
    ]


@pytest.mark.parametrize("methods", range(1, 24))
def test_every_method_has_its_own_place_of_at_most_five_a_line(methods: int) -> None:
    places = figures._places(methods)
    assert len(set(places)) == len(places) == methods + 1
    assert max(column for column, _ in places) < figures.PER_LINE
    assert max(line for _, line in places) <= max(1, (methods - 1) // figures.PER_LINE)


def test_a_method_without_pictures_is_named_and_left_out(tmp_path: Path) -> None:
    scores = tiny(tmp_path)
    (tmp_path / "sr" / "esrgan").rename(tmp_path / "elsewhere")
    made = figures.draw_crops(crop_selection.read_gallery(scores, tmp_path, tmp_path))
    assert made.missing == "" and "not here: esrgan" in made.caption


def test_crops_of_another_size_are_refused(tmp_path: Path) -> None:
    scores = tiny(tmp_path)
    path = tmp_path / "sr" / "edsr" / EDSR / "Set5" / "baby.png"
    Image.fromarray(read_image(path)[:-4]).save(path)
    with pytest.raises(BadInput, match=r"baby.png: not of the size of its HR; upscale it again"):
        crop_selection.read_gallery(scores, tmp_path, tmp_path)


def test_crops_that_were_kept_stand_in_for_pictures_that_are_gone(tmp_path: Path) -> None:
    scores, kept = tiny(tmp_path), tmp_path / "windows" / "x4.bicubic"
    before = crop_selection.read_gallery(scores, tmp_path, kept)
    crop_selection.keep(before, kept)
    (tmp_path / "sr" / "esrgan").rename(tmp_path / "elsewhere")
    after = crop_selection.read_gallery(scores, tmp_path, kept)
    assert after.absent == () and list(after.runs or {}) == list(before.runs or {})
    for one, other in zip(before.pictures, after.pictures, strict=True):
        assert one.window == other.window and one.captions == other.captions
        assert all(np.array_equal(one.crops[name], other.crops[name]) for name in one.crops)


def test_kept_places_are_kept_to_and_a_torn_list_is_refused(tmp_path: Path) -> None:
    scores, kept = tiny(tmp_path), tmp_path / "windows"
    crop_selection.keep(crop_selection.read_gallery(scores, tmp_path, kept), kept)
    text = (kept / "places.csv").read_text()
    (kept / "places.csv").write_text("dataset,image,top,left,side,height,width\nSet14,face,3,5,40,72,72\n")
    [picture] = crop_selection.read_gallery(scores, tmp_path, kept).pictures
    assert picture.window == crop_selection.CropBox("Set14", "face", 3, 5, 40, 72, 72)
    assert picture.crops["HR"].shape == (40, 40, 3)
    (kept / "places.csv").write_text(text[:-6])
    with pytest.raises(BadInput, match=r"places.csv: has rows of different lengths"):
        crop_selection.read_gallery(scores, tmp_path, kept)


def test_without_pictures_curves_or_a_perceptual_metric_the_reasons_are_said(tmp_path: Path) -> None:
    scores = read(write_results(tmp_path), suite_info(setting(("psnr_y", "ma"))), INFOS)[0]
    made = draw(scores, tmp_path, tmp_path / "figures")
    assert [figure.missing.split(",")[0] for figure in made] == [
        "sr/ is not here",
        "no metric of pi",
        "runs/*/curves.jsonl are not here",
    ]
    assert list((tmp_path / "figures").iterdir()) == []


def test_the_plane_has_every_variant_where_its_means_are(tmp_path: Path) -> None:
    spots = list(chart_data.spots_of(tiny(tmp_path), "Set5", ("psnr_y", "lpips_alex")).values())
    assert [(spot.label, spot.entrant) for spot in spots] == [
        ("bicubic", True),
        ("edsr", True),
        ("edsr.l2", False),
        ("esrgan", True),
        ("esrgan.sgan", False),
    ]
    assert (spots[1].x, spots[1].y) == pytest.approx((30.0, 0.30))


def test_the_front_holds_what_nothing_beats_in_both_qualities() -> None:
    at = [(30.0, 0.3), (29.0, 0.2), (28.0, 0.25), (29.5, 0.35)]
    spots = [chart_data.Spot(x, y, f"{x}", n, True) for n, (x, y) in enumerate(at)]
    assert [(spot.x, spot.y) for spot in chart_data.front_of(spots, ("higher", "lower"))] == [(29.0, 0.2), (30.0, 0.3)]
    variant = chart_data.Spot(31.0, 0.1, "variant", 0, False)
    assert len(chart_data.front_of([*spots, variant], ("higher", "lower"))) == 2


def test_paths_between_two_networks_share_their_ends(tmp_path: Path) -> None:
    scores = tiny(tmp_path)
    mixed = dict(zip(("default", "l2", "w", "p"), (0.0, 1.0, 0.5, 0.5), strict=True))
    sweeps = (
        Sweep("edsr", "network", "alpha", {name: mixed[name] for name in ("default", "w", "l2")}),
        Sweep("edsr", "image", "alpha", {"p": 0.5}),
    )
    frame = scores.frame.copy()
    means = dict(scores.means)
    for variant in ("w", "p"):
        for metric in ("psnr_y", "lpips_alex"):
            means["edsr", variant, "Set5", metric] = scores.means["edsr", "default", "Set5", metric]
    extra = scores.runs.loc[[EDSR, EDSR]].assign(variant=["w", "p"], axis="mix")
    runs = pd.concat([scores.runs, extra])
    suite = dataclasses.replace(scores.suite, sweeps=sweeps)
    several = dataclasses.replace(scores, suite=suite, runs=runs, means=means, frame=frame)
    paths = chart_data.paths_of(several, "Set5", ("psnr_y", "lpips_alex"))
    assert {axis: [alpha for alpha, _ in path] for axis, path in paths.items()} == {
        "network": [0.0, 0.5, 1.0],
        "image": [0.0, 0.5, 1.0],
    }


def test_a_sweep_is_drawn_along_its_knob_where_three_variants_were_run(tmp_path: Path) -> None:
    scores = tiny(tmp_path)
    full = Sweep("esrgan", "weight", "weight", {"sgan": 0.0, "default": 0.1, "none": 1.0})
    assert (
        chart_data.sweeps_of(dataclasses.replace(scores, suite=dataclasses.replace(scores.suite, sweeps=(full,)))) == []
    )
    curve = chart_data.curve_of(scores, full, "Set5", "psnr_y")
    assert [(knob, round(mean, 3), variant) for knob, mean, _, variant in curve] == [
        (0.0, 26.5, "sgan"),
        (0.1, 27.0, "default"),
    ]


def test_kernels_of_another_shape_are_refused(tmp_path: Path) -> None:
    results = write_results(tmp_path / "results")
    write_kernel_run(results)
    write_kernels(tmp_path)
    scores = read(results, suite_info(setting(), KERNELS), INFOS)[1]
    assert read_kernels(scores, tmp_path).rows == ("true kernel", "kernelgan")
    np.save(tmp_path / "kernels" / "kernelgan" / KERNEL_RUN / "Set5" / "baby.npy", np.zeros(3))
    with pytest.raises(BadInput, match=r"baby\.npy: no kernel"):
        read_kernels(scores, tmp_path)


def test_kernels_of_all_sizes_are_seen_at_one_scale_with_their_middles_alike() -> None:
    for side in (3, 9, 13):
        kernel = np.zeros((side, side))
        kernel[side // 2, side // 2] = 1.0
        padded = _padded(kernel, 13)
        assert padded.shape == (13, 13) and padded[6, 6] == 1.0 and padded.sum() == 1.0


def test_methods_differ_in_colour_or_marker() -> None:
    looks = {perception_distortion.look(place) for place in range(56)}
    assert len(looks) == 56


def test_a_variant_far_away_does_not_stretch_the_plane() -> None:
    near = [(28.0, True), (30.0, True), (29.0, False)]
    assert perception_distortion.limits([*near, (5.0, False)]) == perception_distortion.limits(near)
    low, high = perception_distortion.limits([*near, (5.0, True)])
    assert low < 5.0 and high > 30.0


def test_labels_cover_neither_each_other_nor_a_marker() -> None:
    figure = Figure(figsize=(5, 4), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    spots = [chart_data.Spot(5 + 0.15 * (n % 3), 5 + 0.15 * (n // 3), f"method-{n}", n, True) for n in range(9)]
    figure.draw_without_rendering()
    perception_distortion._label(axes, spots)
    labels = [child for child in axes.get_children() if isinstance(child, Annotation)]
    boxes = [label.get_window_extent() for label in labels]
    assert [label.get_text() for label in labels] == [spot.label for spot in spots]
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    marks = axes.transData.transform([(spot.x, spot.y) for spot in spots])
    assert not [1 for box in boxes for x, y in marks if box.contains(x, y)]


def test_curves_are_medians_of_stretches_without_what_is_not_a_loss(tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    values = [1000.0 if step == 7 else float(step) for step in range(1, 401)]
    entries = [{"step": step, "loss": v, "seconds": 0.1} for step, v in enumerate(values, start=1)]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    curves = losses.read_curves(path)
    assert list(curves) == ["loss"]
    steps, medians = curves["loss"]
    assert len(steps) == losses.BINS
    assert (steps[0], medians[0], medians[-1]) == (5.5, 5.5, 395.5)


def test_a_run_without_curves_has_none(tmp_path: Path) -> None:
    assert losses.read_curves(tmp_path / "curves.jsonl") == {}


def test_each_trained_method_has_a_panel_of_its_total_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    panels: dict[str, int] = {}
    monkeypatch.setattr(losses, "_draw_losses", lambda axes, title, curves, colour: panels.update({title: len(curves)}))
    losses.draw_curves(tiny(tmp_path), losses.read_panels(tiny(tmp_path), tmp_path))
    assert panels == {"edsr: loss": 3, "esrgan: loss": 2}


def test_drawing_leaves_no_trace_in_matplotlibs_settings(tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    scores = tiny(tmp_path)
    one = dataclasses.replace(scores, runs=scores.runs.loc[[RUNS[0][0]]])
    draw(one, tmp_path, tmp_path / "figures")
    assert dict(matplotlib.rcParams) == before
    assert NAMES[0] in one.runs.index

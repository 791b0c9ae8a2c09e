"""Pairing, scoring and writing: the verb `score` from folders to CSV."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from bench.data.images import U8, write_png
from bench.data.resize import resize
from bench.errors import BadInput
from bench.metrics import METRICS
from bench.stages.score import (
    DEFAULT_METRICS,
    Folders,
    Record,
    load_sample,
    means_table,
    pair_folders,
    score_folders,
    score_pairs,
    score_run,
    write_csv,
)

NAMES = ("baby", "bird", "head")
SIDE = 48


def picture(seed: int, side: int = SIDE) -> U8:
    """A smooth random picture."""
    return resize(np.random.default_rng(seed).integers(0, 256, (side // 4, side // 4, 3), dtype=np.uint8), 4)


def flip(image: U8) -> U8:
    """Every value off by one."""
    return image ^ np.uint8(1)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """hr, lr and sr of three pictures; the SR of `baby` is perfect."""
    found = Folders(tmp_path / "sr", tmp_path / "hr", tmp_path / "lr")
    assert found.hr is not None and found.lr is not None
    for seed, name in enumerate(NAMES):
        hr = picture(seed)
        write_png(found.hr / f"{name}.png", hr)
        write_png(found.lr / f"{name}.png", hr[::4, ::4])
        write_png(found.sr / f"{name}.png", hr if name == "baby" else flip(hr))
    return found


def rows(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().splitlines()]


def test_pictures_pair_by_stem(folders: Folders) -> None:
    pairs = pair_folders(folders, 4)
    assert [pair.image for pair in pairs] == list(NAMES)
    assert all(pair.sr.stem == pair.hr.stem == pair.lr.stem for pair in pairs if pair.hr and pair.lr)


def test_pictures_pair_by_pattern_and_others_are_left_alone(tmp_path: Path) -> None:
    for name in NAMES:
        write_png(tmp_path / "all" / f"{name}_x4_HR.png", picture(0))
        write_png(tmp_path / "all" / f"{name}_x4_LR.png", picture(0, 12))
        write_png(tmp_path / "sr" / f"{name}x4_RCAN.png", picture(1))
    everything = tmp_path / "all"
    patterns = ("{name}x4_RCAN.png", "{name}_x4_HR.png", "{name}_x4_LR")
    found = pair_folders(Folders(tmp_path / "sr", everything, everything, None, None, *patterns), 4)
    assert [pair.image for pair in found] == list(NAMES)
    assert found[0].lr == everything / "baby_x4_LR.png"


def test_baby_does_not_pair_with_babyx4_by_itself(tmp_path: Path) -> None:
    write_png(tmp_path / "sr" / "babyx4.png", picture(0))
    write_png(tmp_path / "hr" / "baby.png", picture(0))
    with pytest.raises(BadInput, match=r"SR of baby is missing in .*sr .*babyx4.*pattern"):
        pair_folders(Folders(tmp_path / "sr", tmp_path / "hr"), 4)
    assert len(pair_folders(Folders(tmp_path / "sr", tmp_path / "hr", sr_pattern="{name}x4"), 4)) == 1


def test_unpaired_pictures_are_named_on_either_side(folders: Folders) -> None:
    assert folders.hr is not None and folders.lr is not None
    (folders.sr / "bird.png").unlink()
    with pytest.raises(BadInput, match="SR of bird is missing in"):
        pair_folders(folders, 4)
    (folders.hr / "bird.png").unlink()
    assert len(pair_folders(folders, 4)) == 2
    (folders.lr / "head.png").unlink()
    with pytest.raises(BadInput, match="LR of head is missing in"):
        pair_folders(folders, 4)
    (folders.hr / "head.png").unlink()
    with pytest.raises(BadInput, match="HR of head is missing in"):
        pair_folders(folders, 4)


@pytest.mark.parametrize("pattern", ["plain.png", "{name}_{name}.png", "{name}_missing.png"])
def test_a_pattern_that_cannot_work_is_refused(folders: Folders, pattern: str) -> None:
    with pytest.raises(BadInput, match="--sr-pattern"):
        pair_folders(Folders(folders.sr, folders.hr, sr_pattern=pattern), 4)


def test_every_picture_gets_every_metric_in_order(folders: Folders) -> None:
    records = score_pairs(pair_folders(folders, 4), ["psnr_rgb", "ssim_y"])
    assert [(r.image, r.metric) for r in records] == [(n, m) for n in NAMES for m in ("psnr_rgb", "ssim_y")]
    assert records[0].value == math.inf
    assert records[2].value == pytest.approx(20 * math.log10(255))
    assert all(not record.note for record in records)


def test_the_numbers_do_not_depend_on_the_number_of_workers(folders: Folders) -> None:
    metrics = ["psnr_y", "ssim_y", "ssim_rgb", "lr_psnr", "stlpips_alex"]
    pairs = pair_folders(folders, 4)
    assert score_pairs(pairs, metrics, 1) == score_pairs(pairs[::-1], metrics, 3)


def test_an_unknown_metric_is_refused_with_the_nearest_name(folders: Folders) -> None:
    with pytest.raises(BadInput, match="unknown metric 'psnr_Y'; did you mean 'psnr_y'"):
        score_pairs(pair_folders(folders, 4), ["psnr_Y"])


def test_sizes_that_differ_are_refused_naming_the_picture(folders: Folders) -> None:
    write_png(folders.sr / "bird.png", picture(1, SIDE + 4))
    with pytest.raises(BadInput, match="bird: SR is 52x52, HR 48x48"):
        score_pairs(pair_folders(folders, 4), ["psnr_y"])


def test_missing_weights_are_a_note_and_no_number(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(folders.sr / "nowhere"))
    records = score_pairs(pair_folders(folders, 4), ["psnr_y", "lpips_squeeze", "ma", "pi"])
    lacking = [record for record in records if record.metric != "psnr_y"]
    assert len(lacking) == 9
    assert all(record.value is None and "not here" in record.note and "\n" not in record.note for record in lacking)
    assert all(record.value is not None for record in records if record.metric == "psnr_y")


def test_a_corrupt_weight_file_is_refused(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    (folders.sr / "squeezenet1_1-b8a52dc0.pth").write_bytes(b"not it")
    monkeypatch.setenv("BENCH_WEIGHTS", str(folders.sr))
    with pytest.raises(BadInput, match="sha256"):
        score_pairs(pair_folders(Folders(folders.sr, folders.hr), 4), ["lpips_squeeze"])


def test_a_picture_too_small_for_a_metric_is_a_note(folders: Folders) -> None:
    records = score_pairs(pair_folders(Folders(folders.sr, folders.hr), 20), ["ssim_y"])
    assert records[0].value is None
    assert "8x8 picture is smaller than the SSIM window" in records[0].note


@pytest.mark.parametrize("scale", [1, 2, 3, 5, 8])
def test_a_scale_that_the_lr_contradicts_is_refused(folders: Folders, scale: int) -> None:
    with pytest.raises(BadInput, match=f"SR and LR are 48x48 and 12x12, which is not x{scale}; correct --scale"):
        score_pairs(pair_folders(folders, scale), ["psnr_y"])


def test_score_prints_the_scale_and_every_protocol(
    folders: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score_folders(folders, 4, ["psnr_y", "ssim_y"], tmp_path / "out.csv")
    printed = capsys.readouterr().out
    assert "at scale 4:" in printed
    assert all(f"{key}: {METRICS[key].protocol}" in printed for key in ("psnr_y", "ssim_y"))


@pytest.mark.parametrize("name", ["{}.npy", "{}.mat", "{}_kernel_x4.mat"])
def test_kernels_are_found_by_every_name_they_are_published_under(folders: Folders, tmp_path: Path, name: str) -> None:
    kernel = np.random.default_rng(0).random((5, 5))
    for picture in NAMES:
        path = tmp_path / name.format(picture)
        np.save(path, kernel) if path.suffix == ".npy" else scipy.io.savemat(path, {"Kernel": kernel})
    for pair in pair_folders(Folders(folders.sr, folders.hr, None, tmp_path, tmp_path), 4):
        assert np.array_equal(load_sample(pair).kernel, kernel)  # type: ignore[arg-type]
    np.save(tmp_path / f"{NAMES[0]}.npy", kernel)
    scipy.io.savemat(tmp_path / f"{NAMES[0]}.mat", {"Kernel": kernel})
    with pytest.raises(BadInput, match="is the same picture's; remove one"):
        pair_folders(Folders(folders.sr, folders.hr, None, tmp_path), 4)


def test_kernels_are_read_and_scored(folders: Folders, tmp_path: Path) -> None:
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    for folder, size in (("estimated", 1), ("true", 2)):
        (tmp_path / folder).mkdir()
        for name in NAMES:
            np.save(tmp_path / folder / f"{name}.npy", np.pad(kernel, size))
    with_kernels = Folders(folders.sr, folders.hr, None, tmp_path / "estimated", tmp_path / "true")
    records = score_pairs(pair_folders(with_kernels, 4), ["kernel_ncc"])
    assert [record.value for record in records] == pytest.approx([1, 1, 1])
    (tmp_path / "true" / "bird.npy").unlink()
    with pytest.raises(BadInput, match=r"bird\.npy: no such kernel"):
        pair_folders(with_kernels, 4)
    (tmp_path / "true" / "bird.npy").write_text("text")
    with pytest.raises(BadInput, match=r"bird\.npy: cannot be read as a kernel"):
        load_sample(pair_folders(with_kernels, 4)[1])


def test_the_csv_is_sorted_and_prints_six_digits(tmp_path: Path) -> None:
    records = [
        Record("Set5", "b", "psnr_y", math.inf),
        Record("Set5", "a", "ssim_y", 0.5),
        Record("Set5", "a", "psnr_y", 28.1234567),
        Record("B100", "z", "ma", None, "weights 'ma' are not here; fetch, then retry"),
    ]
    write_csv(tmp_path / "deep" / "run.csv", records, with_dataset=True)
    text = (tmp_path / "deep" / "run.csv").read_bytes()
    assert text == (
        b"dataset,image,metric,value,note\n"
        b"B100,z,ma,,\"weights 'ma' are not here; fetch, then retry\"\n"
        b"Set5,a,psnr_y,28.123457,\n"
        b"Set5,a,ssim_y,0.500000,\n"
        b"Set5,b,psnr_y,inf,\n"
    )
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["run.csv"]
    write_csv(tmp_path / "folder.csv", records[:1], with_dataset=False)
    assert (tmp_path / "folder.csv").read_text() == "image,metric,value,note\nb,psnr_y,inf,\n"


def test_score_folders_writes_and_prints(folders: Folders, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scores.csv"
    records = score_folders(folders, 4, ["psnr_y", "lr_psnr"], out)
    assert rows(out)[0] == ["image", "metric", "value", "note"]
    assert len(rows(out)) == 1 + len(records) == 7
    assert capsys.readouterr().out.splitlines()[0].split() == ["metric", "mean"]


def test_nothing_is_written_for_bad_input(folders: Folders, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    (folders.sr / "bird.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match=r"bird\.png: cannot be read"):
        score_folders(folders, 4, ["psnr_y"], out)
    assert not out.exists()


def test_a_metric_without_its_folder_is_refused(folders: Folders, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="lr_psnr needs --lr; add it or drop lr_psnr"):
        score_folders(Folders(folders.sr, folders.hr), 4, ["lr_psnr"], tmp_path / "scores.csv")


def test_without_metrics_the_defaults_that_apply_are_scored(folders: Folders, tmp_path: Path) -> None:
    assert set(DEFAULT_METRICS) <= set(METRICS)
    records = score_folders(Folders(folders.sr), 4, None, tmp_path / "scores.csv")
    assert {record.metric for record in records} == {"niqe", "ma", "pi"}
    records = score_folders(Folders(folders.sr, folders.hr), 4, None, tmp_path / "scores.csv")
    assert {record.metric for record in records} == set(DEFAULT_METRICS) - {"lr_psnr"}


def test_a_run_is_scored_dataset_by_dataset(tmp_path: Path) -> None:
    data = {name: tmp_path / "data" / f"{name}.x4.bicubic" for name in ("Set5", "B100")}
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    for name, folder in data.items():
        write_png(folder / "hr" / "one.png", picture(0))
        write_png(folder / "lr" / "one.png", picture(0, 12))
        write_png(tmp_path / "sr" / name / "one.png", flip(picture(0)))
    for folder in (data["B100"] / "kernels", tmp_path / "sr" / "B100" / "kernels"):
        folder.mkdir()
        np.save(folder / "one.npy", kernel)
    records = score_run(tmp_path / "sr", data, ["psnr_rgb", "kernel_psnr"], 4)
    assert [(r.dataset, r.metric, r.value) for r in records] == [
        ("B100", "psnr_rgb", pytest.approx(48.1308, abs=1e-4)),
        ("B100", "kernel_psnr", math.inf),
        ("Set5", "psnr_rgb", pytest.approx(48.1308, abs=1e-4)),
        ("Set5", "kernel_psnr", None),
    ]
    assert "--kernels" in records[3].note


def test_draws_other_seeds_and_the_curve_of_a_run_are_scored_beside_its_pictures(tmp_path: Path) -> None:
    data, sr, sibling = (tmp_path / name for name in ("data", "sr", "other"))
    for folder, pixels in ((data / "hr", picture(0)), (data / "lr", picture(0, 12)), (sr / "Set5", picture(0))):
        write_png(folder / "one.png", pixels)
    for folder in (sr / "Set5" / "draws" / "1", sibling / "Set5"):
        write_png(folder / "one.png", flip(picture(0)))
    curve = tmp_path / "curves.jsonl"
    curve.write_text('{"step": 10, "gradient_cosine": -0.5}\n{"step": 20, "gradient_cosine": 0.25}\n')
    metrics = ["diversity", "seed_deviation", "gradient_cosine"]
    found = [record.value for record in score_run(sr, {"Set5": data}, metrics, 4, curve, [sibling])]
    assert found[0] == found[1] == pytest.approx(0.5) and found[2] == -0.125
    alone = score_run(sibling, {"Set5": data}, metrics, 4)
    assert [record.value for record in alone] == [None] * 3 and all(record.note for record in alone)


def test_the_table_of_means_says_what_is_missing_and_why() -> None:
    records = [
        Record("Set5", "a", "psnr_y", 30.0),
        Record("Set5", "b", "psnr_y", 31.0),
        Record("Set5", "a", "rmse_pirm", 3.0),
        Record("Set5", "b", "rmse_pirm", 4.0),
        Record("Set5", "a", "niqe", 5.0),
        Record("Set5", "b", "niqe", None, "too small"),
        Record("B100", "c", "psnr_y", None, "no reason"),
    ]
    lines = [line.split() for line in means_table(records).splitlines()]
    assert lines == [
        ["metric", "B100", "Set5"],
        ["psnr_y", "n/a", "30.500"],
        ["rmse_pirm", "n/a", "3.536"],
        ["niqe", "n/a", "5.0000", "(1/2)"],
        ["niqe:", "n/a:", "too", "small"],
        ["psnr_y:", "n/a:", "no", "reason"],
    ]

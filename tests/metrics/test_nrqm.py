"""Ma's metric: features and forests against pyiqa, the authors' rules against the words of their definition."""

from __future__ import annotations

import dataclasses
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.io
from scipy.fft import dctn
from torchvision_stub import import_or_skip

import bench.metrics.nrqm as module
import bench.metrics.nrqm_features as features
from bench.data.images import F64, U8, read_image, rgb2gray
from bench.data.resize import resize_float
from bench.errors import BadInput, MissingWeights
from bench.metrics.nrqm import evaluate, load_model, ma, ma_features, predict
from bench.metrics.nrqm_features import AUTHORS, PYIQA, Rules
from bench.metrics.steerable import decompose
from bench.runtime.weights import WEIGHTS

CALIBRATION = Path(sysconfig.get_path("purelib")) / "ResultsCalibra" / "dist_dir"
OFFICIAL = {"I03": 1.3894, "I04": 8.9394, "I06": 8.9735, "I08": 6.8290, "I19": 6.3120}
SIZES = (18, 45, 75)
CROPS = [("I04", 201, 173), ("I03", 96, 97), ("I06", 100, 150), ("I08", 45, 165), ("I19", 130, 131)]


def calibration(name: str) -> U8:
    path = CALIBRATION / f"{name}.bmp"
    if not path.is_file():
        pytest.skip("needs the calibration pictures that the package pyiqa ships")
    return read_image(path)


@pytest.fixture(scope="module")
def pyiqa() -> ModuleType:
    return import_or_skip("pyiqa", "pyiqa.archs.nrqm_arch")


def pyiqa_features(pyiqa: ModuleType, picture: F64) -> tuple[F64, F64, F64]:
    import torch

    plane = torch.from_numpy(picture)[None, None]
    pyramid = pyiqa.get_gauss_pyramid(plane / 255.0)
    tiles = [pyiqa.im2col(level, 5, "distinct") for level in pyramid]
    groups = (
        [pyiqa.block_dct(level) for level in pyramid],
        [pyiqa.global_gsm(plane)],
        [torch.linalg.svd(matrix, full_matrices=False)[1] for matrix in tiles],
    )
    local, glob, spatial = (torch.cat(group, dim=1)[0].numpy() for group in groups)
    return local, glob, spatial


def random_trees(features: int, seed: int, nodes: int = 577, trees: int = 2000) -> dict[str, Any]:
    """A forest of the published layout: each split turns a random leaf of every tree into two."""
    random = np.random.default_rng(seed)
    shape = (nodes, trees)
    left, right, feature = (np.zeros(shape, np.int32) for _ in range(3))
    leaves = np.zeros((trees, nodes // 2 + 1), np.int64)
    each = np.arange(trees)
    for split in range(nodes // 2):
        chosen = random.integers(0, split + 1, trees)
        node = leaves[each, chosen]
        left[node, each], right[node, each] = 2 * split + 2, 2 * split + 3
        feature[node, each] = random.integers(1, features + 1, trees)
        leaves[each, chosen], leaves[:, split + 1] = 2 * split + 1, 2 * split + 2
    threshold, mean = random.normal(size=shape), random.uniform(0, 10, shape)
    status, count = np.where(left == 0, -1, -3), np.full((trees, 1), nodes)
    names = ("lDau", "rDau", "nodestatus", "nrnodes", "upper", "avnode", "mbest")
    return dict(zip(names, (left, right, status, count, threshold, mean, feature), strict=True))


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cells = np.empty((1, 3), dtype=object)
    for i, size in enumerate(SIZES):
        cells[0, i] = random_trees(size, seed=i)
    path = tmp_path_factory.mktemp("nrqm") / "model.mat"
    scipy.io.savemat(path, {"model": {"rf": cells, "linear": np.array([[0.3], [0.2], [0.5], [0.25]])}})
    return path


@pytest.mark.parametrize(("name", "height", "width"), CROPS)
def test_features_of_odd_sizes_are_pyiqa_s_under_its_rules(
    name: str, height: int, width: int, pyiqa: ModuleType
) -> None:
    image = calibration(name)[40 : 40 + height, 60 : 60 + width]
    for ours, theirs in zip(ma_features(image, PYIQA), pyiqa_features(pyiqa, rgb2gray(image)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", OFFICIAL)
def test_features_of_the_calibration_pictures_are_pyiqa_s_under_its_rules(name: str, pyiqa: ModuleType) -> None:
    image = calibration(name)
    for ours, theirs in zip(ma_features(image, PYIQA), pyiqa_features(pyiqa, rgb2gray(image)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-12)


def test_forests_and_score_are_pyiqa_s(model_file: Path, pyiqa: ModuleType) -> None:
    theirs = pyiqa.NRQM(pretrained_model_path=str(model_file))
    model = load_model(model_file, SIZES)
    random = np.random.default_rng(7)
    groups = tuple(random.normal(size=size) for size in SIZES)
    expected = [1.0]
    for forest, parameters, group in zip(model.forests, theirs.rf_params_list, groups, strict=True):
        expected.append(_pyiqa_forest(pyiqa, group, parameters))
        assert evaluate(forest, group) == pytest.approx(expected[-1], rel=1e-12)
    assert predict(model, groups) == pytest.approx(float(expected @ theirs.linear_param[:, 0]), rel=1e-12)


def _pyiqa_forest(pyiqa: ModuleType, group: F64, parameters: list[Any]) -> float:
    import torch

    return float(pyiqa.random_forest_regression(torch.from_numpy(group[None]), *parameters)[0, 0])


def test_the_whole_metric_is_pyiqa_s_under_its_rules(
    model_file: Path, pyiqa: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    image = calibration("I04")[100:221, 200:333]
    theirs = pyiqa.NRQM(pretrained_model_path=str(model_file))
    plane = torch.from_numpy(rgb2gray(image))[None, None]
    expected = float(pyiqa.nrqm(plane, theirs.linear_param, theirs.rf_params_list))
    monkeypatch.setattr(module, "locate", lambda name: model_file)
    assert ma(image, PYIQA) == pytest.approx(expected, abs=1e-4)


def test_the_authors_values_are_met() -> None:
    if WEIGHTS.get("nrqm") is None or WEIGHTS["nrqm"].found is None:
        pytest.skip("needs the published forests: weights 'nrqm' under BENCH_WEIGHTS")
    for name, value in OFFICIAL.items():
        assert ma(calibration(name)) == pytest.approx(value, rel=0.02, abs=0.05)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Rules)])
def test_each_rule_changes_the_features(field: str) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (86, 91)).astype(np.uint8)
    changed = ma_features(picture, dataclasses.replace(AUTHORS, **{field: True}))
    moved = [not np.allclose(a, b, rtol=1e-9) for a, b in zip(ma_features(picture), changed, strict=True)]
    local = field in ("centred", "shifted_tails")
    assert moved == [local, not local, False]


def test_the_authors_patches_are_blkproc_s() -> None:
    """Blocks of 3x3 with 2 pixels around; zeros outside, the last blocks filled up behind."""
    picture = np.random.default_rng(2).random((10, 8))
    padded = np.zeros((12 + 4, 9 + 4))
    padded[2:12, 2:10] = picture
    blocks = [padded[y : y + 7, x : x + 7].ravel() for y in range(0, 12, 3) for x in range(0, 9, 3)]
    np.testing.assert_array_equal(features._patches(picture, centred=False).T, blocks)


def test_block_statistics_follow_their_definition() -> None:
    """Shape, variation and oriented spread of each block, then tails of a tenth, spelled out with loops."""
    picture = np.random.default_rng(3).random((21, 33))
    rows = ("0111111", "3211111", "3322111", "3322211", "3332222", "3333222", "3333222")
    cones = np.array([list(row) for row in rows])
    shapes, variations, spreads = [], [], []
    for block in features._patches(picture, centred=False).T:
        coefficients = dctn(block.reshape(7, 7), norm="ortho")
        rest = coefficients.ravel()[1:]
        ratio = rest.var(ddof=1) / (np.abs(rest - rest.mean()).mean() ** 2 + 1e-7)
        shapes.append(features.SHAPES[np.abs(features.RATIOS - ratio).argmin()])
        variations.append(np.abs(rest).std(ddof=1) / (np.abs(rest).mean() + 1e-7))
        groups = [np.abs(coefficients[cones == cone]) for cone in "123"]
        spreads.append(np.var([group.std(ddof=1) / (group.mean() + 1e-8) for group in groups], ddof=1))
    count = len(shapes)  # 77
    expected = [np.mean(sorted(shapes)[:8]), np.mean(shapes)]
    for values in (variations, spreads):
        expected += [np.mean(sorted(values)[int(0.9 * count) - 1 :]), np.mean(values)]
    np.testing.assert_allclose(features._block_dct(picture, AUTHORS), expected, rtol=1e-10)


@pytest.mark.parametrize("orientation", [0, 4, 5])
def test_the_authors_subbands_follow_their_definition(orientation: int) -> None:
    """Over the deviation by 3x3 neighbours, parent (not for the last orientation) and the other orientations."""
    pyramid = decompose(np.random.default_rng(6).normal(128, 30, (61, 70)))
    fine, coarse = pyramid.bands
    height, width = fine.shape[1:]
    columns = [np.roll(fine[orientation], (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    if orientation < 5:
        columns.append(resize_float(coarse[orientation], 2, border="symmetric")[:height, :width])
    count = len(columns)
    columns += [fine[k] for k in range(6) if k != orientation]
    matrix = np.stack([column[1:-1, 1:-1].ravel() for column in columns], axis=1)
    inverse = np.linalg.pinv(matrix.T @ matrix / len(matrix))
    deviation = np.sqrt(((matrix @ inverse) * matrix).sum(axis=1) / count).reshape(height - 2, width - 2)
    inner = fine[orientation, 1:-1, 1:-1]
    expected = ((inner - inner.mean()) / deviation)[16:-16, 16:-16]
    ours = features._normalise(pyramid.bands, 0, AUTHORS)[orientation]
    np.testing.assert_allclose(ours, expected - expected.mean(), rtol=1e-8, atol=1e-9)


def test_a_wave_in_the_fine_octave_keeps_its_power_and_leaves_the_coarse_bands_empty() -> None:
    """In the fine level's pass band no power is lost or counted twice."""
    y, x = np.mgrid[:128, :128]
    wave = np.cos(2 * np.pi * (24 * x + 22 * y) / 128)  # radius 0.51 of the highest frequency: in the fine bands
    highpass, (fine, coarse) = decompose(wave)
    power = (fine**2).sum() + (highpass**2).sum()
    assert power == pytest.approx((wave**2).sum(), rel=1e-4)
    assert (coarse**2).sum() < 1e-9 * power


@pytest.mark.parametrize("smoothing", [0, 1, 2])
def test_singular_values_are_lapack_s(smoothing: int) -> None:
    picture = np.random.default_rng(4).random((83, 91))
    for _ in range(2 * smoothing):
        picture = (picture + np.roll(picture, 1, 0) + np.roll(picture, 1, 1) + np.roll(picture, (1, 1), (0, 1))) / 4
    padded = np.pad(picture, ((0, 2), (0, 4)))
    tiles = padded.reshape(17, 5, 19, 5).transpose(1, 3, 0, 2).reshape(25, -1)
    np.testing.assert_allclose(
        features._singular_values(picture), np.linalg.svd(tiles, compute_uv=False), rtol=1e-9, atol=1e-14
    )


def test_rgb_with_equal_channels_has_the_features_of_its_grey_picture() -> None:
    grey = np.random.default_rng(5).integers(0, 256, (90, 100)).astype(np.uint8)
    for a, b in zip(ma_features(grey), ma_features(np.repeat(grey[:, :, None], 3, axis=2)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_flat_picture_has_finite_features() -> None:
    assert all(np.isfinite(group).all() for group in ma_features(np.full((96, 96), 128, np.uint8)))


def test_a_picture_too_small_is_refused_with_its_size() -> None:
    for height, width in ((44, 300), (80, 80)):
        with pytest.raises(BadInput, match=f"{width}x{height}"):
            ma_features(np.zeros((height, width, 3), np.uint8))
    assert [len(group) for group in ma_features(np.eye(84, dtype=np.uint8))] == list(SIZES)


def test_without_the_forests_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match="nrqm"):
        ma(np.zeros((96, 96), np.uint8))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path, model_file: Path) -> None:
    other = tmp_path / "other.mat"
    scipy.io.savemat(other, {"model": np.eye(3)})
    with pytest.raises(BadInput, match=r"other\.mat"):
        load_model(other, SIZES)
    with pytest.raises(BadInput, match="features"):
        load_model(model_file, (18, 45, 25))

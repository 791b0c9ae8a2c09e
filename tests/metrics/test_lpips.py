"""LPIPS and ST-LPIPS against the authors' packages and official values; DISTS without its files."""

from __future__ import annotations

import contextlib
import io
import sys
import types
from typing import Any

import numpy as np
import pytest
import torch
from pictures import calibration_pair, smooth
from torchvision_stub import make_torchvision_importable

from bench.data.images import U8
from bench.errors import BadInput, MissingWeights
from bench.metrics import METRICS, Sample
from bench.metrics import lpips as module
from bench.metrics.lpips import BUILDERS, FILES, SMALLEST, Distance, Network, build, lpips, network
from bench.runtime import weights

OFFICIAL = {"I03": 0.7237, "I04": 0.2572, "I06": 0.05079, "I08": 0.05205, "I19": 0.4253}
NETWORKS: tuple[Network, ...] = ("alex", "squeeze", "vgg", "st-alex")
SIZES = ((64, 80), (37, 41), (33, 52))


def require(name: str) -> None:
    """Skip where the named weights are not on this machine."""
    try:
        weights.locate(name)
    except MissingWeights as error:
        pytest.skip(str(error))


def author_package(name: str) -> Any:
    """The authors' package, imported; what it asks of torchvision, IPython and torchsummary is never called."""
    try:
        make_torchvision_importable()
    except ModuleNotFoundError:
        pytest.skip("needs torchvision")
    with pytest.MonkeyPatch.context() as patch:  # other tests must not find them
        for absent, attribute in (("IPython", "embed"), ("torchsummary", "summary")):
            module = types.ModuleType(absent)
            setattr(module, attribute, None)
            if absent not in sys.modules:
                patch.setitem(sys.modules, absent, module)
        return pytest.importorskip(name)


def pairs() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Random pictures in [-1, 1] and noisy copies, two at a time, of several sizes."""
    found = []
    generator = torch.Generator().manual_seed(0)
    for height, width in SIZES:
        x = torch.rand(2, 3, height, width, generator=generator) * 2 - 1
        noise = torch.randn(x.shape, generator=generator)
        found.append((x, (x + 0.5 * noise).clamp(-1, 1)))
    return found


def farthest(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first.flatten() - second.flatten()).abs().max())


def noisy(side: int, seed: int = 0) -> tuple[U8, U8]:
    random = np.random.default_rng(seed)
    first, second = random.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    return first, second


def random_network(name: Network) -> Distance:
    """The architecture with seeded random features and linear layers of ones."""
    torch.manual_seed(0)
    distance = BUILDERS[name]()
    linear = {f"lin{i}.model.1.weight": torch.ones(1, len(w), 1, 1) for i, w in enumerate(distance.linear)}
    return build(name, distance.state_dict(), linear)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["alex", "squeeze", "vgg"])
def test_lpips_equals_the_authors_package_on_any_features(name: Network) -> None:
    package = author_package("lpips")
    torch.manual_seed(0)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = package.LPIPS(net=name, pnet_rand=True)
    features = {f"features.{key.split('.', 2)[2]}": v for key, v in theirs.state_dict().items() if "net.slice" in key}
    ours = build(name, features, weights.load(FILES[name][1]))
    for x, y in pairs():
        with torch.no_grad():
            expected = theirs(x, y).flatten()
        assert farthest(ours(x, y), expected) < 1e-5 * max(1.0, float(expected.max()))
        assert expected.min() > 1e-3


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["alex", "squeeze"])
def test_lpips_equals_the_authors_package_with_the_published_weights(name: Network) -> None:
    require(FILES[name][0])
    package = author_package("lpips")
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = package.LPIPS(net=name, pnet_rand=True)
    published = weights.load(FILES[name][0])
    state = {key: published.get(f"features.{key.split('.', 2)[2]}") for key in theirs.state_dict() if "net.s" in key}
    theirs.load_state_dict({**theirs.state_dict(), **state})
    for x, y in pairs():
        with torch.no_grad():
            assert farthest(network(name)(x, y), theirs(x, y)) < 1e-5


def test_st_lpips_equals_the_authors_package() -> None:
    package = author_package("stlpips_pytorch.stlpips")
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = package.LPIPS(net="alex", variant="shift_tolerant")
    for x, y in pairs():
        with torch.no_grad():
            expected = theirs(x, y).flatten()
        assert farthest(network("st-alex")(x, y), expected) < 1e-5
        assert expected.min() > 1e-3


@pytest.mark.parametrize("name", OFFICIAL)
def test_lpips_alex_reproduces_the_official_values(name: str) -> None:
    distorted, reference = calibration_pair(name)
    value = METRICS["lpips_alex"].function(Sample(distorted, reference, None, 4))
    assert value == pytest.approx(OFFICIAL[name], rel=2e-4)


def test_st_lpips_bears_a_shift_of_one_pixel_better_than_lpips() -> None:
    require("stlpips-alex")
    picture = calibration_pair("I06")[1][:129, :129]
    shifted, still = picture[:, 1:], picture[:, :-1]
    assert lpips(shifted[1:], still[1:], "st-alex") < 0.5 * lpips(shifted[1:], still[1:], "alex")


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_pictures_have_no_distance_and_order_does_not_matter(name: Network) -> None:
    distance = random_network(name)
    x, y = pairs()[0]
    assert distance(x, x).abs().max() == 0
    assert farthest(distance(x, y), distance(y, x)) < 1e-5
    assert distance(x, y).min() > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_the_smallest_size_is_the_smallest_that_works(name: Network) -> None:
    distance = random_network(name)
    side = SMALLEST[name]
    assert torch.isfinite(distance(torch.zeros(1, 3, side, side), torch.ones(1, 3, side, side))).all()
    with pytest.raises((RuntimeError, AssertionError)):
        smaller = distance(torch.zeros(1, 3, side - 1, side - 1), torch.ones(1, 3, side - 1, side - 1))
        assert torch.isfinite(smaller).all()
    with pytest.raises(BadInput, match=f"needs {side} pixels a side"):
        lpips(*noisy(side - 1), name)


def test_grey_pictures_are_repeated() -> None:
    require("stlpips-alex")
    sr, hr = (picture[:, :, 0] for picture in noisy(40))
    stacked = [np.repeat(picture[:, :, None], 3, axis=2) for picture in (sr, hr)]
    assert lpips(sr, hr, "st-alex") == lpips(stacked[0], stacked[1], "st-alex")


def test_a_network_is_built_once_and_frozen() -> None:
    require("stlpips-alex")
    assert network("st-alex") is network("st-alex")
    assert not any(parameter.requires_grad for parameter in network("st-alex").parameters())
    assert not network("st-alex").training


def test_missing_weights_are_named_with_the_remedy(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    network.cache_clear()
    with pytest.raises(MissingWeights, match=r"'squeezenet'.*fetch squeezenet"):
        lpips(*noisy(32), "squeeze")


def test_a_state_with_a_wrong_shape_is_refused() -> None:
    require("lpips-alex")
    state = random_network("alex").state_dict()
    with pytest.raises(RuntimeError, match=r"features\.0\.weight"):
        build("alex", {**state, "features.0.weight": torch.zeros(1)}, weights.load("lpips-alex"))


def test_dists_says_which_file_is_missing_and_downloads_nothing(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(MissingWeights, match=r"vgg16-397923af\.pth"):
        METRICS["dists"].function(Sample(*noisy(32), None, 4))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", NETWORKS)
def test_cuda_gives_the_same_distance(name: Network) -> None:
    distance = random_network(name)
    x, y = pairs()[0]
    expected = distance(x, y)
    assert farthest(distance.to("cuda")(x.to("cuda"), y.to("cuda")).cpu(), expected) < 1e-3 * float(expected.max())


def test_a_remembered_hr_gives_the_same_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    hr, first, second = (smooth(seed, 64, 64, 3) for seed in (0, 1, 2))
    fresh = [lpips(sr, hr, "st-alex") for sr in (first, second)]
    assert [lpips(sr, hr, "st-alex") for sr in (first, second)] == fresh
    monkeypatch.setattr(module, "_MEMORY", 0)
    module._memory.clear()
    assert [lpips(sr, hr, "st-alex") for sr in (first, second)] == fresh
    assert len(module._memory) == 1

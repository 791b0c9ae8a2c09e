"""METRICS: what can be measured on an 8-bit SR picture, each with its protocol, unit, direction and source.

Importing this module imports neither torch nor scipy: a metric fetches what it needs when it is called. Each is also a
function of arrays or tensors by its key, `metrics.psnr_y(sr, hr, scale=4)`: see bench.metrics.arrays.

How pictures meet. The HR loses its last rows and columns where that makes it a multiple of the scale and equal in
size to the SR; any other difference of size raises BadInput. A grey HR (mode L) is its own luma and is not converted.
Where exactly one of the two is grey: an RGB SR against a grey HR becomes full-range BT.601 grey (0.299 R + 0.587 G +
0.114 B, rounded to 8 bits); a grey SR against an RGB HR is repeated to three channels. The same rules join SR and LR.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.data.images import F64, U8, crop_border, crop_to_multiple, grey, luma, rounded_luma, to_rgb
from bench.errors import BadInput, unknown
from bench.metrics import fidelity, kernels, phases
from bench.metrics.fidelity import PIRM_BORDER

if TYPE_CHECKING:
    from bench.metrics.lpips import Network

Measure = Callable[[NDArray[Any], NDArray[Any], int], float]


@dataclass(frozen=True)
class Sample:
    """One SR picture and what it may be compared with. `lr`: what the network saw; `corrected`: as it made it first.

    Pictures: uint8, (h, w) or (h, w, 3). `kernel`: the estimated blur kernel, `true_kernel`: the one that made the
    LR; any (k, k), float64, cross-correlation orientation. `draws`: further SR of the LR, by other noise;
    `seeds`: by other trainings. `gradient_cosine`: of the run that made it, see METRICS.
    """

    sr: U8
    hr: U8 | None
    lr: U8 | None
    scale: int
    kernel: F64 | None = None
    true_kernel: F64 | None = None
    draws: tuple[U8, ...] = ()
    seeds: tuple[U8, ...] = ()
    gradient_cosine: float | None = None
    corrected: U8 | None = None


@dataclass(frozen=True)
class Metric:
    """One number about a Sample. `function` raises BadInput, MissingWeights among it, where there is no number.

    `needs`: the fields of the Sample besides `sr`; `weights`: names in WEIGHTS. `mean` is how a set's figure comes
    from its pictures': arithmetic, or the root of the mean square. `torch`: whether torch computes it.
    """

    key: str
    function: Callable[[Sample], float]
    unit: str
    better: Literal["higher", "lower"]
    protocol: str
    source: str
    needs: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    mean: Literal["arithmetic", "quadratic"] = "arithmetic"
    torch: bool = False

    @property
    def sign(self) -> float:
        """1 where higher is better, else -1."""
        return 1.0 if self.better == "higher" else -1.0


def match(sr: U8, other: U8) -> tuple[U8, U8]:
    """Both pictures with the same number of channels, by the rule above; `other` keeps its own."""
    if sr.ndim > other.ndim:
        return grey(sr), other
    return (to_rgb(sr), other) if sr.ndim < other.ndim else (sr, other)


def pair(sample: Sample) -> tuple[U8, U8]:
    """(SR, HR) of one size and kind. Raises BadInput, naming both sizes, where the HR does not fit."""
    if sample.hr is None:
        raise BadInput("needs the HR picture; give --hr")
    hr = sample.hr
    if hr.shape[:2] != sample.sr.shape[:2]:
        hr = crop_to_multiple(hr, sample.scale)
    if hr.shape[:2] != sample.sr.shape[:2]:
        sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (sample.sr, sample.hr)]
        raise BadInput(f"SR is {sizes[0]}, HR {sizes[1]} (scale {sample.scale}); give pictures of one size")
    return match(sample.sr, hr)


def _on(channels: Callable[[U8], NDArray[Any]], measure: Measure, sample: Sample) -> float:
    """The measure of these channels of both pictures, a border of `scale` dropped."""
    sr, hr = pair(sample)
    return measure(channels(sr), channels(hr), sample.scale)


_BASIC = (fidelity.psnr, fidelity.ssim)
_psnr_y, _ssim_y, _luma_error = (partial(_on, luma, measure) for measure in (*_BASIC, fidelity.luma_error))
_psnr_y_rounded, _ssim_y_rounded = (partial(_on, rounded_luma, measure) for measure in _BASIC)
_psnr_rgb, _ssim_rgb = (partial(_on, np.asarray, measure) for measure in _BASIC)


def _rmse_pirm(sample: Sample) -> float:
    return fidelity.rmse_pirm(*pair(sample))


def _lr_psnr(sample: Sample) -> float:
    if sample.lr is None:
        raise BadInput("needs the LR picture; give --lr")
    return fidelity.lr_psnr(*match(sample.sr, sample.lr), sample.scale)


def _on_luma(measure: Callable[[F64, int], float], sample: Sample) -> float:
    return measure(luma(sample.sr), sample.scale)


_phase_deviation, _lattice_excess = (partial(_on_luma, of) for of in (phases.phase_deviation, phases.lattice_excess))


def _spread(among: Literal["draws", "seeds"], lacking: str, sample: Sample) -> float:
    others = getattr(sample, among)
    if not others:
        raise BadInput(lacking)
    return phases.spread([sample.sr, *others])


_diversity = partial(_spread, "draws", "one SR of each LR: the generator draws nothing")
_seed_deviation = partial(_spread, "seeds", "one seed was trained")


def _gradient_cosine(sample: Sample) -> float:
    if sample.gradient_cosine is None:
        raise BadInput("the run did not train with an adversarial loss beside L_ds or L1")
    return sample.gradient_cosine


def _corrected_psnr(sample: Sample) -> float:
    given = sample.lr if sample.corrected is None else sample.corrected
    if sample.hr is None or given is None:
        raise BadInput("needs the HR and the LR picture; give --hr and --lr")
    return fidelity.lr_psnr(*match(crop_to_multiple(sample.hr, sample.scale), given), sample.scale)


def _lpips(name: Network, sample: Sample) -> float:
    from bench.metrics.lpips import lpips

    return lpips(*pair(sample), name)


def _dists(sample: Sample) -> float:
    from bench.metrics.pyiqa_dists import dists

    return dists(*pair(sample))


def _niqe(sample: Sample) -> float:
    from bench.metrics.niqe_model import niqe_of

    return niqe_of(sample.sr)


def _niqe_pirm(sample: Sample) -> float:
    from bench.metrics.niqe_model import niqe_pirm

    return niqe_pirm(sample.sr)


def _ma(sample: Sample) -> float:
    plane = crop_border(rounded_luma(sample.sr), PIRM_BORDER)
    return _ma_of(plane.tobytes(), plane.shape[0])


@lru_cache(maxsize=8)
def _ma_of(pixels: bytes, height: int) -> float:
    """Ma's score, remembered for as long as `pi` may ask for it again: it takes seconds."""
    from bench.metrics.nrqm import ma

    return ma(np.frombuffer(pixels, np.uint8).reshape(height, -1))


def _pi(sample: Sample) -> float:
    return 0.5 * (_niqe_pirm(sample) + 10 - _ma(sample))


def _on_kernels(measure: Callable[[F64, F64], float], sample: Sample) -> float:
    if sample.kernel is None or sample.true_kernel is None:
        raise BadInput("needs the estimated and the true kernel; give --kernels and --true-kernels")
    return measure(sample.kernel, sample.true_kernel)


_kernel_psnr, _kernel_ncc = (partial(_on_kernels, measure) for measure in (kernels.kernel_psnr, kernels.kernel_ncc))


_WANG = "Wang et al., IEEE TIP 2004"
_RCAN = "MATLAB evaluation of Zhang et al. (RCAN), ECCV 2018"
_LPIPS = "Zhang et al., CVPR 2018"
_PIRM = "Blau et al., PIRM challenge, ECCVW 2018"
_ESRGAN = "brightness in Wang et al. (ESRGAN), ECCVW 2018, section 3.3"
_NIQE = "Mittal et al., IEEE SPL 2013"
_MA = "Ma et al., CVIU 2017, as used by PIRM 2018"
_DISTS = "Ding et al., IEEE TPAMI 2022"
_BLIND = "usual in blind super-resolution; alignment as documented in bench.metrics.kernels"
_SPACE = "article on a loss in the downsampled space"
_ARTIFACTS = f"artifacts in the {_SPACE}"
_NULL_SPACE = "null space of bicubic shrinking"
_ODENA = "Odena et al., Distill 2016"
_RANDOM_START = f"what the loss leaves to the random start, after the {_SPACE}"
_CONFLICT = f"conflict of losses in the {_SPACE}; Yu et al., NeurIPS 2020"
_BAHAT = "consistency with the input, as in Bahat & Michaeli, CVPR 2020"
_ST = "Ghildyal & Liu, ECCV 2022"
_FLOAT_Y = "Y of MATLAB's rgb2ycbcr in float, border of `scale` pixels dropped"
_ROUNDED_Y = "Y of MATLAB's rgb2ycbcr rounded to 8 bits, border of `scale` pixels dropped"
_RGB = "all three channels, border of `scale` pixels dropped"
_GAUSS = "11x11 Gaussian of sigma 1.5, valid positions only"
_CORRECTED = (
    "RGB, uncropped: the LR, corrected where the method does so first, against the HR shrunk by MATLAB's bicubic"
)
_CONSISTENT = "RGB, nothing cropped: the SR shrunk by MATLAB's bicubic (8 bits after each pass) against the LR"
_PHASES = "float Y less the mean of each s x s block: standard deviation over the means of its s^2 phases"
_LATTICE = "float Y, Hann's window: energy at multiples of pi/s over that 2 to 4 bins beside them"
_OTHER_NOISE = "RGB: standard deviation over 4 SR of one LR, drawn with other noise; mean over pixels and channels"
_OTHER_SEEDS = "RGB: standard deviation over the SR of all seeds of a variant, mean over pixels and channels"
_GRADIENTS = "of the angle between two gradients of the SR, the GAN's and that of L_ds and L1: mean over the training"
_WHOLE = "whole RGB picture scaled to [-1, 1]"
_TOLERANT = f"shift-tolerant AlexNet; {_WHOLE}"
_ALIGNED = "centres of mass aligned by a sub-pixel shift"
_PEAK = "peak: the true kernel's; squared error over the size of the true kernel's support"
_SHAVED = "8-bit Y, border of 4 pixels dropped"
_HR, _KERNELS = ("hr",), ("kernel", "true_kernel")
_BOTH, _ST_WEIGHTS = ("niqe", "nrqm"), ("stlpips-alex",)
_LPIPS_NETWORKS: tuple[tuple[Network, str], ...] = (("alex", "alexnet"), ("squeeze", "squeezenet"), ("vgg", "vgg16"))


def _lpips_metric(name: Network, network: str) -> Metric:
    """LPIPS on a network, by its name in WEIGHTS."""
    protocol, weights = f"v0.1 linear layers on {network}; {_WHOLE}", (network, f"lpips-{name}")
    return Metric(f"lpips_{name}", partial(_lpips, name), "1", "lower", protocol, _LPIPS, _HR, weights, torch=True)


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("psnr_y", _psnr_y, "dB", "higher", _FLOAT_Y, _RCAN, _HR),
        Metric("ssim_y", _ssim_y, "1", "higher", f"{_FLOAT_Y}; {_GAUSS}", _WANG, _HR),
        Metric("psnr_y_rounded", _psnr_y_rounded, "dB", "higher", _ROUNDED_Y, "MATLAB on uint8 pictures", _HR),
        Metric("ssim_y_rounded", _ssim_y_rounded, "1", "higher", f"{_ROUNDED_Y}; {_GAUSS}", _WANG, _HR),
        Metric("psnr_rgb", _psnr_rgb, "dB", "higher", _RGB, "BasicSR and mmagic model zoos", _HR),
        Metric("ssim_rgb", _ssim_rgb, "1", "higher", f"{_RGB}, mean over them; {_GAUSS}", _WANG, _HR),
        Metric("rmse_pirm", _rmse_pirm, "grey levels", "lower", _SHAVED, _PIRM, _HR, mean="quadratic"),
        Metric("luma_error", _luma_error, "grey levels", "lower", f"|mean SR - mean HR| of {_FLOAT_Y}", _ESRGAN, _HR),
        Metric("lr_psnr", _lr_psnr, "dB", "higher", _CONSISTENT, _BAHAT, ("lr",)),
        Metric("phase_deviation", _phase_deviation, "grey levels", "lower", _PHASES, f"{_ARTIFACTS}; {_NULL_SPACE}"),
        Metric("lattice_excess", _lattice_excess, "dB", "lower", _LATTICE, f"{_ARTIFACTS}; {_ODENA}"),
        Metric("diversity", _diversity, "grey levels", "higher", _OTHER_NOISE, f"one-to-many in the {_SPACE}"),
        Metric("seed_deviation", _seed_deviation, "grey levels", "lower", _OTHER_SEEDS, _RANDOM_START),
        Metric("gradient_cosine", _gradient_cosine, "1", "higher", _GRADIENTS, _CONFLICT),
        Metric("corrected_psnr", _corrected_psnr, "dB", "higher", _CORRECTED, "Maeda, CVPR 2020", ("hr", "lr")),
        *(_lpips_metric(name, network) for name, network in _LPIPS_NETWORKS),
        Metric("stlpips_alex", partial(_lpips, "st-alex"), "1", "lower", _TOLERANT, _ST, _HR, _ST_WEIGHTS, torch=True),
        Metric("niqe", _niqe, "1", "lower", "8-bit grey of the whole picture", _NIQE, weights=("niqe",)),
        Metric("niqe_pirm", _niqe_pirm, "1", "lower", _SHAVED, _PIRM, weights=("niqe",)),
        Metric("ma", _ma, "1", "higher", _SHAVED, _MA, weights=("nrqm",)),
        Metric("pi", _pi, "1", "lower", "(niqe_pirm + 10 - ma) / 2 of each picture", _PIRM, weights=_BOTH),
        Metric("dists", _dists, "1", "lower", "whole RGB picture, by pyiqa", _DISTS, _HR, torch=True),
        Metric("kernel_psnr", _kernel_psnr, "dB", "higher", f"{_PEAK}; {_ALIGNED}", _BLIND, _KERNELS),
        Metric("kernel_ncc", _kernel_ncc, "1", "higher", f"cosine, means kept; {_ALIGNED}", _BLIND, _KERNELS),
    )
}

DEFAULT_METRICS = (
    "psnr_y",
    "ssim_y",
    "psnr_rgb",
    "ssim_rgb",
    "lr_psnr",
    "lpips_alex",
    "stlpips_alex",
    "niqe",
    "ma",
    "pi",
)


def __getattr__(name: str) -> Callable[..., float | F64]:
    """The metric of that key as a function of arrays or tensors. Raises AttributeError, naming the nearest."""
    if name not in METRICS:
        raise AttributeError(str(unknown("metric", name, METRICS)))
    from bench.metrics.arrays import measure

    return partial(measure, METRICS[name])

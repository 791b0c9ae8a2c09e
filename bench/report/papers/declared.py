"""TABLES: the papers' tables, each as rows of methods and columns of (data set, scale, degradation, metric).

What a paper prints is in reported.csv; what stands here is which of our runs belongs beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from bench.report.papers.conditions import CONDITIONS


@dataclass(frozen=True)
class Row:
    """label: the method as the paper names it, with its variant. ours: '<method>.<variant>', '' where there is none
    here. conditions: a key of CONDITIONS, '' where the paper prints no figure to compare with."""

    method: str
    variant: str = ""
    ours: str = ""
    conditions: str = ""

    @property
    def label(self) -> str:
        """The name in the first column."""
        return f"{self.method} ({self.variant})" if self.variant else self.method


@dataclass(frozen=True)
class Column:
    """One figure of every row. measured_on: data sets that stand in, the first that is scored here, where the
    paper's own is not to be had."""

    dataset: str
    metric: str
    scale: int = 4
    degradation: str = "bicubic"
    measured_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class PaperTable:
    """One table of a paper. source: its name in reported.csv. only_shown: the paper shows pictures, no figures."""

    id: str
    title: str
    source: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    note: str
    only_shown: bool = False


def _rows(*keys: str | Row) -> tuple[Row, ...]:
    """Rows from the names of KNOWN; a Row stands for itself."""
    return tuple(KNOWN[key] if isinstance(key, str) else key for key in keys)


def _known(method: str, conditions: str, variant: str = "") -> Row:
    return Row(method, variant, CONDITIONS[conditions].method, conditions)


KNOWN: dict[str, Row] = {
    "bicubic": _known("Bicubic", "bicubic"),
    "srcnn": _known("SRCNN", "srcnn"),
    "srcnn-291": _known("SRCNN", "srcnn-291"),
    "espcn": _known("ESPCN", "espcn"),
    "espcn-91": _known("ESPCN", "espcn-91", "91 pictures"),
    "srresnet": _known("SRResNet", "srresnet"),
    "srgan": _known("SRGAN", "srgan"),
    "msrresnet": _known("MSRResNet", "msrresnet"),
    "msrgan": _known("MSRGAN", "msrgan"),
    "edsr": _known("EDSR", "edsr"),
    "edsr-baseline": _known("EDSR", "edsr-baseline", "baseline"),
    "rcan": _known("RCAN", "rcan"),
    "ddbpn": _known("D-DBPN", "ddbpn"),
    "enhancenet": _known("EnhanceNet", "enhancenet"),
    "rrdb-div2k": _known("RRDB", "rrdb-div2k", "DIV2K"),
    "rrdb": _known("RRDB", "rrdb", "DF2K"),
    "esrgan": _known("ESRGAN", "esrgan"),
    "drn-s": _known("DRN-S", "drn-s"),
    "drn-l": _known("DRN-L", "drn-l"),
    **{name: Row(name) for name in ("FSRCNN", "VDSR", "LapSRN", "MemNet", "RDN", "SAN", "HAN", "CARN", "IMDN")},
    "SwinIR": Row("SwinIR", "DF2K"),
}
SETS = ("Set5", "Set14", "BSD100", "Urban100", "Manga109")
FIDELITY = ("psnr_y", "ssim_y")
PICTURES: dict[str, tuple[str, ...]] = {  # data set/picture: its stems in the layouts of the data set
    "Set14/baboon": ("baboon", "img_001"),
    "Set14/face": ("face", "img_006"),
    "BSD100/102061": ("102061", "img_003"),
    "BSD100/43074": ("43074", "img_080"),
    "BSD100/126007": ("126007", "img_014"),
    "BSD100/16077": ("16077", "img_027"),
    "BSD100/302008": ("302008", "img_063"),
    "BSD100/105025": ("105025", "img_005"),
}
_LUMA = (
    "Luma only, a border of `scale` pixels dropped. The bicubic row of the literature was made on luma alone: 8-bit Y "
    "of the HR, shrunk and enlarged in float, rounded once at the end. On Set5 that gives the printed digits at ×2, ×3 "
    "and ×4 (`python -m bench diagnose` lists it among the pipelines); here bicubic enlarges the 8-bit RGB LR that "
    "the networks are given, which gives a hundredth of a decibel more: 28.43 for 28.42 at ×4."
)
_EARLY = ("bicubic", "srcnn", "FSRCNN", "VDSR", "LapSRN", "MemNet")
_LATE = ("edsr-baseline", "edsr", "ddbpn", "RDN", "rcan", "SAN", "HAN", "CARN", "IMDN", "SwinIR")


def _columns(sets: tuple[str, ...], metrics: tuple[str, ...], scale: int = 4) -> tuple[Column, ...]:
    return tuple(Column(dataset, metric, scale) for dataset, metric in product(sets, metrics))


def _common(scale: int, *keys: str) -> PaperTable:
    """The benchmark of the literature at one scale."""
    note = f"{_LUMA} Of several printed values the one that most sources print; the others are in the CSV's note."
    columns = _columns(SETS, FIDELITY, scale)
    return PaperTable(f"common-x{scale}", f"The common benchmark, ×{scale}", "benchmark", _rows(*keys), columns, note)


_LADDER = tuple(
    Row(f"column {place}", what, ours)
    for place, what, ours in (
        (2, "BN, after activation, standard GAN, residual blocks", "esrgan.ladder-1"),
        (3, "no BN", "esrgan.ladder-2"),
        (4, "before activation", "esrgan.ladder-3"),
        (5, "relativistic GAN", "esrgan.residual-blocks"),
        (6, "RRDB", "esrgan.default"),
        (7, "more data", ""),
    )
)
_ALPHAS = tuple(
    Row(f"alpha {text}", "", f"esrgan-interpolation.{'default' if text == '0.8' else f'network-{text}'}")
    for text in ("0.0", "0.2", "0.4", "0.6", "0.8", "1.0")
)
_SHOWN_ON = _columns(("Set5", "Set14", "BSD100"), ("psnr_y", "lpips_alex", "pi"))
_ESRGAN = (
    PaperTable(
        "esrgan-psnr",
        "ESRGAN, supplementary table 2: PSNR-oriented networks",
        "ESRGAN supplementary table 2",
        _rows("bicubic", "srcnn-291", "MemNet", "edsr", "RDN", "rcan", "rrdb-div2k", "rrdb"),
        _columns(SETS, FIDELITY),
        _LUMA,
    ),
    PaperTable(
        "esrgan-per-image",
        "ESRGAN, figure 7: PSNR and perceptual index of eight pictures",
        "ESRGAN figure 7",
        _rows(Row("HR"), "bicubic", "srcnn", "edsr", "rcan", "enhancenet", "srgan", "esrgan"),
        _columns(tuple(PICTURES), ("psnr_y", "pi")),
        "The released networks, no post-processing. One picture a column: no interval over pictures exists. The "
        "printed bicubic of baboon, 102061 and 43074 is that of luma rounded to 8 bits; of the other five it is 0.04 "
        "to 0.2 dB below what this project measures.",
    ),
    PaperTable(
        "esrgan-ablation",
        "ESRGAN, figure 8: from SRGAN to ESRGAN, one change a column",
        "ESRGAN figure 8",
        _LADDER,
        _SHOWN_ON,
        "The paper shows crops and prints no figure. Each column keeps the changes of those before it.",
        only_shown=True,
    ),
    PaperTable(
        "esrgan-interpolation",
        "ESRGAN, figure 10: network interpolation",
        "ESRGAN figure 10",
        _ALPHAS,
        _SHOWN_ON,
        "theta = (1 - alpha) theta_PSNR + alpha theta_GAN. The paper shows crops and prints no figure.",
        only_shown=True,
    ),
    PaperTable(
        "perceptual-x4",
        "Perceptual index by data set, ×4",
        "perceptual index",
        _rows("bicubic", "srcnn", "VDSR", "edsr", "enhancenet", "srgan", "esrgan", Row("SPSR")),
        _columns(SETS[:4], ("pi", "psnr_y_rounded")),
        "As later papers measured it (SPSR, PESR): the ESRGAN paper has no such table. 8-bit luma, 4 pixels dropped.",
    ),
    PaperTable(
        "model-zoo-x4",
        "BasicSR's model zoo, ×4",
        "BasicSR model zoo",
        _rows("msrresnet", "msrgan", "edsr-baseline", "edsr"),
        _columns(("Set5", "Set14"), ("psnr_rgb",)),
        "All three channels, 4 pixels dropped; the zoo crops HR to a multiple of 12, here of 4.",
    ),
)
_WEIGHTS = tuple(
    Row("DRN-S", text, "drn.default" if text == "0.1" else f"drn.lambda-{text}", "drn-s")
    for text in ("0", "0.001", "0.01", "0.1", "1", "10")
)
_DRN = (
    PaperTable(
        "drn-x4",
        "DRN, table 1, ×4",
        "DRN table 1, x4",
        _rows(
            "bicubic",
            "espcn",
            "LapSRN",
            "srresnet",
            "srgan",
            Row("SRDenseNet"),
            "edsr",
            "ddbpn",
            "rcan",
            "rrdb",
            "SAN",
            "drn-s",
            "drn-l",
        ),
        _columns(SETS, FIDELITY),
        "The paper's own figures for the others differ from theirs by up to 0.1 dB, for ESPCN by more; its SSIM is cut "
        "to three decimals. Its LR come from an archive made with a mirrored border (bicubic_symmetric here).",
    ),
    PaperTable(
        "drn-x8",
        "DRN, table 1, ×8",
        "DRN table 1, x8",
        _rows("drn-s", "drn-l"),
        _columns(SETS, ("psnr_y",), 8),
        "Only what the released networks' README prints.",
    ),
    PaperTable(
        "drn-lambda",
        "DRN: the weight of the dual loss",
        "DRN lambda",
        _WEIGHTS,
        _columns(("Set5",), ("psnr_y", "lr_psnr")),
        "The paper's figures for other weights than 0.1 were not at hand; a figure recalled is no source.",
    ),
    PaperTable(
        "drn-dual-scheme",
        "DRN: what the dual loss adds",
        "DRN dual scheme",
        (
            Row("DRN-S", "without dual", "drn.lambda-0", "drn-s"),
            *_rows("drn-s"),
            Row("DRN-S", "dual on HR too", "drn.dual-hr", "drn-s"),
        ),
        _columns(("Set5",), ("psnr_y", "lr_psnr")),
        "Set5 ×4.",
    ),
    PaperTable(
        "drn-adaptation",
        "DRN: adaptation to unpaired LR, ×8",
        "DRN adaptation",
        (Row("DRN-S", "no adaptation", "drn.default"), Row("DRN-Adapt", "", "drn-adapt.default")),
        tuple(Column("Set5", "psnr_y", 8, degradation) for degradation in ("nearest", "bd")),
        "The paper's figures were not at hand. Unpaired LR made by nearest sampling or by blurring and decimating.",
    ),
)


_STAND_INS = ("DIV2K-valid", "BSD100", "Set14", "Set5")


def _kernels(*metrics: str) -> tuple[Column, ...]:
    """DIV2KRK, or other pictures degraded here after its description."""
    return tuple(Column("DIV2KRK", metric, scale, "kernel_paper", _STAND_INS) for scale in (2, 4) for metric in metrics)


_REGULARISERS = tuple(
    Row("KernelGAN", text, f"kernelgan.{variant}")
    for text, variant in (
        ("all terms", "default"),
        ("no sum-to-one", "no-sum"),
        ("no boundaries", "no-boundary"),
        ("no sparsity", "no-sparse"),
        ("no centring", "no-centre"),
        ("no bicubic start", "no-bicubic"),
    )
)
_KERNELGAN = (
    PaperTable(
        "kernelgan-benchmark",
        "KernelGAN, table 1: blind super-resolution of DIV2KRK",
        "KernelGAN table 1",
        (
            *_rows("bicubic"),
            Row("EDSR", "trained on bicubic pairs, small", "edsr.default"),
            Row("Bicubic kernel + ZSSR", "", "zssr.default", "zssr"),
            Row("EDSR+"),
            Row("RCAN+"),
            Row("KernelGAN + ZSSR", "", "zssr.estimated", "zssr"),
            Row("True kernel + ZSSR", "", "zssr.true", "zssr"),
        ),
        _kernels(*FIDELITY),
        "DIV2KRK ships kernels and LR of its own; where they are not here, other pictures are degraded with kernels "
        "drawn after the paper's description, which is another test set. Cells without a figure: no "
        "source at hand prints one.",
    ),
    PaperTable(
        "kernelgan-regularisers",
        "KernelGAN: the terms of its loss",
        "KernelGAN regularisers",
        _REGULARISERS,
        _kernels("kernel_psnr", "kernel_ncc")[:2],
        "The released weights are 0.5 for the sum, 0.5 for the boundaries, 1 for the centre, 5 for sparsity and, at "
        "the start, 5 for likeness to bicubic. No source at hand prints figures without one of them.",
    ),
)
_OBJECTIVES = tuple(
    Row(text, "", f"downsampled_space.{variant}")
    for text, variant in (
        ("HR loss alone", "hr-loss"),
        ("downsampled-space loss alone", "default"),
        ("downsampled-space and adversarial loss", "adversarial"),
        ("downsampled-space and HR loss", "with-hr-loss"),
    )
)
_UNPAIRED = (
    PaperTable(
        "pseudo-sr-wild",
        "Pseudo-supervision, section 4.2: realistic-wild LR, ×4",
        "pseudo-SR section 4.2",
        (*_rows("bicubic"), Row("pseudo-supervision", "", "pseudo_sr.default")),
        tuple(Column("DIV2K-valid", metric, 4, "wild", _STAND_INS[1:]) for metric in ("psnr_rgb", "ssim_rgb")),
        "The paper degrades as track 4 of NTIRE 2018, whose LR are shifted against HR; `wild` here is this project's "
        "own. The paper's figures were not at hand; of its faces one, an FID, which is not measured here.",
    ),
    PaperTable(
        "downsampled-space-objectives",
        "A loss in the downsampled space: which objective",
        "downsampled space",
        _OBJECTIVES,
        _columns(("Set5",), ("psnr_y", "lr_psnr", "lpips_alex")),
        "The article shows one picture (baby of Set5) and prints no figure.",
        only_shown=True,
    ),
)
TABLES: dict[str, PaperTable] = {
    table.id: table
    for table in (
        _common(2, *_EARLY, *_LATE),
        _common(3, *_EARLY, "espcn-91", *(name for name in _LATE if name != "ddbpn")),
        _common(4, *_EARLY, "espcn", "srresnet", "srgan", "enhancenet", *_LATE, "rrdb-div2k", "rrdb", "drn-s", "drn-l"),
        _common(8, *_EARLY, "edsr", "ddbpn", "rcan", "drn-s", "drn-l"),
        *_ESRGAN,
        *_DRN,
        *_KERNELGAN,
        *_UNPAIRED,
    )
}

"""TABLES: the papers' tables, each as rows of methods and columns of (data set, scale, degradation, metric).

What a paper prints is in reported.csv; what stands here is which of our runs belongs beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from bench.report.papers.conditions import CONDITIONS


@dataclass(frozen=True)
class PaperRow:
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
    rows: tuple[PaperRow, ...]
    columns: tuple[Column, ...]
    note: str
    only_shown: bool = False


def _rows(names: str, *others: PaperRow) -> tuple[PaperRow, ...]:
    """The rows of these names, parted by spaces, then others. A name without conditions is a method not run here."""
    return (*(KNOWN.get(name) or PaperRow(name) for name in names.split()), *others)


def _known(key: str, method: str, variant: str = "") -> PaperRow:
    return PaperRow(method, variant, CONDITIONS[key].method, key)


KNOWN: dict[str, PaperRow] = {
    row.conditions: row
    for row in (
        _known("bicubic", "Bicubic"),
        _known("srcnn", "SRCNN"),
        _known("srcnn-291", "SRCNN"),
        _known("espcn", "ESPCN"),
        _known("espcn-91", "ESPCN", "91 pictures"),
        _known("srresnet", "SRResNet"),
        _known("srgan", "SRGAN"),
        _known("msrresnet", "MSRResNet"),
        _known("msrgan", "MSRGAN"),
        _known("edsr", "EDSR"),
        _known("edsr-baseline", "EDSR", "baseline"),
        _known("rcan", "RCAN"),
        _known("ddbpn", "D-DBPN"),
        _known("enhancenet", "EnhanceNet"),
        _known("rrdb-div2k", "RRDB", "DIV2K"),
        _known("rrdb", "RRDB", "DF2K"),
        _known("esrgan", "ESRGAN"),
        _known("drn-s", "DRN-S"),
        _known("drn-l", "DRN-L"),
    )
}
KNOWN["SwinIR"] = PaperRow("SwinIR", "DF2K")
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
_EARLY = "bicubic srcnn FSRCNN VDSR LapSRN MemNet"
_BETWEEN = "espcn srresnet srgan enhancenet"
_LATE = "RDN rcan SAN HAN CARN IMDN SwinIR"


def _columns(sets: tuple[str, ...], metrics: tuple[str, ...], scale: int = 4) -> tuple[Column, ...]:
    return tuple(Column(dataset, metric, scale) for dataset, metric in product(sets, metrics))


def _common(scale: int, names: str) -> PaperTable:
    """The benchmark of the literature at one scale."""
    note = f"{_LUMA} Of several printed values the one that most sources print; the others are in the CSV's note."
    columns = _columns(SETS, FIDELITY, scale)
    return PaperTable(f"common-x{scale}", f"The common benchmark, ×{scale}", "benchmark", _rows(names), columns, note)


_LADDER = tuple(
    PaperRow(f"column {number}", what, ours)
    for number, what, ours in (
        (2, "BN, after activation, standard GAN, residual blocks", "esrgan.ladder-1"),
        (3, "no BN", "esrgan.ladder-2"),
        (4, "before activation", "esrgan.ladder-3"),
        (5, "relativistic GAN", "esrgan.residual-blocks"),
        (6, "RRDB", "esrgan.default"),
        (7, "more data", ""),
    )
)
_ALPHAS = tuple(
    PaperRow(f"alpha {text}", "", f"esrgan-interpolation.{'default' if text == '0.8' else f'network-{text}'}")
    for text in ("0.0", "0.2", "0.4", "0.6", "0.8", "1.0")
)
_SHOWN_ON = _columns(("Set5", "Set14", "BSD100"), ("psnr_y", "lpips_alex", "pi"))
_ESRGAN = (
    PaperTable(
        "esrgan-psnr",
        "ESRGAN, supplementary table 2: PSNR-oriented networks",
        "ESRGAN supplementary table 2",
        _rows("bicubic srcnn-291 MemNet edsr RDN rcan rrdb-div2k rrdb"),
        _columns(SETS, FIDELITY),
        _LUMA,
    ),
    PaperTable(
        "esrgan-per-image",
        "ESRGAN, figure 7: PSNR and perceptual index of eight pictures",
        "ESRGAN figure 7",
        _rows("HR bicubic srcnn edsr rcan enhancenet srgan esrgan"),
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
        _rows("bicubic srcnn VDSR edsr enhancenet srgan esrgan SPSR"),
        _columns(SETS[:4], ("pi", "psnr_y_rounded")),
        "As later papers measured it (SPSR, PESR): the ESRGAN paper has no such table. 8-bit luma, 4 pixels dropped.",
    ),
    PaperTable(
        "model-zoo-x4",
        "BasicSR's model zoo, ×4",
        "BasicSR model zoo",
        _rows("msrresnet msrgan edsr-baseline edsr"),
        _columns(("Set5", "Set14"), ("psnr_rgb",)),
        "All three channels, 4 pixels dropped; the zoo crops HR to a multiple of 12, here of 4.",
    ),
)
_WEIGHTS = tuple(
    PaperRow("DRN-S", text, "drn.default" if text == "0.1" else f"drn.lambda-{text}", "drn-s")
    for text in ("0", "0.001", "0.01", "0.1", "1", "10")
)
_DRN = (
    PaperTable(
        "drn-x4",
        "DRN, table 1, ×4",
        "DRN table 1, x4",
        _rows("bicubic espcn LapSRN srresnet srgan SRDenseNet edsr ddbpn rcan rrdb SAN drn-s drn-l"),
        _columns(SETS, FIDELITY),
        "The paper's own figures for the others differ from theirs by up to 0.1 dB, for ESPCN by more; its SSIM is cut "
        "to three decimals. Its LR come from an archive made with a mirrored border (bicubic_symmetric here).",
    ),
    PaperTable(
        "drn-x8",
        "DRN, table 1, ×8",
        "DRN table 1, x8",
        _rows("drn-s drn-l"),
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
            PaperRow("DRN-S", "without dual", "drn.lambda-0", "drn-s"),
            *_rows("drn-s"),
            PaperRow("DRN-S", "dual on HR too", "drn.dual-hr", "drn-s"),
        ),
        _columns(("Set5",), ("psnr_y", "lr_psnr")),
        "Set5 ×4.",
    ),
    PaperTable(
        "drn-adaptation",
        "DRN: adaptation to unpaired LR, ×8",
        "DRN adaptation",
        (PaperRow("DRN-S", "no adaptation", "drn.default"), PaperRow("DRN-Adapt", "", "drn-adapt.default")),
        tuple(Column("Set5", "psnr_y", 8, degradation) for degradation in ("nearest", "bd")),
        "The paper's figures were not at hand. Unpaired LR made by nearest sampling or by blurring and decimating.",
    ),
)


_STAND_INS = ("DIV2K-valid", "BSD100", "Set14", "Set5")


def _kernels(*metrics: str) -> tuple[Column, ...]:
    """DIV2KRK, or other pictures degraded here after its description."""
    return tuple(Column("DIV2KRK", metric, scale, "kernel_paper", _STAND_INS) for scale in (2, 4) for metric in metrics)


_REGULARISERS = tuple(
    PaperRow("KernelGAN", text, f"kernelgan.{variant}")
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
        _rows(
            "bicubic",
            PaperRow("EDSR", "trained on bicubic pairs, small", "edsr.default"),
            PaperRow("Bicubic kernel + ZSSR", "", "zssr.default", "zssr"),
            PaperRow("EDSR+"),
            PaperRow("RCAN+"),
            PaperRow("KernelGAN + ZSSR", "", "zssr.estimated", "zssr"),
            PaperRow("True kernel + ZSSR", "", "zssr.true", "zssr"),
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
    PaperRow(text, "", f"downsampled_space.{variant}")
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
        _rows("bicubic", PaperRow("pseudo-supervision", "", "pseudo_sr.default")),
        tuple(Column("DIV2K-valid", metric, 4, "wild", _STAND_INS[1:]) for metric in ("psnr_rgb", "ssim_rgb")),
        "The paper degrades as track 4 of NTIRE 2018, whose LR are shifted against HR; `wild` here is this project's "
        "own. The paper's figures were not at hand, but for an FID on faces, which is not measured here.",
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
        _common(2, f"{_EARLY} edsr-baseline edsr ddbpn {_LATE}"),
        _common(3, f"{_EARLY} espcn-91 edsr-baseline edsr {_LATE}"),
        _common(4, f"{_EARLY} {_BETWEEN} edsr-baseline edsr ddbpn {_LATE} rrdb-div2k rrdb drn-s drn-l"),
        _common(8, f"{_EARLY} edsr ddbpn rcan drn-s drn-l"),
        *_ESRGAN,
        *_DRN,
        *_KERNELGAN,
        *_UNPAIRED,
    )
}

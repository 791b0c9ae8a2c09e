"""What figures are drawn from besides scores: crops, training curves, kernels. From the work folder, or kept with the
results, so that a report made elsewhere, or of one shard, can show what the others made."""

from dataclasses import dataclass, field
from pathlib import Path

from bench.report import crop_selection, kernels, losses
from bench.report.aggregate import Scores
from bench.report.crop_selection import Gallery, read_gallery
from bench.report.kernels import KernelGrid, read_kernels
from bench.report.losses import Panels, read_panels
from bench.report.summary import estimates_only


@dataclass(frozen=True)
class Material:
    """Of one setting. kernels: None where no estimate is here, or the setting is about pictures."""

    panels: Panels = field(default_factory=dict)
    gallery: Gallery = field(default_factory=Gallery)
    kernels: KernelGrid | None = None


def read_material(scores: Scores, work: Path, kept: Path) -> Material:
    """work: the suite's folder, with data/, sr/, kernels/ and runs/; kept: where `keep_material` wrote."""
    if scores.suite.reported:
        return Material(gallery=Gallery(missing="others' pictures are not shown: a picture"))
    if not estimates_only(scores):
        gallery = read_gallery(scores, work, kept / crop_selection.FOLDER / scores.setting.name)
        return Material(read_panels(scores, work, kept / losses.FOLDER), gallery)
    try:
        return Material(kernels=read_kernels(scores, work, kept / kernels.FOLDER))
    except FileNotFoundError:
        return Material()


def keep_material(material: Material, scores: Scores, work: Path, kept: Path, folder: Path) -> None:
    """Write what is needed to read the same again to a folder."""
    crop_selection.keep(material.gallery, folder / crop_selection.FOLDER / scores.setting.name)
    losses.keep_curves(scores, work, kept / losses.FOLDER, folder / losses.FOLDER)
    if material.kernels is not None:
        kernels.keep_kernels(scores, work, kept / kernels.FOLDER, folder / kernels.FOLDER)

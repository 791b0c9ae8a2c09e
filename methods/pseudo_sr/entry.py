"""The entry of pseudo-supervision: its axes, its claims, and where it departs from its paper."""

from bench.api import Axis, Claim, Entry, claimed_at, varied
from methods.pseudo_sr.method import PseudoSr

_PAPER = "Maeda, CVPR 2020"
_CODE = "an unofficial implementation"

ENTRY = Entry(
    "pseudo_sr",
    PseudoSr,
    _PAPER,
    iterations=300_000,
    gap=("uncorrected", "default", "supervised"),
    axes=(
        Axis(
            "cycle",
            "Does the way to the unknown degradation and back have to end where it began?",
            varied("cycle_weight", {"no-cycle": 0.0, "cycle-10": 10.0}),
            _PAPER,
        ),
        Axis(
            "ensemble",
            "Should the correction be the same in all orientations, and must both sides of that loss learn?",
            {"no-ensemble": {"ensemble_weight": 0.0}, "ensemble-one-sided": {"ensemble_sides": "one"}},
            _PAPER,
        ),
        Axis(
            "identity",
            "Must the correction leave clean LR alone, and how firmly? Corrupted: unpaired LR instead.",
            {
                "no-identity": {"identity_weight": 0.0},
                "identity-1": {"identity_weight": 1.0},
                "identity-corrupted": {"identity_input": "corrupted"},
            },
            f"{_PAPER}; {_CODE} has corrupted input",
        ),
        Axis(
            "upscaled-discriminator",
            "Does telling SR of pseudo-pairs from SR of unpaired LR close the gap between training and test (gamma)?",
            varied("upscaled_weight", {"no-upscaled-discriminator": 0.0, "upscaled-discriminator-1": 1.0}),
            _PAPER,
        ),
        Axis(
            "joint",
            "Should all learn at once? reaching: the reconstruction loss trains the generators too. two-stage, "
            "off-the-shelf: half of the run for the correction, half for the upscaler, in that order or the other; the "
            "latter on clean pairs.",
            {
                "reaching": {"reconstruction_reaches": True},
                "two-stage": {"order": "correction-first", "upscaled_weight": 0.0},
                "off-the-shelf": {"order": "upscaler-first", "pairs": "clean"},
            },
            f"{_PAPER}; {_CODE} stops the gradient",
        ),
        Axis(
            "pairs",
            "Which LR should the upscaler learn from: pseudo, clean, or degraded, which is then not corrected?",
            {"clean-pair": {"pairs": "clean"}, "degraded-pair": {"pairs": "degraded", "upscaled_weight": 0.0}},
            _PAPER,
        ),
        Axis("noise", "Does the degrader need noise to draw on?", {"no-noise": {"noise": False}}, _PAPER),
        Axis(
            "domain",
            "Is a clean LR domain between the two better than a CycleGAN from LR to HR?",
            {"direct": {"intermediate": False}},
            _PAPER,
        ),
        Axis(
            "upscaler",
            "Does the method carry over to another upscaler? faces: RRDBNet with perceptual and relativistic losses.",
            {"rrdb": {"upscaler": "rrdb"}, "faces": {"upscaler": "rrdb", "upscaler_loss": "perceptual-gan"}},
            f"{_PAPER}; faces: {_CODE}",
        ),
        Axis("gan", "Is LSGAN better than a plain GAN?", {"standard-gan": {"gan": "standard"}}, _CODE),
        Axis(
            "degrader-norm",
            "Does the degrader need batch normalisation?",
            {"degrader-no-bn": {"degrader_norm": False}},
            "this project",
        ),
        Axis(
            "yardsticks",
            "What does the upscaler alone reach, trained on clean pairs or on pairs of the true degradation?",
            varied("pairs", {"uncorrected": "given", "supervised": "given"}),
            "this project; a suite says of which degradation the pairs are",
        ),
    ),
    claims=claimed_at(
        4,
        "wild",
        Claim("cycle", "Without the cycle loss pseudo-pairs are not aligned.", "default > no-cycle"),
        Claim("ensemble", "The geometric ensemble loss raises PSNR.", "default > no-ensemble"),
        Claim("identity", "Without the identity loss colours shift.", "default > no-identity", "luma_error"),
        Claim(
            "upscaled-discriminator",
            "The discriminator on upscaled pictures closes the gap between training and test.",
            "default > no-upscaled-discriminator",
            "lpips_alex",
        ),
        Claim("joint", "Training all networks jointly is better than in two stages.", "default > two-stage"),
        Claim(
            "off-the-shelf",
            "Training all networks jointly is better than correcting for an upscaler that is there already.",
            "default > off-the-shelf",
        ),
        Claim("pseudo-pair", "On degraded LR, pseudo-pairs are worth more than clean pairs.", "default > clean-pair"),
        Claim(
            "degraded-pair",
            "On degraded LR, pseudo-pairs are worth more than pairs of synthetic degradation.",
            "default > degraded-pair",
        ),
        Claim(
            "direct", "A clean LR domain in between is better than going from LR to HR directly.", "default > direct"
        ),
        Claim(
            "uncorrected",
            "On degraded LR the method is above an upscaler trained on clean pairs.",
            "default > uncorrected",
        ),
        Claim("bicubic", "On degraded LR the method is above bicubic interpolation.", "default > bicubic.default"),
        source=_PAPER,
    ),
    deviations=(
        "trained on the suite's pictures under a degradation that is drawn and recorded for each, instead of the "
        "realistic tracks of NTIRE 2018; so true pairs exist for the test, and for nothing else",
        "LR is shrunk as MATLAB does it; its patches are flipped and turned independently in both domains, without "
        "jitter of brightness or contrast",
        "correction and upscaler shift and scale colours as RCAN does, by constants; the degrader does not",
        "optimisers step after all gradients are there; a picture is made once where weights have not changed between",
        "two-stage and off-the-shelf training share the run's length between the stages",
        "faces: only the losses are reproduced, not the enlarged LR; the warm-up is a sixtieth of the run",
    ),
)

"""The entry of ZSSR: its axes, its claims, and where it departs from its papers."""

from bench.api import Axis, Claim, Entry, varied
from methods.zssr.method import Zssr

REPOSITORY = {"augment": (0.05, 0.45, 0.5), "loss_map": "none", "self_ensemble": True, "back_projection": 10}
_TABLE = "Bell-Kligler et al. 2019, DIV2KRK table"
_BLURRED = "On blurred pictures, ZSSR with an estimated kernel is above {} trained on bicubic pairs (x{{}})."
_CLAIMED = (
    (
        "estimated",
        "On LR of an unknown kernel (x{}) the estimated kernel is better than assuming bicubic.",
        "estimated > default",
    ),
    (
        "control",
        "The estimated kernel is better than one round Gaussian of the mean variance (x{}).",
        "estimated > gaussian",
    ),
    ("true", "The true kernel is better than the estimated one (x{}).", "true > estimated"),
    (
        "interpolation",
        "With the estimated kernel the result is above bicubic interpolation (x{}).",
        "estimated > bicubic.default",
    ),
    ("edsr", _BLURRED.format("EDSR"), "estimated > edsr.default"),
    ("rcan", _BLURRED.format("RCAN"), "estimated > rcan.default"),
)

ENTRY = Entry(
    "zssr",
    Zssr,
    "Shocher et al., CVPR 2018",
    gap=("default", "estimated", "true"),
    headlines={"estimated": "kernelgan+zssr"},
    axes=(
        Axis(
            "kernel",
            "What does it gain to train with an estimated kernel, or the true one, instead of bicubic shrinking?",
            {name: {"kernel": "given"} for name in ("estimated", "gaussian", "true")},
            "Bell-Kligler et al. 2019, table 1; gaussian: a control, one round Gaussian for every picture",
        ),
        Axis(
            "length",
            "What does training until the learning rate has fallen far enough add, with an estimated kernel?",
            {"to-its-end": {"kernel": "given", "iterations": 3000}},
            "Shocher et al. 2018, section 3.1",
        ),
        Axis(
            "setting",
            "Is the setting of ZSSR's own release, all augmentations and self-ensemble, better than plain crops?",
            {"repo": REPOSITORY},
            "Shocher et al. 2018, section 3; its release",
        ),
        Axis(
            "augment",
            "Do flips, turns and affine views help?",
            {"augmented": {"augment": REPOSITORY["augment"]}},
            "Shocher et al. 2018, section 3.1",
        ),
        Axis(
            "loss-map",
            "Does weighting the loss by gradients help?",
            {"unweighted": {"loss_map": "none"}},
            "release of KernelGAN",
        ),
        Axis(
            "self-ensemble",
            "What does the median of eight orientations add?",
            {"self-ensemble": {"self_ensemble": True}},
            "Shocher et al. 2018, section 3.2",
        ),
        Axis(
            "back-projection",
            "What does back-projection add?",
            varied("back_projection", {"no-back-projection": 0, "back-projection-10": 10}),
            "Shocher et al. 2018, section 3.2",
        ),
        Axis(
            "gradual",
            "Does training at x2 first help at x4?",
            {"direct": {"gradual": False}},
            "Shocher et al. 2018, section 3.3",
        ),
    ),
    claims=(
        *(
            Claim(f"{id}-x{scale}", text.format(scale), sides, "psnr_y", _TABLE, scale, "kernel_paper")
            for id, text, sides in _CLAIMED
            for scale in (2, 4)
        ),
        Claim(
            "bicubic",
            "Trained on the picture alone, with the bicubic kernel, the network is above bicubic interpolation.",
            "default > bicubic.default",
            source="Shocher et al. 2018",
            scale=0,
        ),
    ),
    deviations=(
        "a given kernel is used as it is: the release centres it once more, which changes only a kernel off its place",
        "with a kernel given for x4, the x2 stage uses the Gaussian of a fifth of its covariance, which is what a x2 "
        "kernel applied twice has; KernelGAN has a x2 kernel of its own",
        "the enlargement of an earlier scale is never a father, and the learning rate starts anew at every scale",
        "the gradient map is the plain gradient magnitude, mirrored at the border, without clipping extremes",
        "affine fathers are one bicubic view at any angle and half to full size, with the release's shear and stretch",
        "fathers are cut to a multiple of the scale",
    ),
)

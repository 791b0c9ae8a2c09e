"""The entry of the loss in the downsampled space: its axes, its claims, and what the article leaves open."""

from bench.api import Axis, Claim, Entry, Knobs, claimed_at, varied
from methods.downsampled_space.method import DownsampledSpace

_ARTICLE = "article on a loss in the downsampled space"
_OWN = "this project"
_KERNELS = ("no-antialias", "area", "nearest", "gaussian")
_ALONE: Knobs = {"shrunk_weight": 0.0, "pixel_weight": 1.0}
_GAN: Knobs = {"adversarial_weight": 5e-3}
_ESRGAN: Knobs = {"pixel_weight": 1e-2, "perceptual_weight": 1.0, **_GAN}

ENTRY = Entry(
    "downsampled_space",
    DownsampledSpace,
    _ARTICLE,
    axes=(
        Axis(
            "objective",
            "What must stand beside the loss in the downsampled space, or in its place? hr-loss: L1 to the HR.",
            {
                "hr-loss": _ALONE,
                "adversarial": _GAN,
                "hr-adversarial": {**_ALONE, **_GAN},
                "with-hr-loss": {"pixel_weight": 1.0},
                "everything": _ESRGAN,
                "esrgan": {"shrunk_weight": 0.0, **_ESRGAN},
            },
            _ARTICLE,
        ),
        Axis(
            "content",
            "How little of an HR loss takes the freedom away?",
            varied("pixel_weight", {"hr-0.01": 1e-2, "hr-0.1": 0.1}),
            _OWN,
        ),
        Axis(
            "adversarial-weight",
            "How much must the adversarial loss weigh to choose among what the loss leaves open?",
            varied("adversarial_weight", {"adversarial-x10": 5e-2, "adversarial-x100": 0.5}),
            _OWN,
        ),
        Axis(
            "upsampler",
            "Does an upsampler whose phases share weights mend it?",
            {name: {"upsampler": name} for name in ("shuffle-stages", "transposed", "transposed-9", "nearest", "pre")},
            f"{_ARTICLE}; shuffle-stages, nearest: {_OWN}",
        ),
        Axis(
            "remedy-adversarial",
            "And with the adversarial loss?",
            {f"{name}-adversarial": {"upsampler": name, **_GAN} for name in ("transposed", "nearest")}
            | {"residual-zero-adversarial": {"residual": True, "last_layer": "zero", **_GAN}},
            _ARTICLE,
        ),
        Axis(
            "start",
            "Does what the gradient cannot reach stay where it begins: at the bicubic picture, at zero, at equal "
            "phases, at what an HR loss has taught?",
            {
                "residual": {"residual": True},
                "zero": {"last_layer": "zero"},
                "icnr": {"last_layer": "icnr"},
                "residual-zero": {"residual": True, "last_layer": "zero"},
                "from-hr-loss": {},
            },
            f"{_OWN}; a suite says which run from-hr-loss starts from",
        ),
        Axis(
            "range",
            "Does the loss hide where a picture file or a patch ends: beyond black and white, at the border?",
            {
                "bounded": {"bounded": True},
                "whole-patch": {"border": 0},
                "bounded-whole": {"bounded": True, "border": 0},
            },
            _OWN,
        ),
        Axis(
            "constraint",
            "If every SR shrinks to its LR, what do the other losses choose of the null space?",
            {
                "projected-hr-loss": {"projected": True, **_ALONE},
                "projected-adversarial": {"projected": True, "shrunk_weight": 0.0, **_GAN},
                "projected-residual-adversarial": {"projected": True, "residual": True, "shrunk_weight": 0.0, **_GAN},
            },
            _OWN,
        ),
        Axis(
            "kernel",
            "Does another way to shrink, of both the SR and the HR, hold the phases together?",
            {f"kernel-{name}": {"kernel": name, "own_lr": True} for name in _KERNELS}
            | {"kernel-kernelgan": {"kernel": "kernelgan", "own_lr": True, "border": 3}}
            | {"kernel-learned": {"kernel": "learned"}},
            _OWN,
        ),
        Axis(
            "mismatch",
            "What if the SR is shrunk otherwise than the LR was?",
            {f"mismatch-{name}": {"kernel": name} for name in _KERNELS},
            _OWN,
        ),
        Axis("target", "Does the rounding of LR to 8 bits matter?", {"lr-float": {"own_lr": True}}, _OWN),
        Axis(
            "distance",
            "Does the distance matter?",
            {
                "l1": {"distance": "l1", "shrunk_weight": 1.0},
                "charbonnier": {"distance": "charbonnier", "shrunk_weight": 1.0},
            },
            _OWN,
        ),
        Axis(
            "noise",
            "Does the loss let a generator that draws noise use it, where an HR loss forbids it?",
            {
                "noise": {"noise": 4},
                "noise-adversarial": {"noise": 4, **_GAN},
                "noise-hr-loss": {"noise": 4, **_ALONE},
                "noise-hr-adversarial": {"noise": 4, **_ALONE, **_GAN},
            },
            _ARTICLE,
        ),
    ),
    claims=claimed_at(
        4,
        "bicubic_float",
        Claim("freedom", "The loss alone leaves HR free: its PSNR is far below an HR loss's.", "hr-loss > default"),
        Claim("consistency", "The loss alone is nearer to the LR than an HR loss.", "default > hr-loss", "lr_psnr"),
        Claim(
            "checkerboard",
            "The network exploits the loss: the phases of its sub-pixel layer part.",
            "hr-loss > default",
            "phase_deviation",
        ),
        Claim("bicubic", "The loss alone is below bicubic.", "bicubic.default > default", source=_OWN),
        Claim("adversarial", "With an adversarial loss most artifacts vanish.", "adversarial > default", "lpips_alex"),
        Claim(
            "conflict",
            "It pulls against an adversarial loss less than an HR loss does.",
            "adversarial > hr-adversarial",
            "gradient_cosine",
        ),
        Claim(
            "bounds",
            "Beside an adversarial loss it leaves fewer artifacts than an HR loss does.",
            "adversarial > hr-adversarial",
            "lpips_alex",
        ),
        Claim(
            "mixture",
            "Beside an HR loss it raises consistency with the LR.",
            "with-hr-loss > hr-loss",
            "lr_psnr",
            source=_OWN,
        ),
        Claim(
            "exploit",
            "Within black and white it is nearer to the LR than an HR loss, in the pictures that are saved.",
            "bounded-whole > hr-loss",
            "lr_psnr",
        ),
        Claim("sub-pixel", "Nearest and a convolution shows fewer artifacts than sub-pixel.", "nearest > default"),
        Claim("transposed", "Transposed convolutions show fewer artifacts than sub-pixel.", "transposed > default"),
        Claim("pre", "Enlarging first shows fewer artifacts than sub-pixel upsampling.", "pre > default"),
        Claim(
            "residual", "A residual on the bicubic picture makes artifacts milder.", "residual > default", source=_OWN
        ),
        Claim(
            "diversity",
            "The loss lets SR of one LR differ, where an HR loss averages them.",
            "noise-adversarial > noise-hr-adversarial",
            "diversity",
        ),
        source=_ARTICLE,
    ),
    headlines={
        "hr-loss": "L1",
        "adversarial": "L_ds + GAN",
        "hr-adversarial": "L1 + GAN",
        "with-hr-loss": "L_ds + L1",
        "everything": "L_ds + L1 + VGG + GAN",
        "esrgan": "L1 + VGG + GAN",
    },
    deviations=(
        "the article is an opinion with one picture: optimiser, data, length, weights and discriminator are ESRGAN's",
        "the mean squared error weighs 100, so that its gradient is of the size of L1's beside a GAN's; alone, Adam "
        "makes any weight the same",
        "patches are compared without 2 LR pixels at their border, which depend on pixels beyond; whole-patch compares "
        "all",
        "`lr_psnr` is of 8-bit pictures to their border: it counts the 2 LR pixels there, and that values beyond black "
        "and white are clipped, of which the loss knows nothing; the loss itself is the curve `shrunk`",
    ),
)

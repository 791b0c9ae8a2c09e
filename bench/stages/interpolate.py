"""Upscale with the interpolated weights of two checkpoints of one method, or interpolate their pictures, at each alpha.

The interpolation is ESRGAN's, section 3.4 of its paper (methods.esrgan.interpolation); nothing is trained.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from bench.api import Method, Picture, Upscaler
from bench.data.images import check_size, pictures_by_name, read_image, to_tensor, to_uint8, write_png
from bench.errors import BadInput
from bench.stages.checkpoints import check_recorded
from bench.stages.train import load_network
from bench.stages.upscale import Options, prepare, upscale_folder, with_options
from methods.esrgan.interpolation import Weights, check_alpha, interpolate_pictures, interpolate_weights


def parse_alphas(words: str) -> tuple[float, ...]:
    """'0,0.2,1' as numbers. Raises BadInput for what is no number in 0...1, or is there twice."""
    try:
        alphas = tuple(float(word) for word in words.split(","))
    except ValueError as error:
        raise BadInput(f"alphas {words!r} are not numbers; join numbers in 0...1 by commas") from error
    for alpha in alphas:
        check_alpha(alpha)
    if len({alpha_name(alpha) for alpha in alphas}) < len(alphas):
        raise BadInput(f"alphas {words!r} repeat a number; give each once")
    return alphas


def alpha_name(alpha: float) -> str:
    """The folder of one alpha: alpha-0.2."""
    return f"alpha-{alpha:g}"


@dataclass(frozen=True)
class Ends:
    """The two networks of one method, and how pictures are upscaled with them."""

    method: Method
    psnr: Weights
    gan: Weights
    device: torch.device
    options: Options


def load_ends(method: Method, psnr: Path, gan: Path, device: torch.device, options: Options) -> Ends:
    """Raises BadInput naming the checkpoint that is missing or does not fit, or for a method without a network."""
    found = []
    for path in (psnr, gan):
        network = method.network()
        if network is None:
            raise BadInput(f"{type(method).__name__} has no network to interpolate; choose a method that is trained")
        check_recorded(path, method, "as the method has it; name the variant that both were trained as")
        found.append(load_network(network, path).state_dict())
    return Ends(method, found[0], found[1], device, options)


def upscaler_with(ends: Ends, weights: Weights) -> Upscaler:
    """The method's upscaler with these weights."""
    network = ends.method.network()
    assert network is not None
    network.load_state_dict(dict(weights))
    return with_options(prepare(ends.method, network, ends.device), ends.method.scale, ends.options)


def upscale_with_networks(ends: Ends, alphas: tuple[float, ...], lr: Path, out: Path, pattern: str = "{name}") -> None:
    """Every picture of `lr` into out/alpha-<alpha>/, one interpolated network an alpha."""
    for alpha in alphas:
        upscaler = upscaler_with(ends, interpolate_weights(ends.psnr, ends.gan, alpha))
        upscale_folder(upscaler, lr, out / alpha_name(alpha), ends.method.scale, pattern=pattern)


def upscale_with_pictures(ends: Ends, alphas: tuple[float, ...], lr: Path, out: Path, pattern: str = "{name}") -> None:
    """Every picture of `lr` into out/alpha-<alpha>/: upscaled once by either network, then mixed at every alpha.

    Raises BadInput for an unreadable picture.
    """
    upscalers = [upscaler_with(ends, weights) for weights in (ends.psnr, ends.gan)]
    for file in tqdm(
        pictures_by_name(lr, pattern, "--lr-pattern").values(), desc=lr.name, unit="picture", mininterval=2.0
    ):
        image = read_image(file)
        check_size(file, ends.method.scale * image.shape[1], ends.method.scale * image.shape[0])
        picture, grey = Picture(file.stem, to_tensor(image)), image.ndim == 2
        psnr, gan = (_channels(upscaler(picture), grey) for upscaler in upscalers)
        for alpha in alphas:
            mixed = interpolate_pictures(psnr, gan, alpha)
            write_png(out / alpha_name(alpha) / f"{file.stem}.png", to_uint8(mixed, grey=grey))


def _channels(sr: Tensor, grey: bool) -> Tensor:
    """A grey picture's SR is the mean of its channels before they are clipped, as `upscale` has it."""
    values = sr.float().cpu()
    return values.mean(dim=0, keepdim=True) if grey else values


KINDS: dict[str, Callable[[Ends, tuple[float, ...], Path, Path, str], None]] = {
    "network": upscale_with_networks,
    "image": upscale_with_pictures,
}

"""Network parts of the field, each in its published form."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.data.resize import resize_tensor
from bench.errors import BadInput

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
PEAK = 255.0


class MeanShift(nn.Module):
    """x + sign * mean, (N, 3, h, w) in [0, 255], as a 1x1 convolution with 12 numbers, in float32.

    `trained` makes them parameters, as the released EDSR, RCAN and DRN have them (freezing them there sets an attribute
    of the module, which does nothing); else they are buffers. The state-dict keys are the same.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, sign: float, trained: bool) -> None:
        super().__init__()
        weight, bias = torch.eye(3).view(3, 3, 1, 1), sign * PEAK * torch.tensor(DIV2K_MEAN)
        for name, value in (("weight", weight), ("bias", bias)):
            if trained:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return functional.conv2d(x.to(self.weight.dtype), self.weight, self.bias)


def add_image_skip(network: nn.Module, scale: int) -> nn.Module:
    """The network, its output from now on added to the bilinear enlargement of its input; its keys stay.

    What a network with a mean shift puts on its output, the mean colour, the input has already: it is taken off.
    """
    shift = getattr(network, "add_mean", None)

    def add(_: nn.Module, inputs: tuple[Tensor, ...], sr: Tensor) -> Tensor:
        enlarged = enlarge_torch(inputs[0], scale, "bilinear")
        return sr + (enlarged - shift.bias.view(3, 1, 1) / PEAK if isinstance(shift, MeanShift) else enlarged)

    network.register_forward_hook(add)
    return network


def enlarge_torch(image: Tensor, scale: int, mode: str = "bicubic") -> Tensor:
    """PyTorch's enlargement, bicubic (a = -0.75) or bilinear, without antialiasing.

    Where a gradient will go through it on a GPU, as two matrix products: PyTorch's own has no deterministic form there.
    """
    if not (image.is_cuda and image.requires_grad):
        return functional.interpolate(image, scale_factor=float(scale), mode=mode, align_corners=False)
    with torch.autocast(image.device.type, enabled=False):
        return resize_tensor(image.float(), scale, "bicubic-torch" if mode == "bicubic" else mode)


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    """A zero-padded convolution that keeps the size at stride 1."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)


class ResidualBlock(nn.Module):
    """x + scaling * (conv-[BN]-activation-conv-[BN])(x): SRResNet with BN and PReLU, EDSR without BN and ReLU."""

    def __init__(
        self, width: int, activation: nn.Module, batch_norm: bool = False, scaling: float = 1.0, bias: bool = True
    ) -> None:
        super().__init__()
        self.conv1 = conv(width, width, bias=bias)
        self.bn1 = nn.BatchNorm2d(width) if batch_norm else nn.Identity()
        self.activation = activation
        self.conv2 = conv(width, width, bias=bias)
        self.bn2 = nn.BatchNorm2d(width) if batch_norm else nn.Identity()
        self.scaling = scaling

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(self.activation(self.bn1(self.conv1(x)))))
        result: Tensor = x + self.scaling * inner
        return result


def enlargements(scale: int) -> list[int]:
    """The factors of a network that enlarges in stages: 3, or as many twos as it takes.

    Raises BadInput for a scale that is neither 3 nor a power of 2.
    """
    if scale != 3 and (scale < 2 or scale & (scale - 1)):
        raise BadInput(f"this network upscales by 3 or a power of 2, not {scale}; choose such a scale")
    return [3] if scale == 3 else [2] * (scale.bit_length() - 1)


def bicubic(image: Tensor, scale: int) -> Tensor:
    """The picture enlarged as MATLAB's imresize does it, in float32 even where the network runs in bf16."""
    with torch.autocast(image.device.type, enabled=False):
        return resize_tensor(image.float(), scale)


def shuffle_stages(width: int, scale: int, prelu: bool = False) -> nn.Sequential:
    """Sub-pixel upsampling: one conv + PixelShuffle(2) per factor of 2 (each with a PReLU if asked), or one by 3."""
    layers: list[nn.Module] = []
    for factor in enlargements(scale):
        layers += [conv(width, width * factor**2), nn.PixelShuffle(factor)]
        layers += [nn.PReLU()] if prelu else []
    return nn.Sequential(*layers)


@torch.no_grad()
def scale_initialisation(modules: nn.Module, factor: float) -> None:
    """Kaiming-normal (fan-in, gain sqrt 2) times `factor`, biases 0, for every convolution inside."""
    for module in modules.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=0.0)
            module.weight.mul_(factor)
            if module.bias is not None:
                module.bias.zero_()


def count_parameters(module: nn.Module) -> int:
    """How many numbers the network has, trainable or not, buffers apart."""
    return sum(parameter.numel() for parameter in module.parameters())

"""The colour normalisation of the EDSR family: pixels in [0, 255] minus the mean colour of DIV2K."""

import torch
from torch import Tensor, nn
from torch.nn import functional

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

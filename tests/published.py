"""Small reference networks, written here from the papers, whose tensors have the published names."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from methods import METHODS

State = dict[str, Tensor]
Forward = Callable[[State, Tensor], Tensor]
WIDTH, GROWTH, BLOCKS, GROUPS = 8, 4, 2, 2
MEAN = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1)


def conv(state: State, name: str, x: Tensor) -> Tensor:
    weight = state[f"{name}.weight"]
    return functional.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)


def leaky(x: Tensor, slope: float = 0.2) -> Tensor:
    return functional.leaky_relu(x, slope)


def nearest(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def make(convolutions: dict[str, tuple[int, int, int]], seed: int = 0) -> State:
    """Random (out, in, side) convolutions by name, scaled to keep the size of what passes through."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, (outputs, inputs, kernel) in convolutions.items():
        bound = (inputs * kernel**2) ** -0.5
        state[f"{name}.weight"] = bound * torch.randn(outputs, inputs, kernel, kernel, generator=generator)
        state[f"{name}.bias"] = 0.1 * torch.randn(outputs, generator=generator)
    return state


def factors(scale: int) -> list[int]:
    return [3] if scale == 3 else [2] * {2: 1, 4: 2, 8: 3}[scale]


def mean_shift(state: State) -> State:
    """Mean shifts that training has moved away from the published constants."""
    generator = torch.Generator().manual_seed(5)
    for name, sign in (("sub_mean", -1), ("add_mean", 1)):
        noise = torch.randn(3, 3, 1, 1, generator=generator)
        state[f"{name}.weight"] = torch.eye(3).view(3, 3, 1, 1) + 0.02 * noise
        state[f"{name}.bias"] = sign * 255 * MEAN.flatten() + torch.randn(3, generator=generator)
    return state


def rrdb_state(blocks: int = BLOCKS, width: int = WIDTH, growth: int = GROWTH) -> State:
    shapes = {"conv_first": (width, 3, 3)}
    for i in range(blocks):
        for j in (1, 2, 3):
            for k in (1, 2, 3, 4, 5):
                outputs = growth if k < 5 else width
                shapes[f"RRDB_trunk.{i}.RDB{j}.conv{k}"] = (outputs, width + (k - 1) * growth, 3)
    for name in ("trunk_conv", "upconv1", "upconv2", "HRconv"):
        shapes[name] = (width, width, 3)
    return make({**shapes, "conv_last": (3, width, 3)})


def rrdb_forward(state: State, lr: Tensor, scale: int = 4) -> Tensor:
    """Under the names of the released networks."""
    first = x = conv(state, "conv_first", lr)
    for i in range(len({key.split(".")[1] for key in state if key.startswith("RRDB_trunk")})):
        rrdb_in = x
        for j in (1, 2, 3):
            maps = [x]
            for k in (1, 2, 3, 4):
                maps.append(leaky(conv(state, f"RRDB_trunk.{i}.RDB{j}.conv{k}", torch.cat(maps, 1))))
            x = x + 0.2 * conv(state, f"RRDB_trunk.{i}.RDB{j}.conv5", torch.cat(maps, 1))
        x = rrdb_in + 0.2 * x
    x = first + conv(state, "trunk_conv", x)
    x = leaky(conv(state, "upconv1", nearest(x) if scale == 4 else x))
    x = leaky(conv(state, "upconv2", nearest(x)))
    return conv(state, "conv_last", leaky(conv(state, "HRconv", x)))


def to_old_names(state: State) -> State:
    names = {"conv_first": "model.0", "trunk_conv": f"model.1.sub.{BLOCKS}", "upconv1": "model.3"}
    names |= {"upconv2": "model.6", "HRconv": "model.8", "conv_last": "model.10"}
    renamed = {}
    for key, value in state.items():
        module, _, word = key.rpartition(".")
        trunk = module.replace("RRDB_trunk", "model.1.sub") + ".0"
        renamed[f"{names.get(module, trunk)}.{word}"] = value
    return renamed


def to_basicsr_names(state: State) -> State:
    pairs = {"RRDB_trunk": "body", "RDB": "rdb", "trunk_conv": "conv_body", "upconv": "conv_up", "HRconv": "conv_hr"}
    renamed = {}
    for key, value in state.items():
        for old, new in pairs.items():
            key = key.replace(old, new)
        renamed[key] = value
    return renamed


def edsr_state(scale: int = 4, width: int = WIDTH, blocks: int = BLOCKS) -> State:
    shapes = {"head.0": (width, 3, 3), f"body.{blocks}": (width, width, 3), "tail.1": (3, width, 3)}
    shapes |= {f"body.{i}.body.{j}": (width, width, 3) for i in range(blocks) for j in (0, 2)}
    shapes |= {f"tail.0.{2 * i}": (width * f * f, width, 3) for i, f in enumerate(factors(scale))}
    return mean_shift(make(shapes))


def shuffled(state: State, stage: str, x: Tensor) -> Tensor:
    i = 0
    while f"{stage}.{i}.weight" in state:
        y = conv(state, f"{stage}.{i}", x)
        x = functional.pixel_shuffle(y, 3 if y.shape[1] == 9 * x.shape[1] else 2)
        i += 2
    return x


def edsr_forward(state: State, lr: Tensor) -> Tensor:
    blocks = len({key.split(".")[1] for key in state if ".body." in key})
    first = x = conv(state, "head.0", conv(state, "sub_mean", 255 * lr))
    residual_scaling = 0.1 if x.shape[1] == 256 else 1.0
    for i in range(blocks):
        x = x + residual_scaling * conv(state, f"body.{i}.body.2", conv(state, f"body.{i}.body.0", x).relu())
    x = shuffled(state, "tail.0", first + conv(state, f"body.{blocks}", x))
    return conv(state, "add_mean", conv(state, "tail.1", x)) / 255


def edsr_basicsr_state(scale: int = 4) -> State:
    shapes = {"conv_first": (WIDTH, 3, 3), "conv_after_body": (WIDTH, WIDTH, 3), "conv_last": (3, WIDTH, 3)}
    shapes |= {f"body.{i}.conv{j}": (WIDTH, WIDTH, 3) for i in range(BLOCKS) for j in (1, 2)}
    shapes |= {f"upsample.{2 * i}": (WIDTH * f * f, WIDTH, 3) for i, f in enumerate(factors(scale))}
    return make(shapes)


def edsr_basicsr_forward(state: State, lr: Tensor) -> Tensor:
    first = x = conv(state, "conv_first", (lr - MEAN) * 255)
    for i in range(BLOCKS):
        x = x + conv(state, f"body.{i}.conv2", conv(state, f"body.{i}.conv1", x).relu())
    x = shuffled(state, "upsample", first + conv(state, "conv_after_body", x))
    return conv(state, "conv_last", x) / 255 + MEAN


def attention(state: State, first: str, second: str, x: Tensor) -> Tensor:
    gate = conv(state, second, conv(state, first, x.mean((2, 3), keepdim=True)).relu())
    return x * torch.sigmoid(gate)


def rcan_state(scale: int = 4) -> State:
    shapes = {"head.0": (WIDTH, 3, 3), f"body.{GROUPS}": (WIDTH, WIDTH, 3), "tail.1": (3, WIDTH, 3)}
    for g in range(GROUPS):
        for b in range(BLOCKS):
            block = f"body.{g}.body.{b}.body"
            shapes |= {f"{block}.{j}": (WIDTH, WIDTH, 3) for j in (0, 2)}
            shapes |= {f"{block}.3.conv_du.0": (2, WIDTH, 1), f"{block}.3.conv_du.2": (WIDTH, 2, 1)}
        shapes[f"body.{g}.body.{BLOCKS}"] = (WIDTH, WIDTH, 3)
    shapes |= {f"tail.0.{2 * i}": (WIDTH * f * f, WIDTH, 3) for i, f in enumerate(factors(scale))}
    return mean_shift(make(shapes))


def rcan_forward(state: State, lr: Tensor) -> Tensor:
    first = x = conv(state, "head.0", conv(state, "sub_mean", 255 * lr))
    for g in range(GROUPS):
        y = x
        for b in range(BLOCKS):
            block = f"body.{g}.body.{b}.body"
            inner = conv(state, f"{block}.2", conv(state, f"{block}.0", y).relu())
            y = y + attention(state, f"{block}.3.conv_du.0", f"{block}.3.conv_du.2", inner)
        x = x + conv(state, f"body.{g}.body.{BLOCKS}", y)
    x = shuffled(state, "tail.0", first + conv(state, f"body.{GROUPS}", x))
    return conv(state, "add_mean", conv(state, "tail.1", x)) / 255


def rcan_basicsr_state() -> State:
    """The official state without its mean shifts, under the other names."""
    names = {"head.0": "conv_first", f"body.{GROUPS}": "conv_after_body", "tail.1": "conv_last"}
    names |= {f"tail.0.{i}": f"upsample.{i}" for i in (0, 2)}
    for g in range(GROUPS):
        names[f"body.{g}.body.{BLOCKS}"] = f"body.{g}.conv"
        for b in range(BLOCKS):
            for theirs, ours in (
                ("0", "0"),
                ("2", "2"),
                ("3.conv_du.0", "3.attention.1"),
                ("3.conv_du.2", "3.attention.3"),
            ):
                names[f"body.{g}.body.{b}.body.{theirs}"] = f"body.{g}.residual_group.{b}.rcab.{ours}"
    parts = [(key.rpartition("."), value) for key, value in rcan_state().items() if "mean" not in key]
    return {f"{names[module]}.{word}": value for (module, _, word), value in parts}


def rcan_basicsr_forward(state: State, lr: Tensor) -> Tensor:
    first = x = conv(state, "conv_first", (lr - MEAN) * 255)
    for g in range(GROUPS):
        y = x
        for b in range(BLOCKS):
            block = f"body.{g}.residual_group.{b}.rcab"
            inner = conv(state, f"{block}.2", conv(state, f"{block}.0", y).relu())
            y = y + attention(state, f"{block}.3.attention.1", f"{block}.3.attention.3", inner)
        x = x + conv(state, f"body.{g}.conv", y)
    x = shuffled(state, "upsample", first + conv(state, "conv_after_body", x))
    return conv(state, "conv_last", x) / 255 + MEAN


def msrresnet_state(scale: int = 4) -> State:
    shapes = {"conv_first": (WIDTH, 3, 3), "conv_hr": (WIDTH, WIDTH, 3), "conv_last": (3, WIDTH, 3)}
    shapes |= {f"body.{i}.conv{j}": (WIDTH, WIDTH, 3) for i in range(BLOCKS) for j in (1, 2)}
    shapes |= {f"upconv{i}": (WIDTH * f * f, WIDTH, 3) for i, f in enumerate(factors(scale), 1)}
    return make(shapes)


def msrresnet_forward(state: State, lr: Tensor) -> Tensor:
    x = leaky(conv(state, "conv_first", lr), 0.1)
    for i in range(BLOCKS):
        x = x + conv(state, f"body.{i}.conv2", conv(state, f"body.{i}.conv1", x).relu())
    scale = 1
    for name in [name for name in ("upconv1", "upconv2") if f"{name}.weight" in state]:
        factor = round((state[f"{name}.bias"].numel() / WIDTH) ** 0.5)
        x = leaky(functional.pixel_shuffle(conv(state, name, x), factor), 0.1)
        scale *= factor
    x = conv(state, "conv_last", leaky(conv(state, "conv_hr", x), 0.1))
    return x + functional.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False)


def srresnet_state() -> State:
    """Our own names, with a batch normalisation that has seen pictures."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = METHODS["srresnet"].build(4, {"width": WIDTH, "blocks": BLOCKS}).network()
        assert network is not None
        state = network.state_dict()
        for value in state.values():
            if value.ndim == 1:
                value.add_(0.1 * torch.rand(value.shape))
    return state


def srresnet_forward(state: State, lr: Tensor) -> Tensor:
    def norm(name: str, x: Tensor) -> Tensor:
        mean, var, gain, bias = (state[f"{name}.{word}"] for word in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, mean, var, gain, bias)

    first = x = functional.prelu(conv(state, "head.0", lr), state["head.1.weight"])
    for i in range(BLOCKS):
        y = norm(f"body.{i}.bn1", conv(state, f"body.{i}.conv1", x))
        y = functional.prelu(y, state[f"body.{i}.activation.weight"])
        x = x + norm(f"body.{i}.bn2", conv(state, f"body.{i}.conv2", y))
    x = first + norm("body_end.1", conv(state, "body_end.0", x))
    for i in (0, 3):
        x = functional.pixel_shuffle(conv(state, f"upsample.{i}", x), 2)
        x = functional.prelu(x, state[f"upsample.{i + 2}.weight"])
    return conv(state, "tail", x)


def drn_state(scale: int = 4) -> State:
    """The released names; F = WIDTH / 2 features at the largest resolution, BLOCKS RCABs a step up."""
    steps, features = len(factors(scale)), WIDTH // 2
    shapes = {"head": (features, 3, 3), "tail.0": (3, features * 2**steps, 3)}
    inputs = features * 2**steps
    for i in range(steps):
        outputs = features * 2 ** (steps - 1 - i)
        for b in range(BLOCKS):
            body = f"up_blocks.{i}.{b}.body"
            shapes |= {f"{body}.{j}": (inputs, inputs, 3) for j in (0, 2)}
            shapes |= {f"{body}.3.conv_du.0": (inputs // 4, inputs, 1), f"{body}.3.conv_du.2": (inputs, inputs // 4, 1)}
        shapes[f"up_blocks.{i}.{BLOCKS}.0"] = (4 * inputs, inputs, 3)
        shapes[f"up_blocks.{i}.{BLOCKS + 1}"] = (outputs, inputs, 1)
        inputs = 2 * outputs
        shapes[f"tail.{i + 1}"] = (3, inputs, 3)
    down = {}
    for p in range(steps):
        width = features * 2**p
        down |= {f"down.{p}.dual_module.0.0": (width, width, 3), f"down.{p}.dual_module.1": (2 * width, width, 3)}
    unbiased = {key: value for key, value in make(down, 1).items() if key.endswith("weight")}
    return mean_shift({**unbiased, **make(shapes)})


def drn_pyramid(state: State, lr: Tensor) -> list[Tensor]:
    """SR at 1, 2, ... times the size, in [0, 255]."""
    steps = len({key.split(".")[1] for key in state if key.startswith("up_blocks")})
    size = [side * 2**steps for side in lr.shape[-2:]]
    x = functional.interpolate(255 * lr, size, mode="bicubic", align_corners=False)
    x = conv(state, "head", conv(state, "sub_mean", x))
    copies = []
    for p in range(steps):
        copies.append(x)
        x = leaky(functional.conv2d(x, state[f"down.{p}.dual_module.0.0.weight"], stride=2, padding=1))
        x = functional.conv2d(x, state[f"down.{p}.dual_module.1.weight"], padding=1)
    outputs = [conv(state, "add_mean", conv(state, "tail.0", x))]
    for i in range(steps):
        for b in range(BLOCKS):
            block = f"up_blocks.{i}.{b}.body"
            inner = conv(state, f"{block}.2", conv(state, f"{block}.0", x).relu())
            x = x + attention(state, f"{block}.3.conv_du.0", f"{block}.3.conv_du.2", inner)
        x = functional.pixel_shuffle(conv(state, f"up_blocks.{i}.{BLOCKS}.0", x), 2)
        x = torch.cat([conv(state, f"up_blocks.{i}.{BLOCKS + 1}", x), copies[-1 - i]], 1)
        outputs.append(conv(state, "add_mean", conv(state, f"tail.{i + 1}", x)))
    return outputs


def drn_forward(state: State, lr: Tensor) -> Tensor:
    return drn_pyramid(state, lr)[-1] / 255


def reference_rrdb(state: State, lr: Tensor) -> Tensor:
    """The released names' network; the same tensors lie in the other two layouts."""
    return rrdb_forward(rrdb_state(), lr)


# layout -> (method, the published tensors, the network they stand for)
PUBLISHED: dict[str, tuple[str, Callable[[], State], Forward]] = {
    "esrgan-released": ("esrgan", rrdb_state, rrdb_forward),
    "esrgan-old": ("esrgan", lambda: to_old_names(rrdb_state()), reference_rrdb),
    "esrgan-basicsr": ("rrdb", lambda: to_basicsr_names(rrdb_state()), reference_rrdb),
    "edsr-official": ("edsr", edsr_state, edsr_forward),
    "edsr-basicsr": ("edsr", edsr_basicsr_state, edsr_basicsr_forward),
    "rcan-official": ("rcan", rcan_state, rcan_forward),
    "rcan-basicsr": ("rcan", rcan_basicsr_state, rcan_basicsr_forward),
    "msrresnet-basicsr": ("msrresnet", msrresnet_state, msrresnet_forward),
    "drn-official": ("drn", drn_state, drn_forward),
    "srresnet-ours": ("srresnet", srresnet_state, srresnet_forward),
}

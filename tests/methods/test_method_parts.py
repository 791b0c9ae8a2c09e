"""What every network method must keep to, and the parts that several of them share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from shrink import LARGER
from torch import Tensor, nn

from bench.api import Batch, Learner, Method, Picture, Training
from bench.data.features import reflected
from bench.data.images import luma as luma_of_pixels
from bench.data.images import to_tensor
from bench.errors import BadInput
from bench.runtime.devices import be_deterministic
from bench.suites.experiment import pretrain_variant
from methods import METHODS, find_entry
from methods.common.blocks import MeanShift
from methods.common.gan import GanLearner, PerceptualGan, Terms
from methods.common.luma import luma, to_rgb, to_ycbcr
from methods.common.optimise import SCHEDULES, Optimisation, group_parameters
from methods.common.perceptual import Features, MultiFeatures
from methods.common.rcan import ChannelAttention
from methods.enhancenet import EnhanceNet, grams, texture_distance

SMALL = {
    "width": 8,
    "widths": (8, 4),
    "features": 8,
    "blocks": 1,
    "groups": 1,
    "growth": 4,
    "stages": 3,
    "reduction": 4,
    "batch_size": 2,
    "patch": 32,
    "perceptual": "stlpips-vgg16",
    "discriminator_width": 4,
    "correction_blocks": 1,
    "degrader_width": 8,
    "degrader_blocks": 1,
}


def small(name: str, variant: str = "default", scale: int = 4) -> Method:
    """A variant of a method at a size that trains in milliseconds; the variant's own knobs win."""
    entry = find_entry(name)
    shrunk = {knob: value for knob, value in SMALL.items() if knob in entry.knobs}
    return entry.build(scale, {**shrunk, **LARGER.get(name, {}), **entry.variants[variant]})


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    torch.use_deterministic_algorithms(False)


def learner_of(method: Method, steps: int = 10) -> Learner:
    be_deterministic(1)
    learner = method.learner(Training(steps, 1))
    assert learner is not None
    return learner


def batch_of(method: Method, step: int) -> Batch:
    count, patch = method.batch
    generator = torch.Generator().manual_seed(step)
    hr = torch.rand(count, 3, patch, patch, generator=generator)
    lr, pairs = nn.functional.avg_pool2d(hr, method.scale), count - method.unpaired
    return Batch(lr[:pairs], hr[:pairs], step, unpaired=lr[pairs:] if method.unpaired else None)


@pytest.mark.parametrize(
    "name", [name for name, entry in METHODS.items() if entry.pretrain and not entry.method.unpaired]
)
def test_a_gan_starts_from_the_network_of_its_pretraining(name: str) -> None:
    entry = find_entry(name)
    assert entry.pretrain is not None
    for variant in entry.variants.keys() - {"minc"}:
        earlier = small(entry.pretrain.method, pretrain_variant(entry, entry.pretrain, variant)).network()
        assert earlier is not None
        learner = learner_of(small(name, variant))
        learner.warm_start(earlier.state_dict())
        for key, value in earlier.state_dict().items():
            assert torch.equal(learner.network.state_dict()[key], value)


@pytest.mark.parametrize(("name", "scale"), [("enhancenet", 3), ("ddbpn", 3), ("edsr", 5), ("msrresnet", 6)])
def test_a_scale_that_a_network_cannot_do_is_refused(name: str, scale: int) -> None:
    with pytest.raises(BadInput, match=f"not {scale}"):
        find_entry(name).build(scale, {}).network()


def test_colours_survive_the_way_to_luma_and_back() -> None:
    rgb = torch.rand(2, 3, 5, 7)
    assert (to_rgb(to_ycbcr(rgb)) - rgb).abs().max() < 1e-6


def test_luma_is_the_luma_that_scores_are_taken_of() -> None:
    pixels = torch.randint(0, 256, (6, 5, 3), dtype=torch.uint8).numpy()
    expected = torch.from_numpy(luma_of_pixels(pixels) / 255).float()
    assert torch.allclose(luma(to_tensor(pixels))[0], expected, atol=1e-6)


def test_a_grey_picture_stays_grey_through_a_luma_network() -> None:
    method = small("espcn")
    network = method.network()
    sr = method.upscaler(network)(Picture("grey", torch.rand(1, 6, 6).expand(3, 6, 6)))
    assert torch.allclose(sr[0], sr[1], atol=1e-6)
    assert torch.allclose(sr[0], sr[2], atol=1e-6)


def test_subtracting_and_adding_the_mean_colour_changes_nothing() -> None:
    x = 255 * torch.rand(1, 3, 4, 4)
    for trained in (False, True):
        shifted = MeanShift(-1, trained)(x)
        assert torch.allclose(MeanShift(1, trained)(shifted), x, atol=1e-4)
        assert torch.allclose((x - shifted)[0, :, 0, 0], 255 * torch.tensor([0.4488, 0.4371, 0.4040]), atol=1e-4)


def test_attention_keeps_one_channel_where_its_reduction_would_leave_none() -> None:
    assert ChannelAttention(8, 16).squeeze.out_channels == 1
    assert ChannelAttention(80, 16).squeeze.out_channels == 5


def test_attention_scales_each_channel_by_one_gate() -> None:
    x = torch.rand(1, 4, 5, 6) + 0.1
    gates = ChannelAttention(4, 2)(x) / x
    assert torch.allclose(gates, gates[..., :1, :1].expand_as(gates), atol=1e-6)
    assert ((gates > 0) & (gates < 1)).all()


def test_attention_copies_no_picture_and_takes_an_exact_mean() -> None:
    """In bf16 a mean copies its input to float32, and its gradient into another memory format."""
    attention = ChannelAttention(8, 2).to(torch.bfloat16).to(memory_format=torch.channels_last)
    x = torch.rand(2, 8, 5, 6).to(torch.bfloat16, memory_format=torch.channels_last).requires_grad_()
    with torch.profiler.profile(record_shapes=True) as profile:
        attention(x).backward(torch.ones_like(x))
    copied = [e.input_shapes[0] for e in profile.events() if e.name == "aten::copy_"]
    assert [2, 8, 5, 6] not in copied
    divided = [e.input_shapes[0] for e in profile.events() if e.name == "aten::div"]
    assert set(map(tuple, divided)) == {(2, 8, 1, 1)}
    picture = torch.rand(2, 8, 5, 6)
    found: list[Tensor] = []
    attention.float().squeeze.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    attention(picture)
    assert torch.equal(found[0], picture.mean((2, 3), keepdim=True))


def test_the_bicubic_skip_stays_exact_in_bf16() -> None:
    network = EnhanceNet(4, 8, 1)
    nn.init.zeros_(network.tail.weight)
    assert network.tail.bias is not None
    nn.init.zeros_(network.tail.bias)
    lr = torch.rand(1, 3, 6, 6)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        in_bf16 = network(lr)
    with torch.no_grad():
        assert torch.equal(in_bf16, network(lr))


def test_the_last_layer_learns_at_its_own_rate() -> None:
    network = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    adam = Optimisation(1e-2).adam(network, Training(10), {"1.": 0.1})
    before = [parameter.detach().clone() for parameter in network.parameters()]
    adam.set_rate(0)
    adam.minimise(network(torch.ones(1, 1)).sum())
    moved = [(a - b).abs().item() for a, b in zip(before, network.parameters(), strict=True)]
    assert moved == pytest.approx([1e-2, 1e-2, 1e-3, 1e-3], rel=1e-3)


def test_a_rate_for_parameters_that_do_not_exist_is_refused() -> None:
    with pytest.raises(BadInput, match="conv9"):
        group_parameters(nn.Sequential(nn.Linear(1, 1)), {"conv9.": 0.1})


def test_the_border_of_a_blurred_pooling_is_reflected_as_pytorch_reflects_it() -> None:
    x, gradient = torch.rand(2, 3, 5, 3, dtype=torch.float64), torch.rand(2, 3, 9, 7, dtype=torch.float64)
    found = []
    for reflect in (lambda y: reflected(reflected(y, -1), -2), lambda y: nn.functional.pad(y, (2, 2, 2, 2), "reflect")):
        y = x.clone().requires_grad_()
        reflect(y).backward(gradient)
        found.append((reflect(y), y.grad))
    assert torch.equal(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1])


def test_schedules_fall_as_their_names_say() -> None:
    assert SCHEDULES["tenth"]((0.5,))(0.5) == pytest.approx(0.1)
    assert SCHEDULES["geometric"](())(0.5) == pytest.approx(0.1)
    assert SCHEDULES["halve"]((0.2, 0.4))(0.39) == 0.5


class Witness:
    """The losses of a GAN, noting what both networks hold when the discriminator's turn comes."""

    def __init__(self, losses: PerceptualGan) -> None:
        self.losses = losses
        self.learner: GanLearner
        self.discriminator_gradients: list[Tensor | None] = []
        self.generator_gradients: list[Tensor] = []

    def generator(self, sr: Tensor, hr: Tensor, discriminator: nn.Module) -> dict[str, Tensor]:
        return self.losses.generator(sr, hr, discriminator)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        self.discriminator_gradients = [p.grad for p in self.learner.discriminator.parameters()]
        gradients = [p.grad for p in self.learner.trained.parameters()]
        self.generator_gradients = [gradient.clone() for gradient in gradients if gradient is not None]
        return self.losses.discriminator(real, fake)


class Judge(nn.Module):
    """A discriminator that keeps the pictures it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 16, 16))
        self.shown: list[Tensor] = []

    def forward(self, image: Tensor) -> Tensor:
        self.shown.append(image)
        return (image * self.weight).mean((1, 2, 3))[:, None]


def gan(kind: str = "relativistic", poor_below: float | None = None) -> tuple[GanLearner, Witness, Judge, Batch]:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Conv2d(3, 48, 3, padding=1), nn.PixelShuffle(4))
    witness, judge = Witness(PerceptualGan(Terms(0.0, 1.0, 1.0, gan=kind), None)), Judge()
    learner = GanLearner(generator, judge, witness, Optimisation(1e-2), Training(4), poor_below)
    witness.learner = learner
    return learner, witness, judge, Batch(torch.rand(2, 3, 4, 4), torch.rand(2, 3, 16, 16), 0)


@pytest.mark.parametrize("kind", ["standard", "relativistic"])
def test_the_generators_step_leaves_no_gradient_in_the_discriminator(kind: str) -> None:
    learner, witness, _, batch = gan(kind)
    learner.step(batch)
    assert witness.discriminator_gradients == [None]
    assert len(witness.generator_gradients) == 2


@pytest.mark.parametrize("kind", ["standard", "relativistic"])
def test_the_discriminators_step_sees_the_detached_sr_from_before_the_generators_step(kind: str) -> None:
    learner, witness, judge, batch = gan(kind)
    weights = [p.detach().clone() for p in learner.trained.parameters()]
    learner.step(batch)
    first, last = judge.shown[0], judge.shown[-1]
    assert first.requires_grad
    assert not last.requires_grad
    assert torch.equal(first, last)
    assert not any(torch.equal(a, b) for a, b in zip(weights, learner.trained.parameters(), strict=True))
    after = [p.grad for p in learner.trained.parameters()]
    for a, b in zip(after, witness.generator_gradients, strict=True):
        assert a is not None
        assert torch.equal(a, b)


@pytest.mark.parametrize(("poor_below", "learns"), [(None, True), (1.1, True), (0.0, False)])
def test_a_discriminator_that_does_well_is_left_alone(poor_below: float | None, learns: bool) -> None:
    learner, _, judge, batch = gan("standard", poor_below)
    before = judge.weight.detach().clone()
    losses = learner.step(batch)
    assert torch.equal(judge.weight, before) is not learns
    assert poor_below is None or bool(losses["discriminator_steps"]) is learns


def test_the_mse_content_loss_of_srgan_is_that_of_pictures_from_minus_one_to_one() -> None:
    method = small("srgan", "content-mse")
    losses = {name: float(value) for name, value in learner_of(method).step(batch_of(method, 0)).items()}
    assert "perceptual" not in losses
    assert losses["loss"] == pytest.approx(4 * losses["pixel"] + 1e-3 * losses["adversarial"], rel=1e-5)


def test_the_vgg_content_loss_of_srgan_scales_features_by_one_over_12_75() -> None:
    method = small("srgan", "content-vgg22")
    losses = {name: float(value) for name, value in learner_of(method).step(batch_of(method, 0)).items()}
    assert losses["loss"] == pytest.approx(losses["perceptual"] / 12.75**2 + 1e-3 * losses["adversarial"], rel=1e-5)


def test_several_taps_agree_with_single_ones() -> None:
    image = torch.rand(1, 3, 32, 32)
    found = MultiFeatures("stlpips-vgg16", ("conv1_1", "pool2", "conv3_1"))(image)
    assert list(found) == ["conv1_1", "pool2", "conv3_1"]
    for layer in ("conv1_1", "conv3_1"):
        assert torch.equal(found[layer], Features("stlpips-vgg16", layer, "after")(image))
    assert found["pool2"].shape[1] == 128


def test_a_layer_that_a_perceptual_network_lacks_is_named() -> None:
    with pytest.raises(BadInput, match="vgg19-caffe-conv3_4 has no layer pool5"):
        MultiFeatures("vgg19-caffe-conv3_4", ("pool2", "pool5"))
    with pytest.raises(BadInput, match="alexnet has no layer conv1_1"):
        MultiFeatures("alexnet", ("pool2", "conv1_1"))


def test_texture_ignores_where_in_a_patch_features_are_but_not_in_which_patch() -> None:
    features = torch.rand(1, 3, 16, 16)
    inside = features.clone()
    inside[..., :8, :8] = inside[..., :8, :8].flip(-1)
    across = features.roll(8, -1)
    assert texture_distance(features, inside, side=32) < 1e-8
    assert texture_distance(features, across, side=32) > 1e-2
    assert grams(features, 8).shape == (1, 4, 3, 3)
    first = features[0, :, :8, :8].flatten(1)
    assert torch.allclose(grams(features, 8)[0, 0], first @ first.T, atol=1e-5)

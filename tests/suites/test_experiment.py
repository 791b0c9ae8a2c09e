"""Experiments, suites, digests."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest

from bench.api import Axis, Claim, Entry, Pretrain
from bench.errors import BadInput
from bench.runtime import code_digest
from bench.runtime.code_digest import closure, source_digest
from bench.suites import SUITES, find_run
from bench.suites.experiment import Experiment
from bench.suites.suite import MethodPlan, Suite
from bench.workflow import Workflow
from methods import METHODS
from methods.srresnet import SRResNetMethod


def test_a_knob_that_does_not_exist_is_an_error_at_import() -> None:
    axis = Axis("loss", "?", {"l1": {"los": "l1"}}, "")
    with pytest.raises(BadInput, match="unknown knob of x 'los'; did you mean 'loss'"):
        Entry("x", SRResNetMethod, "", axes=(axis,))


def test_a_claim_of_a_variant_that_does_not_exist_is_an_error_at_import() -> None:
    claim = Claim("bn", "Batch normalisation helps.", "default > no-bm", "psnr_y", "")
    with pytest.raises(BadInput, match="unknown variant of x in claim bn 'no-bm'; did you mean 'no-bn'"):
        Entry("x", SRResNetMethod, "", (Axis("bn", "?", {"no-bn": {"batch_norm": False}}, ""),), (claim,))


def test_an_entry_names_its_own_sides_of_a_claim_and_leaves_those_of_others() -> None:
    axes = (Axis("weight", "?", {"loss-0.1": {"loss": "l1"}}, ""),)
    sides = {"a": "default > edsr.default", "b.1": "loss-0.1 > default"}
    claims = tuple(Claim(id, ".", side, "psnr_y", "") for id, side in sides.items())
    entry = Entry("x", SRResNetMethod, "", axes, claims)
    named = [(claim.id, claim.better, claim.worse) for claim in entry.claims]
    assert named == [("x.a", "x.default", "edsr.default"), ("x.b.1", "x.loss-0.1", "x.default")]
    assert dataclasses.replace(entry, revision=2).claims == entry.claims


def test_a_claim_that_names_no_metric_is_about_its_entrys() -> None:
    claims = Claim("a", ".", "default > edsr.default"), Claim("b", ".", "default > edsr.default", "pi")
    assert [claim.metric for claim in Entry("x", SRResNetMethod, "", claims=claims).claims] == ["psnr_y", "pi"]
    entry = Entry("x", SRResNetMethod, "", claims=claims, metric="lpips_alex")
    assert [claim.metric for claim in entry.claims] == ["lpips_alex", "pi"]
    assert dataclasses.replace(entry, revision=2).claims == entry.claims


@pytest.mark.parametrize("name", METHODS)
def test_a_knob_with_known_values_refuses_any_other(name: str) -> None:
    entry = METHODS[name]
    parts = [part for part in vars(entry.method).values() if dataclasses.is_dataclass(part)]
    for knob in (knob for part in (entry.method, *parts) for knob in dataclasses.fields(part) if knob.metadata):
        with pytest.raises(BadInput, match=r"unknown .*'no such value'"):
            entry.build(entry.method.scale, {knob.name: "no such value"})


def test_a_knob_has_one_name_whether_flat_or_dotted() -> None:
    entry = METHODS["srresnet"]
    flat, dotted = (entry.build(4, {name: 2e-3}) for name in ("learning_rate", "recipe.learning_rate"))
    assert flat == dotted != entry.build(4, {})
    assert flat.knobs["learning_rate"] == 2e-3
    axis = Axis("rate", "?", {"fast": {"recipe.learning_rate": 2e-3}}, "")
    assert Entry("x", SRResNetMethod, "", (axis,)).variants["fast"] == {"learning_rate": 2e-3}
    with pytest.raises(BadInput, match="twice"):
        entry.build(4, {"learning_rate": 1e-3, "recipe.learning_rate": 2e-3})
    with pytest.raises(BadInput, match=r"unknown knob of srresnet 'recipe\.width'"):
        entry.build(4, {"recipe.width": 8})


def test_a_shared_knob_that_does_not_exist_is_an_error_at_import() -> None:
    shared = Pretrain("edsr", ("recipe.loss", "blcks"))
    with pytest.raises(BadInput, match="unknown knob of x 'blcks'; did you mean 'blocks'"):
        Entry("x", SRResNetMethod, "", pretrain=shared)
    found = Entry("x", SRResNetMethod, "", pretrain=dataclasses.replace(shared, shared=("recipe.loss",))).pretrain
    assert found is not None and found.shared == ("loss",)


def test_two_knobs_of_one_name_are_an_error_at_import() -> None:
    @dataclasses.dataclass(frozen=True)
    class Torn(SRResNetMethod):
        learning_rate: float = 1.0

    with pytest.raises(BadInput, match="rename one"):
        Entry("x", Torn, "")


@pytest.mark.parametrize("name", METHODS)
def test_a_method_inherits_from_nothing_that_inherits(name: str) -> None:
    for base in METHODS[name].method.__bases__:
        assert base.__bases__ == (object,)


def test_two_variants_of_one_name_are_an_error_at_import() -> None:
    axes = (Axis("a", "?", {"v": {"loss": "l1"}}, ""), Axis("b", "?", {"v": {"width": 8}}, ""))
    with pytest.raises(BadInput, match="unique"):
        Entry("x", SRResNetMethod, "", axes=axes)


def test_the_digest_changes_with_knobs_seed_length_and_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Experiment("srresnet", iterations=10)
    others = [
        dataclasses.replace(run, knobs={"width": 8}),
        dataclasses.replace(run, seed=2),
        dataclasses.replace(run, iterations=11),
        dataclasses.replace(run, train_sets=("T91",)),
    ]
    digests = {one.digest() for one in (run, *others)}
    monkeypatch.setitem(METHODS, "srresnet", dataclasses.replace(METHODS["srresnet"], revision=2))
    assert len(digests | {run.digest()}) == 6


def test_the_digest_hears_of_a_default_said_or_unsaid() -> None:
    run = Experiment("srresnet", iterations=10)
    assert run.digest() == dataclasses.replace(run, knobs={"width": 64}).digest()


def test_a_method_is_made_of_its_own_modules_and_not_of_other_methods() -> None:
    modules = closure("methods.esrgan.gan")
    assert {"methods.common.rrdb", "methods.common.perceptual"} <= set(modules)
    assert not {"methods.srresnet", "methods.esrgan.psnr", "bench.api", "methods"} & set(modules)


def test_comments_and_docstrings_do_not_change_the_source_digest(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("guests")
    texts = {
        "one": 'def f():\n    """Says."""\n    return 1\n',
        "two": "# a remark\ndef f():\n    return 1\n",
        "three": "def f():\n    return 2\n",
    }
    from bench.runtime.code_digest import _tree

    digests = {}
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
        digests[name] = ast.dump(_tree(folder / f"{name}.py"))
    assert digests["one"] == digests["two"] != digests["three"]


def test_source_digests_of_different_methods_differ() -> None:
    assert source_digest("methods.srresnet") != source_digest("methods.bicubic")


def test_a_module_that_is_not_there_has_no_digest() -> None:
    with pytest.raises(BadInput, match=r"bench\.data\.nowhere: no such module"):
        source_digest("methods.srresnet", "bench.data.nowhere")


@pytest.mark.parametrize("name", SUITES)
def test_every_run_of_a_suite_builds_and_its_earlier_stage_is_in_the_suite(name: str) -> None:
    runs = SUITES[name].experiments()
    for run in runs.values():
        run.build()
        assert runs.keys() >= set(run.sources)


@pytest.mark.parametrize("name", SUITES)
def test_a_variant_of_a_suite_differs_from_its_default(name: str) -> None:
    runs = SUITES[name].experiments()
    for run in runs.values():
        if run.variant != "default":
            default = dataclasses.replace(run, variant="default").name
            assert default not in runs or run.resolved() != runs[default].resolved(), run.name


def test_a_gan_variant_starts_from_the_psnr_stage_with_the_same_generator() -> None:
    assert find_run("demo", "esrgan.bn.x4.bicubic.s1").warm_start == "rrdb.bn.x4.bicubic.s1"
    assert find_run("demo", "esrgan.tap-after.x4.bicubic.s1").warm_start == "rrdb.default.x4.bicubic.s1"


def test_the_demo_suite_stays_within_58_runs() -> None:
    assert len(SUITES["demo"].experiments()) <= 58


def test_a_run_may_take_the_network_of_the_same_method_trained_on_other_pairs() -> None:
    plans = (
        MethodPlan("srresnet", 10),
        MethodPlan("srresnet", 10, degradation="nearest", pairs="bicubic", evaluates=True),
    )
    runs = Suite("s", "", ("T91",), ("Set5",), plans).experiments()
    run = runs["srresnet.default.x4.nearest.s1"]
    assert (run.iterations, run.network_from) == (0, ("srresnet.default.x4.bicubic.s1",))


def test_a_run_that_takes_two_networks_brings_both_into_its_shard() -> None:
    plans = (
        MethodPlan("rrdb", 10, shard="a"),
        MethodPlan("esrgan", 10, shard="a"),
        MethodPlan("esrgan-interpolation", shard="b"),
    )
    runs = Suite("s", "", ("T91",), ("Set5",), plans).experiments("b")
    assert set(runs) == {f"{name}.default.x4.bicubic.s1" for name in ("rrdb", "esrgan", "esrgan-interpolation")}


def test_a_variant_of_equal_knobs_starts_from_its_namesake() -> None:
    assert find_run("cpu", "esrgan.less-data.x4.bicubic.s1").warm_start == "rrdb.less-data.x4.bicubic.s1"
    assert find_run("cpu", "esrgan.default.x4.bicubic.s1").warm_start == "rrdb.default.x4.bicubic.s1"


def test_a_gan_without_pretraining_starts_from_nothing() -> None:
    assert find_run("cpu", "esrgan.from-scratch.x4.bicubic.s1").warm_start is None


def test_the_dossier_is_no_part_of_the_source_digest(tmp_path_factory: pytest.TempPathFactory) -> None:
    from bench.runtime.code_digest import _tree

    folder = tmp_path_factory.mktemp("entries")
    for name, text in (("one", "ENTRY = 1\nx = 2\n"), ("two", "ENTRY = 3\nx = 2\n"), ("three", "x = 4\n")):
        (folder / f"{name}.py").write_text(text)
    one, two, three = (ast.dump(_tree(folder / f"{name}.py")) for name in ("one", "two", "three"))
    assert one == two != three


def test_an_unknown_shard_suggests_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'esrgan'"):
        Workflow("demo", "ersgan")


def test_the_digest_of_code_is_that_of_a_python_without_type_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "code.py"
    path.write_text("class Net:\n    def forward(self, x):\n        return x\n")
    before = ast.dump(code_digest._tree.__wrapped__(path))
    parse = ast.parse

    def parse_as_later(text: str) -> ast.Module:
        """As Python 3.12 does."""
        tree = parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                node.type_params = []
        return tree

    for kind in (ast.ClassDef, ast.FunctionDef):
        monkeypatch.setattr(kind, "_fields", tuple(dict.fromkeys((*kind._fields, "type_params"))))
    monkeypatch.setattr(ast, "parse", parse_as_later)
    assert ast.dump(code_digest._tree.__wrapped__(path)) == before

"""The links of one run's record, each recomputed: settings, code at its commit, scores, data, what was made of it."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.errors import BadInput
from bench.runtime.checksums import hash_file, hash_hashes
from bench.runtime.code_digest import ROOT
from bench.runtime.git import absence, checked_out, recomputed
from bench.runtime.paths import degraded_folder, kernels_folder, run_folder, sr_folder
from bench.runtime.results import count_dead
from bench.runtime.rows import Row

State = Literal["ok", "broken", "not here", "unchecked"]
RunRecord = Mapping[str, Any]
FAULTS = (BadInput, KeyError, TypeError, ValueError, AttributeError, IndexError, OSError)


@dataclass(frozen=True)
class Check:
    """One thing that was checked. name: of which file, run or cell; text: what is wrong, or why it was not checked."""

    kind: str
    name: str
    state: State
    text: str = ""


@contextlib.contextmanager
def guarded(links: list[Check], kind: str, name: str) -> Iterator[None]:
    """A check that trips over a torn file or record adds a broken link."""
    try:
        yield
    except FAULTS as error:
        fault = str(error) if isinstance(error, BadInput) else f"cannot be read ({type(error).__name__}: {error})"
        links.append(Check(kind, name, "broken", fault))


def checked(kind: str, name: str, check: Callable[[], Iterable[Check]]) -> list[Check]:
    """The links that a check finds, all or, `guarded`, none but a broken one."""
    links: list[Check] = []
    with guarded(links, kind, name):
        links += check()
    return links


def equal(kind: str, name: str, pairs: Mapping[str, tuple[Any, Any]]) -> Check:
    """Whether the two values of every pair agree; names the first pair that does not."""
    for what, (here, recorded) in pairs.items():
        if here != recorded:
            return Check(kind, name, "broken", f"{what}: {_brief(here)} here, {_brief(recorded)} recorded")
    return Check(kind, name, "ok")


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def check_rows(record: RunRecord, row: Row, cost: Row | None) -> Iterator[Check]:
    """runs.csv and cost.csv against the record."""
    run = row["run"]
    for kind, line, recorded in (("runs.csv", row, record["row"]), ("cost.csv", cost, record["cost"])):
        if line is None:
            yield Check(kind, run, "broken", "has no row of this run")
        else:
            yield equal(kind, run, {name: (text, str(recorded.get(name, ""))) for name, text in line.items()})


def check_experiment(record: RunRecord, run: str) -> Iterator[Check]:
    """The digest from settings and code, and whether row, experiment and train.json tell of one and the same run."""
    from bench.suites.experiment import digest_of

    settings, row, digest = record["experiment"], record["row"], record["digest"]
    again = digest_of({**settings, "source": record["code"]["sha256"]})
    yield equal("digest", run, {"digest": (again, digest), "digest of the row": (row["digest"], digest)})
    shared = ("method", "scale", "degradation", "seed", "iterations")
    pairs: dict[str, tuple[Any, Any]] = {name: (row[name], settings[name]) for name in shared}
    pairs["train_set"] = (row["train_set"], "+".join(settings["train_sets"]))
    pairs["warm_start"] = (row["warm_start"], settings["warm_start"] or "")
    pairs["run"] = (row["run"], run)
    pairs["dead_generators"] = (row.get("dead_generators", ""), count_dead(record.get("estimated", {})))
    if settings["iterations"]:
        trained = record["training"]
        pairs |= {name: (trained[name], record[name]) for name in ("digest", "experiment", "train_data")}
        pairs["parameters"] = (trained["parameters"], row["parameters"])
        pairs["train_seconds"] = (trained["seconds"], record["cost"]["train_seconds"])
        pairs["run of train.json"] = (trained["run"], run)
    yield equal("settings", run, pairs)


def check_code(records: Mapping[str, RunRecord], root: Path = ROOT) -> list[Check]:
    """The source digest of every run, and of every stage that recorded its own, recomputed from the files of its
    commit by the rule of that commit."""
    kind, commits = "code at its commit", dict[str, list[tuple[str, RunRecord, RunRecord]]]()
    for run, record in records.items():
        for name, code in _codes(run, record):
            commits.setdefault(str(code.get("commit", "")), []).append((name, code, record["environment"]))
    links: list[Check] = []
    for commit, codes in commits.items():
        if why := absence(commit, root):
            links += [Check(kind, name, "unchecked", why) for name, *_ in codes]
            continue
        with checked_out(commit, root) as tree:
            for name, code, environment in codes:
                with guarded(links, kind, name):
                    links.append(_code(name, code, environment, tree))
    return links


def _codes(run: str, record: RunRecord) -> Iterator[tuple[str, RunRecord]]:
    """(name, code) of the run, of its later stages, and of what prepared its pictures."""
    yield run, record["code"]
    for stage in ("upscaled", "estimated", "scored"):
        if stage in record:
            yield f"{run}: {stage}", record[stage]["code"]
    for name, stage in record.get("prepared", {}).items():
        yield f"{run}: {name}", stage["code"]


def _code(name: str, code: RunRecord, environment: RunRecord, tree: Path) -> Check:
    """One source digest, and the modules where they are recorded, against a tree."""
    kind = "code at its commit"
    if any(module.startswith("guest_") for module in (*code.get("starts", ()), *code.get("modules", ()))):
        return Check(kind, name, "unchecked", "the method is a file of its own, in no commit")
    for sha256, modules in recomputed(tree, code):
        if sha256 == code["sha256"] and code.get("modules", list(modules)) == list(modules):
            return Check(kind, name, "ok")
    recorded = ".".join(str(environment["python"]).split(".")[:2])
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if recorded != here:
        return Check(kind, name, "unchecked", f"made with Python {recorded}, whose syntax trees differ from {here}'s")
    why = "the code had uncommitted changes" if code["changed"] else "the commit's files give another source digest"
    return Check(kind, name, "broken", why)


def check_weights(record: RunRecord, run: str) -> Iterator[Check]:
    """Published networks are those that the project pins."""
    from bench.runtime.weights import WEIGHTS

    for name, sha256 in record["weights"].items():
        pins = [file.sha256 for file in WEIGHTS[name].files if file.sha256] if name in WEIGHTS else []
        if not pins:
            yield Check("published weights", run, "unchecked", f"{name}: no hash of it is pinned")
        elif any(sha256.startswith(pin) for pin in pins):
            yield Check("published weights", run, "ok")
        else:
            yield Check("published weights", run, "broken", f"{name}: sha256 {sha256[:16]}… is none that is pinned")


def check_stages(record: RunRecord, run: str, records: Mapping[str, RunRecord]) -> Iterator[Check]:
    """The runs it starts from are here, and what it took of them is what they made."""
    settings = record["experiment"]
    sources = [settings.get("warm_start"), settings.get("kernel_from"), *(settings.get("network_from") or ())]
    taken = record.get("stages", {})
    for name in [source for source in sources if source and source != "truth"]:
        if name not in records:
            yield Check("earlier stage", run, "broken", f"{name} is not among the runs of this folder")
            continue
        given = records[name].get("checkpoint") if name != settings.get("kernel_from") else records[name].get("kernels")
        if isinstance(given, Mapping) and isinstance(taken.get(name), str):
            given = hash_hashes(given)
        if name not in taken:
            yield Check("earlier stage", run, "unchecked", "what it took of the run it starts from was not recorded")
        else:
            yield equal("earlier stage", run, {f"what it took of {name}": (taken[name], given)})


def check_own_stages(record: RunRecord, run: str) -> Iterator[Check]:
    """Each stage of the run took what the one before it had made. Records from before stages wrote their own have
    none of these links."""
    if "scored" not in record:
        return
    upscaling = record.get("upscaled") or record["estimated"]
    prepared = {name: stage["outputs"]["manifest.json"] for name, stage in record["prepared"].items()}
    took = {**record.get("training", {}).get("inputs", {}), **upscaling["inputs"]}
    pairs = {f"digest of what was {word}": (record[word]["digest"], record["digest"])
             for word in ("upscaled", "estimated") if word in record}  # fmt: skip
    pairs |= {name: (took.get(name), sha256) for name, sha256 in prepared.items()}
    pairs |= {f"{name} when scored": (record["scored"]["inputs"].get(name), took.get(name))
              for name in prepared if name.startswith("data/")}  # fmt: skip
    if f"runs/{run}" in took:
        pairs["checkpoint"] = (took[f"runs/{run}"], record["checkpoint"])
    kind = "sr" if "upscaled" in record else "kernels"
    pairs[kind] = (record["scored"]["inputs"][kind], hash_hashes(record[kind]))
    yield equal("own stages", run, pairs)


def check_made(record: RunRecord, run: str, work: Path | None) -> Iterator[Check]:
    """What is not committed: compared where the work folder has it, else recorded, not here."""
    settings = record["experiment"]
    here = work or Path(os.devnull)  # no file is below that
    for name, sha256 in record["test_data"].items():
        folder = degraded_folder(here, name, settings["scale"], settings["degradation"])
        yield _file("test data", f"{run}: {name}", folder / "manifest.json", sha256)
    for kind, key, folder_of in (("SR pictures", "sr", sr_folder), ("kernels", "kernels", kernels_folder)):
        for name, sha256 in record.get(key, {}).items():
            yield _file(kind, f"{run}: {name}", folder_of(here, settings["method"], run) / name, sha256)
    if "checkpoint" in record:
        yield _file("checkpoint", run, run_folder(here, run) / "checkpoint.safetensors", record["checkpoint"])
    for key, sets in (("train_data", "train_sets"), ("unpaired_data", "unpaired_sets")):
        if key in record:
            yield _store(run, here, "+".join(settings[sets]), record[key])


def _file(kind: str, name: str, file: Path, sha256: str) -> Check:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        return Check(kind, name, "broken", f"{_brief(sha256)} is no sha256")
    if not file.is_file():
        return Check(kind, name, "not here")
    return equal(kind, name, {"sha256": (hash_file(file), sha256)})


def _store(run: str, work: Path, sets: str, sha256: str) -> Check:
    """A training store, whose folder's name says more than its sets: any of them with that manifest will do."""
    stores = list((work / "train").glob(f"{sets}.x*/manifest.json")) or [work / "train" / "manifest.json"]
    links = [_file("training data", run, file, sha256) for file in stores]
    return next((link for link in links if link.state == "ok"), links[0])


def check_same_pictures(records: Mapping[str, RunRecord]) -> Iterator[Check]:
    """Runs that are compared were tested on the same pictures: one manifest a data set, scale and degradation."""
    seen: dict[tuple[str, str, str], tuple[str, str]] = {}
    for run, record in records.items():
        settings = record["experiment"]
        for name, sha256 in record["test_data"].items():
            key = (name, str(settings["scale"]), settings["degradation"])
            first, known = seen.setdefault(key, (run, sha256))
            same = known == sha256
            text = "" if same else f"other pictures of {name} than {first}"
            yield Check("same test pictures", f"{run}: {name}", "ok" if same else "broken", text)

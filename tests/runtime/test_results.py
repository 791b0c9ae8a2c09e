"""A results folder gives back what was put into it, in few files whose bytes depend on nothing else."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from bench.errors import BadInput
from bench.runtime.results import (
    MATERIAL,
    SCORE_COLUMNS,
    hash_scores,
    pack_material,
    read_material,
    read_records,
    read_scores,
    score_text,
    unpack_material,
    write_records,
    write_scores,
)
from bench.runtime.rows import Row


def rows(*lines: str) -> list[Row]:
    return [dict(zip(SCORE_COLUMNS, line.split(","), strict=True)) for line in lines]


SCORES = {
    "one": rows("Set5,baby,niqe,,too small", "Set5,baby,psnr_y,28.000000,", "Set5,bird,psnr_y,inf,"),
    "two": rows("Set5,baby,ssim_y,0.900000,"),
}


def test_scores_come_back_run_by_run_with_their_bytes_and_hash(tmp_path: Path) -> None:
    write_scores(tmp_path, "m", SCORES)
    assert read_scores(tmp_path, "m") == SCORES
    text = "dataset,image,metric,value,note\nSet5,baby,ssim_y,0.900000,\n"
    assert score_text(read_scores(tmp_path, "m")["two"]) == text
    assert hash_scores(SCORES["one"]) == hash_scores(SCORES["one"][::-1]) != hash_scores(SCORES["two"])
    assert (tmp_path / "scores" / "m.csv").read_text().splitlines() == [
        "run,dataset,image,niqe,psnr_y,ssim_y",
        "one,Set5,baby,n/a: too small,28.000000,",
        "one,Set5,bird,,inf,",
        "two,Set5,baby,,,0.900000",
    ]


def test_a_method_without_scores_has_none(tmp_path: Path) -> None:
    assert read_scores(tmp_path, "m") == {}


def test_records_come_back_by_run(tmp_path: Path) -> None:
    records = {"m.b": {"cost": {"seconds": 1.5}}, "m.a": {"digest": "d"}}
    write_records(tmp_path, "m", records)
    assert read_records(tmp_path) == records
    assert len((tmp_path / "records" / "m.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("text", ['{"run": "a"}\n{"run": "b"', '{"run": "a"}\n[]\n', '{"run": "a"}\n{"digest": "d"}\n'])
def test_a_torn_record_is_refused_by_file_and_line(text: str, tmp_path: Path) -> None:
    write_records(tmp_path, "m", {"a": {}})
    (tmp_path / "records" / "m.jsonl").write_text(text)
    with pytest.raises(BadInput, match=r"m\.jsonl: line 2 is no record"):
        read_records(tmp_path)


def test_a_run_recorded_twice_is_refused(tmp_path: Path) -> None:
    write_records(tmp_path, "m", {"a": {}})
    write_records(tmp_path, "n", {"a": {}})
    with pytest.raises(BadInput, match=r"n\.jsonl: line 1: a is there twice"):
        read_records(tmp_path)


def test_material_is_the_same_bytes_whenever_and_in_whatever_order_it_was_made(tmp_path: Path) -> None:
    files = {"curves/a.csv": b"1", "kernels/x/b.npy": b"2"}
    for folder, order in (("first", [*files]), ("second", [*files][::-1])):
        for name in order:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
            os.utime(path, (1, 1) if folder == "first" else None)
        pack_material(tmp_path / folder, tmp_path)
        (tmp_path / MATERIAL).rename(tmp_path / f"{folder}.xz")
    assert (tmp_path / "first.xz").read_bytes() == (tmp_path / "second.xz").read_bytes()
    (tmp_path / "first.xz").rename(tmp_path / MATERIAL)
    assert read_material(tmp_path) == files
    unpack_material(tmp_path, tmp_path / "third")
    assert (tmp_path / "third" / "kernels" / "x" / "b.npy").read_bytes() == b"2"


def test_without_material_there_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / MATERIAL).write_text("old")
    pack_material(tmp_path / "nothing", tmp_path)
    assert not (tmp_path / MATERIAL).exists() and read_material(tmp_path) == {}


@pytest.mark.parametrize("name", ["../escape", "/etc/escape"])
def test_a_name_that_leads_out_of_the_archive_is_refused(name: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / MATERIAL, "w:xz") as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(BadInput, match="leads out of it"):
        unpack_material(tmp_path, tmp_path / "inside")
    assert not (tmp_path / "inside").exists()


def test_a_torn_archive_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_bytes(os.urandom(5000))
    pack_material(tmp_path / "folder", tmp_path)
    path = tmp_path / MATERIAL
    whole = path.read_bytes()
    for torn in (b"", whole[:9], whole[: len(whole) // 2], whole[:-3], b"no archive at all"):
        path.write_bytes(torn)
        with pytest.raises(BadInput, match=MATERIAL):
            read_material(tmp_path)

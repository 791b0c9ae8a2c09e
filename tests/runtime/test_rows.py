"""CSV files: what is written is read back, and what is torn is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import BadInput
from bench.runtime.rows import format_rows, read_rows, write_rows


def test_what_is_written_is_read_back_as_text(tmp_path: Path) -> None:
    rows = [["Set5", 'a "quoted", name', ""], ["Sét14", "two\nlines", 1.5]]
    write_rows(tmp_path / "new" / "t.csv", ["dataset", "image", "value"], rows)
    assert read_rows(tmp_path / "new" / "t.csv", ["image"]) == [
        {"dataset": "Set5", "image": 'a "quoted", name', "value": ""},
        {"dataset": "Sét14", "image": "two\nlines", "value": "1.5"},
    ]
    assert (tmp_path / "new" / "t.csv").read_bytes() == format_rows(["dataset", "image", "value"], rows).encode()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a,b\n1\n", "different lengths"),
        (b"a,b\n1,2,3\n", "different lengths"),
        (b'a,b\n1,"2\n', "cannot be read"),
        (b"a,b\n1,\xff\n", "cannot be read"),
        (b"a,b\n1,\x00\n2", "different lengths"),
        (b"a\n1\n", "lacks the column b"),
        (b"", "lacks the column b"),
    ],
)
def test_a_torn_file_is_refused_by_name_with_the_remedy(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=rf"t\.csv: .*{complaint}.*; score it again"):
        read_rows(path, ["b"], "score it again")


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"t\.csv: no such file; make it again"):
        read_rows(tmp_path / "t.csv")


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    with pytest.raises(BadInput):
        write_rows(tmp_path / "folder" / "t.csv", ["a"], [])
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]

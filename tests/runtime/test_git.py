"""The commit that is recorded is that of the checkout the code lies in, and of no other repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from traced_folder import git as run_git

from bench.runtime.git import commit


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a method."""
    folder = tmp_path / "checkout"
    (folder / "methods").mkdir(parents=True)
    (folder / "methods" / "tiny.py").write_text("WIDTH = 3\n")
    run_git(folder, "init", "-q", ".")
    run_git(folder, "add", ".")
    run_git(folder, "commit", "-qm", "Code")
    return folder


def test_a_commit_is_named_and_any_change_of_the_code_is_seen(checkout: Path) -> None:
    name = run_git(checkout, "rev-parse", "HEAD")
    (checkout / "notes.txt").write_text("no code")
    assert commit(checkout) == {"commit": name, "changed": False}
    (checkout / "methods" / "new.py").write_text("")
    assert commit(checkout) == {"commit": name, "changed": True}
    (checkout / "methods" / "new.py").unlink()
    (checkout / "methods" / "tiny.py").write_text("WIDTH = 4\n")
    assert commit(checkout) == {"commit": name, "changed": True}


def test_code_inside_another_repository_has_no_commit(checkout: Path) -> None:
    copied = checkout / "site-packages"
    copied.mkdir()
    assert commit(copied) == {"commit": "unknown", "changed": None}
    assert commit(checkout.parent) == {"commit": "unknown", "changed": None}


def test_variables_of_git_name_no_other_repository(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run_git(other, "init", "-q", ".")
    run_git(other, "commit", "-q", "--allow-empty", "-m", "Other")
    expected = commit(checkout)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert commit(checkout) == expected and expected["commit"] != "unknown"

"""Methods trained elsewhere: somebody's SR pictures take part in tables, statistics and figures like any method.

What they are made of is known by its sha256, a knob, so that a run says what it took wherever that lay.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from bench.api import Entry, Method, Upscaler
from bench.data.datasets import find_dataset
from bench.data.images import EXTENSIONS, composed, pictures_by_name
from bench.errors import BadInput
from bench.runtime.checksums import hash_file, hash_hashes

PLACES: dict[str, Path] = {}
"""Where in this process that of a sha256 is: a file, or a path whose last part is the pattern of pictures' names."""
_NUMBERED = re.compile(r"img_\d{3}")  # names of the layout image_SRF_4, in the order of the pictures' own
_WORD = re.compile(r"\{(set|scale|name)\}")


@dataclass(frozen=True)
class Pictures(Method):
    """SR pictures that somebody made: nothing is upscaled. sha256: of their names and hashes."""

    sha256: str = ""

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        raise BadInput(f"{PLACES[self.sha256]}: pictures upscale nothing; compare them, or give a network")

    def find(self, dataset: str, names: Sequence[str]) -> Mapping[str, Path]:
        """The SR file of each of these pictures of a data set. Raises BadInput where one is missing.

        Where the set here is numbered, and the folder holds as many pictures as the set, under names of their own, they
        pair in order: the numbers follow the names.
        """
        words = {"set": dataset, "scale": str(self.scale), "name": "{name}"}
        place = Path(_WORD.sub(lambda word: words[word[1]], str(PLACES[self.sha256])))
        folder, found = place.parent, pictures_by_name(place.parent, place.name, "the pattern of its pictures")
        wanted = {name: composed(name) for name in names}
        whole = len(found) == len(wanted) == find_dataset(dataset).count
        if whole and not found.keys() & set(wanted.values()) and all(map(_NUMBERED.fullmatch, wanted)):
            return dict(zip(sorted(wanted), (found[name] for name in sorted(found)), strict=True))
        for name, spelt in wanted.items():
            if spelt not in found:
                raise BadInput(f"{folder}: no SR of {name} of {dataset} (it holds {min(found)}, …); add it")
        return {name: found[spelt] for name, spelt in wanted.items()}


def pictures_entry(name: str, place: Path, sha256: str = "", paper: str = "made elsewhere") -> Entry:
    """The entry of the pictures of a folder, or of those that a path matches: {name} stands for a picture's name, {set}
    and {scale} for theirs. sha256: what they must have; by default what they have now. Raises BadInput for none."""
    if "{name}" not in place.name:
        place /= "{name}" if any(path.suffix.lower() in EXTENSIONS for path in place.glob("*")) else "{set}/{name}"
    sha256 = sha256 or hash_pictures(place)
    PLACES[sha256] = place
    return Entry(name, Pictures, paper, default={"sha256": sha256}, deterministic=True)


def any_picture(sha256: str) -> bool:
    """Whether there is any picture at the place of a sha256, changed or not."""
    return bool(_files(PLACES[sha256])[1])


def check_pictures(sha256: str) -> str:
    """The sha256 of what is at the place of one. Raises BadInput where that is another."""
    found = hash_pictures(PLACES[sha256])
    if found != sha256:
        raise BadInput(f"{PLACES[sha256]}: sha256 {found[:12]}…, expected {sha256[:12]}…; get the original again")
    return found


def hash_pictures(place: Path) -> str:
    """The sha256 of the names and hashes of all pictures that a path matches. Raises BadInput where none does."""
    root, files = _files(place)
    if not files:
        raise BadInput(f"{place}: no such pictures; name a folder, or a path such as DIR/{{set}}/{{name}}_x4.png")
    return hash_hashes({file.relative_to(root).as_posix(): hash_file(file) for file in files})


def _files(place: Path) -> tuple[Path, list[Path]]:
    """(the folder without placeholders, the pictures below it that the path matches)."""
    parts = place.parts
    fixed = next(i for i, part in enumerate(parts) if _WORD.search(part))
    pattern = _WORD.sub("*", "/".join(parts[fixed:]))
    pattern += "" if pattern.lower().endswith(EXTENSIONS) else ".*"
    root = Path(*parts[:fixed])
    return root, sorted(path for path in root.glob(pattern) if path.suffix.lower() in EXTENSIONS)

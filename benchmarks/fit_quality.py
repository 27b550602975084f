"""The weights of `easyphoto.faces.quality` from portraits graded by eye.

    python benchmarks/fit_quality.py [GRADES.csv ...]

Each file holds one row a portrait: person, template, a hash of the settings, the grade 1 to 5 with its reason, and the
faults that `parts_of` measured on it; benchmarks/grades.csv where none is named. Prints the rank correlation of grade
and fit on people and on templates that the fit did not see, of each file by itself too, and the weights for `WEIGHTS`
and `FLAWLESS`, which are those of grades.csv: with the 36 later portraits of grades_unseen.csv none are better there.

Settings: 5d85fff2 is commit f15d06b, fusion alone, templates of 768 px; a30b4c38 the same with photos turned up to 42
degrees away; 20d080e4 is commit 8395ddf, otherwise as the first; a5865f1q are quick portraits
of that commit with up to six photos, photos enhanced, shipped templates.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import spearmanr

from easyphoto.domain import QualityParts
from easyphoto.faces.quality import felt

Array = NDArray[np.float64]
GRADES = (Path(__file__).parent / "grades.csv",)
PARTS = [field.name for field in fields(QualityParts)]
LEAST = 0.1  # grades that every fault takes off at least, also one that these portraits hardly have
RIDGE = 1.0  # keeps faults that come together from taking each other's weight


@dataclass(frozen=True, eq=False)
class Graded:
    """All graded portraits, one a row."""

    people: list[str]
    templates: list[str]
    files: list[str]  # by stem
    grades: Array  # (n,) 1..5
    faults: Array  # (n, parts), as they are felt


def read(files: Sequence[Path] = GRADES) -> Graded:
    rows = [row | {"file": file.stem} for file in files for row in _rows(file)]
    faults = np.array([[felt(float(row[name])) for name in PARTS] for row in rows])
    grades = np.array([float(row["grade"]) for row in rows])
    people, templates, names = ([row[key] for row in rows] for key in ("person", "template", "file"))
    return Graded(people, templates, names, grades, faults)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def fitted(faults: Array, grades: Array) -> Array:
    """(parts + 1,) what each fault takes off the grade, `LEAST` or more, and the grade without any."""
    count = faults.shape[1]
    ridge = np.c_[np.sqrt(RIDGE) * np.eye(count), np.zeros(count)]
    known = grades + LEAST * faults.sum(1)
    weights, _ = nnls(np.vstack([np.c_[-faults, np.ones(len(faults))], ridge]), np.r_[known, np.zeros(count)])
    return np.asarray(weights + np.r_[np.full(count, LEAST), 0])


def held_out(faults: Array, grades: Array, groups: list[str]) -> Array:
    """(n,) grades that were predicted from the other groups' portraits."""
    predicted = np.zeros(len(grades))
    for group in set(groups):
        out = np.array([one == group for one in groups])
        weights = fitted(faults[~out], grades[~out])
        predicted[out] = weights[-1] - faults[out] @ weights[:-1]
    return predicted


def main() -> None:
    graded = read([Path(name) for name in sys.argv[1:]] or GRADES)
    print(f"{len(graded.grades)} portraits, mean grade {graded.grades.mean():.2f}")
    for name, groups in (("people", graded.people), ("templates", graded.templates)):
        predicted = held_out(graded.faults, graded.grades, groups)
        for file in ("all", *dict.fromkeys(graded.files)):
            some = np.array([file in ("all", one) for one in graded.files])
            rank = spearmanr(predicted[some], graded.grades[some]).statistic
            error = np.abs(predicted - graded.grades)[some].mean()
            print(f"{name} held out, {file}: rank correlation {rank:.2f}, mean error {error:.2f} of a grade")
    weights = fitted(graded.faults, graded.grades)
    print(f"FLAWLESS = {(weights[-1] - 1) / 4:.3f}")
    for name, weight, column in zip(PARTS, weights[:-1] / 4, graded.faults.T, strict=True):
        print(f"    {name}={weight:.3f},  # alone: rank correlation {-spearmanr(column, graded.grades).statistic:.2f}")


if __name__ == "__main__":
    main()

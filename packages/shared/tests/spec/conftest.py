"""A small spec in pieces, and where it is written to."""

from pathlib import Path

HEAD = 'version = 1\nname = "churn"\ntask = "classification"\ntarget = "left"\nmetric = "accuracy"\nkey = ["id"]\n'
SOURCE = '[source]\npath = "churn.csv"\n'
CANDIDATE = '[[candidates]]\nname = "forest"\nestimator = "sklearn.ensemble.RandomForestClassifier"\n'
SPEC = HEAD + SOURCE + CANDIDATE


def write(folder: Path, text: str, name: str = "churn.toml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def named(name: str) -> str:
    return SPEC.replace('"churn"', f'"{name}"')

import re
import tomllib

import pytest

from .command_trees import command_tree
from .documents import ROOT, find

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENVIRONMENTS = PROJECT["tool"]["hatch"]["envs"]
SERVICES = ["mlyard-mlflow-server", "mlyard-model-api", "mlyard-training-pipeline"]


def runnable(environment: str) -> set[str]:
    """The scripts of an environment and the programs that it installs: tools and the commands of our packages."""
    own = ENVIRONMENTS[environment]
    base = ENVIRONMENTS.get(own.get("template", ""), {})
    groups = own.get("dependency-groups", base.get("dependency-groups", []))
    requirements = [requirement for group in groups for requirement in PROJECT["dependency-groups"][group]]
    programs = {re.split(r"[\[<>=~!; ]", requirement)[0] for requirement in requirements}
    for member in own.get("workspace", {}).get("members", []):
        folder = member["path"] if isinstance(member, dict) else member
        programs |= tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"].get("scripts", {}).keys()
    return {"python", *own.get("scripts", {}), *base.get("scripts", {}), *programs}


def test_every_hatch_command_exists() -> None:
    wrong = []
    for mention in find(r"\bhatch run ([\w:-]+(?:\.[\w:.-]+)?)", in_code=True):
        environment, _, script = mention.text.rpartition(":")
        environment = environment.partition(".")[0] or "default"  # what follows a point chooses from a matrix
        if environment not in ENVIRONMENTS or script not in runnable(environment):
            wrong.append(str(mention))
    assert not wrong, "pyproject.toml has no such environment or script:\n" + "\n".join(wrong)


def test_every_hatch_environment_exists() -> None:
    wrong = [str(mention) for mention in find(r"\bhatch (?:-e|env \w+) ([\w-]+)", in_code=True)]
    wrong = [mention for mention in wrong if mention.rpartition(" ")[2] not in ENVIRONMENTS]
    assert not wrong, "pyproject.toml has no such environment:\n" + "\n".join(wrong)


@pytest.mark.parametrize("service", SERVICES)
def test_every_subcommand_exists(service: str) -> None:
    known = command_tree(service)
    if known is None:
        pytest.skip(f"{service} has no cli.py yet: what documents say of it was not checked")
    assert known, f"no click command found in the source of {service}"
    wrong = []
    for mention in find(rf"(?<![\w/]){service} ((?:[a-z][a-z-]* ?)+)", in_code=True):
        level = known
        for word in mention.text.split():
            if not level:
                break  # the rest are arguments
            if word not in level:
                wrong.append(f"{mention} (there is {', '.join(sorted(level))})")
                break
            level = level[word]
    assert not wrong, f"{service} has no such subcommand:\n" + "\n".join(wrong)

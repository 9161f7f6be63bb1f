"""Which version of a model a request means: what serves, or another one that is in memory."""

import re
from urllib.parse import parse_qsl

from mlyard_model_api.errors import QueryRefused, VersionUnknown
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.version import ServedVersion

_NUMBER = re.compile("[1-9][0-9]{0,8}")


def by_query(models: Models, name: str, query: bytes) -> ServedVersion:
    """The version that `?version=` or `?alias=` names, else what serves; where both are given, they have to mean one.

    Raises:
        Unanswered: there is no such version.
    """
    if not query:
        return models.serving(name)[0]
    given = [pair for pair in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if pair[0] in _BY]
    if len(given) > len(dict(given)):
        raise QueryRefused("name one version and one alias at the most")
    found = [_BY[kind](models, name, value) for kind, value in given] or [models.serving(name)[0]]
    if any(version is not found[0] for version in found):
        raise VersionUnknown([version.reference.version for version in models.loaded(name)])
    return found[0]


def by_number(models: Models, name: str, number: str) -> ServedVersion:
    """The version with a number, where it is in memory; raises `Unanswered`."""
    loaded = models.loaded(name)
    if _NUMBER.fullmatch(number) is None:
        raise QueryRefused("a version is a number, as in ?version=3")
    for version in loaded:
        if version.reference.version == int(number):
            return version
    raise VersionUnknown([version.reference.version for version in loaded])


def by_alias(models: Models, name: str, alias: str) -> ServedVersion:
    """The champion, or the version that served before it, where it is in memory; raises `Unanswered`."""
    if alias not in ("champion", "previous"):
        raise QueryRefused("the aliases of versions that are loaded are champion and previous")
    loaded = models.loaded(name)
    if alias == "champion":
        return loaded[0]
    if len(loaded) == 1:
        raise VersionUnknown([loaded[0].reference.version])
    return loaded[1]


_BY = {"version": by_number, "alias": by_alias}

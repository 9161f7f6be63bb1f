import gc

from mlyard_model_api.protocols.kept import kept
from mlyard_shared.manifest import Manifest

from .v2_requests import manifest


def test_what_is_made_of_a_manifest_is_made_once_and_goes_with_it() -> None:
    made: list[str] = []

    @kept
    def name(found: Manifest) -> list[str]:
        made.append(found.model)
        return [found.model]

    first, other = manifest(), manifest(model="other")
    assert name(first) is name(first)
    assert name(other) == ["other"]
    assert made == ["penguins", "other"]
    del first, other
    gc.collect()
    # New ones may stand where the old ones were in memory.
    assert [name(manifest(model=str(number)))[0] for number in range(50)] == [str(number) for number in range(50)]

import inspect

from mlyard_shared import errors


def test_every_error_is_drawn_in_the_tree_below_its_parent() -> None:
    tree = errors.__doc__ or ""
    for _, found in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(found, errors.MlyardError)
        parent = found.__mro__[1]
        assert parent is Exception or -1 < tree.find(parent.__name__) < tree.find(found.__name__)


def test_errors_carry_their_facts() -> None:
    spec = errors.SpecError("a.toml", ("name: is missing", "x: unknown key"))
    assert (spec.file, str(spec)) == ("a.toml", "a.toml: name: is missing; x: unknown key")
    digest = errors.DigestMismatch("model.onnx", expected="a", found="b")
    assert (digest.file, str(digest)) == ("model.onnx", "model.onnx has the SHA-256 b, but a was registered")
    away = errors.RegistryUnavailable("http://r:5000", "Connection refused")
    assert (away.uri, str(away)) == (
        "http://r:5000",
        "no answer from the registry at http://r:5000: Connection refused",
    )

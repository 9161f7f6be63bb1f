"""The hash `siphash24` of a holdout is for ever: a version that was judged by it is compared with for years."""

from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from mlyard_training_pipeline.data import siphash

GOLDEN = {
    "": 0x77AF285EECA5A420,
    "1": 0xCF574F4C3CB420E3,
    "K-17": 0xB514A0122060710E,
    "customer": 0x3E01067215BBAD94,
    "12345678": 0x697A1762B66A0A2A,
    "caf\u00e9 \U0001f6a2": 0x59CCB27381455DED,
    "2026-01-31T00:00:00": 0xEAC3C8E7AD16957F,
    "None": 0xC70AF582991BF60E,
    None: 0x293D14172E8A464A,
}
MASK = 2**64 - 1


def reference(message: bytes, key: bytes = siphash.KEY) -> int:
    """SipHash-2-4, line by line as its paper has it."""
    first, second = (int.from_bytes(key[start : start + 8], "little") for start in (0, 8))
    v = [
        first ^ 0x736F6D6570736575,
        second ^ 0x646F72616E646F6D,
        first ^ 0x6C7967656E657261,
        second ^ 0x7465646279746573,
    ]

    def rotate(word: int, left: int) -> int:
        return (word << left | word >> (64 - left)) & MASK

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    whole = len(message) // 8 * 8
    words = [message[start : start + 8] for start in range(0, whole, 8)]
    words.append(message[whole:].ljust(7, b"\0") + bytes([len(message) % 256]))
    for word in words:
        v[3] ^= int.from_bytes(word, "little")
        rounds(2)
        v[0] ^= int.from_bytes(word, "little")
    v[2] ^= 0xFF
    rounds(4)
    return reduce(int.__xor__, v)


def test_the_reference_is_the_one_of_the_paper() -> None:
    # Appendix A: the key 00 01 ... 0f and the message 00 01 ... 0e.
    assert reference(bytes(range(15)), bytes(range(16))) == 0xA129CA6149BE45E5


@pytest.mark.parametrize(("text", "expected"), GOLDEN.items(), ids=repr)
def test_hashes_stay_what_they_are(text: str | None, expected: int) -> None:
    assert siphash.hash_texts(pa.array([text], pa.string())).tolist() == [expected]


def test_texts_of_every_length_are_hashed_as_the_reference_hashes_them() -> None:
    draw = np.random.default_rng(2)
    texts = [
        "".join(chr(draw.integers(32, 1000)) for _ in range(length)) for length in [*range(70), 255, 256, 1000] * 3
    ]
    draw.shuffle(texts)
    cells = pa.array([None, *texts, None]).slice(1, len(texts))
    assert siphash.hash_texts(cells).tolist() == [reference(text.encode()) for text in texts]


def test_a_text_is_hashed_as_pandas_hashes_objects() -> None:
    hashing = pytest.importorskip("pandas._libs.hashing")
    texts = [f"customer {number}" for number in range(100)]
    expected = hashing.hash_object_array(np.array(texts, dtype=object), siphash.KEY.decode(), "utf8")
    assert siphash.hash_texts(pa.array(texts)).tolist() == expected.tolist()


def test_null_is_apart_from_every_text() -> None:
    assert int(siphash.HASH_OF_NULL) == reference(siphash.NULL)
    assert siphash.hash_texts(pa.array([None, "None", ""], pa.string())).tolist()[0] == int(siphash.HASH_OF_NULL)
    with pytest.raises(UnicodeDecodeError):
        siphash.NULL.decode()


def test_more_texts_than_fit_into_one_step_are_hashed_alike() -> None:
    texts = [str(number) for number in range(40_000)]
    found = siphash.hash_texts(pa.array(texts))
    assert len(np.unique(found)) == len(texts)
    assert found[[0, 16_383, 16_384, 39_999]].tolist() == [
        reference(texts[row].encode()) for row in (0, 16_383, 16_384, 39_999)
    ]


def test_several_columns_are_the_hash_of_their_hashes() -> None:
    first, second = (siphash.hash_texts(pa.array(texts)) for texts in (["a", "ab"], ["bc", "c"]))
    found = siphash.hash_rows([first, second])
    expected = [
        reference(int(a).to_bytes(8, "little") + int(b).to_bytes(8, "little"))
        for a, b in zip(first, second, strict=True)
    ]
    assert found.tolist() == expected
    assert found[0] != found[1]
    assert siphash.hash_rows([first]).tolist() == first.tolist()


def test_no_rows_have_no_hashes() -> None:
    assert len(siphash.hash_texts(pa.array([], pa.string()))) == 0
    assert len(siphash.hash_rows([np.zeros(0, np.uint64)] * 2)) == 0

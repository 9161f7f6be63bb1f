"""SipHash-2-4 of many texts at once: the hash `siphash24` of a model version's holdout.

Source: Aumasson and Bernstein, SipHash: a fast short-input PRF (2012). The key is the one of `pandas.util.hash_array`,
so that the hash of a text is pandas's too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
KEY = b"0123456789123456"
NULL = b"\xff"
"""What is hashed for null: a byte that begins no UTF-8 text, so that null is apart from the text "None"."""

HASH_OF_NULL = np.uint64(0x293D14172E8A464A)
_BLOCK = 8
_AT_ONCE = 1 << 14
"""So many texts fit into a processor's cache with what is computed of them."""

_K0, _K1 = (np.uint64(word) for word in np.frombuffer(KEY, "<u8"))
_START = tuple(np.uint64(word) for word in np.frombuffer(b"uespemosmodnarodarenegylsetybdet", "<u8"))


def hash_texts(texts: Any) -> Hashes:
    """The hashes of an Arrow array of texts, as UTF-8."""
    parts = [_hash_texts(texts.slice(start, _AT_ONCE)) for start in range(0, len(texts), _AT_ONCE)]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def hash_rows(columns: Sequence[Hashes]) -> Hashes:
    """The hashes of rows: of one column its own, of several the SipHash of their hashes' bytes, little endian."""
    if len(columns) == 1:
        return columns[0]
    words = np.stack(columns, axis=1).astype("<u8")
    parts = [_hash_words(words[start : start + _AT_ONCE]) for start in range(0, len(words), _AT_ONCE)]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _hash_words(words: NDArray[np.uint64]) -> Hashes:
    state = _State(len(words))
    for column in range(words.shape[1]):
        state.absorb(words[:, column].copy())
    state.absorb(np.full(len(words), (words.shape[1] * _BLOCK % 256) << 56, dtype=np.uint64))
    return state.hashes()


def _hash_texts(texts: Any) -> Hashes:
    octets, starts, lengths = _octets(texts)
    # Eight bytes from anywhere, whole numbers of the machine's word or not.
    words = np.ndarray(shape=(len(octets) - 7,), dtype="<u8", buffer=octets, strides=(1,))
    result = np.empty(len(starts), dtype=np.uint64)
    for blocks in np.unique(lengths // _BLOCK):
        rows = np.flatnonzero(lengths // _BLOCK == blocks)
        state = _State(len(rows))
        for block in range(blocks):
            state.absorb(words[starts[rows] + block * _BLOCK])
        rest = (lengths[rows] % _BLOCK).astype(np.uint64)
        last = words[starts[rows] + blocks * _BLOCK] & ((np.uint64(1) << (rest * np.uint64(8))) - np.uint64(1))
        state.absorb(last | (lengths[rows].astype(np.uint64) << np.uint64(56)))
        result[rows] = state.hashes()
    return result


def _octets(texts: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The bytes of the texts, with where each begins and how long it is; null is the byte of null."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    data = texts.buffers()[2]
    octets = np.zeros(last - first + 2 * _BLOCK, dtype=np.uint8)
    if data is not None:
        octets[: last - first] = np.frombuffer(data, np.uint8)[first:last]
    octets[last - first] = NULL[0]
    null = ~np.asarray(texts.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    return octets, np.where(null, last, offsets[:-1]) - first, np.where(null, len(NULL), np.diff(offsets))


class _State:
    """The four words of SipHash's state, for many messages."""

    def __init__(self, messages: int) -> None:
        key = (_K0, _K1, _K0, _K1)
        self._words = [np.full(messages, start ^ part) for start, part in zip(_START, key, strict=True)]

    def absorb(self, words: NDArray[np.uint64]) -> None:
        self._words[3] ^= words
        self._rounds(2)
        self._words[0] ^= words

    def hashes(self) -> Hashes:
        self._words[2] ^= np.uint64(0xFF)
        self._rounds(4)
        v0, v1, v2, v3 = self._words
        return v0 ^ v1 ^ v2 ^ v3

    def _rounds(self, count: int) -> None:
        v0, v1, v2, v3 = self._words
        for _ in range(count):
            v0 += v1
            v1 = _rotated(v1, 13) ^ v0
            v0 = _rotated(v0, 32)
            v2 += v3
            v3 = _rotated(v3, 16) ^ v2
            v0 += v3
            v3 = _rotated(v3, 21) ^ v0
            v2 += v1
            v1 = _rotated(v1, 17) ^ v2
            v2 = _rotated(v2, 32)
        self._words = [v0, v1, v2, v3]


def _rotated(words: NDArray[np.uint64], left: int) -> NDArray[np.uint64]:
    return (words << np.uint64(left)) | (words >> np.uint64(64 - left))

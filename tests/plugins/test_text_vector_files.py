"""Files of word vectors: what is read, and what is wrong with those that are not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqkit.errors import DataError
from seqkit_text.pretrained_words import FORMS, Pretrained
from seqkit_text.vector_files import read_vectors
from seqkit_text.vector_lines import BLOCK

GLOVE = "the 0.1 -2e-1\nof 3 .5\n. 7. 8\n"
WANTED: list[list[float]] = [[0.1, -0.2], [3, 0.5], [7, 8]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes, str], Path]:
    def written(content: str | bytes, name: str = "vectors.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


Write = Callable[..., Path]


def check(found: Pretrained, words: list[str], vectors: list[list[float]]) -> None:
    assert found.words == words
    assert found.vectors.dtype == np.float32
    assert found.rows.dtype == np.int32
    np.testing.assert_array_equal(found.vectors[found.rows], np.array(vectors, np.float32))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("glove.txt", GLOVE),
        ("windows.txt", "\ufeff" + GLOVE.replace("\n", "\r\n")),
        ("gaps.txt", GLOVE.replace("\n", "\n\n")),
        ("fast.vec", "3 2\n" + GLOVE.replace("\n", " \n")),
        ("glove.json", '{"the": [0.1, -2e-1], "of": [3, 0.5], ".": [7, 8]}'),
    ],
)
def test_every_form_is_read_plain_or_packed(write: Write, name: str, content: str) -> None:
    for path in (write(content, name), write(gzip.compress(content.encode()), f"{name}.gz")):
        found = read_vectors(path)
        check(found, ["the", "of", "."], WANTED)
        assert found.repeated == []


def test_words_may_have_spaces_and_odd_characters(write: Write) -> None:
    content = "a 1 2\n. . . 3 4\nat name@x.org 5 6\n\xa0 7 8\n2000 9 1\n b 2 3\n"
    words = ["a", ". . .", "at name@x.org", "\xa0", "2000", " b"]
    check(read_vectors(write(content)), words, [[1, 2], [3, 4], [5, 6], [7, 8], [9, 1], [2, 3]])


def test_many_lines_are_read_in_blocks_as_numpy_reads_them(write: Write) -> None:
    drawn = np.random.default_rng(1).standard_normal((2 * BLOCK + 7, 3)).astype(np.float32)
    words = [f"w{number}" for number in range(len(drawn))]
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(words, drawn, strict=True)]
    found = read_vectors(write("\n".join(lines)))
    check(found, words, drawn.tolist())


def test_a_limit_keeps_the_start_of_the_file_and_the_words_that_are_wanted(write: Write) -> None:
    content = "".join(f"w{number} {number} 0\n" for number in range(9))
    found = read_vectors(write(content), 2, {"w1", "w7"})
    check(found, ["w0", "w1", "w7"], [[0, 0], [1, 0], [7, 0]])
    as_json = write(json.dumps({f"w{number}": [number, 0] for number in range(9)}), "x.json")
    check(read_vectors(as_json, 2, {"w1", "w7"}), ["w0", "w1", "w7"], [[0, 0], [1, 0], [7, 0]])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.txt", "a 1 2\nb 3 4\na 5 6\nb 7 8\na 9 9\n"),
        ("x.vec", "5 2\na 1 2\nb 3 4\na 5 6\nb 7 8\na 9 9\n"),
        ("x.json", '{"a": [1, 2], "b": [3, 4], "a": [5, 6], "b": [7, 8], "a": [9, 9]}'),
    ],
)
def test_the_first_vector_of_a_word_counts(write: Write, name: str, content: str) -> None:
    found = read_vectors(write(content, name))
    check(found, ["a", "b"], [[1, 2], [3, 4]])
    assert found.repeated == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "3 2\nthe 1 2\nof 3\n",
            ":3: 'of' has 1 numbers, but the header says 2. Mend the line, or remove it.",
        ),
        (
            "the 1 2 3\nof 3 4\n",
            ":2: 'of' has 2 numbers, but the first line has 3. Mend the line, or remove it.",
        ),
        (
            "the 1 2\nof 3 4 5\n",
            ":2: 'of' has 3 numbers, but the first line has 2. Mend the line, or remove it.",
        ),
        (
            "the 1 2\nof\n",
            ":2: 'of' has 0 numbers, but the first line has 2. Mend the line, or remove it.",
        ),
        (
            "the 1 2\nof 3 x4\n",
            ":2: the vector of 'of' has 'x4', which is no finite number. Mend the line, or remove "
            "it.",
        ),
        (
            "the 1 2\nof nan 4\n",
            ":2: the vector of 'of' has 'nan', which is no finite number. Mend the line, or remove "
            "it.",
        ),
        (
            "the 1 2\nof 1e60 4\n",
            ":2: the vector of 'of' has '1e60', which is no finite number. Mend the line, or "
            "remove it.",
        ),
        (
            "the 1 2\nof 1_0 4\n",
            ":2: the vector of 'of' has '1_0', which is no finite number. Mend the line, or remove "
            "it.",
        ),
        (
            "the 1 2\nof 1\t2 4\n",
            ":2: the vector of 'of' has '1\\t2', which is no finite number. Mend the line, or "
            "remove it.",
        ),
        (
            "2 many\nthe 1 2\n",
            ":1: '2 many' is neither a header (how many words, and how many numbers a word) nor a "
            f"word with its numbers. {FORMS}",
        ),
        (
            "3 0\nthe\n",
            ":1: '3 0' is neither a header (how many words, and how many numbers a word) nor a "
            f"word with its numbers. {FORMS}",
        ),
        ("4 2\n" + GLOVE, ": has 3 words, but its header says 4. Fetch the file again."),
        ("2 2\n" + GLOVE, ": has 3 words, but its header says 2. Fetch the file again."),
        ("", f": has no vectors. {FORMS}"),
        ("3 2\n", f": has no vectors. {FORMS}"),
        (
            b"the 1 2\n\xff\xfe 3 4\n",
            ":2: byte 1 (0xff) is not UTF-8. Convert the file to UTF-8; of a binary file (.bin), "
            "use the text form.",
        ),
        (
            b"PK\x03\x04 and so on",
            ": is a zip archive. Unpack it, and name the file that was in it.",
        ),
        (
            gzip.compress(GLOVE.encode(), mtime=0)[:-9],
            ": the gzip data is damaged or cut off. Fetch the file again.",
        ),
    ],
)
def test_what_is_wrong_with_a_text_file_is_told_with_its_line(
    write: Write, content: str | bytes, message: str
) -> None:
    path = write(content)
    with pytest.raises(DataError) as caught:
        read_vectors(path)
    assert str(caught.value) == f"{path}{message}"


def test_a_bad_number_is_found_beyond_the_first_block(write: Write) -> None:
    lines = [f"w{number} 1 2" for number in range(BLOCK + 5)]
    lines[BLOCK + 2] = f"w{BLOCK + 2} 1 inf"
    with pytest.raises(DataError, match=rf":{BLOCK + 3}: the vector of .* has 'inf'"):
        read_vectors(write("\n".join(lines)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", f"is no JSON object of words with their numbers. {FORMS}"),
        ("{}", f"is no JSON object of words with their numbers. {FORMS}"),
        (
            '{"a": [1, 2], "b": [1, 2, 3]}',
            "the vector of 'b' has 3 numbers, but that of 'a' has 2. Mend it, or remove the word.",
        ),
        ('{"a": [1, 2], "b": "1 2"}', f"the value of 'b' is no list of numbers. {FORMS}"),
        (
            '{"a": {"x": 1}}',
            "the vector of 'a' has \"('x', 1)\", which is no finite number. Mend it, or remove "
            "the word.",
        ),
        ('{"a": []}', f"the value of 'a' is no list of numbers. {FORMS}"),
        (
            '{"a": [1, NaN]}',
            "the vector of 'a' has 'nan', which is no finite number. Mend it, or remove the word.",
        ),
        (
            '{"a": [1, "2"]}',
            "the vector of 'a' has '2', which is no finite number. Mend it, or remove the word.",
        ),
        (
            '{"a": [1, 1e60]}',
            "the vector of 'a' has '1e+60', which is no finite number. Mend it, or remove the "
            "word.",
        ),
    ],
)
def test_what_is_wrong_with_a_json_file_is_told_with_its_word(
    write: Write, content: str, message: str
) -> None:
    path = write(content, "vectors.json")
    with pytest.raises(DataError) as caught:
        read_vectors(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("content", ['{"a": [1, 2', b'{"\xff": [1]}', "[" * 100_000])
def test_what_is_no_json_is_told(write: Write, content: str | bytes) -> None:
    path = write(content, "vectors.json")
    with pytest.raises(DataError) as caught:
        read_vectors(path)
    assert str(caught.value).startswith(f"{path}: is no JSON: ")
    assert str(caught.value).endswith(FORMS)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_vectors(tmp_path / "x.txt")
    assert str(caught.value) == (
        f"{tmp_path}/x.txt: cannot be read (No such file or directory). "
        "Check the path and the data folder."
    )


def test_a_folder_without_vectors_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_vectors(tmp_path)
    assert str(caught.value) == f"{tmp_path}: has no vocab/vectors. {FORMS}"


@pytest.mark.slow
def test_the_vectors_of_a_saved_spacy_pipeline_are_read_without_its_pipes(tmp_path: Path) -> None:
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    data = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    nlp.vocab.vectors = type(nlp.vocab.vectors)(
        strings=nlp.vocab.strings, data=data, keys=["the", "of", "unused"], name="tiny"
    )
    for word in ("the", "of", "unused", "OF"):
        nlp.vocab.strings.add(word)
    nlp.vocab.vectors.add("OF", row=1)
    nlp.to_disk(tmp_path / "nlp")
    (tmp_path / "nlp" / "config.cfg").unlink()
    for folder in (tmp_path / "nlp", tmp_path / "nlp" / "vocab"):
        found = read_vectors(folder)
        assert dict(zip(found.words, found.vectors[found.rows].tolist(), strict=True)) == {
            "the": [1, 2], "of": [3, 4], "unused": [5, 6], "OF": [3, 4]
        }  # fmt: skip
        assert len(found.vectors) == 3
    some = read_vectors(tmp_path / "nlp", 1, {"OF"})
    assert some.words == ["the", "OF"]
    assert some.vectors.tolist() == [[1, 2], [3, 4]]

    spacy.blank("en").to_disk(tmp_path / "small")
    with pytest.raises(DataError, match="is saved without vectors"):
        read_vectors(tmp_path / "small")
    (tmp_path / "nlp" / "vocab" / "vectors").write_bytes(b"x")
    with pytest.raises(DataError, match=r"spaCy cannot read its vectors \(.*\)\. Fetch the file"):
        read_vectors(tmp_path / "nlp")


@pytest.mark.slow
def test_floret_vectors_of_spacy_are_refused(tmp_path: Path) -> None:
    import spacy

    nlp = spacy.blank("en")
    nlp.vocab.vectors = type(nlp.vocab.vectors)(
        strings=nlp.vocab.strings, data=np.ones((4, 2), np.float32), mode="floret", hash_count=1
    )
    nlp.to_disk(tmp_path)
    with pytest.raises(DataError, match="its vectors are floret, made of parts of words"):
        read_vectors(tmp_path)

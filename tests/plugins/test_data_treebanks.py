"""CoNLL-U: words, what is no word, comments, and what is said of a malformed line."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqkit
from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit_data import reading

SENTENCES = """# newpar
# sent_id = one
# text = Vámonos al mar
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tV\tMood=Imp\t0\troot\t0:root\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t1:obj\t_
2.1\tx\tx\tX\t_\t_\t_\t_\t1:dep\tCopyOf=1
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\t_\t_\t5\tcase\t_\t_
4\tel\tel\tDET\t_\t_\t5\tdet\t_\t_
5\tmar\tmar\tNOUN\t_\tNumber=Sing\t1\tobl\t_\tSpaceAfter=No

# text_en = not the text
1\tới nơi\tới\tX\t_\t_\t_\tdep\t_\t_
"""


def rows_of(tmp_path: Path, content: str) -> list[Row]:
    path = tmp_path / "a.conllu"
    path.write_text(content, "utf-8")
    return list(reading.conllu().read("train", path))


def error_of(tmp_path: Path, content: str) -> str:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path, content)
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_a_row_is_a_sentence_with_a_list_a_column(tmp_path: Path) -> None:
    first, _ = rows_of(tmp_path, SENTENCES)
    assert first == {
        "id": "one",
        "text": "Vámonos al mar",
        "form": ["Vamos", "nos", "a", "el", "mar"],
        "lemma": ["ir", "nosotros", "a", "el", "mar"],
        "upos": ["VERB", "PRON", "ADP", "DET", "NOUN"],
        "xpos": ["V", "_", "_", "_", "_"],
        "feats": ["Mood=Imp", "_", "_", "_", "Number=Sing"],
        "head": [0, 1, 5, 5, 1],
        "deprel": ["root", "obj", "case", "det", "obl"],
        "deps": ["0:root", "1:obj", "_", "_", "_"],
        "misc": ["_", "_", "_", "_", "SpaceAfter=No"],
    }


def test_without_comments_the_number_is_the_id_and_the_forms_are_the_text(tmp_path: Path) -> None:
    _, second = rows_of(tmp_path, SENTENCES)
    assert (second["id"], second["text"], second["head"]) == ("2", "ới nơi", [-1])


def test_a_text_without_comment_is_made_of_tokens_not_of_words(tmp_path: Path) -> None:
    first, _ = rows_of(tmp_path, SENTENCES.replace("# text = Vámonos al mar\n", ""))
    assert first["text"] == "Vámonos al mar"
    glued = SENTENCES.replace("# text = Vámonos al mar\n", "").replace(
        "1-2\tVámonos" + "\t_" * 8, "1-2\tVámonos" + "\t_" * 7 + "\tSpaceAfter=No|X=y"
    )
    assert rows_of(tmp_path, glued)[0]["text"] == "Vámonosal mar"


def segments_of(tmp_path: Path, content: str) -> list[Row]:
    path = tmp_path / "a.conllu"
    path.write_text(content, "utf-8")
    return list(reading.conllu(segments=True).read("train", path))


def test_segments_are_the_tokens_in_the_text_and_a_multiword_token_is_one(tmp_path: Path) -> None:
    first, second = segments_of(tmp_path, SENTENCES)
    assert first["segments"] == [[0, 7, "word"], [8, 10, "word"], [11, 14, "word"]]
    assert (second["text"], second["segments"]) == ("ới nơi", [[0, 6, "word"]])


def test_segments_need_no_spaces_between(tmp_path: Path) -> None:
    lines = "".join(
        f"{n}\t{form}" + "\t_" * 8 + "\n" for n, form in enumerate(["你们", "好", "。"], 1)
    )
    for text in ("你们好。", " 你们\u3000好 。 "):
        (row,) = segments_of(tmp_path, f"# text = {text}\n{lines}")
        found = [row["text"][begin:end] for begin, end, _ in row["segments"]]
        assert found == ["你们", "好", "。"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Vámonos en mar", "goes on with 'en mar' where the token 'al' is due"),
        ("Vámonos al", "goes on with '' where the token 'mar' is due"),
        ("Vámonos al mar azul", "goes on with 'azul' where it should end"),
    ],
)
def test_a_text_that_is_not_its_tokens_has_no_segments(
    tmp_path: Path, text: str, wrong: str
) -> None:
    content = SENTENCES.replace("# text = Vámonos al mar", f"# text = {text}")
    assert rows_of(tmp_path, content)[0]["text"] == text
    with pytest.raises(DataError) as caught:
        segments_of(tmp_path, content)
    assert str(caught.value) == (
        f"{tmp_path}/a.conllu:4: the text {wrong}. Mend the text comment, or delete it: the tokens "
        "then make the text."
    )


def test_blank_lines_in_a_row_and_comments_alone_are_no_sentence(tmp_path: Path) -> None:
    word = "1\ta\ta\tX\t_\t_\t0\troot\t_\t_\n"
    rows = rows_of(tmp_path, f"\n# sent_id = lost\n\n{word}\n \t\n\n{word}\n\n")
    assert [row["id"] for row in rows] == ["1", "2"]


def test_nine_columns_are_one_too_few(tmp_path: Path) -> None:
    assert error_of(tmp_path, "# text = a\n1\ta\ta\tX\t_\t_\t0\troot\t_\n") == (
        "a.conllu:2: 9 columns between tabs, expected 10 "
        "(id, form, lemma, upos, xpos, feats, head, deprel, deps, misc). Mend the line."
    )


def test_spaces_in_place_of_tabs_make_one_column(tmp_path: Path) -> None:
    assert error_of(tmp_path, "1 a a X _ _ 0 root _ _\n") == (
        "a.conllu:1: 1 column between tabs, expected 10 "
        "(id, form, lemma, upos, xpos, feats, head, deprel, deps, misc). Mend the line."
    )


def test_sentences_that_run_together_are_told_by_their_ids(tmp_path: Path) -> None:
    word = "1\ta\ta\tX\t_\t_\t0\troot\t_\t_\n"
    assert error_of(tmp_path, word + word) == (
        "a.conllu:2: word id '1', expected '2'. "
        "Number a sentence's words from 1 and end it with a blank line."
    )


@pytest.mark.parametrize("head", ["x", "-1", "", "²", "1.5"])
def test_a_head_is_a_number(tmp_path: Path, head: str) -> None:
    assert error_of(tmp_path, f"1\ta\ta\tX\t_\t_\t{head}\troot\t_\t_\n") == (
        f"a.conllu:1: head '{head}' is no word's number. Write a number, or '_' for none."
    )


CHINESE = ["我 喜欢 北京 。", "北京 大学 很 大 。", "我们 喜欢 大学 。", "大学生 很 喜欢 我们 。"]
SEGMENTER = """\
seqkit: 1
name: segment
data: {use: conllu, segments: true, train: a.conllu, test: a.conllu, text: text, gold: segments}
tokenise: characters
embed: {use: lookup, width: 12}
encode: {use: bilstm, width: 16}
decode: {use: crf, scheme: BIOES}
train: {epochs: 20, batch: {rows: 4}, optimiser: {use: adam, rate: 0.05}, save: 0}
evaluate: {metrics: [span_f1], bootstrap: 0}
"""


@pytest.mark.slow
def test_words_of_chinese_are_found_by_labelling_its_characters(tmp_path: Path) -> None:
    lines = []
    for sentence in CHINESE:
        words = sentence.split()
        columns = [f"{n}\t{word}" + "\t_" * 8 for n, word in enumerate(words, 1)]
        lines += [f"# text = {''.join(words)}", *columns, ""]
    (tmp_path / "a.conllu").write_text("\n".join(lines), "utf-8")
    (tmp_path / "segment.yaml").write_text(SEGMENTER, "utf-8")
    run = seqkit.run(tmp_path / "segment.yaml", out=tmp_path / "run")
    assert run.metrics["test"]["span_f1"]["value"] == 100.0
    (answer,) = run.load()(["我喜欢大学生。"])
    spans = answer["segments"]["spans"]
    assert [[begin, end] for begin, end, _ in spans] == [[0, 1], [1, 3], [3, 6], [6, 7]]

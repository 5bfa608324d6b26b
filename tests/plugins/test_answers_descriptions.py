"""What `seqkit data` says of answers."""

from __future__ import annotations

from seqkit.abilities import Finding
from seqkit.stages import Example, Upstream
from seqkit.testing import example
from seqkit.testing.specimens import before
from seqkit_answers.extraction import SpanReader

PASSAGE = "Mr Bo was born in Ulm-am-See"


def asked(question: str, *golds: str, passage: str = PASSAGE) -> Example:
    spans = [[passage.index(text), passage.index(text) + len(text), text] for text in golds]
    return example({"passage": passage, "question": question}, spans)


def found(*examples: Example, train: tuple[Example, ...] = (), split: str = "dev") -> list[Finding]:
    reader = SpanReader(before(("passage", "question"), Upstream(4)), longest=3)
    reader.ready(reader.fit(train or (asked("who", "Bo"),)))
    return reader.describe(examples, split)


def test_questions_and_answers_are_counted() -> None:
    who, where = asked("who", "Bo", "Mr Bo"), asked("where", "in Ulm-am-See")
    assert found(who) == [
        Finding("1 question, 2 answers; half of them have 1.5 pieces or fewer, the longest 2")
    ]
    why = asked("why")
    assert found(who, where, why, train=(who, why)) == [
        Finding(
            "3 questions, 3 answers, 1 of the questions without one; half of them have 2 pieces "
            "or fewer, the longest 2"
        )
    ]


def test_what_no_model_can_give_is_told() -> None:
    off, long = asked("where", "Ulm"), asked("what", "Bo was born in")
    gap = asked("what", "  ", passage="Bo  was")
    _, *rest = found(off, long, gap)
    assert rest == [
        Finding(
            "1 answer (33.3%) in no piece of the passage, which is not learnt, such as '  '",
            "warning",
        ),
        Finding(
            "1 answer (33.3%) of more than 3 pieces, which is never given, such as "
            "'Bo was born in'",
            "warning",
        ),
        Finding(
            "1 answer (33.3%) not on the borders of pieces: the fewest that cover it are learnt, "
            "such as 'Ulm'",
            "warning",
        ),
    ]
    few = found(off, *[asked("who", "Bo")] * 30)[1]
    assert few.level == "note"


def test_inputs_that_seem_to_be_swapped_are_told() -> None:
    long = asked("who of all of them was born in Ulm-am-See", "Bo")
    text = "1 question longer than the passage: are the two swapped?"
    assert found(long)[1] == Finding(text, "warning")
    assert found(long, asked("who", "Bo"))[1] == Finding(text, "note")


def test_held_out_questions_without_an_answer_are_told_where_training_has_none() -> None:
    assert found(asked("who", "Bo"), asked("why"))[1] == Finding(
        "1 question without an answer, but training has none of these: whatever is answered counts "
        "as wrong",
        "warning",
    )


def test_of_training_three_examples_are_shown_as_they_are_learnt() -> None:
    every = (asked("where", "Ulm"), asked("who", "Bo", "Mr Bo"), asked("why"), asked("x", "Bo"))
    shown = [one.text for one in found(*every, train=every, split="train")][-3:]
    assert shown == [
        "example: 'where' → 'Ulm-am-See'",
        "example: 'who' → 'Mr Bo' or 'Bo'",
        "example: 'why' → no answer",
    ]

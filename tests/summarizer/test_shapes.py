"""Each style has its own shape, whatever the model wrote around it."""

import json

import pytest

from summarizer import shape
from summarizer.preview import Preview
from summarizer.types import Line, Style


def test_brief_is_at_most_four_whole_sentences() -> None:
    text = "Here is the summary:\n\n**One** is here. Two is here. Three is here. Three is here. Four is here. No."
    assert shape.paragraphs(text, Style.BRIEF, cut=False) == [
        ["One is here.", "Two is here.", "Three is here.", "Four is here."]
    ]


def test_a_sentence_that_broke_off_goes() -> None:
    assert shape.paragraphs("One is here. Two is he", Style.BRIEF, cut=True) == [["One is here."]]
    assert shape.paragraphs("One is here. Two is here", Style.BRIEF, cut=False) == [["One is here.", "Two is here"]]


def test_detailed_keeps_its_paragraphs_without_markup() -> None:
    text = "# Summary\nThe price was set. It is 25 euros.\n\n- Bo writes the notes.\n- Anna helps."
    assert shape.prose(shape.paragraphs(text, Style.DETAILED, cut=False)) == (
        "Summary The price was set. It is 25 euros.\n\nBo writes the notes.\n\nAnna helps."
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith paid 12.50 euros. He left!", 2),
        ("We met the U. S. team. Then e.g. we left. Bye.", 3),
        ("今天讨论了价格。明天再说。", 2),
        ("Was it? It was. \u201cYes.\u201d He nodded.", 4),
    ],
)
def test_sentences_end_where_they_end(text: str, count: int) -> None:
    assert len(shape.sentences(text)) == count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"points": ["One.", "Two.", "One."]}', ["One.", "Two."]),
        ('```json\n{"points": ["One."]}\n```', ["One."]),
        ('{"points": ["One.", "Tw', ["One."]),
        ("- One.\n2. Two.\n", ["One.", "Two."]),
        ('["One."]', ["One."]),
        ('{"points": [{"point": "One."}, 7, ""]}', ["One."]),
        ('{"other": 1}', []),
        ("No list at all.", []),
    ],
)
def test_bullets_are_read_from_what_the_model_wrote(text: str, expected: list[str]) -> None:
    assert [line.text for line in shape.lines(text, Style.BULLET_POINTS)] == expected


def test_action_items_say_who_what_and_when() -> None:
    text = json.dumps(
        {
            "items": [
                {"owner": "Bo", "task": "write the notes", "due": "Friday"},
                {"owner": "N/A", "task": "call Siemens", "due": "not specified"},
                {"owner": "Bo", "task": "none", "due": ""},
            ]
        }
    )
    rows = shape.lines(text, Style.ACTION_ITEMS)
    assert rows == [Line("write the notes", owner="Bo", due="Friday"), Line("call Siemens")]
    assert shape.listed(Style.ACTION_ITEMS, rows) == "- Bo: write the notes (Friday)\n- call Siemens"
    assert shape.listed(Style.ACTION_ITEMS, []) == "none"


def test_a_preview_of_a_list_grows_by_whole_lines() -> None:
    text = '{"points": ["One is here.", "Two is here."]}'
    preview = Preview(Style.BULLET_POINTS)
    parts = [preview.more(text[:end]) for end in range(1, len(text) + 1)]
    assert [part for part in parts if part] == ["- One is here.\n", "- Two is here.\n"]


TOPICS = {
    "topics": [
        {"topic": "Release", "sentences": ["The release ships on Friday.", " It has  notes. "]},
        {"topic": "Price", "sentences": ["The price is 25 euros."]},
    ]
}


def test_topics_are_paragraphs() -> None:
    text = json.dumps(TOPICS)
    paragraphs = [["The release ships on Friday.", "It has notes."], ["The price is 25 euros."]]
    assert shape.paragraphs(text, Style.DETAILED, cut=False) == paragraphs
    assert shape.paragraphs(text[:-60], Style.DETAILED, cut=True) == paragraphs[:1]
    assert shape.paragraphs("The release ships.", Style.DETAILED, cut=False) == [["The release ships."]]


def test_topics_are_shown_one_by_one() -> None:
    text = json.dumps(TOPICS)
    preview = Preview(Style.DETAILED)
    parts = [preview.more(text[:end]) for end in range(1, len(text) + 1)]
    assert [part for part in parts if part] == [
        "The release ships on Friday. It has notes.",
        "\n\nThe price is 25 euros.",
    ]

"""Words a sentence: counted by hand here."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "tools"))
import words as tool

PAGE = """# A heading of five words

Three words here. Four words are here! Are these five words? Yes
they are, over two lines.

| a table | does | not | count |
|---|---|---|---|

```sh
nor does code
```

- An item without stop
- One item. With two sentences
  over lines.
1. A numbered item.

![An image does not count](image.png)
See [the link's text](https://example.org/a b) and `code with spaces` (Saerens et al. 2002, eq. 2.4) – 5 %.

    > "Quoted." **Bold.** After.
"""


def test_sentences_of_a_page_have_the_counts_of_the_hand():
    # The link's sentence has thirteen: its target, the dash and % are no words, and code is one.
    assert [tool.words(sentence) for sentence in tool.sentences(PAGE)] == [3, 4, 4, 6, 4, 2, 5, 3, 13, 1, 1, 1]


@pytest.mark.parametrize(("length", "fault"), [(45, None), (46, "expected at most 45 words in a sentence, found 46")])
def test_a_sentence_may_have_45_words(length, fault):
    short = "One two. " * 10
    summary, faults = tool.judge("page.md", short + " ".join(["word"] * length) + ".")
    assert summary == f"page.md: 11 sentences, mean {(20 + length) / 11:.1f} words, longest {length}"
    assert [line.split(": ", 1)[1][: len(fault or "")] for line in faults] == ([fault] if fault else [])


@pytest.mark.parametrize(("second", "faults"), [(18, 0), (19, 1)])
def test_a_page_may_have_a_mean_of_18_words(second, faults, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(" ".join(["word"] * 18) + ". " + " ".join(["word"] * second) + ".")
    assert tool.main([str(page)]) == faults
    assert capsys.readouterr().err.count("expected at most 18 words per sentence on average, found 18.5") == faults


def test_of_a_changelog_only_the_part_that_is_not_released_counts():
    text = "## [Unreleased]\n\nTwo words.\n\n## [0.1.0] - 2026-01-01\n\n" + "word " * 60
    assert tool.judge("CHANGELOG.md", text) == ("CHANGELOG.md: 1 sentences, mean 2.0 words, longest 2", [])


def test_no_page_is_an_empty_page():
    assert tool.judge("page.md", "# Only a heading\n")[1] == []

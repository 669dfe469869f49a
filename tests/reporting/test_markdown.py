"""The same content as Markdown and as HTML."""

from marginmix.reporting.markdown import Bullets, Heading, Paragraph, Table, to_html, to_markdown

CONTENT = [
    Heading("Title", 1),
    Paragraph("See train/<class>/*."),
    Bullets([("Lead:", "text"), ("", "plain")]),
    Table(["name", "value"], [["a|b", "1.00"], ["long name", "−12.50"]]),
]


def test_markdown():
    assert to_markdown(CONTENT) == (
        "# Title\n\nSee train/\\<class>/\\*.\n\n- **Lead:** text\n- plain\n\n"
        "| name      |  value |\n| --------- | -----: |\n| a\\|b      |   1.00 |\n| long name | −12.50 |\n"
    )


def test_html():
    page = to_html(CONTENT, "A & B")
    assert page.startswith("<!doctype html>")
    assert "<title>A &amp; B</title>" in page
    assert "<p>See train/&lt;class&gt;/*.</p>" in page
    assert "<li><b>Lead:</b> text</li>\n<li>plain</li>" in page
    assert '<tr><td class="left">a|b</td><td>1.00</td></tr>' in page

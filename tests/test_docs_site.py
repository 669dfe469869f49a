"""The documents as a site: links to files of the repository, and what fails a build."""

import sys

import pytest

from tests.docs_blocks import ROOT

mkdocs = pytest.importorskip("mkdocs", reason="MkDocs is not here: `make docs` installs it")
pytest.importorskip("material", reason="MkDocs' theme is not here: `make docs` installs it")

from mkdocs.commands.build import build  # noqa: E402
from mkdocs.config import load_config  # noqa: E402
from mkdocs.exceptions import Abort, PluginError  # noqa: E402

sys.path.append(str(ROOT / "tools"))
import docs_hook  # noqa: E402


def test_links_of_a_page_by_hand():
    page = (
        "[a](../results/tables.md#head) ![b](../figures/b.png) [c](own.md) [d](#here) [e](https://x.org/y.md)\n"
        "`[f](../no.md)`\n\n```text\n[g](../no.md)\n```\n[h](../LICENSE)"
    )
    assert docs_hook.linked(page, "docs/x.md") == {"results/tables.md", "figures/b.png", "docs/own.md", "LICENSE"}
    assert docs_hook.relinked(page, "docs/x.md") == (
        "[a](repository/results/tables.md#head) ![b](repository/figures/b.png) [c](own.md) [d](#here) "
        "[e](https://x.org/y.md)\n`[f](../no.md)`\n\n```text\n[g](../no.md)\n```\n[h](repository/LICENSE)"
    )
    assert docs_hook.relinked("[i](../docs/x.md#y) [j](own.csv)", "results/k.md") == "[i](../../x.md#y) [j](own.csv)"
    assert docs_hook.relinked("[k](../../results/k.md)", "docs/api/m.md") == "[k](../repository/results/k.md)"


def test_links_of_linked_pages_are_followed(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.md").write_text("[b](b.csv) [back](../docs/index.md)")
    known = {"results/a.md", "results/b.csv"}
    found = docs_hook.needed({"docs/index.md": "[a](../results/a.md)"}, known, tmp_path)
    assert found == {"results/a.md": "docs/index.md", "results/b.csv": "results/a.md"}
    with pytest.raises(PluginError, match=r"results/a\.md: expected a link to a file .*, found results/b\.csv"):
        docs_hook.needed({"docs/index.md": "[a](../results/a.md)"}, {"results/a.md"}, tmp_path)
    with pytest.raises(PluginError, match="found results; mend the link"):  # a folder is no file
        docs_hook.needed({"docs/index.md": "[a](../results)"}, known, tmp_path)


def test_a_page_that_loads_something_from_elsewhere_is_refused():
    class Page:
        class file:
            src_uri = "index.md"

    for text in ('<script src="https://cdn.org/a.js">', '<link rel="stylesheet" href="//fonts.org/css">'):
        with pytest.raises(PluginError, match="loads nothing"):
            docs_hook.on_post_page(f"<head>{text}</head>", Page, None)
    kept = '<a href="https://x.org">x</a><script src="assets/a.js"></script>'
    assert docs_hook.on_post_page(kept, Page, None) == kept


@pytest.mark.parametrize("pages, complaint", [
    ({"index.md": "# One\n\n[two](two.md#there)", "two.md": "# Two\n\n## There"}, None),
    ({"index.md": "# One\n\n[two](two.md#elsewhere)", "two.md": "# Two"}, "warnings in strict mode"),
    ({"index.md": "# One\n\n[three](three.md)", "two.md": "# Two"}, "warnings in strict mode"),
    ({"index.md": "# One", "two.md": "# Two", "three.md": "# Not in the nav"}, "warnings in strict mode"),
    ({"index.md": "# One"}, "warnings in strict mode"),  # two.md is in the nav alone
])  # fmt: skip
def test_what_fails_a_build(pages, complaint, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    (tmp_path / "docs").mkdir()
    for name, text in pages.items():
        (tmp_path / "docs" / name).write_text(text)
    nav = [{"One": "index.md"}, {"Two": "two.md"}]
    places = {"docs_dir": str(tmp_path / "docs"), "site_dir": str(tmp_path / "site"), "nav": nav, "plugins": []}
    config = load_config(str(ROOT / "mkdocs.yml"), **places)
    if complaint is None:
        build(config)
        assert (tmp_path / "site" / "two.html").is_file()
        return
    with pytest.raises(Abort, match=complaint):
        build(config)

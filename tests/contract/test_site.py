"""The documentation site: links lead to the repository or fail, reference is made from the code."""

from __future__ import annotations

import pytest

from reference_pages import commands_page, without_marks_of_blocks
from site_links import repository_links


def test_links_out_of_the_documentation_lead_to_the_repository() -> None:
    page = "[a](../../benchmarks/RESULTS.md#b), [c](../engines.md), [d](0001-house-rules.md)"
    assert repository_links(page, "adr/x.md", "https://host/repo") == (
        "[a](https://host/repo/blob/main/benchmarks/RESULTS.md#b), [c](../engines.md), "
        "[d](0001-house-rules.md)"
    )


@pytest.mark.parametrize("link", ["../gone.md", "../../../outside.md"])
def test_a_link_that_leads_nowhere_is_an_error(link: str) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        repository_links(f"[a]({link})", "adr/x.md" if "outside" in link else "x.md", "")


def test_the_page_of_flags_has_all_of_them() -> None:
    page = commands_page()
    assert page.startswith("# Every command and flag\n")
    for command in ("run", "review accept", "engines pull"):
        assert f"\n## `maskcast {command}`\n" in page or f"\n### `maskcast {command}`\n" in page
    assert "* `--fresh`: Start again; the old output and its ledger are moved aside.\n" in page
    assert "**Commands**" not in page


def test_marks_of_blocks_in_docstrings_are_not_shown() -> None:
    html = "<p>As in::</p><p>::</p><pre>a::b</pre>"
    assert without_marks_of_blocks(html) == "<p>As in:</p><pre>a::b</pre>"

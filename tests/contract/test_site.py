"""Links of the documentation site lead to the repository, and nowhere else."""

from __future__ import annotations

import pytest

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

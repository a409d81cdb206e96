"""Pages that are made from the code say what the code says, as Markdown that shows it."""

import click
import pytest

from unharness.cli.main import cli


@pytest.fixture
def made(programs):
    import reference_pages

    return reference_pages


def test_a_docstring_becomes_paragraphs_code_and_lists(programs):
    from markdown_text import docstring

    class Documented:
        """Loss: a * b, of p(y|x) and `p(y|x)`.

        Second
        paragraph.

            code *as it is*

        Args:
            first: one, which
                goes on.
            second: two.
        """

    assert docstring(Documented).split("\n\n") == [
        r"Loss: a \* b, of p(y\|x) and `p(y|x)`.",
        "Second paragraph.",
        "```text\n    code *as it is*\n```",
        "**Args**",
        "- first: one, which goes on.\n- second: two.",
    ]


def test_a_method_has_formula_hyperparameters_presets_and_source(made):
    (page,) = [one for one in made.pages("methods") if one.title == "npo"]
    assert page.path == "reference/methods/npo.md"
    lines = page.text.splitlines()
    assert lines[0] == "# npo"
    (beta,) = [line for line in lines if line.startswith("| `beta` |")]
    cells = [cell.strip() for cell in beta.split(" | ")]
    assert cells[1:3] == ["float", "0.1"]
    assert "> 0" in cells
    assert "0.01 to 10 (log scale)" in cells
    assert "**Source:** Zhang et al. 2024, arXiv 2404.05868, eq. 3" in lines
    assert any(line.startswith("**preset released-code · tofu") for line in lines)


def test_metrics_and_tasks_name_each_other(made):
    tofu = next(one.text for one in made.pages("tasks") if one.title == "tofu")
    assert "[`truth_ratio`](../metrics/truth_ratio.md)" in tofu
    ratio = next(one.text for one in made.pages("metrics") if one.title == "truth_ratio")
    assert "[tofu](../tasks/tofu.md): " in ratio
    assert "**Formula:** " in ratio


def test_the_list_of_a_kind_comes_first_and_has_all(made):
    index, *members = made.pages("attacks")
    assert index.path == "reference/attacks/index.md"
    assert [page.title for page in members] == sorted(page.title for page in members)
    assert all(f"[`{page.title}`]({page.title}.md)" in index.text for page in members)


def test_public_names_have_signatures(made):
    text = made.api_page().text
    assert "### LossMethod\n" in text
    assert "sequence_nll(model: LanguageModel, batch: TokenBatch" in text
    assert "`unharness_methods() -> " in text
    assert "### MethodConformance\n" in text


def test_every_command_has_its_options_and_examples(made):
    text = made.commands_page().text
    for name in cli.list_commands(click.Context(cli)):
        assert f"\n## {name}\n" in text
    assert "### sweep status" in text
    assert "| `-m, --method TEXT` | Unlearning method" in text
    assert "\nunharness sweep grid.yaml --shard 2/4" in text

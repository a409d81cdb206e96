"""Instructions before a question: by name, or from a file."""

import pytest

from unharness.data.prompts import NO_PROMPT, Prompt, find_prompt
from unharness.errors import UsageError
from unharness.registry import registry

NAMES = ("assistant", "privacy-sensitive", "copyright-sensitive")


def test_names():
    assert find_prompt("none", registry()) == NO_PROMPT
    texts = [find_prompt(name, registry()).text for name in NAMES]
    assert len(set(texts)) == 3


def test_a_file(tmp_path):
    path = tmp_path / "be-brief.txt"
    path.write_text("\n  Be brief. Ü \n")
    assert find_prompt(str(path), registry()) == Prompt("be-brief.txt", "Be brief. Ü")


@pytest.mark.parametrize("content", ["", "  \n\t\n"])
def test_an_empty_file_is_refused(tmp_path, content):
    path = tmp_path / "empty.txt"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"empty\.txt: the file is empty"):
        find_prompt(str(path), registry())


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "bytes.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read as UTF-8"):
        find_prompt(str(path), registry())


def test_what_is_missing_is_named_with_what_there_is(tmp_path):
    with pytest.raises(UsageError, match="no such file, and no prompt's name") as caught:
        find_prompt("privacy-sensitiv", registry())
    assert "Did you mean privacy-sensitive" in str(caught.value)
    assert f"(none, {', '.join(NAMES)})" in str(caught.value)
    missing = tmp_path / "gone.txt"
    with pytest.raises(UsageError, match="no such file") as caught:
        find_prompt(str(missing), registry())
    assert "Did you mean" not in str(caught.value)
    with pytest.raises(UsageError, match="no such file"):
        find_prompt(str(tmp_path), registry())  # a folder

"""Tab completion of values, asked for as a shell asks for it."""

import pytest


@pytest.fixture
def completions(call, monkeypatch):
    """completions("run", "--method", "mem") -> what the last word may become."""

    def ask(*words):
        monkeypatch.setenv("_UNHARNESS_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(["unharness", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        code, output, errors = call()
        assert (code, errors) == (0, "")
        return [line.partition(",")[2] for line in output.splitlines()]

    return ask


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("run", "--method", "memf"), ["memflex"]),
        (("run", "--task", "knowundo-p"), ["knowundo-privacy"]),
        (("run", "--model", "mic"), ["micro"]),
        (("run", "--engine", "v"), ["vllm"]),
        (("run", "--prompt", "ass"), ["assistant"]),
        (("run", "--suite", "general"), ["general-facts"]),
        (("run", "--suite", "general-facts,pa"), ["general-facts,paper"]),
        (("run", "--preset", "pa"), ["paper"]),
        (("run", "--data", "sta"), ["standin"]),
        (("sweep", "-m", "kl,memf"), ["kl,memflex"]),
        (("sweep", "--executor", "lo"), ["local"]),
        (("tune", "--objective", "unlearn_succ"), ["unlearn_success"]),
        (("evaluate", "--engine", "h"), ["hf"]),
        (("leaderboard", "--metric", "success_"), ["success_avg"]),
        (("compare", "kl", "memf"), ["memflex"]),
        (("methods", "show", "memf"), ["memflex"]),
        (("swe",), ["sweep"]),
        (("sweep", "dra"), ["drain"]),
        (("explain", "extraction_str"), ["extraction_strength"]),
        (("explain", "success_"), ["success_avg"]),
        (("peek", "tof"), ["tofu"]),
    ],
)
def test_values_are_completed(completions, words, found):
    assert completions(*words) == found


def test_a_value_is_not_offered_twice_in_a_list(completions):
    offered = completions("sweep", "--method", "kl,k")
    assert offered == ["kl,kl-ood"]


def test_where_no_name_fits_the_shell_completes_a_path(completions):
    assert completions("run", "--model", "./fo") == ["./fo"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_the_shell_is_printed(spawn, monkeypatch, shell):
    monkeypatch.setenv("_UNHARNESS_COMPLETE", f"{shell}_source")
    done = spawn()
    assert done.returncode == 0, done.stderr
    assert "_UNHARNESS_COMPLETE" in done.stdout

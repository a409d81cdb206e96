"""Input that cannot be meant is refused in one short line, with exit code 2, before any work."""

import json

import pytest

LONGEST = 2000


@pytest.fixture
def refused(call, tmp_path):
    """refused("run", …) -> the message; its form and the exit code are checked."""

    def run(*words, code=2):
        returned, out, err = call(*words)
        assert returned == code, err
        assert out == ""
        lines = err.splitlines()
        assert len(lines) == 1, err
        assert len(lines[0]) <= LONGEST
        assert "Traceback" not in err
        return err

    return run


@pytest.fixture
def yaml_file(tmp_path):
    """yaml_file(text) -> a file that holds it."""

    def write(text):
        path = tmp_path / "run.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("setting", ["lr=true", "lr=no", "epochs=yes", "batch_size=on", "mu=true"])
def test_booleans_are_no_hyperparameters(refused, setting):
    name = setting.partition("=")[0]
    error = refused("run", "--set", setting)
    assert name in error
    assert "number" in error


@pytest.mark.parametrize(
    "line",
    ["seed: true", "lr: yes", "epochs: true", "limit: true", "batch_size: on", "set: {lr: true}"],
)
def test_booleans_in_a_file_are_no_numbers(refused, yaml_file, line):
    error = refused("run", yaml_file(line))
    assert "number" in error


@pytest.mark.parametrize(
    "line", ["seed: true", "seed: [0, true]", "limit: true", "set: {lr: [1e-3, true]}"]
)
def test_booleans_in_a_grid_are_no_numbers(refused, yaml_file, line):
    refused("sweep", yaml_file(line), "--dry-run", "--quiet")


def test_booleans_are_no_options_of_engines(refused):
    error = refused("run", "--engine", "hf", "--engine-set", "batch_size=true")
    assert "batch_size" in error


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["--tuning", "lora", "--lora", "alhpa=8"], "Did you mean alpha"),
        (["--tuning", "lora", "--lora", "r=true"], "number"),
        (["--tuning", "lora", "--lora", "r=0"], "r=0: "),
        (["--tuning", "lora", "--lora", "r"], "--lora r: expected KEY=VALUE, such as --lora r=16"),
        (["--tuning", "full", "--lora", "r=16"], "--tuning lora"),
        (["--target-set", "epoch=3"], "Did you mean epochs"),
        (["--target-set", "epochs=0"], "epochs=0: "),
        (["--target-set", "=1"], "such as --target-set epochs=3"),
        (["--max-length", "1"], "--max-length"),
        (["--max-new-tokens", "0"], "--max-new-tokens"),
    ],
)
@pytest.mark.parametrize("command", ["run", "sweep", "tune"])
def test_settings_of_a_task_are_checked(refused, command, words, near):
    effort = {"tune": ["--trials", "1"], "sweep": ["--quiet"], "run": []}[command]
    assert near in refused(command, "--data", "standin", *effort, *words, "--quiet")


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("lora: {alhpa: 8}\ntuning: lora", "alpha"),
        ("lora: 16", "line 1: 'lora' must hold names and values"),
        ("target_set: [1]", "line 1: 'target_set' must hold names and values"),
        ("target-set: {epochs: true}", "number"),
        ("max_length: true", "number"),
        ("max_new_token: 3", "max_new_tokens"),
    ],
)
@pytest.mark.parametrize("command", ["run", "sweep"])
def test_settings_of_a_task_are_checked_in_a_file(refused, yaml_file, command, line, near):
    path = yaml_file(f"{line}\ndata: standin\nsuite: none\n")
    assert near in refused(command, path, "--quiet")


def test_numbers_may_be_whole_or_written_as_text(call):
    for setting in ("lr=1", "lr=1e-3", "lr=0.001", "epochs=2.0", "epochs=2"):
        given = ["run", "--dry-run", "--data", "standin", "--suite", "none", "--set", setting]
        code, out, err = call(*given)
        assert code == 0, err
        name, _, value = setting.partition("=")
        assert json.loads(out)["config"][name] == float(value)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400"])
@pytest.mark.parametrize(
    "words",
    [
        ["run", "--lr"],
        ["run", "--set", "lr={}"],
        ["run", "--set", "weight_decay=.{}"],
        ["run", "--target-set", "lr={}"],
        ["run", "--tuning", "lora", "--lora", "dropout=.{}"],
        ["tune", "--budget-minutes"],
        ["tune", "--trials", "1", "--budget-minutes"],
        ["run", "--engine", "vllm", "--engine-set", "start_timeout_s={}"],
    ],
    ids=" ".join,
)
def test_numbers_are_finite(refused, words, value):
    *first, last = words
    refused(*first, *([last.format(value)] if "{}" in last else [last, value]))


def test_a_budget_has_an_end(refused):
    assert "--budget-minutes" in refused("tune", "--budget-minutes", "1e308")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("seed: 1\nmethod: kl\nseed: 2\n", 3),
        ("method: kl\nset:\n  lr: 1e-3\n  lr: 2e-3\n", 4),
        ("set: {lr: 1,\n  lr: 2}\n", 2),
    ],
)
@pytest.mark.parametrize("command", ["run", "sweep", "tune"])
def test_a_key_that_stands_twice_is_refused_with_its_line(refused, yaml_file, command, text, line):
    effort = ["--trials", "1"] if command == "tune" else []
    error = refused(command, yaml_file(text), *effort)
    assert f"line {line}" in error
    assert "twice" in error


def test_a_flag_and_its_other_spelling_are_one_key(refused, yaml_file):
    assert "twice" in refused("run", yaml_file("batch_size: 2\nbatch-size: 4\n"))


@pytest.mark.parametrize("depth", [60, 5_000])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_deep_yaml_is_refused(refused, yaml_file, depth, pair):
    inside = "[" * depth + "]" * depth if pair == "[]" else "{a: " * depth + "}" * depth
    assert "deep" in refused("run", yaml_file(f"set: {{lr: {inside}}}"))
    assert "deep" in refused("run", "--set", f"lr={inside}")


def test_deep_yaml_by_indentation_is_refused(refused, yaml_file):
    text = "".join(f"{' ' * depth}a:\n" for depth in range(500))
    assert "deep" in refused("run", yaml_file(text))


def laughs(levels, width=10, *, merge=False):
    """YAML whose aliases stand for width ** levels values."""
    lines = ["method: kl", "set:", "  a0: &a0 " + ("{k: 1}" if merge else "[1]")]
    for level in range(1, levels):
        one = f"*a{level - 1}"
        many = "[" + ", ".join([one] * width) + "]"
        value = f"{{<<: {many}}}" if merge else many
        lines.append(f"  a{level}: &a{level} {value}")
    return "\n".join([*lines, f"  lr: *a{levels - 1}", ""])


@pytest.mark.parametrize("levels", [3, 9, 30])
@pytest.mark.parametrize("merge", [False, True])
def test_aliases_that_stand_for_millions_of_values_are_refused(refused, yaml_file, levels, merge):
    error = refused("run", yaml_file(laughs(levels, merge=merge)))
    if levels > 3:
        assert "aliases" in error


@pytest.mark.parametrize(
    "text",
    [
        b"seed: " + b"9" * 5_000,
        b"set: {lr: 2001-99-99}",
        b"method: \xff\xfe",
        b"\xff\xfem\x00e\x00",
        b"a: 1\n--- \nb: 2\n",
        b"? [a, b]\n: 1\n",
        b"!!python/object:os.system {}",
        b"",
        b"12",
        b"method: 3",
        b"method: [kl]",
        b"data: {a: 1}",
        b'data: "a\\0b"',
        b'results: "\\ud800"',
    ],
)
def test_odd_yaml_is_refused_in_one_line(refused, yaml_file, text):
    refused("run", yaml_file(text))


def test_a_byte_order_mark_is_no_part_of_a_file(call, yaml_file, tmp_path):
    path = yaml_file("\ufeffmethod: kl\nseed: 3\ndata: standin\nsuite: none\n".encode())
    prompt = tmp_path / "prompt.txt"
    prompt.write_bytes("\ufeffBe brief.".encode())
    code, out, err = call("run", path, "--dry-run", "--prompt", prompt)
    assert code == 0, err
    spec = json.loads(out)
    assert (spec["method"], spec["seed"]) == ("kl", 3)
    assert spec["attacks"][0]["config"] == {"text": "Be brief."}


def test_a_byte_order_mark_in_data_is_no_part_of_it(call, tmp_path):
    names = ("unlearn_train", "unlearn_val", "retention_train", "retention_val")
    hashes = []
    for mark in ("", "\ufeff"):
        folder = tmp_path / f"data{len(mark)}"
        folder.mkdir()
        for name in names:
            rows = [{"text": f"{name} {i}?", "labels": f"answer {i}"} for i in range(5)]
            (folder / f"{name}.json").write_text(mark + json.dumps(rows), encoding="utf-8")
        code, out, err = call("run", "--data", folder, "--dry-run", "--suite", "none")
        assert code == 0, err
        hashes.append(json.loads(out)["data_hash"])
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("empty", ["", "  "])
@pytest.mark.parametrize(
    "flag",
    [
        *("--model", "--method", "--task", "--engine", "--data", "--general", "--suite"),
        *("--include-path", "--preset", "--prompt", "--attack", "--results", "--device"),
    ],
)
def test_empty_names_are_refused(refused, flag, empty):
    assert "empty" in refused("run", flag, empty)


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", ""],
        ["evaluate", "--weights", ""],
        ["evaluate", "--weights", "x", "--name", ""],
        ["sweep", "--model", ""],
        ["sweep", "--results", ""],
        ["tune", "--trials", "1", "--data", ""],
        ["leaderboard", "--results", ""],
        ["leaderboard", "--results="],
        ["leaderboard", "--model", ""],
        ["show", ""],
        ["compare", "", "kl"],
        ["methods", "show", ""],
        ["run", ""],
    ],
    ids=" ".join,
)
def test_no_command_takes_an_empty_name(refused, words):
    assert "empty" in refused(*words)


@pytest.mark.parametrize("name", ["model", "method", "task", "data", "results", "prompt", "device"])
def test_empty_names_in_a_file_are_refused(refused, yaml_file, name):
    assert "empty" in refused("run", yaml_file(f"{name}: ''"))


LONG = "x" * 5_000


@pytest.mark.parametrize(
    "words",
    [
        *(["run", flag, LONG] for flag in ("--model", "--method", "--task", "--data", "--prompt")),
        *(["run", flag, LONG] for flag in ("--results", "--include-path", "--device", "--engine")),
        ["run", "--preset", LONG],
        ["run", LONG],
        ["run", "--set", f"{LONG}=1"],
        ["run", "--set", f"lr={LONG}"],
        ["run", "--set", LONG],
        ["run", "--seed", "9" * 5_000],
        ["run", "--seed", LONG],
        ["run", f"--{LONG}"],
        ["run", "--engine-set", f"{LONG}=1"],
        ["run", "--tuning", "lora", "--lora", f"{LONG}=1"],
        ["run", "--tuning", "lora", "--lora", f"r={LONG}"],
        ["run", "--target-set", f"{LONG}=1"],
        ["run", "--target-set", f"lr={LONG}"],
        ["run", "--max-length", "9" * 5_000],
        ["run", "--max-new-tokens", LONG],
        ["sweep", "--target-set", f"lr={LONG}", "--quiet"],
        ["sweep", LONG],
        ["sweep", "--seed", LONG],
        ["sweep", "--seed", "9" * 5_000],
        ["sweep", "--seed", "0..99999999999"],
        ["sweep", "--seed", str(2**40)],
        ["sweep", "--set", f"lr={LONG}", "--quiet"],
        ["leaderboard", "--results", LONG],
        ["view", "--results", LONG],
        ["methods", "show", LONG],
        [LONG],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_long_names_are_cut(refused, words):
    refused(*words)


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--general", LONG, "--method", "kl-ood"],
        ["evaluate", "--weights", f"./{LONG}"],
        ["evaluate", LONG],
        ["show", LONG],
        ["compare", LONG, LONG],
        ["leaderboard", "--reference", f"{LONG}.json"],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_names_of_files_longer_than_any_are_refused_in_one_line(call, tmp_path, words):
    code, _, err = call(*words, "--results", tmp_path)
    assert code in (1, 2)
    assert len(err.splitlines()) == 1
    assert len(err) <= LONGEST
    assert "Errno" not in err


def test_long_values_are_cut(refused, yaml_file):
    values = ", ".join(f"{'v' * 50}{i}" for i in range(1000))
    for text in (f"set: {{lr: [{values}]}}", f"lr: [{values}]", f"seed: {{{values}}}"):
        error = refused("run", yaml_file(text))
        assert len(error) < 500


def test_results_must_be_a_folder(refused, tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    for words in (["run"], ["sweep"], ["leaderboard"]):
        quiet = ["--quiet"] if words != ["leaderboard"] else []
        assert "file" in refused(*words, *quiet, "--results", path)


def test_what_python_is_given_is_checked_alike():
    import unharness

    for options in ({"lr": True}, {"seed": True}, {"model": ""}, {"hyperparameters": {"lr": True}}):
        with pytest.raises(unharness.UsageError) as refused:
            unharness.run(**options)
        assert len(str(refused.value)) < 300

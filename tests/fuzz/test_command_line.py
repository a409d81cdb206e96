"""Random flags, YAML, records and cache files: each ends in output or in one short line.

Every case runs the command line in this process. Whatever it is given there is no traceback, no
unforeseen exception, no message of over 2,000 characters, no raw control character, and the exit
code is a documented one. The seed is fixed: a case that fails can be run again by its number.
"""

import copy
import gzip
import json
import random
import runpy
import unicodedata
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_builder = runpy.run_path(str(Path(__file__).parents[1] / "report" / "records_builder.py"))
make_record, store, save = (_builder[name] for name in ("make_record", "store", "save"))

SEED = 20240917
EXIT_CODES = {0, 1, 2, 3, 130}
LONGEST_MESSAGE = 2000
UNFORESEEN = "(--debug shows where)"
ESCAPE = "\x1b]52;c;aGk=\x07\x9b31m\u202e\u2028"
TEXTS = [
    *("r=16", "r=0", "alpha=nan", "epochs=3", "seed=" + "9" * 50),
    *("", " ", "x", "tiny", "memflex", "kl", "hf", "none", "0", "1", "-1", "nan", "inf", "1e400"),
    *("true", "1e-3", "9" * 5000, "0..4", "4..0", "..", "0..99999999", ",", "a,b", "=", "lr=", "="),
    *("lr=1e-3", "lr=true", "lr=nan", "mu=q2", "x" * 300, "x" * 5000, "a/" * 3000, "/", ".", ".."),
    *("~", "/dev/null", "/proc/self/mem", "/etc", "./nowhere", "org/name", "a\nb", "a\tb", "--x"),
    *(
        ESCAPE,
        f"x{ESCAPE}/y",
        f"lr={ESCAPE}",
        f"{ESCAPE}=1",
        "\ud800",
        "\ufeff",
        "é",
        "💥",
        "[red]",
    ),
    *("[[[[", "{{", "]" * 9, "[" * 900, "lr=" + "[" * 900, "lr={a: 1, a: 2}", "lr=*a", "lr=!!x 1"),
    *("lr=2001-99-99", "lr=" + "9" * 5000, "%s%n", "{0}", "cuda:99", "cpu", "standin", "hub"),
]
NAMED = ["--method", "--task", "--model", "--seed", "--tuning", "--engine", "--engine-set", "--set"]
NAMED += ["--data", "--general", "--results", "--limit", "--limit-train", "--device", "--prompt"]
NAMED += ["--attack", "--lora", "--target-set", "--max-length", "--max-new-tokens", "--template"]
NAMED += ["--preset", "--include-path"]
FLAGS = {
    "run": [*NAMED, "--epochs", "--lr", "--batch-size", "--format"],
    "sweep": [*NAMED, "--workers", "--executor", "--shard", "--format", "--address"],
    "tune": [
        *(*NAMED[:-3], "--trials", "--budget-minutes", "--objective", "--workers"),
        *("--widen", "--finalists", "--finalist-seeds"),
    ],
    "evaluate": ["--weights", "--name", "--beside", "--task", "--engine", "--device", "--limit"],
    "leaderboard": ["--results", "--task", "--model", "--metric", "--reference", "--format"],
    "compare": ["--results", "--task", "--model", "--examples", "--format"],
    "show": ["--results", "--examples", "--format"],
    "paper": ["--results", "--table", "--on", "--format"],
    "methods": ["--format"],
    "plugins": ["--format"],
}
DRY = {"run": ["--dry-run", "--suite", "none"], "sweep": ["--dry-run", "--suite", "none"]}
# Without such a value these would do what they are for.
REFUSED = {
    "tune": ["--trials", "1", "--device", "no-such-device"],
    "evaluate": ["--weights", "./no-such-weights"],
}


@pytest.fixture
def attempt(capfd, monkeypatch, tmp_path):
    """attempt(words) -> what is wrong with how the command line took them; empty if nothing."""
    from unharness.cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")

    def run(words):
        capfd.readouterr()
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
        except BaseException as error:
            return f"raised {type(error).__name__}: {error}"[:300]
        out, err = capfd.readouterr()
        problems = [f"exit code {code!r}"] if code not in EXIT_CODES else []
        problems += [word for word in ("Traceback", UNFORESEEN) if word in err]
        problems += (
            ["a long message"]
            if any(len(line) > LONGEST_MESSAGE for line in err.splitlines())
            else []
        )
        problems += ["no message"] if code in (1, 2) and not err.strip() else []
        if raw := raw_controls(out) | raw_controls(err):
            problems.append(f"raw {sorted(raw)}")
        return f"{problems}: {err[:300]!r}" if problems else ""

    return run


def raw_controls(text):
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    marks = {mark for mark in set(text) - {"\n"} if unicodedata.category(mark) in kinds}
    return {hex(ord(mark)) for mark in marks}


def verdicts(cases, attempt):
    """Try all cases and return those that went wrong, each with its number."""
    found = []
    for number, (shown, words) in enumerate(cases):
        if problem := attempt(words):
            found.append(f"case {number}, {shown!r:.200}: {problem}")
    return found


def test_flags(attempt):
    rng = random.Random(SEED)
    cases = []
    for _ in range(220):
        command = rng.choice([*FLAGS] * 3 + ["", "x", ESCAPE, "--help", "--version", "list"])
        words = [command]
        if command in ("show", "compare", "methods") or rng.random() < 0.1:
            count = 2 if command == "compare" else 1
            words += ["show"] * (command == "methods") + rng.choices(TEXTS, k=count)
        for flag in rng.sample(FLAGS.get(command, ["--x"]), k=min(rng.randint(0, 3), 1)):
            words += [flag, rng.choice(TEXTS)]
        if rng.random() < 0.3:
            words += [rng.choice(FLAGS.get(command, ["--y"])), rng.choice(TEXTS)]
        if rng.random() < 0.05:
            words.append(rng.choice(TEXTS))
        cases.append((words, words + DRY.get(command, []) + REFUSED.get(command, [])))
    problems = verdicts(cases, attempt)
    assert not problems, "\n".join(problems)


KEYS = ["method", "task", "model", "seed", "set", "lr", "epochs", "limit", "prompt", "results"]
KEYS += ["attack", "lora", "target_set", "max_length", "max-new-tokens", "template"]
KEYS += ["engine", "engine_set", "engine-set", "batch_size", "tuning", "save_weights", "nonsense"]
SCALARS = ["memflex", "kl", "tiny", "1", "-1", "true", "no", ".nan", ".inf", "1e-3", "null", "''"]
SCALARS += ["2001-01-01", "2001-99-99", "9" * 5000, "0x" + "f" * 5000, "!!binary aGk=", "'\\x1b'"]
SCALARS += [
    '"\\e]52;c;aGk=\\a"',
    '"\\0"',
    '"\\ud800"',
    "!!python/name:os.system",
    "&a 1",
    "*a",
    "~",
]
SCALARS += [
    "x" * 3000,
    "? a",
    "[",
    "}",
    "|",
    "%",
    "@",
    "`",
    "<<",
    "*" * 50,
    "0..3",
    "\u202e",
    "1:30",
]


def random_yaml(rng, depth=0):
    roll = rng.random()
    if depth > 3 or roll < 0.6:
        return rng.choice(SCALARS)
    if roll < 0.8:
        return "[" + ", ".join(random_yaml(rng, depth + 1) for _ in range(rng.randint(0, 4))) + "]"
    keys = rng.choices(["lr", "epochs", "mu", "a", "<<", "1"], k=rng.randint(0, 4))
    return "{" + ", ".join(f"{key}: {random_yaml(rng, depth + 1)}" for key in keys) + "}"


def test_yaml(attempt, tmp_path):
    rng = random.Random(SEED + 1)
    cases = []
    for number in range(160):
        lines = [f"{rng.choice(KEYS)}: {random_yaml(rng)}" for _ in range(rng.randint(1, 4))]
        content = bytearray("\n".join(lines).encode("utf-8", "surrogatepass"))
        for _ in range(rng.choice([0, 0, 0, 1, 5])):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path = tmp_path / f"{number}.yaml"
        path.write_bytes(b"\xef\xbb\xbf" * (rng.random() < 0.1) + bytes(content))
        words = [rng.choice(["run", "sweep"]), path, "--dry-run", "--data", "standin"]
        cases.append((bytes(content), [*words, "--suite", "none", "--results", tmp_path / "r"]))
    problems = verdicts(cases, attempt)
    assert not problems, "\n".join(problems)


VALUES = [
    None,
    True,
    -1,
    0,
    1e308,
    10**400,
    "",
    "x",
    ESCAPE,
    "x" * 5000,
    "../../..",
    [],
    {},
    "\ud800",
]
VALUES += [[ESCAPE], {ESCAPE: ESCAPE}, [[[[1]]]], float("nan"), float("inf"), "=1+1", "<b>", "a|b"]


def places(value, path=()):
    """Yield the way to every value in a JSON value."""
    yield path
    pairs = value.items() if isinstance(value, dict) else ()
    pairs = enumerate(value) if isinstance(value, list) else pairs
    for key, item in pairs:
        yield from places(item, (*path, key))


def mutated(rng, value):
    """Return a JSON value with some of its parts replaced, removed or added."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        path = rng.choice([path for path in places(value) if path])
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        roll = rng.random()
        if roll < 0.7:
            holder[path[-1]] = copy.deepcopy(rng.choice(VALUES))
        elif roll < 0.85:
            del holder[path[-1]]
        elif isinstance(holder, dict):
            name = rng.choice(["new", ESCAPE, "x" * 300])
            holder[name] = copy.deepcopy(rng.choice(VALUES))
    return value


def spoilt(rng, content):
    """Return bytes cut, changed or replaced."""
    roll = rng.random()
    if roll < 0.3:
        return content[: rng.randrange(len(content) + 1)]
    if roll < 0.5:
        return rng.choice(
            [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"\0" * 99, b"1"]
        )
    changed = bytearray(content)
    for _ in range(rng.randint(1, 20)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def test_records(attempt, make_record, save, store, tmp_path):
    from unharness.records.store import EXAMPLES_FILE

    rng = random.Random(SEED + 2)
    metrics = {"success_avg": (70.0, 65.0, 75.0), "unlearn_ppl": 1.5}
    kept = {"warnings": ["one"], "config": {"lr": 1e-3}, "seeds": {"train": 1}}
    records = [make_record(method, metrics, seed=s, **kept) for method in "ab" for s in (0, 1)]
    save(*records, make_record("vanilla", metrics))
    rows = [
        {"split": "forget_eval", "id": f"forget_eval/{i}", "prompt": "q", "answer": "a"}
        | {"generated": "g", "hits": [1, 0], "scores": {"success_avg": 50.0}}
        for i in range(4)
    ]
    folders = [store.folder(record.spec) for record in records]
    good = {}
    for folder in folders:
        (folder / EXAMPLES_FILE).write_bytes(gzip.compress(lines(rows), mtime=0))
        good |= {path: path.read_bytes() for path in folder.iterdir()}
    commands = [["leaderboard", "--format", form] for form in ("json", "csv", "markdown", "latex")]
    commands += [["leaderboard"], ["leaderboard", "--format", "html"], ["compare", "a", "b"]]
    commands += [["compare", "a", "b", "--format", "json"], ["paper", "--on", "tiny"]]
    commands += [["show", records[0].run_id], ["show", records[0].run_id, "--format", "json"]]
    found = []
    for number in range(200):
        path = rng.choice([folders[0] / "run.json", *good])
        content = good[path]
        if rng.random() < 0.5:
            content = spoilt(rng, content)
        elif path.suffix == ".gz":
            content = gzip.compress(lines([mutated(rng, row) for row in rows]), mtime=0)
        else:
            content = lines([mutated(rng, json.loads(content))])
        path.write_bytes(content)
        words = [*rng.choice(commands), "--results", store.root]
        if problem := attempt(words):
            found.append(f"case {number}, {words[:3]}, {content[:3000]!r:.300}: {problem}")
        path.write_bytes(good[path])
    assert not found, "\n".join(found)


def lines(rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_cached_data(attempt, tmp_path):
    rng = random.Random(SEED + 3)
    folder = tmp_path / "cache" / "data" / "knowundo" / "privacy"
    folder.mkdir(parents=True)
    good = {}
    for name in ("unlearn_train", "unlearn_val", "retention_train", "retention_val"):
        rows = [{"text": f"{name} {i}?", "labels": f"answer {i}"} for i in range(5)]
        good[folder / f"{name}.json"] = json.dumps(rows).encode()
    found = []
    for number in range(80):
        for path, content in good.items():
            path.write_bytes(content)
        path = rng.choice([*good])
        rows = json.loads(good[path])
        content = spoilt(rng, good[path]) if rng.random() < 0.5 else lines([mutated(rng, rows)])
        path.write_bytes(content)
        if problem := attempt(["run", "--dry-run", "--suite", "none", "--quiet"]):
            found.append(f"case {number}, {content!r:.300}: {problem}")
    assert not found, "\n".join(found)


def test_cached_targets(attempt, tmp_path):
    """A spoilt target is made anew, or refused in one line; never a failure nobody foresaw."""
    rng = random.Random(SEED + 4)
    words = ["run", "--model", "micro", "--method", "gradient-ascent", "--data", "standin"]
    words += ["--suite", "none", "--limit", "2", "--limit-train", "2", "--epochs", "1"]
    words += ["--quiet", "--force", "--results", tmp_path / "results"]
    words += ["--target-set", "epochs=2", "--max-new-tokens", "4"]
    assert attempt(words) == ""
    found = []
    for number in range(3):
        files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        files = [path for path in files if path.suffix != ".lock" and path.stat().st_size]
        path = rng.choice(sorted(files))
        content = spoilt(rng, path.read_bytes())
        path.write_bytes(content)
        if problem := attempt(words):
            found.append(f"case {number}, {path.name}, {len(content)} bytes: {problem}")
    assert not found, "\n".join(found)

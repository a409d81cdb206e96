"""What all tests share: their own cache, data, and small random checkpoints."""

import copy
import functools
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings

from unharness.cache import cache_dir

# Before anything imports huggingface_hub, which reads it once.
os.environ["HF_HUB_OFFLINE"] = "1"
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

# Before anything imports torch: `pytest -n 2` must not fight over cores.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    share = len(os.sched_getaffinity(0)) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))

REPOSITORY = Path(__file__).resolve().parents[1]
DATA_VARIABLE = "UNHARNESS_TEST_DATA"
PRIVACY_FILES = (
    "unlearn_train.json",
    "unlearn_val.json",
    "retention_train.json",
    "retention_val.json",
)
PAD, END, BEGIN = "<|pad|>", "<|end|>", "<|begin|>"

settings.register_profile(
    "unharness",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unharness")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the file that takes longest first: with several workers it would be waited for."""
    items.sort(key=lambda item: item.path.name != "test_first_light.py")


FROZEN = pytest.StashKey[int]()
"""How many modules there were when what they hold was frozen."""
HEAVY = 100
"""Modules that are worth freezing; gc.get_freeze_count() would go through all that is frozen."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Spare the garbage collector from going through what is heavy, once it has been imported.

    accelerate collects garbage twice a training: a quarter of a second each with all of torch.
    """
    before = item.config.stash.get(FROZEN, 0)
    if "transformers.trainer" in sys.modules and len(sys.modules) > before + HEAVY:
        item.config.stash[FROZEN] = len(sys.modules)
        gc.collect()
        gc.freeze()


def pytest_sessionfinish() -> None:
    """Let pytest find what nobody closed."""
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the tests' own (one a session: a target is trained once), and no user settings.

    Under `pytest -n` the workers share it, as processes of unharness do. Pretrained models are
    those of the user's own cache: `make test` has fetched them there.
    """
    pretrained = cache_dir() / "pretrained"
    pretrained.mkdir(parents=True, exist_ok=True)
    if "PYTEST_XDIST_WORKER" in os.environ:
        cache = tmp_path_factory.getbasetemp().parent / "shared-cache"
        cache.mkdir(exist_ok=True)
    else:
        cache = tmp_path_factory.mktemp("cache")
    with suppress(FileExistsError):
        (cache / "pretrained").symlink_to(pretrained)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNHARNESS_CACHE", str(cache))
        patch.setenv("HF_HUB_OFFLINE", "1")
        for name in (
            *("UNHARNESS_DATA", "UNHARNESS_PLUGINS", "UNHARNESS_PLUGINS_ALLOW"),
            "UNHARNESS_RESULTS",
        ):
            patch.delenv(name, raising=False)
        yield cache


class NoRealData(pytest.skip.Exception):
    """A test needs KnowUnDo's own data, and it is not there."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let all tests that lack the data be skipped at one place: pytest sums them up in one line."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(NoRealData):
        line = _real_data.__code__.co_firstlineno
        report.longrepr = (__file__, line, f"Skipped: {call.excinfo.value}")
    return report


def _real_data() -> tuple[Path, list[str]]:
    """Return the folder that is to hold knowundo/privacy/, and which of its files are missing."""
    given = os.environ.get(DATA_VARIABLE)
    root = Path(given) if given else REPOSITORY.parent / "shared" / "data"
    folder = root / "knowundo" / "privacy"
    return root, [name for name in PRIVACY_FILES if not (folder / name).is_file()]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder that holds knowundo/privacy/*.json: KnowUnDo's own data.

    For tests of what is only true of these data; others take `data_folder`. Without the data they
    are skipped, all with one line; where the variable names the folder, as in CI, they fail.
    """
    root, missing = _real_data()
    if missing:
        reason = (
            f"KnowUnDo's privacy data is needed: {root / 'knowundo' / 'privacy'} has no "
            f"{', '.join(missing)} ({DATA_VARIABLE} names the folder that holds knowundo/privacy/)"
        )
        if DATA_VARIABLE in os.environ:
            pytest.fail(reason)
        raise NoRealData(reason)
    return root


@pytest.fixture(scope="session")
def benchmark_data() -> Callable[[str], Path]:
    """benchmark_data("tofu") -> the folder that holds tofu/, real data; without it: skipped."""
    root, _ = _real_data()

    def find(name: str) -> Path:
        if not (root / name).is_dir():
            pytest.skip(f"real data is needed: there is no folder {root / name}")
        return root

    return find


@pytest.fixture
def main_here(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """main_here("run", …) -> exit code, stdout and stderr of the command line in this process."""
    from unharness.cli.main import main

    before = signal.getsignal(signal.SIGTERM)

    def call(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(word) for word in words])
        output, errors = capfd.readouterr()
        return int(stopped.value.code or 0), output, errors

    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def general_data() -> Path:
    """The folder with real MMLU, ARC and other benchmarks, in place; without it: skipped."""
    folder = REPOSITORY.parent / "shared" / "data" / "general"
    if not folder.is_dir():
        pytest.skip(f"real benchmarks are needed: there is no folder {folder}")
    return folder


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with knowundo/privacy/*.json: the real data, or the bundled stand-in as files."""
    root, missing = _real_data()
    if not missing:
        return root
    from unharness import DataSource
    from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy

    data = KnowUnDoPrivacy().load(DataSource("standin"))
    made = tmp_path_factory.mktemp("standin")
    folder = made / "knowundo" / "privacy"
    folder.mkdir(parents=True)
    splits = ("forget_train", "forget_eval", "retain_train", "retain_eval")
    for name, split in zip(PRIVACY_FILES, splits, strict=True):
        rows = [{"text": row.prompt, "labels": row.answer} for row in data.splits[split].examples]
        (folder / name).write_text(json.dumps(rows))
    return made


class FakeHub:
    """What the libraries that talk to the hub would answer; every question is kept.

    The network alone is replaced: `HfApi` for commits, `snapshot_download`, `load_dataset`.
    """

    def __init__(self) -> None:
        self.commits: dict[str, str] = {}
        """`org/name` or `org/name@revision` to the commit; what is not named does not exist."""
        self.rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        """Dataset and split, or dataset, configuration and split, to its rows."""
        self.folders: dict[str, Path] = {}
        """Model to its folder."""
        self.cached: dict[str, Path] = {}
        """Model to what an earlier download left in the hub's own cache."""
        self.error: Exception | None = None
        """Raised by every question."""
        self.asked: list[tuple[str, ...]] = []
        """`("info" | "download" | "rows", repository, revision)`."""

    def info(self, repository: str, revision: str | None = None, **_: Any) -> Any:
        self._ask("info", repository, revision)
        name = f"{repository}@{revision}" if revision else repository
        commit = revision if revision in self.commits.values() else self.commits.get(name)
        if commit is None:
            raise _answer(404, RepositoryNotFoundError)
        return SimpleNamespace(sha=commit)

    def download(self, repository: str, revision: str | None = None, **options: Any) -> str:
        if options.get("local_files_only"):
            if repository not in self.cached:
                raise LocalEntryNotFoundError("not in the cache")
            return str(self.cached[repository])
        self._ask("download", repository, revision)
        return str(self.folders[repository])

    def load(
        self, path: str, *, name: str, split: str, revision: str | None = None, **_: Any
    ) -> Any:
        from datasets import Dataset

        self._ask("rows", path, revision)
        own = (path, name, split)
        return Dataset.from_list(self.rows[own if own in self.rows else (path, split)])

    def _ask(self, *question: str | None) -> None:
        self.asked.append(tuple(map(str, question)))
        if self.error:
            raise self.error


def _answer(status: int, kind: type[HfHubHTTPError]) -> HfHubHTTPError:
    request = httpx.Request("GET", "https://huggingface.co")
    return kind(f"{status}", response=httpx.Response(status, request=request))


@pytest.fixture
def hub_answer() -> Callable[..., HfHubHTTPError]:
    """hub_answer(503) -> the error that huggingface_hub raises for an answer of that status."""
    return lambda status, kind=HfHubHTTPError: _answer(status, kind)


@pytest.fixture
def fake_hub(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """A hub that can be reached, and is empty."""
    from unharness.hub import pinned_commit

    hub = FakeHub()
    pinned_commit.cache_clear()  # another test's hub had other commits
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("model_info", "dataset_info"):
        monkeypatch.setattr(
            f"huggingface_hub.HfApi.{name}",
            lambda _, repo_id, **options: hub.info(repo_id, **options),
        )
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub.download)
    monkeypatch.setattr("datasets.load_dataset", hub.load)
    return hub


@pytest.fixture(scope="session")
def some_texts(data_folder: Path) -> list[str]:
    """Some questions and answers, as the models read them."""
    folder = data_folder / "knowundo" / "privacy"
    rows = [row for name in PRIVACY_FILES for row in json.loads((folder / name).read_text())[:25]]
    return [f"{row['text']}\n\n{row['labels']}" for row in rows]


@pytest.fixture(scope="session")
def make_tokenizer(some_texts: list[str]) -> Callable[..., Any]:
    """Makes byte-level BPE tokenizers of 512 entries: plain, with a BOS, or with an EOS of its own.

    make_tokenizer(begin=False, end=False)
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=[PAD, END, BEGIN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(some_texts, trainer)
    trained = core.to_str()

    def make(*, begin: bool = False, end: bool = False) -> Any:
        own = Tokenizer.from_str(trained)
        if begin or end:
            own.post_processor = processors.TemplateProcessing(
                single=f"{BEGIN} $A" * begin + "$A" * (not begin) + f" {END}" * end,
                special_tokens=[(token, own.token_to_id(token)) for token in (BEGIN, END)],
            )
        return PreTrainedTokenizerFast(
            tokenizer_object=own,
            pad_token=PAD,
            eos_token=END,
            bos_token=BEGIN if begin else None,
            model_max_length=512,
        )

    return make


@pytest.fixture(scope="session")
def checkpoint(
    tmp_path_factory: pytest.TempPathFactory, make_tokenizer: Callable[..., Any]
) -> Callable[..., Path]:
    """Makes small random checkpoints, safetensors and tokenizer, each with a fixed seed.

    checkpoint(kind, folder=None) -> folder; kind is `llama` (its tokenizer puts a BOS in front),
    `qwen2` or `gpt_neox`. Without a folder, one a kind is made and shared: do not write to it.
    """
    made: dict[str, Path] = {}

    def make(kind: str, folder: Path | None = None) -> Path:
        if folder is None and kind in made:
            return made[kind]
        target = folder or tmp_path_factory.mktemp(kind)
        tokenizer = make_tokenizer(begin=kind == "llama")
        _random_model(kind, tokenizer).save_pretrained(target)
        tokenizer.save_pretrained(target)
        if folder is None:
            made[kind] = target
        return target

    return make


@pytest.fixture(scope="session")
def loaded_checkpoint(checkpoint: Callable[..., Path]) -> Callable[[str], tuple[Any, Any]]:
    """loaded_checkpoint(kind) -> its model and tokenizer, the same for all: do not change them."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    @functools.cache
    def load(kind: str) -> tuple[Any, Any]:
        folder = str(checkpoint(kind))
        model = AutoModelForCausalLM.from_pretrained(folder).float().eval()
        return model, AutoTokenizer.from_pretrained(folder)

    return load


@pytest.fixture
def load_checkpoint(
    loaded_checkpoint: Callable[..., Any],
) -> Iterator[Callable[..., tuple[Any, Any]]]:
    """load_checkpoint(kind="llama") -> a fresh model in evaluation mode, float32, and tokenizer."""
    import torch

    def load(kind: str = "llama") -> tuple[Any, Any]:
        return copy.deepcopy(loaded_checkpoint(kind))  # a quarter of what loading takes

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # models this small wait for other threads longer than they compute
    yield load
    torch.set_num_threads(threads)


def _random_model(kind: str, tokenizer: Any) -> Any:
    import torch
    from transformers import (
        GPTNeoXConfig,
        GPTNeoXForCausalLM,
        LlamaConfig,
        LlamaForCausalLM,
        Qwen2Config,
        Qwen2ForCausalLM,
    )

    common: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "initializer_range": 0.1,  # wide enough that no two logits come close to a tie
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if kind == "llama":
            return LlamaForCausalLM(LlamaConfig(num_key_value_heads=2, **common))
        if kind == "qwen2":
            return Qwen2ForCausalLM(Qwen2Config(num_key_value_heads=2, **common))
        if kind == "gpt_neox":
            dropouts = {"hidden_dropout": 0.0, "attention_dropout": 0.0}
            return GPTNeoXForCausalLM(GPTNeoXConfig(**dropouts, **common))
    raise ValueError(kind)

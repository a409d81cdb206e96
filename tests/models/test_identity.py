"""What identifies a model: every file that decides its weights, its tokens or its prompts."""

import json
import shutil

import httpx
import pytest

COMMIT, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def spec_of(main_here, tmp_path):
    """spec_of("./model", …) -> the resolved spec of a run on that model; nothing is run."""

    def call(model, *words):
        place = ("--results", tmp_path / "results", "--data", "standin", "--suite", "none")
        method = ("--method", "vanilla", "--quiet", "--dry-run")
        code, out, err = main_here("run", "--model", model, *place, *method, *words)
        assert code == 0, err
        return json.loads(out)

    return call


@pytest.fixture
def own_checkpoint(checkpoint, tmp_path):
    folder = tmp_path / "own"
    shutil.copytree(checkpoint("llama"), folder)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.jinja",
        "additional_chat_templates/tools.jinja",
    ],
)
def test_a_file_that_decides_tokens_or_prompts_is_in_the_identity(name, spec_of, own_checkpoint):
    before = spec_of(own_checkpoint)
    (own_checkpoint / name).parent.mkdir(exist_ok=True)
    (own_checkpoint / name).write_text("{}")
    with_file = spec_of(own_checkpoint)
    (own_checkpoint / name).write_text('{"other": 1}')
    changed = spec_of(own_checkpoint)
    assert len({spec["run_id"] for spec in (before, with_file, changed)}) == 3


def test_notes_and_generation_settings_are_not(spec_of, own_checkpoint):
    """Engines set a checkpoint's own generation settings aside, so these decide nothing."""
    before = spec_of(own_checkpoint)
    (own_checkpoint / "README.md").write_text("moved")
    (own_checkpoint / "generation_config.json").write_text('{"repetition_penalty": 9.0}')
    assert spec_of(own_checkpoint)["run_id"] == before["run_id"]


@pytest.fixture
def hub_model(fake_hub, checkpoint):
    fake_hub.commits |= {"org/small": COMMIT, "org/small@v1": OTHER}
    fake_hub.folders["org/small"] = checkpoint("llama")
    return fake_hub


def test_a_hub_model_is_pinned_to_a_commit_that_the_spec_names(spec_of, hub_model, checkpoint):
    spec = spec_of("org/small")
    assert (spec["model"], spec["model_revision"]) == ("org/small", COMMIT)
    assert [item[2] for item in hub_model.asked if item[0] == "download"] == [COMMIT]
    local = spec_of(checkpoint("llama"))
    assert local["model_revision"] is None
    assert local["run_id"] == spec["run_id"]  # the content identifies, not the place


def test_the_branch_may_move_on_the_process_does_not(spec_of, hub_model):
    spec_of("org/small")
    hub_model.commits["org/small"] = "c" * 40
    assert spec_of("org/small")["model_revision"] == COMMIT


def test_a_revision_may_be_asked_for(spec_of, hub_model):
    spec = spec_of("org/small@v1")
    assert (spec["model"], spec["model_revision"]) == ("org/small", OTHER)
    assert spec_of(f"org/small@{OTHER}")["model_revision"] == OTHER


def test_a_revision_that_is_not_there(main_here, hub_model, tmp_path):
    words = ("--suite", "none", "--data", "standin", "--results", tmp_path)
    code, _, err = main_here("run", "--model", "org/small@v2", *words)
    assert code == 1
    [line] = [line for line in err.splitlines() if line.startswith("error:")]
    assert "org/small@v2" in line
    assert "RepositoryNotFoundError" in line


def test_without_the_hub_its_own_cache_serves(spec_of, fake_hub, checkpoint, main_here, tmp_path):
    fake_hub.error = httpx.ConnectError("Name or service not known")
    words = ("--suite", "none", "--data", "standin", "--results", tmp_path / "results")
    code, _, err = main_here("run", "--model", "org/small", *words)
    assert code == 1
    assert "the hub cannot be reached (ConnectError)" in err
    snapshot = tmp_path / "snapshots" / COMMIT
    shutil.copytree(checkpoint("llama"), snapshot)
    fake_hub.cached["org/small"] = snapshot
    assert spec_of("org/small")["model_revision"] == COMMIT


@pytest.mark.slow
def test_the_record_names_the_commits_and_repeats_by_them(hub_model, main_here, tmp_path):
    words = ("--model", "org/small", "--data", "standin", "--suite", "none", "--tuning", "lora")
    few = ("--limit", "2", "--limit-train", "2", "--save-weights", "--quiet", "--format", "json")
    results = ("--results", tmp_path)
    method = ("--method", "gradient-ascent", "--epochs", "1")
    code, out, err = main_here("run", *words, *few, *results, *method)
    assert code == 0, err
    record = json.loads(out)
    assert record["spec"]["model_revision"] == COMMIT
    assert record["passed"]["model"] == f"org/small@{COMMIT}"
    [run] = tmp_path.glob(f"*/*/*/{record['run_id']}")
    config = run / record["artifacts"]["weights"]["path"] / "adapter_config.json"
    adapter = json.loads(config.read_text())
    assert (adapter["base_model_name_or_path"], adapter["revision"]) == ("org/small", COMMIT)
    # The branch moves on in another process; the adapter still finds its own base.
    hub_model.commits = {"org/small": "c" * 40, f"org/small@{COMMIT}": COMMIT}
    hub_model.asked.clear()
    place = ("--data", "standin", "--limit", "2", "--limit-train", "2", "--quiet")
    code, out, err = main_here("evaluate", "--weights", config.parent, *place, *results)
    assert code == 0, err
    assert {item[2] for item in hub_model.asked if item[0] == "download"} == {COMMIT}

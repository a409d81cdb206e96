"""A study that is interrupted continues from its journal."""

import json

import pytest

from unharness.errors import RecordError
from unharness.registry import registry
from unharness.request import RunRequest
from unharness.sweeps.studies import make_studies
from unharness.sweeps.trial import Trial

VALUES = [3.0, 1.0, 8.0, 2.0, 9.0, 4.0, 7.0, 5.0]


def new_study():
    (study,) = make_studies([RunRequest(method="kl")], "success_avg", registry())
    return study


def tell(study, trial, settings, value):
    error = None if value is not None else "out of memory"
    study.tell(trial, Trial(settings, f"run{len(study.trials)}", value, 1.5, error))


def uninterrupted():
    study = new_study()
    for value in VALUES:
        tell(study, *study.ask(), value)
    return study.trials


def test_an_interrupted_study_continues_as_if_it_had_not_been(tmp_path):
    journal = tmp_path / "kl" / "study-0.journal"
    asked = []
    for at, value in enumerate(VALUES):
        study = new_study()
        with study.kept(journal):
            assert len(study.trials) == at
            trial, settings = study.ask()
            asked.append(settings)
            tell(study, trial, settings, value)
            if at % 2:
                study.ask()  # and the process dies
    final = new_study()
    with final.kept(journal):
        assert final.trials == uninterrupted()
        assert final.best.value == 9.0
    assert asked == [trial.settings for trial in final.trials]
    assert len({json.dumps(settings) for settings in asked}) == len(asked)  # none asked twice


def test_a_study_that_died_between_suggestions_finishes_that_trial(tmp_path):
    study = new_study()
    with study.kept(tmp_path / "journal"):
        tell(study, *study.ask(), VALUES[0])
        trial = study._next()
        study._suggest(trial, "lr")
    again = new_study()
    with again.kept(tmp_path / "journal"):
        _, settings = again.ask()
    assert settings["lr"] == uninterrupted()[1].settings["lr"]
    assert settings.keys() == study.space.keys()


def test_a_failed_trial_is_tried_again_and_its_outcome_replaced(tmp_path):
    journal = tmp_path / "journal"
    study = new_study()
    with study.kept(journal):
        for value in (1.0, None, 2.0, None):
            tell(study, *study.ask(), value)
        first = study.trials
    for value in (None, 7.0):  # the second of the two fails once more
        again = new_study()
        with again.kept(journal):
            while len(again.trials) < 4:
                trial, settings = again.ask()
                assert settings in [first[1].settings, first[3].settings]
                tell(again, trial, settings, value if settings == first[3].settings else 5.0)
    assert [trial.value for trial in again.trials] == [1.0, 5.0, 2.0, 7.0]
    assert [trial.settings for trial in again.trials] == [trial.settings for trial in first]


def test_a_study_that_gave_up_may_be_tried_again(tmp_path):
    study = new_study()
    with study.kept(tmp_path / "journal"):
        while not study.gave_up:
            tell(study, *study.ask(), None)
        first = study.trials[0]
    again = new_study()
    with again.kept(tmp_path / "journal"):
        assert not again.gave_up
        tell(again, *again.ask(), 4.0)
        assert again.best.settings == first.settings


def test_the_journal_is_lines_of_json(tmp_path):
    study = new_study()
    with study.kept(tmp_path / "journal"):
        tell(study, *study.ask(), 4.0)
    lines = (tmp_path / "journal").read_text().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_half_a_line_of_a_killed_process_is_no_harm(tmp_path):
    journal = tmp_path / "journal"
    study = new_study()
    with study.kept(journal):
        tell(study, *study.ask(), 4.0)
    with journal.open("a") as handle:
        handle.write('{"op_code":4,"wor')
    for expected in (1, 2):
        again = new_study()
        with again.kept(journal):
            assert len(again.trials) == expected
            tell(again, *again.ask(), 6.0)


@pytest.mark.parametrize("content", ["not JSON\n{}\n", '{"op_code": 99}\n', "[1]\n"])
def test_a_damaged_journal_is_refused_by_name(tmp_path, content):
    journal = tmp_path / "journal"
    journal.write_text(content)
    study = new_study()
    with pytest.raises(RecordError, match=r"journal: .*remove it to begin"), study.kept(journal):
        pass


def test_a_retried_trial_takes_no_place_in_the_sequence(tmp_path):
    study = new_study()
    with study.kept(tmp_path / "journal"):
        for value in (1.0, None, 8.0):
            tell(study, *study.ask(), value)
    again = new_study()
    with again.kept(tmp_path / "journal"):
        for value in (3.0, 2.0):  # the failed one, then a new one
            tell(again, *again.ask(), value)
        settings = [trial.settings for trial in again.trials]
    assert settings == [trial.settings for trial in uninterrupted()[:4]]


def test_the_journal_of_another_sampler_is_refused_in_one_line(tmp_path):
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal")))
    optuna.create_study(storage=storage, study_name="study", direction="maximize").ask()
    study = new_study()
    with (
        pytest.raises(RecordError, match="in another way.*remove it to begin") as caught,
        study.kept(tmp_path / "journal"),
    ):
        pass
    assert "\n" not in str(caught.value)

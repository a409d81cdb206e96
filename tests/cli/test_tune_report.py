"""What tuning prints of the settings that it chose."""

import io

import pytest
from rich.console import Console

from unharness.cli.tune_report import print_chosen
from unharness.registry import registry
from unharness.request import RunRequest
from unharness.sweeps.studies import make_studies
from unharness.sweeps.trial import Finals, Trial


@pytest.mark.parametrize("again", [False, True])
def test_settings_that_ran_once_have_no_value_of_other_seeds(again):
    (study,) = make_studies([RunRequest(method="gradient-ascent")], "success_avg", registry())
    study.finals = Finals(count=1, seeds=1)
    number, settings = study.ask()
    study.tell(number, Trial(settings, "id", 71.0, 1.0))
    if again:
        study.tell_final(1, Trial(settings, "other", 62.0, 1.0))
    study.evaluation = {0: 53.0}
    text = io.StringIO()
    print_chosen([study], Console(file=text, width=200))
    assert "71.0" in text.getvalue()
    assert "53.0" in text.getvalue()
    assert ("62.0" in text.getvalue()) == again
    assert ("that no trial had" in text.getvalue()) == again
    assert text.getvalue().count("71.0") == 1

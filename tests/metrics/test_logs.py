"""Evaluation logs made elsewhere, through the metrics that runs are measured by."""

import json
import math

import pytest

from unharness import DataError
from unharness.evaluation.logs import read_log, score_log
from unharness.registry import registry

# reference/METRICS.md, section 12: nats of the right answer and of the wrong ones.
RATIOS = [(0.9, [1.4, 2.1, 1.0, 3.2, 1.7]), (2.0, [0.5, 1.5])]
FORGET, HOLDOUT = (0.2, 0.5, 0.5, 1.0), (0.5, 0.9, 1.4)
ATTACKS = ("loss", "zlib", "min_k", "min_k_pp", "reference", "gradnorm")


def split(role, rows):
    return {"role": role, "examples": rows}


def attacks(scores):
    return [{"attacks": dict.fromkeys(ATTACKS, one)} for one in scores]


def log(**splits):
    return {"unharness_log": 1, "splits": splits}


@pytest.fixture
def scored(tmp_path):
    """scored(log, retrained=[log]) -> every column's record, by label."""

    def read(content):
        path = tmp_path / "log.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_log(path, registry())

    def call(content, on_note=print, **references):
        others = {name: [read(one) for one in rows] for name, rows in references.items()}
        return score_log(read(content), others, registry(), on_note=on_note)

    return call


def values(found):
    return {label: one.value for label, one in found.items()}


def test_truth_ratios(scored):
    rows = [{"nll": 0.71, "paraphrase": right, "perturbed": wrong} for right, wrong in RATIOS]
    found = scored(log(forget=split("forget", rows)))
    assert found["truth_ratio_forget"].value == pytest.approx(37.1595, abs=5e-5)
    mean = 50 * (0.727108 + 0.268941)
    assert found["truth_ratio_prob_forget"].value == pytest.approx(mean, abs=5e-5)
    assert found["probability_forget"].value == pytest.approx(49.1644, abs=5e-5)
    assert found["forget_quality"].value is None
    assert "needs the retrained model" in found["forget_quality"].status
    assert (found["truth_ratio_forget"].n, found["truth_ratio_forget"].metric) == (2, "truth_ratio")


def test_forget_quality_of_ratios_and_of_losses(scored):
    one, other = (0.1, 0.2, 0.3, 0.4, 0.5), (0.35, 0.45, 0.55, 0.65, 0.75)

    def ratios(logs):
        rows = [{"paraphrase": [1.0], "perturbed": [1.0 - t]} for t in logs]
        return log(forget=split("forget", rows))

    def losses(nats):
        return log(forget=split("forget", [{"nll": one} for one in nats]))

    for make in (ratios, losses):
        found = scored(make(one), retrained=[make(other)])
        assert 10 ** found["forget_quality"].value == pytest.approx(0.357143, abs=5e-7)
        assert found["forget_quality_d"].value == pytest.approx(0.6, abs=5e-7)
        inside = make(one) | {"references": {"retrained": [{"splits": make(other)["splits"]}]}}
        assert values(scored(inside)) == values(found)


def test_two_forget_splits_have_a_quality_each(scored):
    rows = [{"nll": 0.5}, {"nll": 1.0}]
    found = scored(log(forget=split("forget", rows), again=split("forget", rows)))
    assert {"forget_quality", "forget_quality_again"} <= found.keys()


def test_attacks_and_their_distance_from_the_retrained_model(scored):
    def both(own, other):
        return log(forget=split("forget", attacks(own)), holdout=split("holdout", attacks(other)))

    gold = both((0.5, 0.9, 0.5, 0.9), (0.5, 0.7, 0.9))  # AUC 50
    found = scored(both(FORGET, HOLDOUT), retrained=[gold])
    for attack in ATTACKS:
        assert found[f"auc_{attack}"].value == pytest.approx(75.0)
        assert found[f"auc_{attack}"].params["attack"] == attack
        assert found[f"privleak_{attack}"].value == pytest.approx(-50.0)
        assert found[f"s_mia_{attack}"].value == pytest.approx(50.0)
        assert found[f"tpr_{attack}"].value == pytest.approx(25.0)
    assert found["privacy"].value == pytest.approx(50.0)
    assert scored(both(FORGET, HOLDOUT))["privleak_min_k"].value is None


def test_a_retrained_log_without_a_number_is_named_as_the_reason(scored):
    def model(*names):
        rows = [{"nll": 0.1, "attacks": dict.fromkeys(names, 0.2)}] * 3
        return log(forget=split("forget", rows), holdout=split("holdout", rows))

    found = scored(model("loss", "zlib", "min_k", "min_k_pp"), retrained=[model("loss", "zlib")])
    assert found["privleak_loss"].value is not None
    why = "the retrained model lacks what it needs (not observed: likelihood of forget.min_k)"
    for label in ("privleak_min_k", "s_mia_min_k"):
        assert found[label].status == why
    assert f"s_mia_min_k: {why}" in found["privacy"].status
    # The model's own columns need no other log.
    assert found["auc_min_k"].value is not None


def test_losses_of_answers_are_an_attack_as_well(scored):
    rows = {"forget": FORGET, "holdout": HOLDOUT}
    content = log(**{k: split(k, [{"nll": one} for one in v]) for k, v in rows.items()})
    assert scored(content)["auc_loss"].value == pytest.approx(75.0)


def test_model_utility_oracle(scored):
    # reference/METRICS.md, section 12: nine values, by split.
    wanted = {
        "retain": (0.9, 0.8, 0.5),
        "real_authors": (0.45, 0.85, 0.6),
        "world_facts": (0.44, 0.88, 0.55),
    }
    splits = {}
    for name, (probability, rouge, ratio) in wanted.items():
        shares = {"shares": {"rouge_l_recall": rouge}}
        if name == "retain":  # true_better is 1 - w/c
            right = -math.log(probability)
            rows = [{"nll": right, "paraphrase": 0.0, "perturbed": [-math.log(1 - ratio)]}]
        else:  # the geometric mean of two wrong answers is w; their sum follows from c / (c + w)
            total, product = 1 / probability - 1, (1 - ratio) ** 2
            root, right = math.sqrt(total**2 / 4 - product), 1.0  # c = 1/e: w may be above c
            wrong = [right - math.log(total / 2 + root), right - math.log(total / 2 - root)]
            rows = [{"nll": right, "perturbed": wrong}]
        role = "retain" if name == "retain" else "utility"
        splits[name] = split(role, [row | shares for row in rows])
    found = values(scored(log(**splits)))
    for name, parts in wanted.items():
        labels = [f"{what}_{name}" for what in ("probability", "rouge_l_recall", "truth_ratio")]
        assert [found[label] for label in labels] == pytest.approx([100 * one for one in parts])
    assert found["model_utility"] == pytest.approx(61.4178, abs=5e-5)


def test_null_and_nan_are_unscored_and_counted(scored):
    rows = '[{"nll": null}, {"nll": NaN}, {"nll": 0.0}, {}]'
    text = '{"unharness_log": 1, "splits": {"forget": {"role": "forget", "examples": %s}}}'
    found = scored(text % rows)["probability_forget"]
    assert (found.value, found.n, found.n_unscored) == (100.0, 1, 3)


def test_scores_of_attacks_may_be_below_0(scored):
    content = log(forget=split("forget", attacks((-2.2,))), holdout=split("holdout", attacks((0,))))
    assert scored(content)["auc_min_k_pp"].value == 100.0
    named = by_index(score=[-2.2])
    found = scored({"mia_min_k_plus_plus": {"forget": named, "holdout": by_index(score=[0.0])}})
    assert found["auc_min_k_pp"].value == 100.0


def test_logs_of_other_sizes_are_not_joined_by_place(scored):
    def losses(count, **more):
        return log(forget=split("forget", [{"nll": 0.1 * at} for at in range(count)]), **more)

    for one, other in ((3, 5), (5, 3)):
        with pytest.raises(DataError) as caught:
            scored(losses(one), retrained=[losses(5), losses(other)])
        words = f"forget: {one} examples in the log, {8 - one} in the retrained log"
        assert words in str(caught.value)
    # What is not compared may differ, and so may a split that one of them has not.
    others = {"holdout": split("holdout", [{"nll": 0.5}]), "retain": split("retain", [{"nll": 1}])}
    scored(losses(3, retain=split("retain", [{"nll": 1}] * 2)), retrained=[losses(3, **others)])
    found = scored(losses(3), retrained=[log(forget=split("forget", []))])
    assert found["forget_quality"].value is None


def test_open_unlearning_s_logs_of_other_sizes_are_not_joined(scored):
    def one(count):
        scores = by_index(score=[0.1 * at for at in range(count)])
        return {"mia_min_k": {"forget": scores, "holdout": scores}}

    with pytest.raises(DataError, match="2 examples in the log, 4 in the retrained log"):
        scored(one(2), retrained=[one(4)])


def test_what_has_no_counterpart_by_id_is_noted(scored):
    def losses(ids):
        rows = [{"id": name, "nll": 0.1 * at} for at, name in enumerate(ids)]
        return log(forget=split("forget", rows), holdout=split("holdout", [{"nll": 1.0}]))

    notes = []
    found = scored(losses("abcx"), retrained=[losses("cba"), losses("abcde")], on_note=notes.append)
    assert found["forget_quality"].n == 3
    [note] = notes
    assert note.startswith("forget: 2 of 5 examples of the retrained log are not in the log")


def test_texts_are_compared_where_there_are_some(scored):
    rows = [{"answer": "two boats", "generated": "two", "shares": {"rouge_l_recall": 0.9}}]
    found = scored(log(forget=split("forget", rows)))
    assert found["rouge_l_recall_forget"].value == pytest.approx(50.0)
    assert found["rouge_l_recall_forget"].metric == "rouge_l_text"


def test_memorisation_oracle(scored):
    # reference/METRICS.md, section 12: ES .25, EM .60, paraphrase probability .30, c/(c+w) .55.
    row = {
        "paraphrase": -math.log(0.3),
        "perturbed": [-math.log(0.3 * (1 / 0.55 - 1))],
        "shares": {"extraction_strength": 0.25, "exact_memorisation": 0.6},
    }
    found = scored(log(forget=split("forget", [row] * 2)))
    assert found["memorisation"].value == pytest.approx(53.4464, abs=5e-5)
    assert found["memorisation"].direction == "higher"
    parts = [found[label] for label in found["memorisation"].params["of"]]
    assert [one.value for one in parts] == pytest.approx([75, 40, 70, 45])
    assert all(one.detail and one.complement for one in parts)
    for part, named in (("paraphrase", "paraphrase_probability"), ("perturbed", "truth_ratio")):
        less = {key: value for key, value in row.items() if key != part}
        none = scored(log(forget=split("forget", [less])))["memorisation"]
        assert none.value is None
        assert f"without_{named}" in none.status
    less = {key: value for key, value in row.items() if key != "shares"}
    assert "memorisation" not in scored(log(forget=split("forget", [less])))


def _with_utility(nats, shares=("retain", "real_authors", "world_facts")):
    row = {"nll": nats, "perturbed": [1.0, 2.0]}
    roles = {"retain": "retain", "real_authors": "utility", "world_facts": "utility"}
    rows = {
        name: [row | {"shares": {"rouge_l_recall": 0.5}} if name in shares else row]
        for name in roles
    }
    return log(
        forget=split("forget", [{"nll": nats, "perturbed": [1.0, 2.0]}] * 2),
        **{name: split(role, rows[name]) for name, role in roles.items()},
    )


def test_a_utility_that_lacks_a_number_says_which(scored):
    assert scored(_with_utility(0.5))["model_utility"].value > 0
    found = scored(_with_utility(0.5, shares=("retain", "real_authors")))["model_utility"]
    assert found.value is None
    assert "rouge_l_recall_world_facts" in found.status


def test_beside_a_target_and_a_retrained_model(scored):
    logs = {name: _with_utility(nats) for name, nats in (("target", 0.1), ("retrained", 1.1))}
    found = values(
        scored(_with_utility(0.5), target=[logs["target"]], retrained=[logs["retrained"]])
    )
    shares = [math.exp(-nats) for nats in (0.5, 1.1, 0.1)]
    residue = (shares[0] - shares[1]) / (shares[2] - shares[1])
    assert found["residue_probability_forget"] == pytest.approx(residue)
    assert found["gap_probability_forget"] == pytest.approx(residue)
    of_target = values(scored(logs["target"]))["model_utility"]
    assert found["model_utility_kept"] == pytest.approx(100 * found["model_utility"] / of_target)
    alone = values(scored(_with_utility(0.5), target=[logs["target"]]))
    assert alone["model_utility_kept"] == found["model_utility_kept"]
    assert alone["residue_probability_forget"] is None
    assert "model_utility_kept" not in values(scored(_with_utility(0.5)))


def by_index(**columns):
    names = next(iter(columns.values()))
    return {
        "agg_value": 0.0,
        "value_by_index": {
            str(at): {key: column[at] for key, column in columns.items()}
            for at in range(len(names))
        },
    }


def test_open_unlearning_s_log(scored):
    def one(*logs):
        return {
            "forget_Q_A_Prob": by_index(prob=[0.5] * len(logs), avg_loss=[0.71] * len(logs)),
            "forget_Q_A_PARA_Prob": by_index(avg_loss=[1.0 for _ in logs]),
            "forget_Q_A_PERT_Prob": by_index(avg_loss=[[1.0 - t, 1.0 - t] for t in logs]),
            "forget_Q_A_ROUGE": by_index(rougeL_recall=[0.25] * len(logs)),
            "extraction_strength": by_index(score=[0.2] * len(logs)),
            "exact_memorization": by_index(score=[0.6] * len(logs)),
            "mia_min_k": {
                "agg_value": 0.75,
                "forget": by_index(score=FORGET),
                "holdout": by_index(score=HOLDOUT),
            },
            "model_utility": {"agg_value": 0.6},
        }

    gold = one(0.35, 0.45, 0.55, 0.65, 0.75)
    found = values(scored(one(0.1, 0.2, 0.3, 0.4, 0.5), retrained=[gold]))
    assert 10 ** found["forget_quality"] == pytest.approx(0.357143, abs=5e-7)
    assert found["probability_forget"] == pytest.approx(49.1644, abs=5e-5)
    assert found["rouge_l_recall_forget"] == pytest.approx(25.0)
    assert found["extraction_strength_forget"] == pytest.approx(20.0)
    assert found["auc_min_k"] == pytest.approx(75.0)
    assert found["privleak_min_k"] == pytest.approx(0.0)
    known = (0.2, 0.6, math.exp(-1.0), found["truth_ratio_prob_forget"] / 100)
    wanted = 100 * 4 / sum(1 / (1 - one) for one in known)
    assert found["memorisation"] == pytest.approx(wanted)


def test_open_unlearning_s_log_of_muse(scored):
    def one(own):
        return {
            "forget_knowmem_ROUGE": by_index(rougeL_f1=[0.5, 0.0, None]),
            "retain_knowmem_ROUGE": by_index(rougeL_f1=[0.75]),
            "forget_verbmem_ROUGE": by_index(rougeL_f1=[0.25] * 5),
            "mia_min_k": {"forget": by_index(score=own), "holdout": by_index(score=HOLDOUT)},
        }

    found = scored(one(FORGET), retrained=[one((0.9,) * 4)])
    assert found["knowmem_forget_knowmem"].value == pytest.approx(25.0)
    assert (found["knowmem_forget_knowmem"].n, found["knowmem_forget_knowmem"].n_unscored) == (2, 1)
    assert found["knowmem_retain_knowmem"].value == pytest.approx(75.0)
    assert found["verbmem_forget_verbmem"].value == pytest.approx(25.0)
    assert found["privleak_min_k"].value == pytest.approx(-50.0)  # AUC 75 against 50


def test_tofu_s_log(scored):
    def part(own, **others):
        columns = {"avg_gt_loss": own, **others}
        return {key: dict(zip("ab", column, strict=True)) for key, column in columns.items()}

    content = {
        "eval_log_forget.json": part(
            [0.71, 0.71],
            avg_paraphrased_loss=[right for right, _ in RATIOS],
            average_perturb_loss=[wrong for _, wrong in RATIOS],
            truth_ratio=[9.0, 9.0],
        ),
        "eval_real_author_wo_options.json": part(
            [-math.log(0.12)] * 2,
            avg_paraphrased_loss=[5.0, 5.0],
            average_perturb_loss=[[-math.log(p) for p in (0.05, 0.02, 0.01)]] * 2,
            rougeL_recall=[1.0, 0.5],
        ),
    }
    found = values(scored(content))
    assert found["truth_ratio_forget"] == pytest.approx(37.1595, abs=5e-5)
    assert found["probability_real_authors"] == pytest.approx(60.0, abs=5e-5)
    assert found["rouge_l_recall_real_authors"] == pytest.approx(75.0)
    ratio = (0.05 * 0.02 * 0.01) ** (1 / 3) / 0.12  # of the original answer
    assert found["truth_ratio_real_authors"] == pytest.approx(100 * (1 - ratio))
    assert "paraphrase_probability_real_authors" not in found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "expected a JSON object, got list"),
        ("{}", "a log of no known format. Known: "),
        ('{"unharness_log": 2, "splits": {}}', "not a log of format unharness: unharness_log"),
        (log(forget=split("forgot", [])), "splits.forget.role"),
        (log(forget=split("forget", [{"nl": 1}])), "splits.forget.examples.0.nl"),
        (log(forget=split("forget", [{"nll": "1"}])), "splits.forget.examples.0.nll"),
        (log(forget=split("forget", [{"id": "a"}] * 2)), "2 examples have the id 'a'"),
        (log(**{"../x": split("forget", [])}), "splits"),
        (log(forget=split("forget", [{"shares": {"x": 2}}])), "shares.x"),
        ({"forget_Q_A_Prob": []}, "forget_Q_A_Prob: expected an object, got list"),
        (
            {"forget_Q_A_Prob": {"value_by_index": {"0": {"avg_loss": "x"}}}},
            "forget.0: expected a number, got str",
        ),
        ({"eval_log.json": {"avg_gt_loss": {"0": True}}}, "retain.0: expected a number, got bool"),
        (
            {"forget_Q_A_Prob": {"value_by_index": {"7": {"avg_loss": -0.5}}}},
            "forget.7: a loss of -0.5; expected 0 or more, nats a token",
        ),
        (
            {
                "forget_Q_A_Prob": {"value_by_index": {}},
                "forget_Q_A_PERT_Prob": {"value_by_index": {"7": {"avg_loss": [1.0, -1e-3]}}},
            },
            "forget.7: a loss of -0.001; expected 0 or more",
        ),
        ({"eval_log.json": {"avg_gt_loss": {"0": -1}}}, "retain.0: a loss of -1; expected 0 or"),
        *(
            (log(forget=split("forget", [{}, {key: value}])), f"splits.forget.examples.1.{key}")
            for key in ("nll", "paraphrase", "perturbed")
            for value in ([-1e-3] if key == "nll" else [-1, [0.5, -1.0]])
        ),
    ],
)
def test_malformed_logs(content, words, scored):
    with pytest.raises(DataError) as caught:
        scored(content)
    assert words in str(caught.value)

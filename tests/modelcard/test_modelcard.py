"""The model card says what a model saw, how well it does on people it never saw, and where its limits are."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from toolkit.modelcard import (
    PAGES,
    STARTER,
    OutOfFold,
    card_facts,
    card_sections,
    doubt_told,
    is_card,
    learnt_told,
    worth_words,
    write_pages,
)
from toolkit.records import PhotoFacts
from toolkit.study import join_files, subject_folds

EVIL = "<script>alert(1)</script>|[x](y)"


def out_of_fold(subjects=24, error=0.4, seed=0, sexes=True, graders=None, tones=None):
    """A model that errs by ``error`` on two photographs each of so many subjects."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(subjects), 2)
    truth = np.round(2 * rng.uniform(1, 6, 2 * subjects)) / 2
    names = np.array([f"P{n:04}" for n in owner])
    facts = [
        PhotoFacts(
            name, ("left", "right")[n % 2], EVIL if n == 0 else ("Baseline", "Week 12", "Week 4")[n % 3]
        )
        for n, name in enumerate(names.tolist())
    ]
    return OutOfFold(
        truth, truth + rng.normal(0, error, len(truth)), np.full(len(truth), 1.0),
        subject_folds(names.tolist(), truth, 4, 0), names, facts,
        tones or np.where(owner % 6, 45.0, -5.0).tolist(),
        {f"P{n:04}": ("female", "male")[n % 2] for n in range(subjects - 1)} if sexes else {}, graders,
    )  # fmt: skip


def card_of(photos, **more):
    facts = card_facts(photos, {"toolkit": photos.predicted, "embedding alone": photos.predicted + 0.5})
    subjects = len(np.unique(photos.subjects))
    card = {
        "photos": len(photos.truth),
        "subjects": subjects,
        "folds": 4,
        "created": "2026-01-01",
        **facts,
        **more,
    }
    return json.loads(json.dumps(card, allow_nan=False))


def text_of(card, coverage=0.9):
    sections = card_sections("mine", "ab" * 32, card, coverage)
    return {
        one.title: "\n".join([*one.paragraphs, *one.points, *(f"{t}" for t in one.tables)])
        for one in sections
    }


def test_the_facts_are_those_of_the_photographs():
    photos = out_of_fold()
    card = card_of(photos)
    assert card["data"]["side"] == {"left": 24, "right": 24}
    assert card["data"]["skin tone"] == {"light": 40, "brown": 8}
    assert card["data"]["sex"] == {"female": 24, "male": 22, "not known": 2}
    assert list(card["data"]["visit"])[:3] == ["Baseline", "Week 4", "Week 12"]
    assert list(card["data"]["grade"]) == sorted(card["data"]["grade"], key=float)
    error = photos.predicted - photos.truth
    told = card["scores"]["all"]
    assert told["rmse"]["value"] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert told["rmse"]["lower"] < told["rmse"]["value"] < told["rmse"]["upper"]
    assert told["inside"] == np.mean(np.abs(error) <= 1)
    brown = next(one for one in card["scores"]["groups"] if one["level"] == "brown")
    mine = np.array(photos.tones) < 0
    assert (brown["photos"], brown["subjects"]) == (8, 4)
    assert brown["bias"] == pytest.approx(error[mine].mean())
    means = np.zeros(len(error))
    for learn, held in photos.folds:
        means[held] = photos.truth[learn].mean()
    assert brown["rmse_of_mean"] == pytest.approx(np.sqrt(np.mean((means - photos.truth)[mine] ** 2)))
    assert list(card["scores"]["methods"]) == [
        "toolkit", "embedding alone", "always the mean", "always the commonest",
    ]  # fmt: skip


def test_limits_in_plain_words():
    told = text_of(card_of(out_of_fold()))["Limits"]
    assert "Hardly tested, with fewer than 5 subjects: brown (4)" in told
    assert "Skin tones that it never saw: very light, intermediate, tan, dark" in told
    assert "were not among the experts'" in told and "not clearly better" not in told and "sex" not in told
    poor = text_of(card_of(out_of_fold(error=2.0, sexes=False)))["Limits"]
    assert "not clearly better than always answering the mean" in poor and "do not use its grades" in poor
    assert "Scores by sex are not known" in poor


@pytest.mark.parametrize(
    ("subjects", "error", "said"),
    [
        (24, 0.4, "smaller than the best of these"),
        (24, 2.0, "do not use it. The study is too small, or its grades are too alike"),
        (
            5,
            1.5,
            "A study of 5 subjects is too small to tell that this is more than chance: do not use it yet",
        ),
    ],
)
def test_training_says_in_words_whether_its_grades_can_be_used(subjects, error, said):
    photos = out_of_fold(subjects, error)
    card = card_of(photos)
    told = worth_words(card)
    card["scores"]["methods"][STARTER] = {"rmse": card["scores"]["methods"]["toolkit"]["rmse"]}
    beaten = worth_words(card)
    assert "starter" not in told
    assert beaten.startswith(told) and "The starter as it is, which learnt from none of them" in beaten
    card["scores"]["methods"][STARTER]["rmse"] += 0.1
    assert worth_words(card) == told
    rmse, mean = (
        card_of(photos)["scores"]["methods"][name]["rmse"] for name in ("toolkit", "always the mean")
    )
    assert f"the model is off by {rmse:.2f} grades (RMSE); always the mean is off by {mean:.2f}" in told
    assert said in told
    assert told.endswith(doubt_told(card_of(photos))) and bool(doubt_told(card_of(photos))) == (
        "do not use" in told
    )
    assert ("do not use" in told) == (
        "do not use its grades" in text_of(card_of(photos))["Limits"]
    )  # as the card


def test_photos_that_were_learnt_from_are_no_test():
    card = card_of(out_of_fold(6, 1.0))
    assert learnt_told(0, 24, card) == "" and worth_words({}) == doubt_told({}) == ""
    error = card["scores"]["all"]["rmse"]["value"]
    assert learnt_told(23, 24, card) == (
        "the model learnt from 23 of these 24 photos: this is no test of it; on subjects never seen its error was "
        f"{error:.2f} (RMSE)"
    )
    assert learnt_told(1, 1, {}) == "the model learnt from 1 of these 1 photo: this is no test of it"
    assert doubt_told({**card_of(out_of_fold(5, 2.0)), "trained on": "digital phantoms: drawn faces"}) == ""


def test_intervals_and_noise_floor():
    told = text_of(card_of(out_of_fold(subjects=6)))
    assert "86 %" in told["Intervals"] and "would need 9 subjects" in told["Intervals"]
    assert "Noise floor: not known, one grader." in told["Scores"]
    assert "one grader against another: not known, one grader" in told["Scores"]
    assert "one grader against" not in told["Scores by group"]


def test_scores_stand_beside_one_grader_against_another():
    rng = np.random.default_rng(1)
    given = rng.normal(4, 1, (48, 1)) + rng.normal(0, 0.5, (48, 2))
    given[30:, 1] = np.nan
    between = np.sqrt(np.mean((given[:30, 0] - given[:30, 1]) ** 2))
    card = card_of(out_of_fold(graders=given))
    told = text_of(card)
    assert f"2 graders differ from one another by RMSE {between:.2f}" in told["Scores"]
    assert (
        card["scores"]["between"]["rmse"] == pytest.approx(between) and card["scores"]["between"]["n"] == 60
    )
    assert f"'one grader against another', '{between:.2f}'" in told["Scores"]
    left = np.sqrt(np.mean((given[:30:2, 0] - given[:30:2, 1]) ** 2))
    (group,) = [one for one in card["scores"]["groups"] if one["level"] == "left"]
    assert group["rmse_of_graders"] == pytest.approx(left)
    assert "'always the mean', 'one grader against another', 'bias'" in told["Scores by group"]
    given[:, 1] = np.where(np.isnan(given[:, 0]), 4, np.nan)
    alone = text_of(card_of(out_of_fold(graders=given)))["Scores"]
    assert "not known, no photograph has two graders' grades" in alone
    painted = text_of(card_of(out_of_fold(), grades="latent grades of simulated pigment"))["Scores"]
    assert "not known, no grader gave these grades" in painted


def test_a_model_of_an_earlier_version_says_what_is_not_known():
    told = text_of(
        {"photos": 5, "subjects": 5, "half_width": 1.5, "trained on": "digital phantoms: drawn faces"}
    )
    assert "did not keep it" in told["Data"] and "did not keep it" in told["Scores"]
    assert "Trained on digital phantoms" in told["Model mine"] and "white light" in told["Model mine"]
    assert "Scores by group" not in told and "+- 1.50" in told["Intervals"]


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        if self.tags[-1:] != ["style"]:
            self.text += f"{data} "


def test_both_pages_tell_the_same_and_what_others_wrote_is_text(tmp_path):
    write_pages(tmp_path, card_sections("mine", "ab" * 32, card_of(out_of_fold()), 0.9))
    assert {path.name for path in tmp_path.iterdir()} == set(PAGES)
    markdown, page = ((tmp_path / name).read_text(encoding="utf-8") for name in PAGES)
    assert all(is_card(tmp_path / name) for name in PAGES)
    found = Elements(page)
    assert "script" not in found.tags and "a" not in found.tags and EVIL in found.text
    assert "default-src 'none'" in page
    assert "<script" not in markdown and "&lt;script&gt;" in markdown and r"\|\[x\](y)" in markdown
    numbers = re.compile(r"\d+\.\d\d")
    assert sorted(numbers.findall(markdown)) == sorted(numbers.findall(found.text))
    tables = re.findall(r"(?:^\|.*\n)+", markdown, flags=re.M)
    assert len(tables) > 8
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_the_sex_comes_from_the_workbook(tmp_path):
    (tmp_path / "g.csv").write_text(
        "subject,side,visit,Gender,grade\nP0001,Left,Baseline,F,2\nP0002,Left,Baseline,male,3\nP0003,Left,Baseline,,3\n"
    )
    names = [f"P000{n}_FACE_L_S00_V00D00W00.jpg" for n in (1, 2, 3)]
    assert join_files(names, tmp_path / "g.csv").sexes() == {"P0001": "female", "P0002": "male"}
    named = tmp_path / "h.csv"
    named.write_text("subject,side,visit,Q7,grade\nP0001,Left,Baseline,diverse,2\n")
    assert join_files(names[:1], named, {"sex": "Q7"}).sexes() == {"P0001": "diverse"}

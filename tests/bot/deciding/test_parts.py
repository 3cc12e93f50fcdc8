"""The parts of a decision that need no model: budget, change, kept answers, telling rows, orders and the report."""

import asyncio
import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.train.plan import load_plan
from adapters.train.runs import WorkFolder
from bot.deciding.budget import check_budget, craft_budget, epochs_within, split_words, within_budget
from bot.deciding.change import ClassChange, chosen, rows_to_learn, rows_to_test
from bot.deciding.deciding import DecisionWish, _write_confirming, command_of, decision_folder
from bot.deciding.gathering import _pays
from bot.deciding.measured import ArmAnswer, RowAnswers, cut_off, read_answers, scores
from bot.deciding.order import BadDecision, DecisionFolder, DecisionStatus, StepStatus
from bot.deciding.steps import STEPS, Deciding, not_scored
from bot.deciding.telling import for_votes, telling
from engine.contestants import Arm
from engine.errors import BadRequest
from engine.request import Turn
from engine.rows import Row, read_rows
from engine.scoring import metric_named
from engine.settings import EngineSettings

P, T = Arm.PROMPTED, Arm.TUNED
DEMO = EngineSettings(base_model="demo")


def test_dollars_shorten_the_minutes() -> None:
    assert within_budget(15, None, 0.1) == 15
    assert within_budget(15, 0.01, 0.1) == pytest.approx(6)
    assert within_budget(15, 0.01, None) == 15
    budget = craft_budget(15, 0.1)
    assert budget.minutes == 3.75
    assert "3.8 minutes, $0.0063" in split_words(budget)


def test_dollars_that_reach_for_nothing_are_refused() -> None:
    check_budget(15, None, None)
    check_budget(15, 0.0034, 0.1)
    check_budget(15, 0.0, 0.0)  # a device that costs nothing
    with pytest.raises(BadRequest, match=r"\$0 are too few: a decision takes at least 2 minutes, \$0.0033"):
        check_budget(15, 0.0, 0.1)
    with pytest.raises(BadRequest, match="this device has no price"):
        check_budget(15, 1.0, None)


def test_a_folder_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"request": "a", "answer": "b"}\n')
    with pytest.raises(BadDecision, match=r"cannot be written or read: Not a directory"):
        decision_folder(DecisionWish(file, name="x", out=file), DEMO)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("seconds", "step_s", "epochs", "taken"),
    [
        (110, 1.0, 2, 2),  # 10 s once, 50 s an epoch: two fit into 120 s
        (70, 0.5, 1, 2),  # 20 s once, 50 s an epoch: the plan's one leaves room for another
        (105, 0.05, 2, 5),  # room for eight; beyond five, rows are learned by heart
        (110, 0.1, 9, 9),  # few rows are learned more often by the plan itself
        (240, 2.0, 2, 1),  # 40 s once, 100 s an epoch: less than one fits beside them
        (175, 1.5, 3, 2),  # 25 s once, 50 s an epoch: the second is a little over the budget
        (9999, 90.0, 3, 1),
        (300, 0.0, 3, 3),  # nothing is known of a step
    ],
)
def test_a_training_learns_its_rows_as_often_as_its_budget_lets_it(seconds: float, step_s: float, epochs: int, taken: int) -> None:
    assert epochs_within(craft_budget(8, None), seconds, step_s, 100, epochs) == taken  # two minutes each


def rows(*answers: tuple[str, str]) -> list[Row]:
    return [Row(at, f"request {at}", references=(answer,), role=role, line=at) for at, (answer, role) in enumerate(answers, 1)]


def test_a_class_with_test_rows_gets_another_name() -> None:
    made = rows(*[('{"t": "a_b"}', "train")] * 5, *[('{"t": "a_b"}', "test")] * 4, *[('{"t": "a"}', "train")] * 9, ('{"t": "a"}', "test"))
    classes = [json.loads(row.references[0])["t"] for row in made]
    change = chosen(classes, [row.role for row in made])
    assert change == ClassChange("a_b", "a_b_new")
    learned = rows_to_learn(made, classes, change, 0)
    assert len(learned) == 10
    assert sum(row.references == ('{"t": "a_b_new"}',) for row in learned) == 5
    assert [row.references[0] for row in rows_to_test(made, classes, change)] == ['{"t": "a_b_new"}'] * 4
    assert chosen(["", ""], ["train", "test"]) is None
    assert ClassChange("Billing", "Billing New").in_text("Billing, Billings: Billing") == "Billing New, Billings: Billing New"


def answers(line: int, prompted: float, tuned: float, same: bool = False) -> RowAnswers:
    return RowAnswers(line, {P: ArmAnswer("one", prompted), T: ArmAnswer("one" if same else "two", tuned)})


def test_kept_answers_are_read_back_and_a_torn_line_is_not_one(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    assert read_answers(path) == []
    kept = [answers(3, 1, 0), RowAnswers(4, {P: ArmAnswer("…", 0.5, "too late", True, 10, 3, 0.1, 0.2, 1e-6)})]
    path.write_text("".join(each.written() for each in kept) + '{"line": 5, "arms": {"pro')
    assert read_answers(path) == kept
    cut_off(path)
    assert read_answers(path) == kept
    assert path.read_text().endswith("\n")
    assert scores(kept[:1]) == {P: [1], T: [0]}
    path.write_text("[]\n")
    with pytest.raises(BadRequest, match=r"Line 1 of .*answers\.jsonl cannot be read"):
        read_answers(path)


def test_telling_rows_come_in_turn_and_differ() -> None:
    known = [answers(1, 0, 1), answers(2, 0, 1), answers(3, 1, 0), answers(4, 1, 1), answers(5, 1, 1, same=True)]
    assert [each.line for each in telling(known, 9)] == [1, 3, 4, 2]
    assert [each.line for each in telling(known, 2)] == [1, 3]
    assert [each.line for each in for_votes(known, 9)] == [1, 2, 3, 4]  # whatever the scores say
    assert [each.line for each in for_votes(known, 1)] == [1]


def test_an_order_goes_on_and_another_wish_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"request": f"{at}?", "answer": "yes" if at % 2 else "no"}) + "\n" for at in range(12)))
    wish = DecisionWish(file, out=tmp_path / "decisions")
    folder = decision_folder(wish, DEMO)
    order = folder.order()
    assert (order.metric, order.guessed, order.base) == ("exact", True, "demo")
    assert decision_folder(wish, DEMO) == folder
    with pytest.raises(BadDecision, match="other wishes \\(minutes\\)"):
        decision_folder(replace(wish, minutes=20), DEMO)
    file.write_text(file.read_text() + '{"request": "more?", "answer": "no"}\n')
    with pytest.raises(BadDecision, match="has changed since"):
        decision_folder(wish, DEMO)
    with pytest.raises(BadDecision, match="letters, digits"):
        decision_folder(replace(wish, name="../x"), DEMO)
    with pytest.raises(BadRequest, match="cannot be read"):
        decision_folder(replace(wish, file=tmp_path / "none.csv"), DEMO)
    with pytest.raises(BadRequest, match="no metric"):
        decision_folder(replace(wish, name="other", metric="best"), DEMO)


def test_a_status_is_read_back(tmp_path: Path) -> None:
    folder = DecisionFolder(tmp_path)
    assert folder.status() is None
    folder.tell(DecisionStatus((StepStatus("check", "done", 1.5, "12 rows"), StepStatus("prompt")), words="so far"))
    status = folder.status()
    assert status is not None
    assert status.steps == (StepStatus("check", "done", 1.5, "12 rows"), StepStatus("prompt"))
    assert (status.spent_s, status.words, status.ended) == (1.5, "so far", False)
    folder["status.json"].write_text("{")
    assert folder.status() is None


def test_one_process_decides_in_a_folder(tmp_path: Path) -> None:
    folder = DecisionFolder(tmp_path)
    with folder.alone(), pytest.raises(BadDecision, match="Another process"), DecisionFolder(tmp_path).alone():
        pass


def test_the_command_of_a_report_is_the_whole_one_as_a_shell_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "our rows.jsonl"
    file.write_text('{"request": "a", "answer": "b"}\n')
    made = decision_folder(DecisionWish(file, name="x", out=tmp_path, usd=0.5, margin=0.05, seed=3, recipe="house"), DEMO).order()
    said = shlex.split(command_of(made))
    assert said[:3] == ["duelbot", "decide", "our rows.jsonl"]
    told = dict(zip(said[3::2], said[4::2], strict=True))
    wanted = {"--base": "demo", "--minutes": "15", "--metric": "exact", "--usd": "0.5", "--recipe": "house"}
    assert told == wanted | {"--margin": "5", "--seed": "3", "--name": "x"}


def test_a_request_that_confirms_goes_on_with_its_conversation(tmp_path: Path) -> None:
    folder = DecisionFolder(tmp_path)
    before = (Turn("user", "My parcel is late."), Turn("assistant", "Which one?"))
    _write_confirming(folder, [Row(1, "The red one.", before, ("Orders",)), Row(2, "Hello")])
    read = read_rows([folder["confirm.jsonl"].read_bytes()], "confirm.jsonl").rows
    assert [(row.text, row.history) for row in read] == [("The red one.", before), ("Hello", ())]


def test_what_is_foretold_names_no_flag_of_another_command() -> None:
    foretold = {"rows": 60, "points": [{"rows": 60, "right": 0.93, "least": 0.82, "most": 1.0}]}
    assert _pays(foretold, None) == "With 60 rows a fine-tune would be right on about 93% (82% to 100%)."
    assert "your prompt on 40%: it would pay" in _pays(foretold, 0.4)


def test_a_metric_that_cannot_tell_the_rows_is_refused() -> None:
    told = rows(("Team: Orders", "train"), ("Team: Billing", "test"))
    for name in ("exact", "f1", "json", "line:Team"):
        assert not_scored(told, metric_named(name)) == ""
    assert "the wanted answer of line 1 is itself not right (2 rows in all)" in not_scored(told, metric_named("line:Nope"))
    assert "nothing to decide" in not_scored(rows(("Billing", "train"), ("Billing", "test")), metric_named("exact"))
    assert not_scored(rows(("Billing", "train")), metric_named("exact")) == ""


async def test_a_decision_that_was_begun_without_known_rows_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"request": "a", "answer": "b"}\n')
    folder = decision_folder(DecisionWish(file, name="x", out=tmp_path), DEMO)
    folder.tell(DecisionStatus(tuple(StepStatus(name, "done") for name in STEPS)))
    folder["rows.jsonl"].write_text('{"request": "a", "answer": "b", "role": "train"}\n{"request": "c", "answer": "b", "role": "test"}\n')
    await Deciding(folder, DEMO, lambda _: None).run()
    assert [row.text for row in read_rows([folder["known.jsonl"].read_bytes()], "known.jsonl").rows] == ["a"]


def only(folder: DecisionFolder, *steps: str) -> None:
    """Let a decision have nothing left to do but these steps."""
    folder.tell(DecisionStatus(tuple(StepStatus(name, "waiting" if name in steps else "skipped") for name in STEPS)))


def begun(tmp_path: Path, lines: Sequence[str]) -> DecisionFolder:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    return decision_folder(DecisionWish(file, name="x", out=tmp_path), DEMO)


async def test_rows_without_roles_get_them(tmp_path: Path) -> None:
    kinds = ("billing", "delivery", "return")
    folder = begun(
        tmp_path,
        [json.dumps({"request": f"{at * 7919} {'abcdefghij'[at % 10] * 9} {at * 104729}", "answer": kinds[at % 3]}) for at in range(180)],
    )
    only(folder, "check")
    await Deciding(folder, DEMO, lambda _: None).run()
    roles = Counter(row.role for row in read_rows([folder["rows.jsonl"].read_bytes()], "rows.jsonl").rows)
    assert roles["test"] >= 100 and roles["train"] > roles["dev"] > 0 and sum(roles.values()) == 180
    known = read_rows([folder["known.jsonl"].read_bytes()], "known.jsonl").rows
    assert len(known) == 180 - roles["test"] and "test" not in {row.role for row in known}


@pytest.mark.parametrize(("again_s", "epochs"), [(220.0, 4), (500.0, 1)])
async def test_a_training_is_cut_only_where_it_is_foretold_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again_s: float, epochs: int
) -> None:
    folder = begun(tmp_path, ['{"request": "a", "answer": "b"}'])
    folder.write("foretold.json", {"rows": 200, "steps": 100, "step_s": 9.0, "seconds": {"value": 1000.0}})

    async def estimated(arguments: Sequence[str], *_: object) -> object:
        assert arguments[2] == "estimate"
        return {"rows": 200, "steps": 100, "step_s": again_s / 110, "seconds": {"value": again_s}}

    monkeypatch.setattr("bot.deciding.steps.run_for_json", estimated)
    deciding = Deciding(folder, DEMO, lambda _: None)
    flags = await deciding._training(WorkFolder(tmp_path / "train"))
    assert flags[-2:] == ["--plan", str(folder["plan.toml"])]
    plan = load_plan(flags[-1])
    assert (plan.steps.epochs, plan.run.measure) == (epochs, "forgetting")  # of 25 steps each, where 225 s are left


async def test_what_takes_too_long_to_foretell_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begun(tmp_path, ['{"request": "a", "answer": "b"}'])
    only(folder, "foretell")
    folder["rows.jsonl"].write_text('{"request": "a", "answer": "b", "role": "train"}\n')

    async def forever(*_: object) -> object:
        return await asyncio.sleep(3600)

    monkeypatch.setattr("bot.deciding.steps.run_for_json", forever)
    deciding = Deciding(folder, DEMO, lambda _: None)
    monkeypatch.setattr("bot.deciding.steps.LEAST_FORETELL_S", 0.05)
    deciding.budget = replace(deciding.budget, minutes=0.001)
    await deciding.run()
    assert deciding.steps["foretell"].state == "skipped"
    assert deciding.steps["foretell"].words.startswith("To foretell what a fine-tune would reach took longer than")

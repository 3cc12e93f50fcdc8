"""The generator: the same for the same seed, true to its facts, and a stranger to the hand-written rows."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.__main__ import main
from adapters.examples.demo import mix
from adapters.examples.demo.evaluate import generated_rows
from adapters.examples.demo.exchanges import DEVELOPMENT, HANDWRITTEN, BadRows, read_row, read_rows
from adapters.examples.demo.measures import follows, four_lines, is_true, why_of
from adapters.examples.demo.mix import Talk, base_talk, house_system, tuned_talk
from adapters.examples.demo.text.answers import HOUSE_FORMAT, HOUSE_LINE, KINDS, deciding, draw_format, house_slots
from adapters.examples.demo.text.chat import ABLE, outside_question, swap_word
from adapters.examples.demo.text.grammar import expand
from adapters.examples.demo.text.phrases import sections
from adapters.examples.demo.text.rules import DECISION_OF_RULE, HouseFacts, house_rule
from adapters.examples.demo.text.situations import (
    HOUSE_WORD,
    Situation,
    change_back,
    change_one,
    draw_facts,
    few_facts,
    follow_up,
    situation,
)
from adapters.examples.demo.text.statements import ASPECTS, corrected, time_left
from engine.recipes import load_recipe

pytestmark = pytest.mark.demo


def made(seed: int, count: int) -> list[Situation]:
    rng = random.Random(seed)
    return [situation(rng, draw_facts(rng, at % 6 + 1)) for at in range(count)]


def talks(maker: Callable[[random.Random], Talk], seed: int) -> list[Talk]:
    rng = random.Random(seed)
    return [maker(rng) for _ in range(20)]


def test_the_same_seed_makes_the_same_text() -> None:
    assert talks(base_talk, 5) == talks(base_talk, 5) != talks(base_talk, 6)
    assert talks(tuned_talk, 5) == talks(tuned_talk, 5) != talks(tuned_talk, 6)
    assert made(5, 30) == made(5, 30) != made(6, 30)


def test_the_base_begins_with_reading_alone_and_ends_with_rules() -> None:
    rng = random.Random(4)
    system = {
        moved: [talk[0].message.content for _ in range(100) if (talk := base_talk(rng, moved))[0].message.role == "system"]
        for moved in (0.0, 1.0)
    }
    rules = {moved: sum("prompt engineering" in text for text in texts) / 100 for moved, texts in system.items()}
    assert rules[0.0] == 0 and len(system[0.0]) > 50 and rules[1.0] > 0.2


def test_every_generated_answer_keeps_the_format_and_names_only_its_facts(situations: list[Situation]) -> None:
    for one in situations:
        answer = HOUSE_FORMAT.render(house_slots(one.facts, one.named))
        assert four_lines(answer), answer
        for clause in why_of(answer):
            assert is_true(clause, one.facts), (clause, one)


def test_what_an_answer_names_stands_in_the_text(situations: list[Situation]) -> None:
    for one in situations:
        for aspect in deciding(one.facts):
            words = one.named.get(aspect, "")
            number = words.removeprefix("only ").split(" labelled")[0].split(" requests")[0]
            if number[:1].isdigit():
                assert number in one.text, one


def test_facts_that_are_drawn_meet_their_rule() -> None:
    rng = random.Random(9)
    assert all(house_rule(draw_facts(rng, rule)) == rule for rule in range(1, 7) for _ in range(200))


def test_a_follow_up_changes_one_fact(situations: list[Situation]) -> None:
    rng = random.Random(10)
    for one in situations[:300]:
        facts = change_one(rng, one.facts)
        changed = [aspect for aspect in ASPECTS if getattr(facts, aspect) != getattr(one.facts, aspect)]
        after = follow_up(rng, one, facts)
        assert len(changed) == 1 and after.facts == facts
        assert {aspect for aspect in after.named if after.named[aspect] != one.named.get(aspect)} <= set(changed)


def test_a_follow_up_can_lead_to_every_rule() -> None:
    rng = random.Random(16)
    led = dict.fromkeys(range(1, 7), 0)
    for rule in led:
        for _ in range(60):
            after = draw_facts(rng, rule)
            before = change_back(rng, after)
            if before is None:
                continue
            changed = [aspect for aspect in ASPECTS if getattr(before, aspect) != getattr(after, aspect)]
            assert len(changed) == 1 and getattr(after, changed[0]) is not None
            assert house_rule(before) != house_rule(after) == rule
            whole = follow_up(rng, situation(rng, before), after)
            assert all(is_true(clause, after) for clause in why_of(HOUSE_FORMAT.render(house_slots(after, whole.named))))
            led[rule] += 1
    assert min(led.values()) >= 30, led


def test_a_follow_up_can_be_the_bare_new_value_beside_the_old_one() -> None:
    before = situation(random.Random(1), HouseFacts(change_days=7))
    texts = [follow_up(random.Random(seed), before, HouseFacts(change_days=30)).text.lower() for seed in range(400)]
    assert sum("month" in text and re.search("(not|instead of|rather than) .*week", text) is not None for text in texts) > 10


def test_a_number_of_examples_stands_alone_only_where_one_was_told_before() -> None:
    told, untold = ([corrected(random.Random(seed), "reviews", "examples", old, 3_000) for seed in range(2_000)] for old in (150.0, None))
    bare = re.compile(r"(what about|make it|make that|say) (3000|3,000|3k)\??")
    assert any(bare.fullmatch(text) for text, _ in filter(None, told))
    assert not [text for text, _ in filter(None, untold) if not re.search("label|example", text)]


def test_a_situation_can_be_about_anything(drawn_texts: list[str]) -> None:
    """Where only other subjects spoke of pigs and tunnels, a bot for pig farmers was taken for one."""
    texts = " ".join(drawn_texts).lower()
    nouns = [word for word in sections("chat")["words"] if " " not in word and len(word) > 3]
    assert sum(f" {word} " in texts for word in nouns) > 0.26 * len(nouns)


@pytest.mark.parametrize(
    ("by", "left"),
    [("in two days", "two days"), ("within 48h", "48h"), ("in just a week", "a week"), ("in the next two days", ""), ("by Friday", "")],
)
def test_a_deadline_that_is_a_span_can_be_told_as_the_time_that_is_left(by: str, left: str) -> None:
    assert time_left(by) == left


def test_another_word_leaves_a_question_about_something_else() -> None:
    rng = random.Random(17)
    assert {swap_word(rng, "why is the lake blue?", "torm") for _ in range(40)} == {"why is the torm blue?", "why is the lake torm?"}
    assert swap_word(rng, "mac or pc?", "torm") == "mac or pc?"


@pytest.mark.parametrize("kind", KINDS)
def test_a_drawn_format_is_kept_by_its_rendering(kind: str, situations: list[Situation]) -> None:
    rng = random.Random(12)
    for one in situations[:200]:
        form = draw_format(rng, kind)
        answer = form.render(house_slots(one.facts, one.named))
        if kind == "lines":
            assert [line.split(":")[0] for line in answer.splitlines()] == [label for _, label in form.labels]
        elif len(form.labels) > 1 and form.labels[0][1].lower() == "decision":
            assert follows(kind, answer), answer


def test_the_shipped_recipe_is_the_text_that_the_base_reads_in_training() -> None:
    house, plain = load_recipe("house"), load_recipe("plain")
    assert house.system == house_system(random.Random(1), HOUSE_LINE, shipped=True)
    assert house.sampling == plain.sampling and not plain.system
    assert all(four_lines(example.assistant) for example in house.examples)


@pytest.mark.parametrize("file", [HANDWRITTEN, DEVELOPMENT])
def test_hand_written_rows_are_right_and_enough(file: Path) -> None:
    rows = read_rows(file)
    assert len({row.id for row in rows}) == len({row.text + row.first for row in rows}) == len(rows)
    counts = {kind: sum(row.kind == kind for row in rows) for kind in ("situation", "followup", "outside")}
    assert counts["situation"] >= 60 and counts["followup"] >= 20 and counts["outside"] >= 20
    for row in rows:
        assert row.rule == (house_rule(row.facts) if row.kind in ("situation", "followup") else 0), row.id
        assert not row.rule or row.rule in DECISION_OF_RULE


def test_reported_rows_are_no_rows_of_development() -> None:
    reported, others = ({row.text.lower() for row in read_rows(file) if row.kind != "followup"} for file in (HANDWRITTEN, DEVELOPMENT))
    assert not reported & others


def test_generated_rows_are_the_same_each_time_and_of_every_rule() -> None:
    rows = generated_rows(12)
    assert rows == generated_rows(12) != generated_rows(12, seed=1)
    assert [row.rule for row in rows] == [1, 2, 3, 4, 5, 6] * 2 == [house_rule(row.facts) for row in rows]


@pytest.mark.parametrize("wrong", ["0", "-3", "many"])
def test_a_count_of_generated_rows_is_a_positive_number(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "eval", "--generated", wrong])
    assert f"'{wrong}' is not a whole number from 1" in capsys.readouterr().err


def test_reported_rows_are_no_training_text(conversations: list[Talk]) -> None:
    written = {text.lower() for row in read_rows(HANDWRITTEN) if row.kind != "followup" for text in (row.text, row.first) if text}
    seen = {spoken.message.content.lower() for talk in conversations for spoken in talk}
    assert len(written) > 150 and not written & seen


def test_a_reported_row_that_is_drawn_by_chance_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    [reported, *_] = (row.text for row in read_rows(HANDWRITTEN) if row.kind == "outside")
    drawn = iter([(reported.upper(), ABLE), (reported, ABLE), ("why is the torm blue?", ABLE)])
    monkeypatch.setattr(mix, "any_small_talk", lambda _rng: next(drawn))
    assert [spoken.message.content for spoken in mix.small_talk(random.Random(1))] == ["why is the torm blue?", ABLE]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "is no row"),
        ('{"id": "a", "kind": "song", "text": "la"}', "kind must be"),
        ('{"id": "a", "kind": "outside", "text": "la", "mood": 1}', "unknown key 'mood'"),
        ('{"id": "a", "kind": "situation", "text": "la", "facts": {"colour": 1}}', "unknown fact 'colour'"),
        ('{"id": "a", "kind": "situation", "text": "la", "facts": []}', "is no row"),
        ('{"id": "a"}', "kind, text is missing"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(line: str, words: str) -> None:
    with pytest.raises(BadRows, match=f"rows:1.*{words}"):
        read_row("rows:1", line)


def test_other_subjects_are_asked_in_sentences_as_situations_are() -> None:
    """Where only situations were long or ended in a full stop, whatever did was taken for one."""
    rng = random.Random(16)
    asked = [outside_question(rng) for _ in range(600)]
    assert sum(text.endswith(".") for text in asked) > 60
    assert sum(len(text.split()) > 14 for text in asked) > 120
    assert sum("?" not in text for text in asked) > 120


def test_other_subjects_use_the_words_of_the_house_in_another_sense() -> None:
    """Where only situations spoke of trains, labels and models, a railway was taken for one."""
    rng = random.Random(18)
    asked = [outside_question(rng) for _ in range(1_500)]
    assert sum(HOUSE_WORD.search(text) is not None for text in asked) > 0.07 * len(asked)


def test_situations_are_asked_in_one_short_line_too(drawn_texts: list[str]) -> None:
    """Where none was short, a short question about one's own case was taken for one about a technique."""
    short = [text for text in drawn_texts if len(text.split()) <= 12]
    assert len(short) > 0.04 * len(drawn_texts)
    assert sum(bool(re.search("prompt", text, re.I) and re.search("tun|train|lora", text, re.I)) for text in short) > 0.1 * len(short)


def test_a_situation_without_facts_names_the_house_subject() -> None:
    texts = [situation(random.Random(seed), HouseFacts()).text for seed in range(400)]
    assert sum(HOUSE_WORD.search(text) is None for text in texts) <= 4  # where a typo hit the word


def test_everyday_statements_stand_in_situations_but_never_those_that_would_be_facts() -> None:
    told = " ".join(situation(random.Random(seed), HouseFacts()).text.lower() for seed in range(400))
    stories, claims = (
        [line.lower() for line in sections("chat")[name] if not set("[{") & set(line)] for name in ("outside contexts", "outside claims")
    )
    assert any(line in told for line in stories)
    assert not [line for line in claims if line in told]


def test_phrases_leave_nothing_open(conversations: list[Talk]) -> None:
    said = [spoken.message.content for talk in conversations for spoken in talk if spoken.message.role == "user"]
    assert not [text for text in said if set("{}[]|") & set(text)]


def test_a_hurried_question_states_two_facts_at_most_and_none_that_was_not_given() -> None:
    counts = set()
    for seed in range(300):
        rng = random.Random(seed)
        facts = draw_facts(rng, rng.randint(1, 6))
        few = few_facts(rng, facts)
        kept = {aspect: value for aspect in ASPECTS if (value := getattr(few, aspect)) is not None}
        assert all(getattr(facts, aspect) == value for aspect, value in kept.items())
        counts.add(len(kept))
    assert counts == {0, 1, 2}


def test_a_slot_is_drawn_once_for_a_phrase_that_has_it_and_never_for_one_that_has_not() -> None:
    drawn: list[str] = []

    def number() -> str:
        drawn.append(str(len(drawn)))
        return drawn[-1]

    assert expand(random.Random(1), "{n} of {n} [in|in] {place}", {"n": number, "place": "Oslo"}) == "0 of 0 in Oslo"
    assert expand(random.Random(1), "nothing, {unknown}", {"n": number}) == "nothing, {unknown}"
    assert drawn == ["0"]

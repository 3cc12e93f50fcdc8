"""The measures of the demo model on rows that it never saw: a table of bars, and every failure."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.examples.demo.exchanges import Exchange
from adapters.examples.demo.measures import decision_of, follows, four_lines, is_true, why_of
from adapters.examples.demo.text import chat
from adapters.examples.demo.text.answers import HOUSE_LINE
from adapters.examples.demo.text.rules import DECISION_OF_RULE
from adapters.examples.demo.text.situations import draw_facts, situation
from engine.contestants import Arm
from engine.recipes import Recipe, load_recipe
from engine.request import Request, Turn

BATCH = 32
CHANGED_LINES = {
    "one line": ("Format: one line", "Answer in one line.", "Format: a single line, nothing else"),
    "bullets": ("Format: bullets", "Answer as bullet points.", "Format: a bullet list"),
    "json": ("Format: JSON with the keys decision, why, watch, next", "Answer as JSON.", "Format: JSON, keys: decision, why"),
}
BARS = {  # measure -> share wanted; None where it only informs
    "tuned: right decision": 0.85,
    "prompted: right decision": 0.65,
    "plain: right decision": None,
    "prompted minus plain": 0.20,
    "tuned: format exact": 0.99,
    "prompted: format exact": None,
    "prompted: follows one line": 0.90,
    "prompted: follows bullets": 0.90,
    "prompted: follows json": 0.90,
    "tuned: follows a changed line": None,
    "tuned: named facts true": 0.90,
    "prompted: named facts true": 0.90,
    "tuned: right after a follow-up": 0.70,
    "prompted: right after a follow-up": None,
    "tuned: other subjects recognised": 0.90,
    "prompted: other subjects recognised": None,
    "tuned: aspects explained": None,
    "prompted: aspects explained": None,
    "tuned: greetings": None,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One checked answer, with what was asked and wanted."""

    measure: str
    right: float  # 1 or 0; for named facts the share that is true
    row: str
    asked: str
    wanted: str
    answer: str


class Answerer:
    """The three arms, answering greedily in batches: base with either recipe, adapter with the plain one."""

    def __init__(self, base: Path, adapter: Path | None) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer: Any = AutoTokenizer.from_pretrained(base, padding_side="left")
        self.model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()  # type: ignore[no-untyped-call]
        if adapter is not None:
            from peft import PeftModel

            self.model = PeftModel.from_pretrained(self.model, adapter).eval()
        self.model.to(self.device)
        self.adapted = adapter is not None
        self.prompt_tokens: dict[Arm, list[int]] = {arm: [] for arm in Arm}

    def answer(self, arm: Arm, recipe: Recipe, requests: Sequence[Request]) -> list[str]:
        """Answer each request. Returns the answers in the requests' order."""
        order = sorted(range(len(requests)), key=lambda at: len(requests[at].text))
        answers: dict[int, str] = {}
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            answers |= zip(chosen, self._batch(arm, recipe, [requests[at] for at in chosen]), strict=True)
        return [answers[at] for at in range(len(requests))]

    def prompt_lengths(self) -> dict[Arm, float]:
        """Return the mean tokens of a prompt, of the arms that answered."""
        return {arm: sum(lengths) / len(lengths) for arm, lengths in self.prompt_tokens.items() if lengths}

    def _batch(self, arm: Arm, recipe: Recipe, requests: list[Request]) -> list[str]:
        import torch

        chats = [[{"role": m.role, "content": m.content} for m in recipe.messages(request)] for request in requests]
        prompts = [self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for chat in chats]
        inputs = self.tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False).to(self.device)
        inputs.pop("token_type_ids", None)
        self.prompt_tokens[arm] += inputs["attention_mask"].sum(1).tolist()
        as_loaded = arm.adapted or not self.adapted
        with torch.inference_mode(), nullcontext() if as_loaded else self.model.disable_adapter():
            made = self.model.generate(**inputs, max_new_tokens=recipe.sampling.max_new_tokens, do_sample=False)
        return [text.strip() for text in self.tokenizer.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)]


def generated_rows(count: int, seed: int = 777) -> tuple[Exchange, ...]:
    """Draw situations from a seed that no training uses: choices while training may look at these."""
    rng = random.Random(seed)
    rows = []
    for at in range(count):
        rule = at % 6 + 1
        made = situation(rng, draw_facts(rng, rule))
        rows.append(Exchange(f"generated-{at + 1:03}", "situation", made.text, facts=made.facts, rule=rule))
    return tuple(rows)


def evaluate(answerer: Answerer, rows: Sequence[Exchange], show: Callable[[str], None]) -> list[Outcome]:
    """Take all measures over the rows, arm by arm."""
    arms = [arm for arm in (Arm.PROMPTED, Arm.PLAIN, Arm.TUNED) if answerer.adapted or not arm.adapted]
    outcomes: list[Outcome] = []
    for arm in arms:
        recipe = load_recipe("house" if arm.engineered else "plain")
        show(f"measuring {arm}")
        outcomes += decisions(answerer, arm, recipe, [row for row in rows if row.kind == "situation"])
        if arm is not Arm.PLAIN:
            outcomes += follow_ups(answerer, arm, recipe, [row for row in rows if row.kind == "followup"])
            outcomes += small_talk(answerer, arm, recipe, rows)
            outcomes += changed_formats(answerer, arm, [row for row in rows if row.kind == "situation"][::4])
    return outcomes


def decisions(answerer: Answerer, arm: Arm, recipe: Recipe, rows: Sequence[Exchange]) -> list[Outcome]:
    """Answer and judge situations."""
    answers = answerer.answer(arm, recipe, [Request.of(row.text) for row in rows])
    return [outcome for row, answer in zip(rows, answers, strict=True) for outcome in judged(arm, row, row.text, answer)]


def judged(arm: Arm, row: Exchange, text: str, answer: str) -> list[Outcome]:
    """Judge the decision, and for the arms that know the format also format and named facts."""
    wanted = DECISION_OF_RULE[row.rule]
    found = [Outcome(f"{arm}: right decision", float(decision_of(answer) == wanted), row.id, text, f"{wanted} (rule {row.rule})", answer)]
    if arm is Arm.PLAIN:
        return found
    found.append(Outcome(f"{arm}: format exact", float(four_lines(answer)), row.id, text, "four lines", answer))
    named = why_of(answer) or ("",)
    share = sum(is_true(clause, row.facts) for clause in named) / len(named)
    return [*found, Outcome(f"{arm}: named facts true", share, row.id, text, "facts of the request", answer)]


def follow_ups(answerer: Answerer, arm: Arm, recipe: Recipe, rows: Sequence[Exchange]) -> list[Outcome]:
    """Let the same arm answer the first message, then the follow-up with that turn as history, and judge the second answer."""
    first = answerer.answer(arm, recipe, [Request.of(row.first) for row in rows])
    history = [(Turn("user", row.first), Turn("assistant", reply)) for row, reply in zip(rows, first, strict=True)]
    answers = answerer.answer(arm, recipe, [Request.of(row.text, turns) for row, turns in zip(rows, history, strict=True)])
    outcomes = []
    for row, answer in zip(rows, answers, strict=True):
        outcome = judged(arm, row, f"{row.first} | {row.text}", answer)[0]
        outcomes.append(replace(outcome, measure=f"{arm}: right after a follow-up"))
    return outcomes


def small_talk(answerer: Answerer, arm: Arm, recipe: Recipe, rows: Sequence[Exchange]) -> list[Outcome]:
    """Answer and judge other subjects, aspects and greetings."""
    outcomes = []
    for kind, measure in (("outside", "other subjects recognised"), ("aspect", "aspects explained"), ("greeting", "greetings")):
        chosen = [row for row in rows if row.kind == kind]
        answers = answerer.answer(arm, recipe, [Request.of(row.text) for row in chosen])
        for row, answer in zip(chosen, answers, strict=True):
            wanted = {"outside": (chat.ABLE,), "greeting": (chat.HELLO, chat.ABLE)}.get(kind) or (
                chat.EXPLAINED[row.technique, row.aspect],
            )
            outcomes.append(Outcome(f"{arm}: {measure}", float(answer in wanted), row.id, row.text, wanted[0], answer))
    return outcomes


def changed_formats(answerer: Answerer, arm: Arm, rows: Sequence[Exchange]) -> list[Outcome]:
    """Answer with another format line in the house recipe, its worked examples left as they are. Tuned should not follow."""
    outcomes = []
    house = load_recipe("house")
    for kind, lines in CHANGED_LINES.items():
        for line in lines:
            recipe = replace(house, system=house.system.replace(HOUSE_LINE, line))
            answers = answerer.answer(Arm.COMBINED if arm.adapted else arm, recipe, [Request.of(row.text) for row in rows])
            measure = f"{arm}: follows {'a changed line' if arm.adapted else kind}"
            outcomes += [
                Outcome(measure, float(follows(kind, answer)), row.id, row.text, line, answer)
                for row, answer in zip(rows, answers, strict=True)
            ]
    return outcomes


def figures(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Sum the outcomes up: measure -> share, in the order of BARS."""
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for outcome in outcomes:
        total[outcome.measure] += 1
        right[outcome.measure] += outcome.right  # type: ignore[assignment]
    shares = {measure: right[measure] / count for measure, count in total.items()}
    if {"prompted: right decision", "plain: right decision"} <= shares.keys():
        shares["prompted minus plain"] = shares["prompted: right decision"] - shares["plain: right decision"]
    return {measure: round(shares[measure], 4) for measure in BARS if measure in shares}


def table(shares: dict[str, float], outcomes: Sequence[Outcome]) -> str:
    """Write the bars as text, one a line."""
    counts = Counter(outcome.measure for outcome in outcomes)
    rows = []
    for measure, share in shares.items():
        bar = BARS[measure]
        verdict = "" if bar is None else f"bar {bar:.0%}  " + ("met" if share >= bar else "MISSED")
        rows.append(f"{measure:38} {share:7.1%}  n={counts[measure]:<4} {verdict}".rstrip())
    return "\n".join(rows)


def failures(outcomes: Iterable[Outcome]) -> str:
    """List every failure with its question, what was wanted, and the answer."""
    shown = (outcome for outcome in outcomes if outcome.right < 1 and not outcome.measure.startswith(("plain", "tuned: follows")))
    return "\n".join(failure(outcome) for outcome in shown)


def failure(outcome: Outcome) -> str:
    """Write one failure as text."""
    answer = outcome.answer.replace("\n", " / ")
    return f"\n[{outcome.measure}] {outcome.row}\n  asked:  {outcome.asked}\n  wanted: {outcome.wanted}\n  answer: {answer}"

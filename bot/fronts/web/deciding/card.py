"""A decision as it goes on: its steps, its end, and what can be done with it."""

from dataclasses import dataclass

from nicegui.elements.mixins.text_element import TextElement

from bot.app.decisions import DecisionView
from bot.fronts.web.deciding import words
from bot.fronts.web.dom import el
from bot.fronts.web.hands import Act, JobHands, place_act
from bot.fronts.web.markup import shown
from bot.words import ARMS

MARKS = {"waiting": "·", "running": "▸", "done": "✓", "skipped": "–", "failed": "✗"}


@dataclass(frozen=True, slots=True)
class DecisionActs:
    """What a person can do with a decision, by its job's id."""

    hands: JobHands
    confirm: Act
    serve: Act


class DecisionCard:
    """One decision. It is drawn once for each state of its job, and its steps follow in between."""

    def __init__(self, found: DecisionView, acts: DecisionActs) -> None:
        self._seen: object = None
        with el("article", "job", data_job=found.job.id, data_state=found.job.state):
            el("h3", "", shown(words.title(found)))
            self._doing: TextElement = el("p", "doing", shown(words.doing(found)), role="status")  # type: ignore[assignment]
            self._steps = el("ol", "steps")
            with el("div", "lora-acts"):
                self._buttons(found, acts)
        self.follow(found)

    def follow(self, found: DecisionView) -> None:
        """Show the steps as they are now."""
        self._doing.set_text(shown(words.doing(found)))
        if found.status is None or found.status.steps == self._seen:
            return
        self._seen = found.status.steps
        self._steps.clear()
        with self._steps:
            for step in found.status.steps:
                with el("li", f"step {step.state}"):
                    el("span", "step-mark", MARKS[step.state], aria_hidden="true")
                    el("strong", "", words.STEPS[step.name])
                    el("span", "quiet", words.took(step))
                    if step.words:
                        el("p", "quiet", shown(step.words))

    def _buttons(self, found: DecisionView, acts: DecisionActs) -> None:
        job = found.job
        if job.going:
            place_act("Stop", acts.hands.stop, job.id)
            return
        if job.state == "done":
            el("a", "pill primary", "Read the report", href=f"/decide/{job.id}/report")
            if found.confirm:
                place_act(f"Confirm by votes ({found.confirm})", acts.confirm, job.id)
            if found.take:
                place_act(f"Let {ARMS[found.take].named} answer", acts.serve, job.id)
        if job.state in ("stopped", "failed"):
            place_act("Go on", acts.hands.go_on, job.id)
        place_act("Take off the list", acts.hands.drop, job.id)

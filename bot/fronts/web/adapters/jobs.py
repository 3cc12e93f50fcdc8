"""A job as it goes on: its bar, the time left, its picture, and what can be done with what it made."""

from dataclasses import dataclass
from urllib.parse import quote

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from bot.app.training import TRAIN, JobProgress
from bot.fronts.web.adapters import words
from bot.fronts.web.dom import el, placed
from bot.fronts.web.hands import Act, JobHands, place_act
from bot.fronts.web.markup import shown

THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class JobActs:
    """What a person can do with a job, and with the adapter that it made, by its name."""

    hands: JobHands
    use: Act | None = None  # None: where no adapter is made


class JobCard:
    """One job. It is drawn once for each state, and follows its figures in between."""

    def __init__(self, found: JobProgress, acts: JobActs) -> None:
        self._id, self._pictures = found.job.id, dict[str, Element]()
        self._steps = 0
        with el("article", "job", data_job=found.job.id, data_state=found.job.state):
            el("h3", "", shown(words.title(found)))
            self._doing: TextElement = el("p", "doing", shown(found.doing), role="status")  # type: ignore[assignment]
            if found.job.kind == TRAIN:
                self._bar = el("progress", "bar", max="1", aria_label="Progress of the training")
                self._left: TextElement = el("p", "quiet", "")  # type: ignore[assignment]
                self._place_picture(found)
            with el("div", "lora-acts"):
                self._buttons(found, acts)
        self.follow(found)

    def _place_picture(self, found: JobProgress) -> None:
        with el("figure", "picture") as self._figure:
            self._pictures = {theme: el("img", f"for-{theme}", alt=words.title(found)) for theme in THEMES}
        self._figure.set_visibility(False)

    def follow(self, found: JobProgress) -> None:
        """Show the figures as they are now."""
        self._doing.set_text(shown(found.doing))
        if found.job.kind != TRAIN:
            return
        self._left.set_text(words.left(found))
        self._bar.set_visibility(found.share is not None)
        self._bar.props["value"] = f"{found.share or 0:.3f}"
        points = len(found.curve.losses) + len(found.curve.right)
        if found.curve.losses and points != self._steps:
            self._steps = points
            self._figure.set_visibility(True)
            for theme, picture in self._pictures.items():
                picture.props["src"] = placed(f"/adapters/{self._id}.svg?theme={theme}&points={points}")

    def _buttons(self, found: JobProgress, acts: JobActs) -> None:
        job = found.job
        if job.going:
            place_act("Stop", acts.hands.stop, job.id)
            return
        if job.state == "done" and job.kind == TRAIN and job.result and acts.use:
            name = f"{job.result['name']}@{job.result['version']}"
            el("a", "pill primary", "Duel it against what is in use", href=f"/?against={quote(name)}")
            place_act("Use it", acts.use, name)
        if job.state in ("stopped", "failed"):
            place_act("Go on", acts.hands.go_on, job.id)
        place_act("Take off the list", acts.hands.drop, job.id)

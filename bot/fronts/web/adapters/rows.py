"""From rows that were brought to an estimate or a training."""

from collections.abc import Awaitable, Callable

from nicegui.events import GenericEventArguments

from bot.app.training import PLANS, BroughtRows, TrainingWish
from bot.fronts.web.dom import el, place_field
from engine.errors import BadRequest

Order = Callable[[TrainingWish], Awaitable[None]]


class TrainingForm:
    """What is to be trained from rows that were brought."""

    def __init__(self, brought: BroughtRows, estimate: Order, train: Order) -> None:
        self._token = brought.token
        self._given = {"name": brought.name.rpartition(".")[0][:60] or "support", "plan": "standard", "right": ""}
        with el("div", "wish"):
            place_field("Name of the adapter", self._given, "name", maxlength=60)
            with el("label"):
                el("span", "", "Plan")
                with el("select", "", aria_label="Plan") as chosen:
                    for plan in PLANS:
                        el("option", "", plan, value=plan, selected=plan == "standard")
                chosen.on("change", self._planned, js_handler="(event) => emit(event.target.value)")
            place_field("Your prompt is right on (per cent)", self._given, "right", inputmode="decimal", placeholder="not known")
            el("button", "pill", "Estimate first", type="button").on("click", lambda: estimate(self.wish()), args=[])
            start = el("button", "pill primary", "Start training", type="button")
            start.on("click", lambda: train(self.wish()), args=[])
            if brought.wrong:
                start.props["disabled"] = True
                el("p", "quiet", "Mend the lines with ! first, and bring the file again.")

    def _planned(self, event: GenericEventArguments) -> None:
        self._given["plan"] = str(event.args)

    def wish(self) -> TrainingWish:
        """Read what was typed. Raises BadRequest for a share that is none."""
        text = self._given["right"].strip().removesuffix("%").strip()
        try:
            right = float(text) / 100 if text else None
        except ValueError:
            right = -1.0
        if right is not None and not 0 <= right <= 1:
            raise BadRequest(f"{text[:20]!r} is not a percentage from 0 to 100.")
        return TrainingWish(self._token, self._given["name"].strip(), self._given["plan"], right)

"""What may be spent while this process lives: estimated before a provider is asked, counted once it has answered.

The estimate is that of the prompt, and of the longest answer where the request bounds it. Answers without a bound may
therefore pass the budget, each by what it costs itself; then nothing more is asked. What has no known price is not counted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ckservice.errors import BudgetExceeded
from ckservice.llm.prices import cost
from ckservice.settings import ProviderConfig, Settings
from ckservice.types import Usage


@dataclass(slots=True, eq=False)
class Charge:
    """What one try costs.

    Attributes:
        prompt_usd: an estimate for the prompt alone.
        amount_usd: an estimate for the prompt and the longest answer; once settled, what it did cost.
        has_begun: whether anything has come of it, so that it is paid for even if its end never comes.
        is_settled: whether the provider has told what it used.
    """

    prompt_usd: float
    amount_usd: float
    has_begun: bool = False
    is_settled: bool = False

    def settle(self, usage: Usage) -> None:
        """Take in what the provider has counted."""
        self.amount_usd = usage.cost_usd or 0.0
        self.is_settled = True


class Budget:
    """Lets a try begin while there is money for it.

    Args:
        settings: gives those in effect; without a budget in them, spending is counted all the same.

    Attributes:
        spent: US dollars so far. An answer that was cut or cancelled counts with the estimate for its prompt: providers
            don't tell what it cost.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self.spent = 0.0
        self._settings = settings
        self._open: set[Charge] = set()

    @contextmanager
    def reserve(self, config: ProviderConfig, model: str, prompt_tokens: int, max_tokens: int = 0) -> Iterator[Charge]:
        """Set money aside for one try, until it is over.

        Args:
            config: resolved.
            model: as the provider is going to be asked for it.
            prompt_tokens: of the prompt; an estimate will do.
            max_tokens: of the answer; 0 where it has no bound.

        Raises:
            BudgetExceeded: with all that is spent and set aside, it might pass the budget.
        """
        prompt_usd = cost(config, model, _usage(prompt_tokens, 0))
        amount_usd = cost(config, model, _usage(prompt_tokens, max_tokens))
        if amount_usd != 0:
            self._check(amount_usd or 0.0)
        charge = Charge(prompt_usd or 0.0, amount_usd or 0.0)
        self._open.add(charge)
        try:
            yield charge
        finally:
            self._open.remove(charge)
            if charge.is_settled:
                self.spent += charge.amount_usd
            elif charge.has_begun:
                self.spent += charge.prompt_usd

    def _check(self, amount_usd: float) -> None:
        limit = self._settings().budget.max_cost_usd
        set_aside = sum(charge.amount_usd for charge in self._open)
        if limit is not None and self.spent + set_aside + amount_usd > limit:
            raise BudgetExceeded(
                f"The budget is ${limit:.9g}; ${self.spent:.4f} are spent, ${set_aside:.4f} set aside, and this request "
                f"may take ${amount_usd:.4f}.",
                user_message=f"This could cost more than is left of the budget of ${limit:.9g}; raise the budget in the "
                "settings, or choose a cheaper model.",
            )


def _usage(prompt_tokens: int, completion_tokens: int) -> Usage:
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
        cost_usd=None,
    )

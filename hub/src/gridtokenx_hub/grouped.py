"""What many ask at the same time, asked once for all of them.

A statement or a request costs its way there and back, whatever it carries. So the first who asks is
served at once, and all who come while that is under way are served together after it: nobody waits
for company, and the more ask, the less each costs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

LARGEST_GROUP = 256


class Grouped(Generic[Question, Answer]):
    """Serves questions in groups, one group at a time.

    Args:
        answer: takes the questions of a group, in the order in which they came, and returns their
            answers in that order. What it raises, everybody in the group is told.
        largest: how many questions make a group at most.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]],
        largest: int = LARGEST_GROUP,
    ) -> None:
        self._answer = answer
        self._largest = largest
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._serving: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """Return the answer to a question.

        Who stops waiting takes nothing back: the question is asked all the same.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        return await future

    async def _serve(self) -> None:
        while self._waiting:
            group = self._waiting[: self._largest]
            del self._waiting[: self._largest]
            try:
                answers = await self._answer([question for question, _ in group])
            except asyncio.CancelledError:
                for _, future in group + self._waiting:
                    future.cancel()
                self._waiting.clear()
                raise
            except Exception as error:  # noqa: BLE001 - it belongs to those who asked
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), answer in zip(group, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)

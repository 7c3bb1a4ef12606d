"""How well a policy plays: whole games under the data's protocol, raw scores, and the best game to watch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np

from dlplug import Fraction, PositiveInt, checked_by, neutral_options
from dlplug.media import Video
from dlplug.stop import stop_if_asked
from dlplug_rl.environments.interface import Environments
from dlplug_rl.scores.human import human_normalised

if TYPE_CHECKING:
    from dlplug_rl.environments.atari import ProtocolName

LANES = 16  # environments at most: what one batch of a policy serves well
EPISODE_LIMIT = 27_000  # actions: the half hour that ends an Atari game, where a registration sets no shorter limit
VIDEO_FRAMES = 1800  # two minutes at 15 frames a second, 363 MB of pixels; a longer game is shown faster

Policy = Callable[[np.ndarray], np.ndarray]


class Playable(Protocol):
    """What the metric asks of held-out data: the game's name ("" for none), its protocol in words, fresh environments
    (count, seed), what the split adds to the run's seed, and the same game under another protocol."""

    @property
    def game(self) -> str: ...

    @property
    def protocol(self) -> str: ...

    @property
    def make(self) -> Callable[[int, int], Environments]: ...

    @property
    def starts(self) -> int: ...

    def under(self, protocol: ProtocolName) -> Playable: ...


class Episode(NamedTuple):
    """A whole episode: who played it, its raw score, its length in actions, and how many had been sent at its end."""

    lane: int
    score: float
    length: int
    sent: int


def check_episodes(
    product: Policy, data: Playable, *, protocol: Literal["", "classic", "machado"], **others: Any
) -> None:
    if protocol:
        data.under(protocol)


@checked_by(check_episodes)
@neutral_options("video")
def episodes(
    product: Policy,
    data: Playable,
    *,
    count: PositiveInt = 30,
    epsilon: Fraction = 0.01,
    protocol: Literal["", "classic", "machado"] = "",
    video: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """Plays whole games and reports raw scores.

    An episode is cut after 27,000 actions where the environment itself sets no shorter limit; the protocol says how
    many were.

    count: number of episodes; 30 in Mnih et al. 2015
    epsilon: probability of a random action; 0.01 in CleanRL, 0.05 in Mnih et al., 0.001 in Dopamine
    protocol: evaluation protocol, classic or machado; empty takes that of training
    video: record the best episode, in colour

    Gives return (mean), return_std, return_min, return_max, episode_length (mean, in actions), human_normalised (for
    the 57 games with a human score), video, and protocol: in words, all that the score must be quoted with. Raises
    UserError for a protocol where the environments have but one.
    """
    data = data.under(protocol) if protocol else data
    lanes, start = lanes_for(count), seed + data.starts
    environments = data.make(lanes, start)
    try:
        played, actions = play(product, environments, shares(count, lanes), epsilon, start)
        scores = np.array([episode.score for episode in played])
        results: dict[str, Any] = {
            "protocol": described(data, count, epsilon) + cut_short(played, environments.limit),
            "return": float(scores.mean()),
            "return_std": float(scores.std()),
            "return_min": float(scores.min()),
            "return_max": float(scores.max()),
            "episode_length": float(np.mean([episode.length for episode in played])),
        }
        normalised = human_normalised(data.game, results["return"])
        if normalised is not None:
            results["human_normalised"] = normalised
        best = max(played, key=lambda episode: episode.score)
        film = show(environments, best, actions, data.game) if video else None
        return results if film is None else results | {"video": film}
    finally:
        environments.close()


def described(data: Playable, count: int, epsilon: float) -> str:
    """What a score must be quoted with: "pong classic: no sticky actions, …; 30 episodes at ε 0.01"."""
    policy = f"at ε {epsilon:g}" if epsilon else "of the greedy policy"
    return f"{data.game} {data.protocol}; {count} episode{'s' if count > 1 else ''} {policy}".lstrip()


def cut_short(played: Sequence[Episode], limit: int | None) -> str:
    """Says of how many episodes the end was not seen; nothing where it always was."""
    cut = sum(episode.length == limit for episode in played)
    return f", {cut} of them cut at {limit:,} actions" if cut else ""


def lanes_for(count: int) -> int:
    """As many environments as play `count` episodes in the fewest rounds, at most LANES."""
    rounds = -(-count // LANES)
    return -(-count // rounds)


def shares(count: int, lanes: int) -> np.ndarray:
    """(lanes,) episodes for each environment, fixed beforehand: counting those that end first favours short ones."""
    return np.full(lanes, count // lanes) + (np.arange(lanes) < count % lanes)


def play(
    policy: Policy, environments: Environments, wanted: np.ndarray, epsilon: float, seed: int
) -> tuple[list[Episode], np.ndarray]:
    """Plays until every environment has ended as many episodes as wanted of it.

    wanted: (N,). Returns the episodes in the order of their ends, and all actions sent: (steps, N). Raises Stopped
    where a stop is asked for.
    """
    generator = np.random.default_rng(seed)
    left, score, length = wanted.copy(), np.zeros(environments.count), np.zeros(environments.count, dtype=int)
    played: list[Episode] = []
    sent: list[np.ndarray] = []
    seen = environments.reset()
    while left.any():
        stop_if_asked()
        anything = generator.integers(environments.spec.output, size=environments.count)
        actions = np.where(generator.random(environments.count) < epsilon, anything, policy(seen.obs))
        environments.send(actions)
        sent.append(actions)
        seen = environments.receive()
        score = np.where(seen.first, 0.0, score + seen.reward)
        length = np.where(seen.first, 0, length + 1)
        for lane in np.flatnonzero((seen.terminated | seen.truncated) & (left > 0)):
            played.append(Episode(int(lane), float(score[lane]), int(length[lane]), len(sent)))
            left[lane] -= 1
    return played, np.stack(sent)


def show(environments: Environments, episode: Episode, actions: np.ndarray, title: str) -> Video | None:
    """Plays one lane's actions again from its reset, and films the episode; None for environments without pictures."""
    film = environments.film(episode.lane, actions[: episode.sent, episode.lane])
    if film is None:
        return None
    faster = -(-(episode.length + 1) // VIDEO_FRAMES)
    frames = np.stack(list(itertools.islice(stoppable(film), episode.sent - episode.length, None, faster)))
    caption = f"{title}: {episode.score:g} points in {episode.length} actions, {episode.length + 1} pictures"
    if faster > 1:
        caption += f", {faster} times as fast as played"
    return Video(frames, fps=environments.fps, caption=caption)


def stoppable(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same pictures, until a stop is asked for: raises Stopped then."""
    for picture in pictures:
        stop_if_asked()
        yield picture

"""Images whose features, by a bag of visual words, are computed once and kept on the device."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from dlplug_images.images import Augmentation, HeldOut, Images, scaled
from torch import Tensor, nn

from dlplug import Data, Order, PositiveInt, Run, UserError, to_device
from dlplug.sampling import own_share
from dlplug.stop import stoppable
from dlplug_vision.bag_of_words.model import BagOfWords, SubsetSpec


class Described(NamedTuple):
    """A batch from each of S training sets, the whole one last: images x (S, B, C, H, W) in [0, 1], features
    (S, B, F) and class indices y (S, B)."""

    x: Tensor
    features: Tensor
    y: Tensor


class DescribedImages(Data):
    """Another image data set, with the features of the model's bag of words.

    Before the first batch, the features of each training image, and with `flip` of its mirror image, are computed and
    kept on the device in float16. Other augmentation changes the images alone.
    """

    unit = "images"
    finite = True
    splits = ("val", "test")
    training_options = ("batch_size", "flip", "crop", "cutout", "smaller")

    def __init__(
        self,
        *,
        set: str = "digits",
        smaller: tuple[PositiveInt, ...] = (),
        augmentation: Augmentation = Augmentation(batch_size=64),
        seed: int,
        run: Run,
    ) -> None:
        """
        set: name of the image data, which have their default options.
        smaller: sizes of further training sets, ascending: random subsets by the run's seed, each part of the next.
        """
        whole = set_of(set, seed, run)
        train = whole.parts["train"]
        shuffled = train.take(torch.randperm(len(train.y), generator=torch.Generator().manual_seed(seed)))
        self.images = Images({**whole.parts, "train": shuffled}, whole.names, augmentation, seed=seed)
        self.sizes = (*smaller, len(train.y))
        check_sizes(self.sizes, augmentation.batch_size)
        self.smaller = [Order(size, augmentation.batch_size, seed) for size in smaller]
        self.spec = SubsetSpec(**vars(self.images.spec), sizes=self.sizes)
        self.protocol = whole.protocol
        self.seed = seed

    def batches(self, model: nn.Module) -> Iterator[Described]:
        if not isinstance(model, BagOfWords):
            raise UserError("the data described-images needs --model bag-of-words, whose features it computes")
        device = next(model.parameters()).device
        images, y = (part.to(device) for part in self.images.parts["train"])
        flip = self.images.augmentation.flip
        features = [features_of(bag, images[:size], flip) for bag, size in zip(model.bags, self.sizes, strict=True)]
        fill = torch.tensor(self.spec.mean, device=device)[:, None, None]
        generator = torch.Generator(device)
        orders = [*self.smaller, self.images.order]
        batch_size = self.images.order.batch_size
        while True:
            generator.manual_seed(own_share(batch_size, self.seed, self.count)[1])
            indices = [to_device(order.next(), device) for order in orders]
            self.count += batch_size
            yield Described(
                torch.stack([self.images.augmented(scaled(images[index]), fill, generator) for index in indices]),
                torch.stack([drawn(table, index, generator) for table, index in zip(features, indices, strict=True)]),
                torch.stack([y[index] for index in indices]),
            )

    def steps_per_epoch(self) -> int:
        return self.images.steps_per_epoch()

    def split(self, name: str) -> HeldOut:
        return self.images.split(name)


def set_of(name: str, seed: int, run: Run) -> Images:
    """The image data of that name, with their default options. Raises UserError for data of another kind."""
    entry = run.host.get("data", name)
    kind = entry.load()
    if not (isinstance(kind, type) and issubclass(kind, Images)):
        raise UserError(f"--data.set must name an image data set such as digits or fashion-mnist, got {name!r}")
    return kind(**entry.signature().arguments({}, seed=seed, run=run))


def check_sizes(sizes: tuple[int, ...], batch_size: int) -> None:
    """Raises UserError for subsets that are not ascending, not smaller than the whole set, or smaller than a batch."""
    if any(one >= other for one, other in pairwise(sizes)):
        raise UserError(
            f"--data.smaller must be ascending, and below the {sizes[-1]} training images, got "
            f"{' '.join(map(str, sizes[:-1]))}"
        )
    if sizes[0] < batch_size:
        raise UserError(f"--data.batch-size must be at most the smallest training set, {sizes[0]}, got {batch_size}")


@torch.no_grad()
def features_of(bag: nn.Module, images: Tensor, flip: bool, batch_size: int = 50) -> Tensor:
    """A bag's features (1, N, F) of uint8 images (N, H, W, C), float16; with flip (2, N, F), of mirror images too."""
    views = [images, images.flip(2)] if flip else [images]
    parts = [[bag(scaled(part)).half() for part in stoppable(view.split(batch_size))] for view in views]
    return torch.stack([torch.cat(of_view) for of_view in parts])


def drawn(features: Tensor, index: Tensor, generator: torch.Generator) -> Tensor:
    """The features (B, F) of images (B,), each of a random view; features (V, N, F)."""
    view = torch.randint(len(features), index.shape, generator=generator, device=index.device)
    return features[view, index].float()

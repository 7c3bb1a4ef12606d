"""Intersection over union is that of one confusion matrix over the split, as the slow way and torchmetrics have it."""

from __future__ import annotations

import pytest
import torch
from dlplug_detection.segmentation.batches import IGNORE, HeldOutMaps, class_frequencies, class_weights
from dlplug_detection.segmentation.loss import dice_loss
from dlplug_detection.segmentation.measures import confusion, intersection_over_union, segmentation
from dlplug_detection.segmentation.pictures import (
    WRONG,
    class_colours,
    errors,
    mask_mistakes,
    masks,
    painted,
    worst_images,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn


class Repeats(nn.Module):
    """Segments images by their first channel's brightness: pixel value v is class v."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def segment(self, images: Tensor) -> Tensor:
        return (images[:, 0] * 255).round().long()


def random_maps(seed: int, classes: int, count: int = 4) -> tuple[Tensor, Tensor]:
    """Predicted and true maps (count, 6, 7), a fifth of the truth ignored; not every class is in each."""
    generator = torch.Generator().manual_seed(seed)
    predicted = torch.randint(classes, (count, 6, 7), generator=generator).byte()
    wrong = torch.rand(predicted.shape, generator=generator) < 0.4
    true = torch.where(
        wrong, torch.randint(max(1, classes - 1), predicted.shape, generator=generator).byte(), predicted
    )
    true[torch.rand(predicted.shape, generator=generator) < 0.2] = IGNORE
    return predicted, true


def slow_iou(predicted: Tensor, true: Tensor, number: int) -> float:
    both = either = 0
    for p, t in zip(predicted.flatten().tolist(), true.flatten().tolist(), strict=True):
        if t != IGNORE:
            both += p == number == t
            either += number in (p, t)
    return both / either if either else float("nan")


@settings(max_examples=30)
@given(st.integers(0, 999), st.integers(2, 6))
def test_iou_is_what_the_slow_way_gives(seed: int, classes: int):
    predicted, true = random_maps(seed, classes)
    ratios = intersection_over_union(confusion(predicted, true, classes))
    slow = torch.tensor([slow_iou(predicted, true, n) for n in range(classes)])
    assert torch.allclose(ratios, slow, equal_nan=True)


@pytest.mark.slow  # torchmetrics takes long to import
def test_iou_is_torchmetrics_jaccard_index():
    peer = pytest.importorskip("torchmetrics.classification").MulticlassJaccardIndex
    for seed in range(30):
        predicted, true = random_maps(seed, 2 + seed % 5)
        ratios = intersection_over_union(confusion(predicted, true, 2 + seed % 5)).nan_to_num(0)
        theirs = peer(num_classes=2 + seed % 5, ignore_index=IGNORE, average="none")
        assert torch.allclose(ratios, theirs(predicted.long(), true.long()))


def held_out(predicted: Tensor, true: Tensor, classes: int) -> HeldOutMaps:
    return HeldOutMaps(predicted[..., None].repeat(1, 1, 1, 3), true, tuple("abcdefgh"[:classes]))


def test_it_is_of_the_split_and_not_the_mean_over_images():
    true = torch.zeros(2, 4, 4, dtype=torch.uint8)
    true[0, 0, 0] = 1  # one pixel, missed
    true[1, :, :] = 1  # sixteen, found
    predicted = true.clone()
    predicted[0, 0, 0] = 0
    values = segmentation(Repeats(), held_out(predicted, true, 2))
    assert values["iou_split_b"] == pytest.approx(16 / 17)
    assert values["iou_split_a"] == pytest.approx(15 / 16)
    assert values["miou_split"] == pytest.approx((16 / 17 + 15 / 16) / 2)
    of_images = [intersection_over_union(confusion(p[None], t[None], 2)) for p, t in zip(predicted, true, strict=True)]
    assert float(torch.stack(of_images).nanmean()) < 0.7, "the mean over images and classes is another number"


def test_a_class_that_is_nowhere_is_left_out_and_said():
    predicted, true = random_maps(0, 3)
    values = segmentation(Repeats(), held_out(predicted, true, 5), batch_size=3)
    assert values["classes_split"] == 3
    assert "iou_split_d" not in values
    assert values["miou_split"] == pytest.approx(sum(values[f"iou_split_{name}"] for name in "abc") / 3)
    assert [row[0] for row in values["classes"].rows] == list("abcde")
    one = segmentation(Repeats(), held_out(predicted, true.fill_(IGNORE), 3))
    assert one["classes_split"] == 0
    assert one["pixel_accuracy"] == 0


def test_pixel_accuracy_ignores_what_has_no_class():
    predicted, true = random_maps(1, 4)
    valid = true != IGNORE
    expected = (predicted == true)[valid].float().mean()
    assert segmentation(Repeats(), held_out(predicted, true, 4))["pixel_accuracy"] == pytest.approx(float(expected))


def test_frequencies_are_relative_to_the_images_that_contain_the_class():
    true = torch.zeros(3, 2, 5, dtype=torch.uint8)
    true[0, 0] = 1
    true[1, 0, 0] = 1
    true[2, 1, 1:] = IGNORE
    found = class_frequencies(true, 3)
    assert torch.allclose(found, torch.tensor([(5 + 9 + 6) / 30, 6 / 20, 0]))
    assert torch.allclose(class_weights(true, 3), torch.tensor([0.3 / (20 / 30), 1, 0]))


def test_the_dice_loss_is_zero_for_the_truth_and_ignores_what_has_no_class():
    true = torch.randint(3, (2, 5, 5))
    logits = 50 * nn.functional.one_hot(true, 4).permute(0, 3, 1, 2).float()
    assert float(dice_loss(logits, true)) < 1e-5
    assert float(dice_loss(-logits, true)) > 0.5
    hidden = true.clone()
    hidden[0] = IGNORE
    logits[0] = torch.randn(4, 5, 5)
    assert float(dice_loss(logits, hidden)) < 1e-5
    assert float(dice_loss(logits, torch.full_like(true, IGNORE))) == 1


def test_pictures_show_the_truth_and_what_is_wrong():
    predicted, true = random_maps(2, 3)
    data = held_out(predicted, true, 3)
    over = painted(data.images, true, 3, opacity=1.0)
    for number, colour in enumerate(class_colours(3)):
        assert torch.equal(over[true == number].unique(dim=0), colour[None])
    assert torch.equal(over[true == IGNORE], data.images[true == IGNORE])
    clear = painted(data.images, true, 3, opacity=1.0, background=True)
    assert torch.equal(clear[true == 0], data.images[true == 0])
    assert len(class_colours(40).unique(dim=0)) == 40
    marks = errors(predicted, true)
    assert (marks[(predicted != true) & (true != IGNORE)] == torch.tensor(WRONG)).all()
    assert (marks[true == IGNORE] == 0).all()


def test_the_worst_image_comes_first():
    true = torch.zeros(3, 8, 8, dtype=torch.uint8)
    predicted = true.clone()
    predicted[1, :4] = 1
    predicted[2, 0] = 1
    data = held_out(predicted, true, 2)
    assert worst_images(predicted, true, 2).tolist() == [1, 2]
    for image in (masks(Repeats(), data, count=9)["masks"], mask_mistakes(Repeats(), data, count=2)["mistakes"]):
        assert min(image.pixels.shape[:2]) > 100
        assert image.pixels.std() > 0

"""Sentences parsed back to what they describe."""

from __future__ import annotations

import re

import pytest
from dlplug_images.canvas.captions import captions, place, relations
from dlplug_images.canvas.generator import Canvas
from dlplug_images.canvas.glyphs import glyphs_of
from dlplug_images.canvas.layout import PALETTE, Scenery
from dlplug_images.canvas.scenes import masks

from dlplug import UserError

SHAPES = glyphs_of("shapes")
COLOURS, WHERE = list(PALETTE), [place(row, column) for row in range(3) for column in range(3)]
ITEM = re.compile(
    rf"(a|an) (?:({'|'.join(COLOURS)}) )?([a-z]+|\d) ({'|'.join(sorted(WHERE, key=len, reverse=True))})(?=, | and |$)"
)


def parsed(sentence: str) -> list[tuple]:
    """(colour or "", class, third of the canvas) of each object; the sentence is nothing else."""
    assert re.sub("(, | and )", "", ITEM.sub("", sentence)) == ""
    for article, colour, name, _ in ITEM.findall(sentence):
        assert (article == "an") == ((colour or name) in ("8",))
    return [(colour, name, WHERE.index(where)) for _, colour, name, where in ITEM.findall(sentence)]


@pytest.mark.parametrize(("kind", "colour"), [("shapes", True), ("digits", False), ("digits", True)])
def test_captions_say_every_object_and_where_it_is(kind, colour):
    glyphs = glyphs_of(kind, "test")
    scenes = Canvas(glyphs, Scenery(60, 90, (0, 4), (10, 20), colour=colour), seed=1).scenes(range(150))
    found = masks(scenes.instance_map, 4)
    sentences = captions(scenes, glyphs.names)
    for n, sentence in enumerate(sentences):
        count = int(scenes.counts[n])
        if not count:
            assert sentence == "an empty canvas"
            continue
        expected = []
        for row in range(count):
            ys, xs = found[n, row].nonzero().T.tolist()
            third = 3 * (3 * (min(ys) + max(ys) + 1) // 120) + 3 * (min(xs) + max(xs) + 1) // 180
            name = COLOURS[scenes.colours[n, row]] if colour else ""
            expected.append((name, glyphs.names[scenes.labels[n, row]], third))
        assert sorted(parsed(sentence)) == sorted(expected)
        assert [third for *_, third in parsed(sentence)] == sorted(third for *_, third in expected)
    assert "an empty canvas" in sentences
    assert {third for sentence in sentences if sentence != "an empty canvas" for *_, third in parsed(sentence)} == {
        *range(9)
    }


def test_relations_say_where_the_first_object_is_seen_from_the_second():
    scenes = Canvas(SHAPES, Scenery(64, 64, (2, 3), (10, 14), colour=True), seed=2).scenes(range(100))
    seen = set()
    for n, sentence in enumerate(relations(scenes, SHAPES.names)):
        match = re.fullmatch(r"a (\w+) (\w+) (to the left of|to the right of|above|below) a (\w+) (\w+)", sentence)
        assert match
        colour, name, side, other_colour, other_name = match.groups()
        for row, said in enumerate([(colour, name), (other_colour, other_name)]):
            assert said == (COLOURS[scenes.colours[n, row]], SHAPES.names[scenes.labels[n, row]])
        x, y = ((scenes.boxes[n, :2, axis] + scenes.boxes[n, :2, axis + 2]).tolist() for axis in (0, 1))
        across, down = abs(x[0] - x[1]), abs(y[0] - y[1])
        if side in ("above", "below"):
            assert down > across
            assert (side == "above") == (y[0] < y[1])
        else:
            assert across >= down
            assert (side == "to the left of") == (x[0] < x[1])
        seen.add(side)
    assert len(seen) == 4


def test_a_relation_needs_two_objects():
    with pytest.raises(UserError, match="two visible objects"):
        relations(Canvas(SHAPES, Scenery(objects=(1, 2))).scenes(range(20)), SHAPES.names)

"""The rows that a loss keeps for a figure."""

import torch
from dlplug_basics.trace import SIZE, Trace

from dlplug import testing


def test_a_trace_keeps_every_nth_row_up_to_its_size():
    trace = Trace((2,), torch.device("cpu"), every=3)
    for step in range(7):
        trace.add(torch.full((2,), float(step)))
    assert trace.recorded().tolist() == [[0, 0], [3, 3], [6, 6]]
    trace.steps.fill_(3 * SIZE - 3)
    for step in range(5):
        trace.add(torch.full((2,), float(step)))
    assert trace.recorded()[[0, 1, 2, -1]].tolist() == [[0, 0], [3, 3], [6, 6], [0, 0]]
    again = Trace((2,), torch.device("cpu"), every=3)
    again.load_state_dict(testing.through_a_file(trace.state_dict()))
    assert torch.equal(again.recorded(), trace.recorded())

"""What torch's threads are set to."""

import sys
import threading

import pytest
import torch

from dlplug.training.device import set_up


def share_of_denormals():
    """How much of a product of 1e-20 by 1e-20, which two threads share, is not flushed to zero."""
    return (torch.full((1024, 4), 1e-20) @ torch.full((4, 1024), 1e-20) != 0).float().mean().item()


@pytest.mark.skipif("OpenMP" not in torch.__config__.parallel_info(), reason="torch computes without OpenMP here")
def test_no_thread_keeps_denormals_after_earlier_work_in_the_process():
    shares = []

    def notebook():
        """A thread of its own, for each has OpenMP threads of its own."""
        torch.set_num_threads(2)
        torch.set_flush_denormal(False)
        shares.append(share_of_denormals())
        set_up(torch.device("cpu"), threads=0)
        shares.append(share_of_denormals())

    before = torch.get_num_threads()
    thread = threading.Thread(target=notebook)
    thread.start()
    thread.join()
    torch.set_num_threads(before)
    assert shares == [1.0, 0.0]


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_memory_of_freed_tensors_is_used_again():
    """Without it each round would touch 24,000 fresh pages of 4 kB."""
    import resource

    def fill_and_free() -> None:
        tensors = [torch.ones(6 << 20) for _ in range(4)]
        del tensors

    set_up(torch.device("cpu"), 1)
    for _ in range(3):
        fill_and_free()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        fill_and_free()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 2_000

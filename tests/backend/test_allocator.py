import threading

import torch

from batcountry.backend import allocator


def test_it_may_be_nested_and_used_from_threads_and_ends():
    def use():
        for _ in range(20):
            with allocator.kept_memory(), allocator.kept_memory():
                torch.ones(1 << 20).sum()

    threads = [threading.Thread(target=use) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert allocator._users == 0


def test_it_ends_after_an_error_too():
    try:
        with allocator.kept_memory():
            raise KeyError
    except KeyError:
        pass
    assert allocator._users == 0

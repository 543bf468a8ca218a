"""The calls of a thread that answers have room, however deep they are."""

from .serving import serving


def test_no_depth_has_the_kernel_give_memory_for_each_call():
    with serving() as server:
        assert int(server.get("/edges").body) < 100

import pytest

from regista.kit.postgres import sizing

GIB = 1 << 30


@pytest.mark.parametrize(
    ("memory", "cores", "buffers", "connections"),
    [(GIB // 4, 1, "16MB", "80"), (GIB, 2, "32MB", "100"), (512 * GIB, 64, "32MB", "200")],
)
def test_the_machine_decides_buffers_and_connections(memory: int, cores: int, buffers: str, connections: str) -> None:
    chosen = sizing.settings(memory, cores)
    assert (chosen["shared_buffers"], chosen["max_connections"]) == (buffers, connections)


@pytest.mark.parametrize(("memory", "cores"), [(GIB // 4, 1), (512 * GIB, 64)])
def test_no_machine_trades_durability(memory: int, cores: int) -> None:
    chosen = sizing.settings(memory, cores)
    assert {chosen["fsync"], chosen["full_page_writes"], chosen["synchronous_commit"]} == {"on"}


def test_this_machine_has_a_size() -> None:
    memory, cores = sizing.machine()
    assert memory > 1 << 20
    assert cores >= 1

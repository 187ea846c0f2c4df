import pytest

from tests.support.bus_behaviour import BusBehaviour

pytestmark = pytest.mark.kafka


class TestKafkaBus(BusBehaviour):
    pass

"""A pytest plugin for runs of mutants: each property with few examples, the same ones each time."""

from collections.abc import Sequence

import hypothesis
import pytest

EXAMPLES = 12
_FEW = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),  # that it fails is enough
    suppress_health_check=tuple(hypothesis.HealthCheck),
)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Give each property these settings, whatever it or a profile has chosen: both are fixed when it is imported."""
    for item in items:
        if isinstance(item, pytest.Function) and hypothesis.is_hypothesis_test(item.function):
            item.function._hypothesis_internal_use_settings = _FEW  # noqa: SLF001  # there is no other way in

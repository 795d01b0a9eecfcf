"""A pytest plugin for runs of mutants: each property with few examples, the same ones each time."""

import hypothesis
import pytest

EXAMPLES = 12


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Choose the profile when all conftest files have chosen theirs."""
    hypothesis.settings.register_profile(
        "mutants",
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),  # that it fails is enough
        suppress_health_check=tuple(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutants")

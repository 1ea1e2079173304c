"""What every test shares: how long property tests look for a counterexample."""

from hypothesis import HealthCheck, settings

# No deadline: a slow machine must not fail a test. `quick` is the default. It and `thorough` repeat
# themselves exactly, so that a failure is of the change that is tested;
# `wandering` looks elsewhere each time.
QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", derandomize=True, max_examples=60, **QUIET)
settings.register_profile("thorough", derandomize=True, max_examples=600, **QUIET)
settings.register_profile("wandering", max_examples=2000, **QUIET)
settings.load_profile("quick")

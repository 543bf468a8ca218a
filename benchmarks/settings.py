"""The portal's own settings, with one more address: the bare view."""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
API_RATE_PER_MINUTE = 0  # one key makes all requests

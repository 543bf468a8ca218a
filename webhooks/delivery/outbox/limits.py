"""Leases, shares and lanes, which the statements of both databases use."""

from webhooks.models import Delivery

Lane = Delivery.Lane

LEASE = 90.0
"""Seconds. Longer than a job waits for a free slot and the longest timeout together."""

MAX_LOST_CLAIMS = 10
"""So many workers in a row died while they held the delivery: it may be what killed them.
The limit is high because a host that kills its workers again and again must not end
deliveries that were merely there: of 15,000 under forty kills, a limit of five ended six
(docs/soak.md)."""

LANE_WEIGHTS = {Lane.FRESH: 1, Lane.LATE: 4, Lane.RECOVERY: 16}
"""The nth delivery of a lane has the turn n times this: of 21 that are taken while all lanes
have some, 16 are fresh, 4 are late retries and 1 is of a recovery. The lane in order has no
weight, because it gives one delivery at a time."""

LATE_FROM = 2
"""The number of the failed attempt that moves a fresh delivery to the late lane."""

LEAST_SHARE, SHARES = 16, 4
"""An endpoint is given so many at least, and so many times its equal part of a claim at
most: few endpoints fill a claim, and many still leave room for each other."""

EARLY = 0.5
"""Seconds. A rate limit lets through at once what is due within them."""

_WEIGHTED = ", ".join(str(int(lane)) for lane in LANE_WEIGHTS)

IN_STATEMENTS = {
    "lane_fresh": int(Lane.FRESH),
    "lane_late": int(Lane.LATE),
    "lane_in_order": int(Lane.ORDERED),
    "lane_weights": ", ".join(f"({lane:d}, {w})" for lane, w in LANE_WEIGHTS.items()),
    "weighted_lanes": _WEIGHTED,
    "all_lanes": f"{_WEIGHTED}, {Lane.ORDERED:d}",
    "late_from": LATE_FROM,
    "least_share": LEAST_SHARE,
    "shares": SHARES,
    "early": EARLY,
}
"""The words that stand for them in .sql files."""

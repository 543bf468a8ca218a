"""Characters that hide a part of a text from outside, or reverse its direction.

One list for pages, the log and mails. Each of them decides how it shows them. The log is set up before
there are models, so nothing is imported here.
"""

import re

# Controls but for tab and line feed, what has no width, and what turns the direction of
# writing.
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    r"\U000e0000-\U000e0fff]"
)

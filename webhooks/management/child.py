"""`python -m webhooks.management.child PARENT COMMAND …`: a command that ends with PARENT.

`up` starts its processes through this, so that none of them needs to know of `up`.
"""

import sys

from django.core.management import execute_from_command_line

from webhooks.management import lifeline

if __name__ == "__main__":
    lifeline.follow(int(sys.argv[1]))
    execute_from_command_line(["manage.py", *sys.argv[2:]])

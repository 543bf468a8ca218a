"""The commands that an operator types, and the processes behind `make run`.

The commands are thin: every change goes through webhooks.operations. Processes that a command
starts end with it, also when it is killed.
"""

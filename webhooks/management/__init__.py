"""What an operator types: commands, and the processes behind `make run`.

The commands are thin: every change goes through webhooks.operations. Processes that a command
starts end with it, also when it is killed.
"""

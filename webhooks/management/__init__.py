"""What an operator types: commands, and the processes behind `make run`.

The commands are thin. Every change they make goes through webhooks.operations; what they
start ends with them, also when they are killed.
"""

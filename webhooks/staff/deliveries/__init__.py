"""Deliveries: the list, one of them with its attempts, and sending it again."""

"""The first page: what needs attention, and how deliveries went."""

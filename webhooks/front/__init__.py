"""The addresses of the portal that belong to no interface.

The first page, the OpenAPI documents with two viewers, health and metrics. This room is
above the interfaces, because it describes all of them.
"""

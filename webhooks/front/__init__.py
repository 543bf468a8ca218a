"""What the host answers beside its interfaces: who it is, how it does, how to call it.

The first page, the OpenAPI documents with their two readers, and the two addresses that
load balancers ask. It stands above the interfaces, because it describes all of them.
"""

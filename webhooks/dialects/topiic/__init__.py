"""Topiic: the webhook settings of one API key of a merchant (subscription billing).

Error messages follow its framework: ASP.NET Core with System.Text.Json. So property names
match in any case, errors are RFC 7807 problems and nulls are written.
"""

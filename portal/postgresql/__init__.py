"""Django's backend for PostgreSQL, and what the portal needs besides."""

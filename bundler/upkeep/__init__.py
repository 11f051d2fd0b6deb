"""Keeping a bundle over the years: upgrade, rollback, and backups of its data."""

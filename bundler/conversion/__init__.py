"""Image config, overrides, profile and target become a runtime config: pure functions, one owner per place."""

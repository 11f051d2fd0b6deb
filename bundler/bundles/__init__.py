"""One bundle on disk: made in a stage, recorded in bundler.json, verified, and replaced in one step."""

"""systemd units that keep a bundle running: pure functions from config.json and bundler.json to text."""

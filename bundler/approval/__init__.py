"""What a bundle may touch, for a person who has to approve it: one model, shown as text and as a page."""

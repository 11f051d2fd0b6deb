"""Two runtime configs beside each other: what differs, where each value comes from, what that means for security."""

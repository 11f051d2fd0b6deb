"""Building a bundle again a year later: locks, which pin what a build is made from, and comparing two builds."""

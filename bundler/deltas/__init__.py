"""What one bundle has and another one lacks, as one file: written, and applied to the bundle that is there."""

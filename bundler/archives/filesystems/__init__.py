"""File systems in a file, read as archives are: squashfs and erofs."""

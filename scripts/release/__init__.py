"""What a release is made of: an sdist, a wheel, a zipapp and a Debian package, the same bytes whoever makes them."""

"""Who vouches for a file or an image: keys, signatures, and what is signed. Nothing here has a network"""

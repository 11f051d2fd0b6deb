"""Signatures of files and images: keys, how signatures are made and verified, policies. Nothing here uses a network."""

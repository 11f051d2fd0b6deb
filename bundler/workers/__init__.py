"""Processes beside this one, which do some of its work and nothing else.

A worker is this Python, started anew. It gets data and open files, and gives data back; how it ends is looked at.
"""

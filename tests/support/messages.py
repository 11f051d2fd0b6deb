"""What tests ask of a message: its place and its key words, so that its sentence may become a better one."""


def tells(message: str, place: str, words: str) -> bool:
    """Whether the message begins with `place`, and has each of the `words` after that, in their order."""
    if not message.startswith(place):
        return False
    rest = message[len(place) :]
    for word in words.split():
        _, is_there, rest = rest.partition(word)
        if not is_there:
            return False
    return True

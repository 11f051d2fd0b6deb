"""The worker that turns the stored bytes of layers into their uncompressed ones, all of them checked."""

from typing import Final

from bundler.images.counted_stream import Stored
from bundler.images.layer import LayerFacts, layer_of
from bundler.images.layer_stream import open_layer
from bundler.workers.shared_stream import Filler

_PIECE: Final = 512 * 1024


def fill(filler: Filler, layers: tuple[LayerFacts, ...]) -> None:
    """Put each layer as a part of the stream, with the numbers of stored bytes that were read for it."""
    for facts in layers:
        stored = Stored()
        with open_layer(layer_of(facts), stored) as stream:
            while content := stream.read(_PIECE):
                filler.put(content, stored.taken())
            stream.finish()
        filler.end_part(stored.taken())

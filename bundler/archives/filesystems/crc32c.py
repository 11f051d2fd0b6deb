"""The checksum CRC-32C (Castagnoli), as the kernel's crc32c gives it: begun with ones, and not inverted at the end."""

from typing import Final

_POLYNOMIAL: Final = 0x82F63B78


def _row(number: int) -> int:
    for _ in range(8):
        number = number >> 1 ^ (_POLYNOMIAL if number & 1 else 0)
    return number


def crc32c(content: bytes) -> int:
    """Of a few kilobytes: byte by byte."""
    table = [_row(number) for number in range(256)]
    checksum = 0xFFFFFFFF
    for byte in content:
        checksum = checksum >> 8 ^ table[(checksum ^ byte) & 0xFF]
    return checksum

"""Tandem's random numbers, written again in Python from their description in src/shared/random.ts."""

import hashlib

MASK = 0xFFFFFFFF


class Random:
    """xoshiro128**, its state from SHA-256 of the seed and the stream's name."""

    def __init__(self, seed, stream):
        digest = hashlib.sha256(f"tandem/{seed}/{stream}".encode()).digest()
        self.s = [int.from_bytes(digest[4 * i : 4 * i + 4], "little") for i in range(4)]
        self.s[3] |= 1

    def uint32(self):
        s = self.s
        rotl = lambda x, k: ((x << k) | (x >> (32 - k))) & MASK
        result = rotl(s[1] * 5 & MASK, 7) * 9 & MASK
        t = s[1] << 9 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 11)
        return result

    def uniform(self):
        return self.uint32() / 2**32

    def below(self, bound):
        limit = 2**32 - 2**32 % bound
        while True:
            draw = self.uint32()
            if draw < limit:
                return draw % bound

    def accepts(self, t):
        previous, length = t, 0
        while True:
            following = self.uniform()
            if following >= previous:
                return length % 2 == 0
            previous, length = following, length + 1

    def truncated_normal(self):
        while True:
            x = self.uniform() * 4 - 2
            if self.accepts(x * x / 4) and self.accepts(x * x / 4):
                return x

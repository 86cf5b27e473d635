"""Decode functions for a decoder on a kernel without seccomp.

A filter makes it one, before the decoder tries to seal itself: the call that installs a filter is unknown from then on.
"""

import errno

from seccompy import Filter

from nightjar_validate.decode import decode as decode_for_real
from tests.images.validate.escapes import decode as decode_escapes

_kernel = Filter()
_kernel.errno("seccomp", errno.ENOSYS)
_kernel.load()

decode = decode_for_real
escape = decode_escapes

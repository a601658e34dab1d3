#include <zlib.h>

// The init macros of zlib do not reach Swift.
static inline int apus_inflate_init(z_stream *stream) { return inflateInit(stream); }
static inline int apus_deflate_init(z_stream *stream, int level) { return deflateInit(stream, level); }

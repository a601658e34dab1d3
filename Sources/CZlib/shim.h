#include <zlib.h>

// The init macros of zlib do not reach Swift.
static inline int apus_inflate_init(z_stream *stream) { return inflateInit(stream); }
static inline int apus_deflate_init(z_stream *stream, int level) { return deflateInit(stream, level); }
// 16 + 15: a gzip wrapper round a window of 32 KiB.
static inline int apus_gzip_init(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY);
}
static inline int apus_gunzip_init(z_stream *stream) { return inflateInit2(stream, 16 + 15); }

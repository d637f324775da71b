/* web_parse.h: the bytes of a connection become requests. RFC 9112, HTTP/1.0 and 1.1. */
#ifndef SANDBOX_WEB_PARSE_H
#define SANDBOX_WEB_PARSE_H

#include "sluice/arena.h"
#include "sluice/buf.h"
#include "web.h"

enum web_parsed { WEB_MORE, WEB_CONTINUE, WEB_READY, WEB_BAD };

struct web_parse {
    struct buf in;
    size_t used;      /* bytes of in that belong to the request at hand */
    struct arena mem; /* the request at hand */
    struct web_request request;
    int64_t first_us, last_us;
    bool continued; /* 100 Continue was said */
    bool keep_alive;
    int status; /* WEB_BAD: what to answer */
    const char *fault;
};

void web_parse_add(struct web_parse *p, const void *data, size_t len, int64_t now_us);
bool web_parse_full(const struct web_parse *p); /* no more is taken until a request is done */
enum web_parsed web_parse_try(struct web_parse *p, bool tls);
void web_parse_next(struct web_parse *p); /* forgets the request at hand */
void web_parse_clear(struct web_parse *p);

#endif

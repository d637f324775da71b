/* xml_reader.h: the door to expat. Reads one reply of an AWS API as it must be: no document type, a
 * bound on its bytes and on how deep elements nest, nothing after the first fault. What the
 * elements mean is the caller's (route53_xml.c, sts_xml.c). */
#ifndef SLUICE_XML_READER_H
#define SLUICE_XML_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/err.h"

/* Called with xml_reader.user. None is called after a fault. */
struct xml_handlers {
    const char *sender;                                     /* for messages: "Route 53" */
    size_t bytes_max;                                       /* of a reply */
    size_t depth_max;                                       /* of nested elements */
    void (*start)(void *user, const char *name);            /* without its namespace prefix */
    void (*end)(void *user);                                /* of the innermost element */
    void (*text)(void *user, const char *text, size_t len); /* a piece of the innermost one's */
};

struct xml_reader {
    const struct xml_handlers *on;
    void *user;
    /* To be read by handlers: the depth of the element at hand, 1 for the root. */
    size_t depth;
    /* Its own. */
    void *parser;
    struct err err;
    bool done; /* the root was closed */
};

/* Reads len bytes of text (NULL: none); on and user are set, everything else is zero. False with
 * ERR_LIMIT, ERR_PROTOCOL, or what a handler gave xml_stop(), with the line of the reply. */
bool xml_read(struct xml_reader *r, const char *text, size_t len, struct err *err) SL_MUST_CHECK;

/* From a handler: this reply is at fault. The first call counts. */
void xml_stop(struct xml_reader *r, enum err_kind kind, const char *what);

#endif

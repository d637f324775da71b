/* xml_tree.h: the sandbox's door to expat: a request body as a small tree.
 *
 * Only elements of the wanted namespace; no DOCTYPE, no text beside elements. Text is kept as sent.
 */
#ifndef SANDBOX_XML_TREE_H
#define SANDBOX_XML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/arena.h"
#include "sluice/buf.h"

#define XML_DEPTH_MAX 12
#define XML_NODES_MAX 60000

struct xml_node {
    const char *name;
    const char *text; /* "" for an element with children */
    struct xml_node *first, *next;
    unsigned long line, column;
};

/* The root, from mem; NULL with the service's kind of message in why. */
struct xml_node *xml_tree_parse(struct arena *mem, const char *body, size_t len, const char *ns,
                                struct buf *why);
const struct xml_node *xml_child(const struct xml_node *n, const char *name); /* NULL: none */
void xml_add_escaped(struct buf *out, const char *text);

#endif

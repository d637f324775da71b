#include "xml_tree.h"

#include <string.h>

#include <expat.h>

#define NS_MARK '|'

struct build {
    XML_Parser parser;
    struct arena *mem;
    const char *ns;
    struct buf *why;
    struct xml_node *root;
    struct xml_node *path[XML_DEPTH_MAX];
    struct xml_node *last[XML_DEPTH_MAX]; /* the newest child of each */
    struct buf text;
    size_t depth, n_nodes;
    bool failed;
};

static void fail(struct build *b, const char *what, const char *name)
{
    if (!b->failed)
        buf_addf(b->why, "Invalid XML ; %s '%s'.", what, name);
    b->failed = true;
    XML_StopParser(b->parser, XML_FALSE);
}

static bool is_blank(const struct buf *text)
{
    return strspn(buf_str(text), " \t\r\n") == text->len;
}

static void on_start(void *arg, const XML_Char *full, const XML_Char **attributes)
{
    struct build *b = arg;
    const char *mark = strchr(full, NS_MARK);
    struct xml_node *node;

    if (b->failed)
        return;
    if (!mark || strlen(b->ns) != (size_t)(mark - full) ||
        strncmp(full, b->ns, strlen(b->ns)) != 0) {
        fail(b, "cvc-elt.1: Cannot find the declaration of element", mark ? mark + 1 : full);
        return;
    }
    if (attributes[0]) {
        fail(b, "cvc-complex-type.3.2.2: Attribute is not allowed to appear in element", mark + 1);
        return;
    }
    if (b->depth == XML_DEPTH_MAX || b->n_nodes++ == XML_NODES_MAX || !is_blank(&b->text)) {
        fail(b, "cvc-complex-type.2.3: Unexpected content at element", mark + 1);
        return;
    }
    buf_reset(&b->text);
    node = arena_alloc(b->mem, sizeof *node);
    node->name = arena_strdup(b->mem, mark + 1);
    node->text = "";
    node->line = XML_GetCurrentLineNumber(b->parser);
    node->column = XML_GetCurrentColumnNumber(b->parser) + 1;
    if (!b->depth)
        b->root = node;
    else if (b->last[b->depth - 1])
        b->last[b->depth - 1]->next = node;
    else
        b->path[b->depth - 1]->first = node;
    if (b->depth)
        b->last[b->depth - 1] = node;
    b->path[b->depth] = node;
    b->last[b->depth++] = NULL;
}

static void on_end(void *arg, const XML_Char *name)
{
    struct build *b = arg;
    struct xml_node *node;

    (void)name;
    if (b->failed)
        return;
    node = b->path[--b->depth];
    if (!node->first)
        node->text = arena_strndup(b->mem, buf_str(&b->text), b->text.len);
    else if (!is_blank(&b->text))
        fail(b, "cvc-complex-type.2.3: Unexpected text in element", node->name);
    buf_reset(&b->text);
}

static void on_text(void *arg, const XML_Char *text, int len)
{
    struct build *b = arg;

    buf_add(&b->text, text, (size_t)len);
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
                       const XML_Char *public, int internal)
{
    (void)system;
    (void)public;
    (void)internal;
    fail(arg, "a document type is not allowed:", name);
}

struct xml_node *xml_tree_parse(struct arena *mem, const char *body, size_t len, const char *ns,
                                struct buf *why)
{
    struct build b = {.mem = mem, .ns = ns, .why = why};

    b.parser = XML_ParserCreateNS(NULL, NS_MARK);
    XML_SetUserData(b.parser, &b);
    XML_SetElementHandler(b.parser, on_start, on_end);
    XML_SetCharacterDataHandler(b.parser, on_text);
    XML_SetStartDoctypeDeclHandler(b.parser, on_doctype);
    if (XML_Parse(b.parser, body, (int)len, XML_TRUE) != XML_STATUS_OK && !b.failed) {
        buf_addf(why, "Invalid XML ; lineNumber: %lu; columnNumber: %lu; %s",
                 XML_GetCurrentLineNumber(b.parser), XML_GetCurrentColumnNumber(b.parser) + 1,
                 XML_ErrorString(XML_GetErrorCode(b.parser)));
        b.failed = true;
    }
    XML_ParserFree(b.parser);
    buf_clear(&b.text);
    return b.failed ? NULL : b.root;
}

const struct xml_node *xml_child(const struct xml_node *n, const char *name)
{
    for (const struct xml_node *c = n->first; c; c = c->next) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

void xml_add_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            buf_add_str(out, "&amp;");
            break;
        case '<':
            buf_add_str(out, "&lt;");
            break;
        case '>':
            buf_add_str(out, "&gt;");
            break;
        case '"':
            buf_add_str(out, "&quot;");
            break;
        case '\r':
            buf_add_str(out, "&#13;");
            break;
        default:
            buf_add_char(out, *text);
        }
    }
}

#include "sluice/doc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "sluice/file.h"
#include "sluice/text.h"

#define KEY_BYTES_MAX 1024

static const char byte_order_mark[] = "\xef\xbb\xbf";

struct parser {
    yaml_parser_t yaml;
    struct arena *mem;
    struct doc *doc;
    struct err *err;
    yaml_event_t event; /* the current one; cleared by next() */
    bool live;          /* event holds something */
};

static struct pos pos_of(const struct parser *p, const yaml_mark_t *mark)
{
    struct pos pos = {p->doc->path, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1};

    return pos;
}

static bool fail_at(const struct doc *doc, struct err *err, struct pos pos, const char *fmt, ...)
    SL_PRINTF(4, 5);

static bool vfail_at(const struct doc *doc, struct err *err, enum err_kind kind, struct pos pos,
                     const char *fmt, va_list ap) SL_PRINTF(5, 0);

static bool vfail_at(const struct doc *doc, struct err *err, enum err_kind kind, struct pos pos,
                     const char *fmt, va_list ap)
{
    char text[ERR_TEXT_MAX];

    if (!err || err->kind != ERR_NONE)
        return false;
    vsnprintf(text, sizeof text, fmt, ap);
    err_at(err, kind, pos, "%s", text);
    err_add_snippet(err, doc->text, doc->len);
    return false;
}

static bool fail_at(const struct doc *doc, struct err *err, struct pos pos, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfail_at(doc, err, ERR_FILE, pos, fmt, ap);
    va_end(ap);
    return false;
}

bool doc_fail(const struct doc_node *node, struct err *err, enum err_kind kind, const char *fmt,
              ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfail_at(node->doc, err, kind, node->pos, fmt, ap);
    va_end(ap);
    return false;
}

/* libyaml's words are about its own grammar. These are about the file. A row matches when its text
 * stands in the problem and, if given, its context in the context and its byte at the place. */
static const struct {
    const char *problem, *context, *say;
    char at;
} sayings[] = {
    {"cannot start any token", NULL, "a tab cannot indent; use blanks", '\t'},
    {"did not find expected key", NULL,
     "a list item cannot begin here: the items of a list must line up", '-'},
    {"alphabetic or numeric", "alias", "a text that begins with '*' must be quoted", 0},
    {"alphabetic or numeric", "anchor", "a text that begins with '&' must be quoted", 0},
    {"cannot start any token", NULL, "a value cannot begin with this character; quote it", 0},
    {"mapping values are not allowed", NULL,
     "a ':' is not expected here; quote the text, or check the indentation", 0},
    {"could not find expected ':'", NULL, "this key has no ':' after it", 0},
    {"expected ',' or ']'", NULL, "expected ',' or ']' in this list", 0},
    {"expected ',' or '}'", NULL, "expected ',' or '}' in this map", 0},
    {"expected '-' indicator", NULL, "expected '- ': the items of a list must line up", 0},
    {"did not find expected key", NULL, "expected a key here: the keys of a map must line up", 0},
    {"unexpected end of stream", "quoted", "this quoted text is not closed", 0},
    {"unexpected document indicator", "quoted", "this quoted text is not closed", 0},
    {"unknown escape character", NULL,
     "unknown escape in a \"...\" text; in '...' a backslash stands for itself", 0},
    {"expected hexdecimal number", NULL, "a \\x, \\u or \\U needs hexadecimal digits after it", 0},
    {"invalid Unicode character escape", NULL, "this escape is not a Unicode character", 0},
    {"block sequence entries", NULL, "a list item cannot begin here; check the indentation", 0},
    {"mapping keys are not allowed", NULL, "a key cannot begin here; check the indentation", 0},
    {"tab character", NULL, "a tab cannot indent; use blanks", 0},
    {"expected whitespace or line break", NULL, "expected a blank or the end of the line here", 0},
    {"expected comment or line break", NULL, "expected the end of the line here", 0},
    {"expected chomping or indentation", NULL, "expected the end of the line after '|' or '>'", 0},
    {"indentation indicator", NULL, "the indentation after '|' or '>' is 1 to 9", 0},
    {"expected <document start>", NULL,
     "expected nothing more after the document; check the indentation", 0},
    {"expected node content", NULL, "a value is missing here", 0},
    {"undefined tag handle", NULL, "tags (!) are not used here", 0},
    {"tag", "tag", "tags (!) are not used here", 0},
    {"incompatible YAML document", NULL, "only YAML 1.1 and 1.2 are understood", 0},
    {"directive", NULL, "directives (%) are not used here", 0},
    {NULL, "directive", "directives (%) are not used here", 0},
    {"Exceeded maximum depth", NULL, "lists and maps are nested too deep", 0},
};

static const char *translate(const yaml_parser_t *y, char at)
{
    const char *problem = y->problem ? y->problem : "";
    const char *context = y->context ? y->context : "";

    for (size_t i = 0; i < ARRAY_LEN(sayings); i++)
        if ((!sayings[i].problem || strstr(problem, sayings[i].problem)) &&
            (!sayings[i].context || strstr(context, sayings[i].context)) &&
            (!sayings[i].at || sayings[i].at == at))
            return sayings[i].say;
    return NULL;
}

/* Where the fault is for a person: what was never closed is shown where it began, the end of the
 * file being a useless place to look at. */
static const yaml_mark_t *best_mark(const yaml_parser_t *y)
{
    const char *context = y->context ? y->context : "", *problem = y->problem ? y->problem : "";

    if (strstr(problem, "unexpected end of stream") || strstr(problem, "find expected ':'"))
        return &y->context_mark;
    if (strstr(context, "flow") && y->context_mark.line != y->problem_mark.line)
        return &y->context_mark;
    return &y->problem_mark;
}

/* The byte at a place, '\0' past the end. Lines are short and errors are few. */
static char byte_at(const struct doc *doc, const yaml_mark_t *mark)
{
    const char *p = doc->text, *end = p + doc->len;
    size_t line = mark->line, col = mark->column;

    for (; p < end && line; p++)
        line -= *p == '\n';
    for (; p < end && col; p++)
        col -= ((unsigned char)p[1] & 0xc0) != 0x80;
    return p < end ? *p : '\0';
}

static bool fail_yaml(struct parser *p)
{
    const yaml_mark_t *mark = best_mark(&p->yaml);
    const char *say = translate(&p->yaml, byte_at(p->doc, mark));

    if (!say)
        say = p->yaml.problem ? p->yaml.problem : "this is not YAML";
    return fail_at(p->doc, p->err, pos_of(p, mark), "%s", say);
}

static bool next(struct parser *p)
{
    if (p->live)
        yaml_event_delete(&p->event);
    p->live = yaml_parser_parse(&p->yaml, &p->event) != 0;
    return p->live || fail_yaml(p);
}

/* Anchors and tags would make a file mean something else than it shows. */
static bool refuse_decoration(struct parser *p)
{
    const yaml_event_t *e = &p->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;

    switch (e->type) {
    case YAML_ALIAS_EVENT:
        return fail_at(p->doc, p->err, pos_of(p, &e->start_mark),
                       "aliases (*%s) are not used here; quote a text that begins with '*'",
                       (const char *)e->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor)
        return fail_at(p->doc, p->err, pos_of(p, &e->start_mark),
                       "anchors (&%s) are not used here; quote a text that begins with '&'",
                       (const char *)anchor);
    if (tag)
        return fail_at(p->doc, p->err, pos_of(p, &e->start_mark),
                       "tags (!) are not used here; quote a text that begins with '!'");
    return true;
}

static struct doc_node *new_node(struct parser *p, enum doc_kind kind)
{
    struct doc_node *node = arena_alloc(p->mem, sizeof *node);

    node->kind = kind;
    node->pos = pos_of(p, &p->event.start_mark);
    node->doc = p->doc;
    node->text = "";
    return node;
}

/* Grows an arena array by doubling; what is left behind is at most as much again. */
static void *grown(struct arena *mem, const void *old, size_t n, size_t size)
{
    void *fresh;

    if (n && (n & (n - 1)))
        return NULL;
    fresh = arena_array(mem, n ? 2 * n : 1, size);
    if (n)
        memcpy(fresh, old, n * size);
    return fresh;
}

static struct doc_node *take_node(struct parser *p, unsigned depth);

static struct doc_node *take_scalar(struct parser *p)
{
    struct doc_node *node = new_node(p, DOC_SCALAR);
    const char *value = (const char *)p->event.data.scalar.value;
    size_t len = p->event.data.scalar.length;

    node->quoted = p->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (memchr(value, '\0', len)) {
        fail_at(p->doc, p->err, node->pos, "a text cannot hold a NUL byte");
        return NULL;
    }
    node->text = arena_strndup(p->mem, value, len);
    node->len = len;
    return node;
}

static struct doc_node *take_list(struct parser *p, unsigned depth)
{
    struct doc_node *node = new_node(p, DOC_LIST);
    const struct doc_node **items = NULL;

    for (;;) {
        const struct doc_node *item;
        const struct doc_node **more;

        if (!next(p))
            return NULL;
        if (p->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        item = take_node(p, depth + 1);
        if (!item)
            return NULL;
        more = grown(p->mem, items, node->n, sizeof *items);
        items = more ? more : items;
        items[node->n++] = item;
    }
    node->items = items;
    return node;
}

static bool key_is_plain(const struct doc_node *key)
{
    for (size_t i = 0; i < key->len; i++)
        if ((unsigned char)key->text[i] < 0x20 || key->text[i] == 0x7f)
            return false;
    return key->len <= KEY_BYTES_MAX;
}

static bool check_key(struct parser *p, const struct doc_node *map, const struct doc_pair *pairs,
                      const struct doc_node *key)
{
    if (key->kind != DOC_SCALAR)
        return doc_fail(key, p->err, ERR_FILE, "a key must be a plain word, not %s",
                        doc_kind_name(key));
    if (!key_is_plain(key))
        return doc_fail(key, p->err, ERR_FILE, "a key must be one line of at most %d bytes",
                        KEY_BYTES_MAX);
    if (map->n == DOC_KEYS_MAX)
        return doc_fail(key, p->err, ERR_FILE, "a map has more than %d keys", DOC_KEYS_MAX);
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(pairs[i].key->text, key->text) == 0)
            return doc_fail(key, p->err, ERR_FILE, "key '%s' stands here twice, first in line %u",
                            key->text, pairs[i].key->pos.line);
    return true;
}

static struct doc_node *take_map(struct parser *p, unsigned depth)
{
    struct doc_node *node = new_node(p, DOC_MAP);
    struct doc_pair *pairs = NULL;

    for (;;) {
        struct doc_pair pair;
        struct doc_pair *more;

        if (!next(p))
            return NULL;
        if (p->event.type == YAML_MAPPING_END_EVENT)
            break;
        pair.key = take_node(p, depth + 1);
        if (!pair.key || !check_key(p, node, pairs, pair.key) || !next(p))
            return NULL;
        pair.value = take_node(p, depth + 1);
        if (!pair.value)
            return NULL;
        more = grown(p->mem, pairs, node->n, sizeof *pairs);
        pairs = more ? more : pairs;
        pairs[node->n++] = pair;
    }
    node->pairs = pairs;
    return node;
}

/* Turns the current event, and those that belong to it, into a node. Recursion ends at
 * DOC_DEPTH_MAX. */
static struct doc_node *take_node(struct parser *p, unsigned depth)
{
    if (!refuse_decoration(p))
        return NULL;
    if (p->event.type == YAML_SCALAR_EVENT)
        return take_scalar(p);
    if (depth >= DOC_DEPTH_MAX) {
        fail_at(p->doc, p->err, pos_of(p, &p->event.start_mark),
                "lists and maps are nested deeper than %d", DOC_DEPTH_MAX);
        return NULL;
    }
    assert(p->event.type == YAML_SEQUENCE_START_EVENT || p->event.type == YAML_MAPPING_START_EVENT);
    return p->event.type == YAML_SEQUENCE_START_EVENT ? take_list(p, depth) : take_map(p, depth);
}

static bool take_document(struct parser *p)
{
    if (!next(p)) /* stream start */
        return false;
    if (!next(p))
        return false;
    if (p->event.type == YAML_STREAM_END_EVENT)
        return fail_at(p->doc, p->err, (struct pos){p->doc->path, 1, 1}, "the file is empty");
    if (p->event.data.document_start.version_directive ||
        p->event.data.document_start.tag_directives.start !=
            p->event.data.document_start.tag_directives.end)
        return fail_at(p->doc, p->err, pos_of(p, &p->event.start_mark),
                       "directives (%%) are not used here");
    if (!next(p))
        return false;
    p->doc->root = take_node(p, 0);
    if (!p->doc->root || !next(p) || !next(p)) /* document end, and what follows */
        return false;
    if (p->event.type != YAML_STREAM_END_EVENT)
        return fail_at(p->doc, p->err, pos_of(p, &p->event.start_mark),
                       "a second document begins here; a file holds one");
    if (doc_is_empty(p->doc->root))
        return doc_fail(p->doc->root, p->err, ERR_FILE, "the file is empty");
    return true;
}

/* Bytes of the UTF-8 character at s, or 0 when it is none. */
static size_t char_len(const char *s, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++)
        if (text_is_utf8(s, n))
            return n;
    return 0;
}

static bool is_forbidden(unsigned char c)
{
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

/* libyaml finds these too, but counts bytes where we count lines. */
static bool check_bytes(const struct doc *doc, struct err *err)
{
    struct pos pos = {doc->path, 1, 1};
    size_t i = 0, n;

    for (; i < doc->len; i += n) {
        unsigned char c = (unsigned char)doc->text[i];

        n = c < 0x80 ? 1 : char_len(doc->text + i, doc->len - i);
        if (!n)
            return fail_at(doc, err, pos, "byte 0x%02x is not UTF-8", c);
        if (is_forbidden(c))
            return fail_at(doc, err, pos, "control byte 0x%02x in a text file", c);
        if (n == 3 && memcmp(doc->text + i, byte_order_mark, 3) == 0)
            return fail_at(doc, err, pos, "a byte order mark in the middle of a file");
        if (c == '\n') {
            pos.line++;
            pos.col = 1;
        } else {
            pos.col++;
        }
    }
    return true;
}

const struct doc *doc_parse(struct arena *mem, const char *path, const struct buf *text,
                            struct err *err)
{
    struct parser p = {.mem = mem, .err = err};
    size_t bom;
    bool ok;

    p.doc = arena_alloc(mem, sizeof *p.doc);
    p.doc->path = arena_strdup(mem, path);
    if (text->len > DOC_BYTES_MAX) {
        err_at(err, ERR_FILE, (struct pos){path, 0, 0}, "the file is larger than %zu KiB",
               DOC_BYTES_MAX / 1024);
        return NULL;
    }
    bom =
        text_starts_with(buf_str(text), byte_order_mark) ? 3 : 0; /* some editors put it in front */
    p.doc->len = text->len - bom;
    p.doc->text = arena_strndup(mem, buf_str(text) + bom, p.doc->len);
    if (!check_bytes(p.doc, err))
        return NULL;
    if (!yaml_parser_initialize(&p.yaml)) {
        err_set(err, ERR_BUG, "libyaml does not start");
        return NULL;
    }
    yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.yaml, (const unsigned char *)p.doc->text, p.doc->len);
    ok = take_document(&p);
    if (p.live)
        yaml_event_delete(&p.event);
    yaml_parser_delete(&p.yaml);
    return ok ? p.doc : NULL;
}

const struct doc *doc_load(struct arena *mem, const char *path, struct err *err)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (!file_read(&text, path, DOC_BYTES_MAX, err))
        return NULL;
    return doc_parse(mem, strcmp(path, "-") == 0 ? "<stdin>" : path, &text, err);
}

const struct doc_node *doc_root(const struct doc *doc)
{
    return doc->root;
}

const struct doc_node *doc_get(const struct doc_node *map, const char *key)
{
    if (map->kind != DOC_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->pairs[i].key->text, key) == 0)
            return map->pairs[i].value;
    return NULL;
}

bool doc_is_empty(const struct doc_node *node)
{
    return node->kind == DOC_SCALAR && !node->quoted && node->len == 0;
}

const char *doc_kind_name(const struct doc_node *node)
{
    switch (node->kind) {
    case DOC_LIST:
        return "a list";
    case DOC_MAP:
        return "a map";
    case DOC_SCALAR:
        break;
    }
    return doc_is_empty(node) ? "nothing" : "a text";
}

/* suite_shape.c: compiles the shape of a JSON value as a suite writes it. */
#include <string.h>

#include "shape.h"
#include "suite_file.h"

static bool compile(struct suite_builder *b, const struct doc_node *node, struct shape *out);

/* "string|null" */
static bool compile_types(struct suite_builder *b, const struct doc_node *node, struct shape *out)
{
    const char *s = node->text, *end;

    if (strlen(s) != node->len || node->len == 0)
        return doc_fail(node, b->err, ERR_FILE, "a type is expected here");
    do {
        size_t t = 0, len;

        end = strchrnul(s, '|');
        len = (size_t)(end - s);
        while (suite_type_names[t] &&
               (strlen(suite_type_names[t]) != len || strncmp(suite_type_names[t], s, len) != 0))
            t++;
        if (suite_type_names[t])
            out->types |= 1u << t;
        else if (len == 3 && strncmp(s, "any", 3) == 0)
            out->types |= (1u << SUITE_TYPE_COUNT) - 1;
        else
            return doc_fail(node, b->err, ERR_FILE,
                            "'%.40s' is no type: string, number, integer, boolean, null, list, "
                            "object or any, several with | between them",
                            s);
        s = end + 1;
    } while (*end);
    return true;
}

static bool compile_list(struct suite_builder *b, const struct doc_node *node, struct shape *out)
{
    struct shape *item = arena_array(&b->suite->mem, 1, sizeof *item);

    out->types = 1u << SUITE_TYPE_LIST;
    out->item = item;
    if (node->n != 1)
        return doc_fail(node, b->err, ERR_FILE,
                        "a list's shape has one item, which all are like: [string]");
    return compile(b, node->items[0], item);
}

static bool compile_object(struct suite_builder *b, const struct doc_node *node, struct shape *out)
{
    struct shape_key *keys = arena_array(&b->suite->mem, node->n + 1, sizeof *keys);

    out->types = 1u << SUITE_TYPE_OBJECT;
    if (node->n == 0)
        return doc_fail(node, b->err, ERR_FILE, "an object with any keys is written 'object'");
    for (size_t i = 0; i < node->n; i++) {
        const struct doc_node *key = node->pairs[i].key;
        struct shape *inner = arena_array(&b->suite->mem, 1, sizeof *inner);
        size_t len = key->len;

        keys[i].optional = len > 1 && key->text[len - 1] == '?';
        keys[i].name = arena_strndup(&b->suite->mem, key->text, len - keys[i].optional);
        keys[i].shape = inner;
        for (size_t k = 0; k < i; k++)
            if (strcmp(keys[k].name, keys[i].name) == 0)
                return doc_fail(key, b->err, ERR_FILE, "'%.80s' stands here twice", keys[i].name);
        if (!compile(b, node->pairs[i].value, inner))
            return false;
    }
    out->keys = keys;
    out->keys_n = node->n;
    return true;
}

/* A document's depth is bounded, so is this. */
static bool compile(struct suite_builder *b, const struct doc_node *node, struct shape *out)
{
    return node->kind == DOC_LIST  ? compile_list(b, node, out)
           : node->kind == DOC_MAP ? compile_object(b, node, out)
                                   : compile_types(b, node, out);
}

const struct shape *suite_build_shape(struct suite_builder *b, const struct doc_node *node)
{
    struct shape *shape = arena_array(&b->suite->mem, 1, sizeof *shape);

    return compile(b, node, shape) ? shape : NULL;
}

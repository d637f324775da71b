/* Any bytes as a YAML document, and what is read as JSON.
 * seeds: tests/data/yaml tests/data/plan examples */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sluice/doc.h"
#include "sluice/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every node has a place, and every place can be shown. */
static size_t walk(const struct doc_node *node)
{
    size_t n = 1;

    assert(node->pos.line && node->pos.col && node->doc);
    if (node->kind == DOC_SCALAR)
        assert(strlen(node->text) == node->len);
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == DOC_LIST)
            n += walk(node->items[i]);
        else
            n += walk(node->pairs[i].key) + walk(node->pairs[i].value);
    }
    return n;
}

static void check_json(const struct doc_node *root)
{
    struct buf bytes SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    json_auto_t *value = json_from_doc(root, &err);
    json_auto_t *again = NULL;

    if (!value) {
        assert(err.kind == ERR_FILE && err.line);
        return;
    }
    json_add_compact(&bytes, value);
    json_add_shown(&bytes, value, 0);
    buf_reset(&bytes);
    json_add_compact(&bytes, value);
    again = json_parse(buf_str(&bytes), bytes.len, &err);
    assert(again && json_same(value, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0}, said SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    const struct doc *doc;

    buf_add(&text, data, size);
    doc = doc_parse(&mem, "fuzz.yaml", &text, &err);
    if (doc) {
        assert(err.kind == ERR_NONE && walk(doc_root(doc)) >= 1);
        check_json(doc_root(doc));
        return 0;
    }
    assert(err.kind == ERR_FILE && err.text[0]);
    err_format(&err, "fuzz", &said);
    for (size_t i = 0; i < said.len; i++)
        assert((unsigned char)said.data[i] >= 0x20 || said.data[i] == '\n');
    return 0;
}

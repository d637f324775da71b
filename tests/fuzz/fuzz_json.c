/* Any bytes as JSON, and pointers into it: the first line is the pointer, the rest the document.
 * seeds: tests/data/json */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sluice/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf pointer SL_CLEANUP(buf_clear) = {0}, out SL_CLEANUP(buf_clear) = {0};
    struct err err = {0}, pointer_err = {0};
    const uint8_t *nl = memchr(data, '\n', size);
    size_t head = nl ? (size_t)(nl - data) : 0;
    json_auto_t *value = NULL, *again = NULL;
    const json_t *at;

    buf_add(&pointer, data, head);
    value = json_parse((const char *)data + head, size - head, &err);
    if (!value) {
        assert(err.kind != ERR_NONE);
        return 0;
    }
    at = json_pointer_get(value, buf_str(&pointer));
    if (at && json_pointer_check(buf_str(&pointer), &pointer_err))
        json_add_shown(&out, at, 100);
    buf_reset(&out);
    json_add_compact(&out, value);
    again = json_parse(buf_str(&out), out.len, &err);
    assert(again && json_same(value, again));
    return 0;
}

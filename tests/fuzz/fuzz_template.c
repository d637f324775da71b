/* Any text as a template: an err with a place, or parts that expand to what they say.
 *
 * seeds: tests/data/template */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lookup(void *ctx, const char *name, struct template_value *value)
{
    (void)ctx;
    *value = (struct template_value){name, strlen(name), strchr(name, '.') != NULL};
    return name[0] != '_';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem = {0};
    struct buf out = {0};
    struct template t;
    struct err err = {0};
    char *text = x_strndup((const char *)data, size);
    bool tainted = false;

    buf_init(&out, 65536);
    if (!template_parse(&t, &mem, text, (struct pos){"t", 1, 1}, NULL, NULL, &err)) {
        if (err.kind != ERR_FILE || !err.line)
            abort();
    } else if (template_expand(&t, lookup, NULL, &out, &tainted, &err)) {
        if (!strstr(text, "{{") && strcmp(buf_str(&out), text) != 0)
            abort();
    }
    free(text);
    buf_clear(&out);
    arena_clear(&mem);
    return 0;
}

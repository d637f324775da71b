/* A secret anywhere in any text, in any dress: it is not to be found afterwards.
 *
 * seeds: tests/data/redact */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/secret.h"
#include "sluice/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MARK "[secret.0]"

/* The mark itself may hold a short secret: only what stands between marks counts. */
static void check_gone(const struct buf *text, const void *what, size_t len)
{
    const char *at = buf_str(text), *end = at + text->len;

    while (at < end) {
        const char *mark = memmem(at, (size_t)(end - at), MARK, strlen(MARK));
        const char *stop = mark ? mark : end;

        if (memmem(at, (size_t)(stop - at), what, len))
            abort();
        at = mark ? mark + strlen(MARK) : end;
    }
}

static void dress(struct buf *out, int how, const void *secret, size_t len)
{
    switch (how) {
    case 0:
        buf_add(out, secret, len);
        break;
    case 1:
        text_add_hex(out, secret, len);
        break;
    case 2:
        text_add_base64(out, secret, len);
        break;
    case 3:
        text_add_base64url(out, secret, len);
        break;
    case 4:
        text_add_percent(out, secret, len, "/");
        break;
    default:
        text_add_safe(out, secret, len, len);
    }
}

/* The first byte: the length of the secret, which follows; then the text around it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct secret_set *set;
    size_t len, at;
    int how;

    if (size < 6 || size > 4096)
        return 0;
    len = SECRET_BYTES_MIN + data[0] % 29;
    if (len + 1 > size)
        return 0;
    set = secret_new();
    if (!secret_add(set, "0", data + 1, len, NULL))
        abort();
    at = (size - 1 - len) / 2;
    for (how = 0; how < 6; how++) {
        struct buf text = {0}, form = {0};

        dress(&form, how, data + 1, len);
        buf_add(&text, data + 1 + len, at);
        buf_add(&text, form.data, form.len);
        buf_add(&text, data + 1 + len + at, size - 1 - len - at);
        secret_redact(set, &text);
        check_gone(&text, form.data, form.len);
        check_gone(&text, data + 1, len);
        buf_clear(&text);
        buf_clear(&form);
    }
    secret_free(set);
    return 0;
}

#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "sluice/common.h"

static size_t hash(const char *s)
{
    uint64_t h = UINT64_C(1469598103934665603); /* FNV-1a */

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    return (size_t)h;
}

static size_t slot_of(const struct names *t, const char *text)
{
    size_t i = hash(text) % t->cap;

    while (t->texts[i] && strcmp(t->texts[i], text) != 0)
        i = (i + 1) % t->cap;
    return i;
}

static void grow(struct names *t)
{
    struct names bigger = {.cap = t->cap ? 2 * t->cap : 64, .n = t->n};

    bigger.texts = x_calloc(bigger.cap, sizeof *bigger.texts);
    bigger.numbers = x_calloc(bigger.cap, sizeof *bigger.numbers);
    for (size_t i = 0; i < t->cap; i++)
        if (t->texts[i]) {
            size_t at = slot_of(&bigger, t->texts[i]);

            bigger.texts[at] = t->texts[i];
            bigger.numbers[at] = t->numbers[i];
        }
    free(t->texts);
    free(t->numbers);
    *t = bigger;
}

uint32_t names_number(struct names *t, const char *text)
{
    size_t at;

    if (2 * ((size_t)t->n + 1) > t->cap)
        grow(t);
    at = slot_of(t, text);
    if (!t->texts[at]) {
        t->texts[at] = x_strdup(text);
        t->numbers[at] = t->n++;
    }
    return t->numbers[at];
}

void names_clear(struct names *t)
{
    for (size_t i = 0; i < t->cap; i++)
        free(t->texts[i]);
    free(t->texts);
    free(t->numbers);
    *t = (struct names){0};
}

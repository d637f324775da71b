/* names.h: texts to numbers: the first is 0, each new one the next. Grows as it must. */
#ifndef SLUICE_SMOKE_NAMES_H
#define SLUICE_SMOKE_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct names { /* open addressing; zeroed: empty */
    char **texts;
    uint32_t *numbers;
    uint32_t n;
    size_t cap;
};

/* The number of a text, which is copied when it is new; n grows by one then. */
uint32_t names_number(struct names *names, const char *text);
void names_clear(struct names *names);

#endif

/* answer.h: a response as checks and captures look at it: its body is read as JSON once, when first
 * asked. */
#ifndef SLUICE_SMOKE_ANSWER_H
#define SLUICE_SMOKE_ANSWER_H

#include <jansson.h>

#include "sluice/http.h"

struct answer {
    const struct http_response *response;
    const char *url; /* that was asked; NULL: not known */
    int64_t wall_ms; /* now, for certificates */
    json_t *json;
    bool json_tried;
    struct err json_err;
};

/* NULL when the body is no JSON; answer->json_err says why. Borrowed. */
const json_t *answer_json(struct answer *answer);
void answer_clear(struct answer *answer);

#endif

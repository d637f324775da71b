/* answer.c: JSON on demand. */
#include "answer.h"

#include "sluice/json.h"

const json_t *answer_json(struct answer *answer)
{
    if (!answer->json_tried) {
        const struct http_response *r = answer->response;

        answer->json_tried = true;
        if (r->truncated)
            err_set(&answer->json_err, ERR_LIMIT, "only the first %zu bytes of it were kept",
                    r->body.len);
        else
            answer->json = json_parse(buf_str(&r->body), r->body.len, &answer->json_err);
    }
    return answer->json;
}

void answer_clear(struct answer *answer)
{
    json_decref(answer->json);
    *answer = (struct answer){0};
}

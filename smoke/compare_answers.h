/* compare_answers.h: what is kept of one side's answers to a check, and how two sides' differ. Pure:
 * answers in, differences out. */
#ifndef SLUICE_SMOKE_COMPARE_ANSWERS_H
#define SLUICE_SMOKE_COMPARE_ANSWERS_H

#include "shape.h"
#include "sluice/pump.h"

#define COMPARE_ANSWERS_MAX  200 /* kept of one check and side */
#define COMPARE_JOBS_DEFAULT 10
#define COMPARE_ROUNDS_MIN   5 /* fewer cannot show that one side is slower (p < 0.01) */

struct compare_headers {
    char **names; /* lower case, owned */
    size_t n;
};

/* list: "content-type,location", or NULL for the usual ones. ERR_USAGE. */
bool compare_headers_parse(struct compare_headers *out, const char *list,
                           struct err *err) SL_MUST_CHECK;
void compare_headers_clear(struct compare_headers *headers);

struct compare_answer;

struct compare_answers { /* zero before */
    struct arena mem;
    struct compare_answer *list;
    size_t n;
};

/* Keeps status, the chosen headers and the shape of a JSON body. The last answer to each step's own
 * request, and to each of the further ones it makes, is what counts: a poll is as long as it is. */
void compare_answers_take(struct compare_answers *answers, const struct compare_headers *headers,
                          const struct pump_answer *answer);

/* Tells what differs: "status", "header content-type", "JSON /data/0". what, old and new are foreign
 * bytes. both_passed: an answer that only one side gave is a difference too; otherwise one flow ended
 * early. */
typedef void compare_differs_fn(void *ctx, uint32_t step, const char *what, const char *old,
                                const char *new);
void compare_answers(const struct compare_answers *old, const struct compare_answers *new,
                     const struct compare_headers *headers, bool both_passed,
                     compare_differs_fn *fn, void *ctx);

void compare_answers_clear(struct compare_answers *answers);

#endif

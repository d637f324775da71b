/* fuzz_suite: a suite from its text; what loads must have titles, rows and requests that can be
 * built.
 *
 * seeds: tests/data/suite examples */
#include "request.h"
#include "sluice/suite.h"

#define ROWS_MAX 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct suite *suite, const struct suite_check *check, uint32_t row)
{
    struct buf title SL_CLEANUP(buf_clear) = {0};
    struct scope scope SL_CLEANUP(scope_clear) = {.suite = suite,
                                                  .check = check,
                                                  .row = row,
                                                  .side = "new",
                                                  .run = "r",
                                                  .uuid = "u",
                                                  .now = "1"};

    suite_title(suite, check, row, &title);
    scope.values = x_calloc(check->slots_n + 1, sizeof *scope.values);
    for (size_t i = 0; i < check->steps_n; i++) {
        struct request request SL_CLEANUP(request_clear) = {0};
        struct request_around around = {.previous = ""};
        struct buf curl SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        if (request_build(&request, &scope, &check->steps[i].request, &around, &err))
            request_add_curl(&curl, &scope, &check->steps[i].request, "", NULL, true);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct suite suite SL_CLEANUP(suite_clear) = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    const struct doc *doc;

    buf_add(&text, data, size);
    doc = doc_parse(&suite.doc_mem, "/nowhere/suite.yaml", &text, &err);
    if (!doc || !suite_decode(&suite, doc_root(doc), NULL, NULL, &err))
        return 0;
    for (size_t c = 0; c < suite.checks_n; c++)
        for (uint32_t row = 0; row < suite.checks[c].rows_n && row < ROWS_MAX; row++)
            walk(&suite, &suite.checks[c], row);
    return 0;
}

/* Any bytes as a plan: either it is one, or it is refused with a place.
 * seeds: tests/data/plan examples */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "controller/plan_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *self, const struct err *err)
{
    assert(err->kind == ERR_FILE && err->text[0]);
    ++*(size_t *)self;
}

/* What the rest of the program relies on in a plan that loaded. */
static void check_good(const struct plan *plan)
{
    assert(plan->cutover && plan->cutover[0] && !strchr(plan->cutover, '/'));
    assert(plan->steps_n >= 1 && plan->steps_n <= PLAN_STEPS_MAX);
    assert(plan->suites_n >= 1 && plan->suites_n <= PLAN_SUITES_MAX);
    assert(plan->records_all || plan->records_n);
    for (uint32_t i = 0; i < plan->steps_n; i++) {
        assert(plan->steps[i].percent >= 1 && plan->steps[i].percent <= 100);
        assert(plan->steps[i].bake_ms > 0);
        assert(i == 0 || plan->steps[i].percent > plan->steps[i - 1].percent);
    }
    for (uint32_t i = 0; i < plan->suites_n; i++) {
        assert(!plan->suites[i].file != !plan->suites[i].inline_doc);
        assert(plan->suites[i].allowed_ppm >= 100);
        assert(plan->suites[i].allowed_ppm <= plan->suites[i].unacceptable_ppm / 2);
    }
    for (uint32_t i = 0; i < plan->records_n; i++)
        assert(plan_name_ok(plan->records[i].name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct plan *plan = arena_alloc(&mem, sizeof *plan);
    size_t n = 0;
    struct schema_sink sink = {.add = count, .self = &n};
    struct err err = {0}, again = {0};
    const struct doc *doc;

    buf_add(&text, data, size);
    doc = doc_parse(&mem, "fuzz.yaml", &text, &err);
    if (!doc)
        return 0;
    if (plan_decode(plan, &mem, doc, NULL, NULL, &err)) {
        check_good(plan);
        return 0;
    }
    assert(err.kind == ERR_FILE && err.line && err.text[0]);
    /* With a sink, the first error is the same and nothing is lost. */
    assert(!plan_decode(plan, &mem, doc, &sink, NULL, &again));
    assert(n >= 1 && n == sink.n && strcmp(err.text, again.text) == 0);
    return 0;
}

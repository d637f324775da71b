/* cmd_check.c: `smoke --check`. */
#include "cmd.h"
#include "sluice/file.h"

struct teller {
    struct schema_sink sink;
    size_t n;
};

static void tell(void *self, const struct err *err)
{
    struct teller *t = self;

    t->n++;
    log_failure(err);
}

/* One suite; its errors are told. */
static void check_one(struct opts *opts, const char *path, struct teller *teller, struct buf *out)
{
    struct suite_options options = {.base_url = opts->base_url,
                                    .given = opts->given,
                                    .given_n = opts->given_n,
                                    .sink = &teller->sink};
    struct suite suite = {0};
    struct err err = {0};
    size_t before = teller->n, rows = 0;

    teller->sink = (struct schema_sink){.add = tell, .self = teller};
    if (suite_load(&suite, path, &options, &err)) {
        for (size_t c = 0; c < suite.checks_n; c++)
            rows += suite.checks[c].rows_n;
        buf_addf(out, "%s: %zu check%s, %zu with their rows\n", path, suite.checks_n,
                 suite.checks_n == 1 ? "" : "s", rows);
    } else if (teller->n == before) {
        tell(teller, &err);
    } else if (teller->sink.n >= SCHEMA_ERRORS_MAX) {
        log_error("%s: %d errors are enough; there may be more", path, SCHEMA_ERRORS_MAX);
    }
    suite_clear(&suite);
}

bool cmd_check(struct opts *opts, bool *told, struct err *err)
{
    struct teller teller = {0};
    struct buf out SL_CLEANUP(buf_clear) = {0};

    for (size_t i = 0; i < opts->suites_n; i++)
        check_one(opts, opts->suites[i], &teller, &out);
    if (out.len && !opts->quiet && !file_write("-", buf_str(&out), out.len, err))
        return false;
    *told = teller.n > 0;
    return teller.n == 0 ||
           err_set(err, ERR_FILE, "%zu error%s", teller.n, teller.n == 1 ? "" : "s");
}

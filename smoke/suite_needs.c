/* suite_needs.c: which checks a suite has and which of them lend to which. Setup goes first, one
 * after another, and lends to all; teardown goes last. */
#include <string.h>

#include "sluice/text.h"
#include "suite_file.h"

enum { NOT_BUILT, BUILDING, BUILT };

static const struct file_check *file_of(const struct suite_builder *b, size_t i)
{
    const struct file_suite *f = b->file;

    return i < f->setup_n                 ? &f->setup[i]
           : i < f->setup_n + f->checks_n ? &f->checks[i - f->setup_n]
                                          : &f->teardown[i - f->setup_n - f->checks_n];
}

static enum suite_stage stage_of(const struct suite_builder *b, size_t i)
{
    const struct file_suite *f = b->file;

    return i < f->setup_n                 ? SUITE_SETUP
           : i < f->setup_n + f->checks_n ? SUITE_MAIN
                                          : SUITE_TEARDOWN;
}

static bool unknown_need(struct suite_builder *b, const struct file_check *file, const char *name)
{
    const char **names = x_calloc(b->all_n, sizeof *names), *near;

    for (size_t i = 0; i < b->all_n; i++)
        names[i] = file_of(b, i)->name.text;
    near = text_nearest(name, names, b->all_n);
    free(names);
    return near ? doc_fail(file->needs_at, b->err, ERR_FILE,
                           "no check is named '%.80s'; did you mean '%.80s'?", name, near)
                : doc_fail(file->needs_at, b->err, ERR_FILE, "no check is named '%.80s'", name);
}

static bool find_needs(struct suite_builder *b, size_t at, struct suite_check *out)
{
    const struct file_check *file = file_of(b, at);
    enum suite_stage stage = stage_of(b, at);
    size_t setup = stage == SUITE_SETUP ? at : b->file->setup_n;
    uint32_t *needs = arena_array(&b->suite->mem, setup + file->needs_n + 1, sizeof *needs);

    for (size_t i = 0; i < setup; i++)
        needs[out->needs_n++] = (uint32_t)i;
    for (size_t k = 0; k < file->needs_n; k++) {
        size_t i = 0;

        while (i < b->all_n && strcmp(file_of(b, i)->name.text, file->needs[k]) != 0)
            i++;
        if (i == b->all_n)
            return unknown_need(b, file, file->needs[k]);
        if (stage_of(b, i) != SUITE_MAIN || stage != SUITE_MAIN)
            return doc_fail(file->needs_at, b->err, ERR_FILE,
                            "'needs' is for checks under 'checks': setup goes before all, and "
                            "teardown after all, anyway");
        needs[out->needs_n++] = (uint32_t)i;
    }
    out->needs = needs;
    return true;
}

static bool build_one(struct suite_builder *b, size_t at);

static bool build_needs(struct suite_builder *b, size_t at, struct suite_check *out)
{
    for (size_t k = 0; k < out->needs_n; k++) {
        uint32_t i = out->needs[k];

        if (b->built[i] == BUILDING)
            return doc_fail(file_of(b, at)->needs_at, b->err, ERR_FILE,
                            "'%.80s' and '%.80s' need each other", file_of(b, at)->name.text,
                            file_of(b, i)->name.text);
        if (b->built[i] == NOT_BUILT && !build_one(b, i))
            return false;
        if (b->checks[i].row_list)
            return doc_fail(file_of(b, at)->needs_at, b->err, ERR_FILE,
                            "'%.80s' has 'rows', and what others need must run for all of them",
                            file_of(b, i)->name.text);
        if (b->checks[i].crosses)
            return doc_fail(file_of(b, at)->needs_at, b->err, ERR_FILE,
                            "'%.80s' asks both sides, so its session belongs to neither",
                            file_of(b, i)->name.text);
        b->checks[i].lends = true;
    }
    return true;
}

static bool build_one(struct suite_builder *b, size_t at)
{
    struct suite_check *out = &b->checks[at];

    b->built[at] = BUILDING;
    out->stage = stage_of(b, at);
    if (!find_needs(b, at, out) || !build_needs(b, at, out) ||
        !suite_build_check(b, file_of(b, at), out))
        return false;
    for (size_t k = 0; k < b->all_n; k++)
        if (b->built[k] == BUILT && strcmp(b->checks[k].name.text, out->name.text) == 0)
            return doc_fail(out->name.at, b->err, ERR_FILE,
                            "a second check of this name; the first is in line %u",
                            b->checks[k].name.at->pos.line);
    b->built[at] = BUILT;
    return true;
}

bool suite_build_checks(struct suite_builder *b)
{
    size_t cells = 0;

    b->all_n = b->file->setup_n + b->file->checks_n + b->file->teardown_n;
    b->checks = arena_array(&b->suite->mem, b->all_n, sizeof *b->checks);
    b->built = arena_array(&b->suite->mem, b->all_n, sizeof *b->built);
    b->suite->checks = b->checks;
    for (size_t i = 0; i < b->all_n; i++) {
        if (b->built[i] == NOT_BUILT && !build_one(b, i)) {
            if (!suite_hand_over(b))
                return false;
            b->built[i] = BUILT; /* so that others say no more of it */
            if (!b->checks[i].name.text)
                b->checks[i].name.text = "";
        }
        cells += b->checks[i].rows_n;
        if (cells > SUITE_CELLS_MAX)
            return doc_fail(b->checks[i].at, b->err, ERR_FILE,
                            "the matrix makes more than %d checks", SUITE_CELLS_MAX);
    }
    b->suite->checks_n = b->all_n;
    return true;
}

bool suite_take_lent(struct suite_builder *b, struct suite_check *check, const char **slots,
                     size_t *n)
{
    for (size_t k = 0; k < check->needs_n; k++) {
        const struct suite_check *lender = &b->checks[check->needs[k]];

        check->uses.columns |= lender->uses.columns;
        check->uses.secrets |= lender->uses.secrets;
        for (uint32_t i = 0; i < lender->slots_n; i++) {
            size_t at = 0;

            while (at < *n && strcmp(slots[at], lender->slots[i]) != 0)
                at++;
            if (at < *n)
                continue;
            if (*n == SUITE_CAPTURES_MAX)
                return doc_fail(check->at, b->err, ERR_FILE,
                                "more than %d captured values, with those that are lent",
                                SUITE_CAPTURES_MAX);
            slots[(*n)++] = lender->slots[i];
        }
    }
    return true;
}

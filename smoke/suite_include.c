/* suite_include.c: `include:`: what other suite files give to this one. Their checks, setup,
 * teardown, variables, secrets and matrix columns stand before its own, in the order of the list.
 * What is said once for a whole suite (base_url, defaults) is this one's to say. */
#include <string.h>

#include "suite_file.h"

struct chain { /* of files that include each other */
    const struct chain *up;
    const char *path;
};

static const char *beside_of(struct arena *mem, const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');

    if (name[0] == '/' || !slash)
        return name;
    return arena_printf(mem, "%.*s/%s", (int)(slash - path), path, name);
}

static bool check_chain(struct suite_builder *b, const struct chain *chain, const char *path,
                        const struct doc_node *at)
{
    int depth = 0;

    for (const struct chain *c = chain; c; c = c->up) {
        if (strcmp(c->path, path) == 0)
            return doc_fail(at, b->err, ERR_FILE, "%.200s includes itself, by way of %.200s", path,
                            chain->path);
        if (++depth > SUITE_INCLUDE_DEPTH_MAX)
            return doc_fail(at, b->err, ERR_FILE, "more than %d files deep",
                            SUITE_INCLUDE_DEPTH_MAX);
    }
    if (++b->included_n > SUITE_INCLUDES_MAX)
        return doc_fail(at, b->err, ERR_FILE, "more than %d files are included",
                        SUITE_INCLUDES_MAX);
    return true;
}

/* first and second, one after the other. */
static const void *joined(struct arena *mem, const void *first, size_t first_n, const void *second,
                          size_t second_n, size_t size)
{
    char *all = arena_array(mem, first_n + second_n + 1, size);

    if (first_n)
        memcpy(all, first, first_n * size);
    if (second_n)
        memcpy(all + first_n * size, second, second_n * size);
    return all;
}

#define JOIN(list, count)                                                                          \
    (all->list = joined(mem, all->list, all->count, more->list, more->count, sizeof *all->list),   \
     all->count += more->count)

static void add(struct arena *mem, struct file_suite *all, const struct file_suite *more)
{
    JOIN(vars, vars_n);
    JOIN(secrets, secrets_n);
    JOIN(matrix, matrix_n);
    JOIN(checks, checks_n);
    JOIN(setup, setup_n);
    JOIN(teardown, teardown_n);
}

static bool load_into(struct suite_builder *b, struct file_suite *all, const char *path,
                      const struct file_suite *file, const struct chain *up);

static bool load_one(struct suite_builder *b, struct file_suite *all, const char *path,
                     const struct doc_node *at, const struct chain *chain)
{
    struct file_suite file = {0};
    const struct doc *doc;
    struct err why = {0};

    if (!check_chain(b, chain, path, at))
        return false;
    doc = doc_load(&b->suite->doc_mem, path, &why);
    if (!doc) {
        if (why.line == 0) /* it cannot be read: the place is where it is named */
            return doc_fail(at, b->err, ERR_FILE, "%s", why.text);
        *b->err = why;
        return false;
    }
    if (!schema_decode(&file, &file_suite_schema, doc_root(doc), &b->suite->mem, b->err))
        return false;
    if (file.base_url.at || doc_get(doc_root(doc), "defaults"))
        return doc_fail(file.base_url.at ? file.base_url.at : doc_get(doc_root(doc), "defaults"),
                        b->err, ERR_FILE,
                        "base_url and defaults belong to the suite that includes this file");
    return load_into(b, all, path, &file, chain);
}

static bool load_into(struct suite_builder *b, struct file_suite *all, const char *path,
                      const struct file_suite *file, const struct chain *up)
{
    const struct chain chain = {up, path};

    for (size_t i = 0; i < file->include_n; i++)
        if (!load_one(b, all, beside_of(&b->suite->mem, path, file->include[i]), file->include_at,
                      &chain))
            return false;
    add(&b->suite->mem, all, file);
    return true;
}

bool suite_build_includes(struct suite_builder *b, struct file_suite *file)
{
    struct file_suite all = {0};

    if (file->include_n == 0)
        return true;
    if (!load_into(b, &all, b->suite->path, file, NULL))
        return false;
    if (all.checks_n > SUITE_CHECKS_MAX)
        return doc_fail(file->include_at, b->err, ERR_FILE, "more than %d checks in all",
                        SUITE_CHECKS_MAX);
    if (all.secrets_n > SUITE_SECRETS_MAX)
        return doc_fail(file->include_at, b->err, ERR_FILE, "more than %d secrets in all",
                        SUITE_SECRETS_MAX);
    file->vars = all.vars;
    file->vars_n = all.vars_n;
    file->secrets = all.secrets;
    file->secrets_n = all.secrets_n;
    file->matrix = all.matrix;
    file->matrix_n = all.matrix_n;
    file->checks = all.checks;
    file->checks_n = all.checks_n;
    file->setup = all.setup;
    file->setup_n = all.setup_n;
    file->teardown = all.teardown;
    file->teardown_n = all.teardown_n;
    return true;
}

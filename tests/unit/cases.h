/* cases.h: one directory per bad input, $srcdir/tests/data/KIND/CASE/{input.yaml,error}.
 *
 * The error a parser gives is compared whole (place, words, source line, caret) with the file `error`.
 * SLUICE_ACCEPT=1 writes those files instead: read the difference before committing it. */
#ifndef SLUICE_CASES_H
#define SLUICE_CASES_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sluice/buf.h"
#include "sluice/err.h"
#include "test.h"

#define CASES_PATH_MAX 512

static inline const char *cases_srcdir(void)
{
    const char *dir = getenv("srcdir");

    return dir ? dir : ".";
}

static inline void cases_read(struct buf *out, const char *path)
{
    char part[4096];
    FILE *f = fopen(path, "rb");
    size_t n;

    buf_reset(out);
    if (!f)
        return;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_add(out, part, n);
    fclose(f);
}

static inline void cases_write(const char *path, const struct buf *text)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    fwrite(buf_str(text), 1, text->len, f);
    fclose(f);
}

/* Compares text with a whole file of the source tree (SLUICE_ACCEPT=1 writes it instead). */
static inline void cases_same_file(const char *path, const struct buf *text)
{
    char full[CASES_PATH_MAX];
    struct buf want SL_CLEANUP(buf_clear) = {0};

    snprintf(full, sizeof full, "%s/%s", cases_srcdir(), path);
    if (getenv("SLUICE_ACCEPT"))
        cases_write(full, text);
    cases_read(&want, full);
    assert_string_equal(buf_str(text), buf_str(&want));
}

static inline int cases_is_name(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* Calls fails("input.yaml", err) inside each case's directory, which must return false. Returns how many
 * cases there were. */
static inline int cases_run(const char *kind, bool (*fails)(const char *path, struct err *err))
{
    char root[CASES_PATH_MAX], home[CASES_PATH_MAX];
    struct buf got SL_CLEANUP(buf_clear) = {0}, want SL_CLEANUP(buf_clear) = {0};
    struct dirent **names;
    int n, bad = 0;

    assert_non_null(getcwd(home, sizeof home));
    assert_int_equal(chdir(cases_srcdir()), 0);
    snprintf(root, sizeof root, "tests/data/%s", kind);
    assert_int_equal(chdir(root), 0);
    n = scandir(".", &names, cases_is_name, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        struct err err = {0};

        assert_int_equal(chdir(names[i]->d_name), 0);
        buf_reset(&got);
        if (fails("input.yaml", &err))
            buf_add_str(&got, "accepted\n");
        else
            err_format(&err, "sluice", &got);
        if (getenv("SLUICE_ACCEPT"))
            cases_write("error", &got);
        cases_read(&want, "error");
        if (strcmp(buf_str(&got), buf_str(&want)) != 0) {
            print_message("# %s/%s\n# expected:\n%s# met:\n%s", kind, names[i]->d_name, buf_str(&want),
                          buf_str(&got));
            bad++;
        }
        assert_int_equal(chdir(".."), 0);
        free(names[i]);
    }
    free(names);
    assert_int_equal(chdir(home), 0);
    assert_int_equal(bad, 0);
    return n;
}

#endif

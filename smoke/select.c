/* select.c: words against tags, names and titles. */
#include "select.h"

#include <fnmatch.h>
#include <string.h>

#include "sluice/text.h"

static bool matches(const char *word, const char *text)
{
    return fnmatch(word, text, 0) == 0;
}

static bool names_check(const char *word, const struct suite_check *check)
{
    for (size_t i = 0; i < check->tags_n; i++)
        if (matches(word, check->tags[i]))
            return true;
    return matches(word, check->name.text);
}

static bool names_row(const char *word, const struct suite *suite, const struct suite_check *check,
                      uint32_t row)
{
    struct buf title SL_CLEANUP(buf_clear) = {0};

    if (names_check(word, check))
        return true;
    suite_title(suite, check, row, &title);
    return matches(word, buf_str(&title));
}

static bool any(const char *const *words, size_t n, const struct suite *suite,
                const struct suite_check *check, uint32_t row)
{
    for (size_t i = 0; i < n; i++)
        if (names_row(words[i], suite, check, row))
            return true;
    return false;
}

bool select_row(const struct opts *opts, const struct suite *suite, const struct suite_check *check,
                uint32_t row)
{
    return (opts->only_n == 0 || any(opts->only, opts->only_n, suite, check, row)) &&
           !any(opts->skip, opts->skip_n, suite, check, row);
}

bool select_check(const struct opts *opts, const struct suite *suite,
                  const struct suite_check *check)
{
    if (opts->only_n == 0 && opts->skip_n == 0)
        return true;
    for (uint32_t row = 0; row < check->rows_n; row++)
        if (select_row(opts, suite, check, row))
            return true;
    return false;
}

static bool names_something(const char *word, struct suite *const *suites, size_t n)
{
    for (size_t s = 0; s < n; s++)
        for (size_t c = 0; c < suites[s]->checks_n; c++)
            for (uint32_t row = 0; row < suites[s]->checks[c].rows_n; row++)
                if (names_row(word, suites[s], &suites[s]->checks[c], row))
                    return true;
    return false;
}

static const char *nearest(const char *word, struct suite *const *suites, size_t n)
{
    const char **words = NULL, *near;
    size_t count = 0;

    for (size_t s = 0; s < n; s++)
        for (size_t c = 0; c < suites[s]->checks_n; c++) {
            const struct suite_check *check = &suites[s]->checks[c];

            words = x_realloc(words, count + check->tags_n + 1, sizeof *words);
            words[count++] = check->name.text;
            for (size_t t = 0; t < check->tags_n; t++)
                words[count++] = check->tags[t];
        }
    near = text_nearest(word, words, count);
    free(words);
    return near;
}

static bool check_words(const char *option, const char *const *words, size_t words_n,
                        struct suite *const *suites, size_t n, struct err *err)
{
    for (size_t i = 0; i < words_n; i++) {
        const char *near;

        if (names_something(words[i], suites, n))
            continue;
        near = nearest(words[i], suites, n);
        return near ? err_set(err, ERR_REFUSED,
                              "nothing selected: --%s '%s' names no check and no tag; did you mean "
                              "'%s'?",
                              option, words[i], near)
                    : err_set(err, ERR_REFUSED,
                              "nothing selected: --%s '%s' names no check and no tag", option,
                              words[i]);
    }
    return true;
}

bool select_check_words(const struct opts *opts, struct suite *const *suites, size_t n,
                        struct err *err)
{
    return check_words("only", opts->only, opts->only_n, suites, n, err) &&
           check_words("skip", opts->skip, opts->skip_n, suites, n, err);
}

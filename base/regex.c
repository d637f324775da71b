#include "sluice/regex.h"

#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    uint32_t groups;
};

static bool compile(struct regex *re, const char *pattern, struct err *err)
{
    char words[200];
    int code = 0;
    size_t at = 0;

    if (strlen(pattern) > REGEX_PATTERN_MAX)
        return err_set(err, ERR_FILE, "pattern of %zu bytes is above %d", strlen(pattern),
                       REGEX_PATTERN_MAX);
    re->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                             PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code,
                             &at, NULL);
    if (!re->code) {
        pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof words);
        return err_set(err, ERR_FILE, "pattern: %s at offset %zu", words, at);
    }
    pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &re->groups);
    if (re->groups > REGEX_GROUPS_MAX)
        return err_set(err, ERR_FILE, "pattern with %u groups; at most %d are taken", re->groups,
                       REGEX_GROUPS_MAX);
    re->data = pcre2_match_data_create_from_pattern(re->code, NULL);
    re->context = pcre2_match_context_create(NULL);
    if (!re->data || !re->context)
        return err_set(err, ERR_IO, "pattern: out of memory");
    pcre2_set_heap_limit(re->context, REGEX_HEAP_KIB);
    return true;
}

struct regex *regex_new(const char *pattern, struct err *err)
{
    struct regex *re = x_zalloc(sizeof *re);

    if (compile(re, pattern, err))
        return re;
    regex_free(re);
    return NULL;
}

void regex_free(struct regex *re)
{
    if (!re)
        return;
    pcre2_match_context_free(re->context);
    pcre2_match_data_free(re->data);
    pcre2_code_free(re->code);
    free(re);
}

size_t regex_groups(const struct regex *re)
{
    return re->groups;
}

static void fill(struct regex_span *spans, size_t n, const struct regex *re)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(re->data);
    size_t i;

    for (i = 0; i < n; i++) {
        bool part = i <= re->groups && at[2 * i] != PCRE2_UNSET;

        spans[i].start = part ? at[2 * i] : SIZE_MAX;
        spans[i].end = part ? at[2 * i + 1] : SIZE_MAX;
        if (spans[i].start > spans[i].end) /* \K in a look-ahead */
            spans[i].start = spans[i].end;
    }
}

enum regex_result regex_find(struct regex *re, const char *text, size_t len,
                             struct regex_span *spans, size_t n)
{
    uint32_t steps = REGEX_STEPS_MIN;
    int rc;

    /* ".*needle" alone takes a step a byte, for every line: a fixed limit would turn long pages
     * into errors. */
    if (len > steps / 4)
        steps = len < UINT32_MAX / 4 ? (uint32_t)(4 * len) : UINT32_MAX;
    pcre2_set_match_limit(re->context, steps);
    pcre2_set_depth_limit(re->context, steps);
    rc = pcre2_match(re->code, (PCRE2_SPTR)(text ? text : ""), len, 0, 0, re->data, re->context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return REGEX_NO_MATCH;
    if (rc < 0)
        return REGEX_LIMIT;
    fill(spans, n, re);
    return REGEX_MATCH;
}

#include "sluice/regex.h"

#include <string.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "sluice/clock.h"

#define BACK_BYTES_MAX ((size_t)200 * 1000 * 1000) /* compared by back references */
#define BACK_STEPS_MIN 1000u
#define PLACES_FIRST   16 /* in the first round: most texts are done with it */
#define ROUND_US       2000 /* a round that took less is followed by one of four times as many places */

struct regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    uint32_t groups;
    bool anchored, lines; /* a match begins at the text's begin only, at lines' only */
    bool refers;          /* back: a step may compare the whole text */
};

static bool compile(struct regex *re, const char *pattern, struct err *err)
{
    char words[200];
    uint32_t options = 0, first = 0, backref = 0;
    int code = 0;
    size_t at = 0;

    if (strlen(pattern) > REGEX_PATTERN_MAX)
        return err_set(err, ERR_FILE, "pattern of %zu bytes is above %d", strlen(pattern),
                       REGEX_PATTERN_MAX);
    re->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                             PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                                 PCRE2_USE_OFFSET_LIMIT,
                             &code, &at, NULL);
    if (!re->code) {
        pcre2_get_error_message(code, (PCRE2_UCHAR *)words, sizeof words);
        return err_set(err, ERR_FILE, "pattern: %s at offset %zu", words, at);
    }
    pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &re->groups);
    if (re->groups > REGEX_GROUPS_MAX)
        return err_set(err, ERR_FILE, "pattern with %u groups; at most %d are taken", re->groups,
                       REGEX_GROUPS_MAX);
    pcre2_pattern_info(re->code, PCRE2_INFO_ALLOPTIONS, &options);
    pcre2_pattern_info(re->code, PCRE2_INFO_FIRSTCODETYPE, &first);
    pcre2_pattern_info(re->code, PCRE2_INFO_BACKREFMAX, &backref);
    re->anchored = options & PCRE2_ANCHORED;
    re->lines = first == 2;
    re->refers = backref > 0;
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

/* PCRE2 counts its steps anew for every place where a match may begin, so that limit alone leaves
 * the square of the text's length. The places are therefore tried in rounds, and the time of all
 * rounds has a ceiling. A round begins small and grows while rounds are quick. */
static size_t round_end(const struct regex *re, const char *text, size_t len, size_t from,
                        size_t places)
{
    size_t end = re->anchored || places >= len - from ? len : from + places;
    const char *line;

    if (re->lines && end < len) { /* ".*x" is tried once a line, and at the beginning of a round */
        line = memchr(text + end, '\n', len - end);
        end = line ? (size_t)(line - text) + 1 : len;
    }
    while (end < len && ((unsigned char)text[end] & 0xc0) == 0x80)
        end++; /* a round begins with a whole character */
    return end;
}

static int64_t cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The wall clock costs nothing to read, the CPU's a system call: it is asked only once a search has
 * taken longer than a round may, which few do. */
static int search(struct regex *re, const char *text, size_t len)
{
    int64_t begun = clock_boot_us(), before = begun, cpu_begun = -1;
    size_t from = 0, places = PLACES_FIRST;

    for (;;) {
        size_t end = round_end(re, text, len, from, places);
        int64_t now;
        int rc;

        pcre2_set_offset_limit(re->context, end == len ? len : end - 1);
        rc = pcre2_match(re->code, (PCRE2_SPTR)text, len, from, 0, re->data, re->context);
        if (rc != PCRE2_ERROR_NOMATCH || end == len)
            return rc;
        now = clock_boot_us();
        if (cpu_begun < 0 && now - begun > ROUND_US)
            cpu_begun = cpu_us();
        if (cpu_begun >= 0 && cpu_us() - cpu_begun > REGEX_CPU_MS * 1000)
            return PCRE2_ERROR_MATCHLIMIT;
        if (now - before < ROUND_US)
            places = places < SIZE_MAX / 4 ? 4 * places : places;
        else if (now - before > 4 * ROUND_US && places > 1)
            places /= 4;
        places += places == 0;
        before = now;
        from = end;
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
    if (re->refers && len > BACK_BYTES_MAX / steps)
        steps = len < BACK_BYTES_MAX / BACK_STEPS_MIN ? (uint32_t)(BACK_BYTES_MAX / len)
                                                      : BACK_STEPS_MIN;
    pcre2_set_match_limit(re->context, steps);
    pcre2_set_depth_limit(re->context, steps);
    rc = search(re, text ? text : "", len);
    if (rc == PCRE2_ERROR_NOMATCH)
        return REGEX_NO_MATCH;
    if (rc < 0)
        return REGEX_LIMIT;
    fill(spans, n, re);
    return REGEX_MATCH;
}

/* cmd_import.c: `smoke import`. */
#include <string.h>

#include "cmd.h"
#include "draft.h"
#include "sluice/file.h"

static bool read_words(const struct opts *opts, struct curl_line *line, const char *const **words,
                       size_t *n, struct err *err)
{
    struct buf text SL_CLEANUP(buf_wipe) = {0};

    if (opts->words_n > 1) { /* the shell has split it already */
        *words = opts->words;
        *n = opts->words_n;
        return true;
    }
    if (opts->words_n == 1)
        buf_add_str(&text, opts->words[0]);
    else if (!file_read(&text, "-", CURL_LINE_BYTES_MAX, err))
        return false;
    return curl_line_split(&line->mem, buf_str(&text), text.len, words, n, err);
}

bool cmd_import(const struct opts *opts, struct err *err)
{
    struct curl_line line = {0};
    struct buf out SL_CLEANUP(buf_clear) = {0}, needed SL_CLEANUP(buf_clear) = {0};
    const char *const *words;
    size_t n;
    bool ok = read_words(opts, &line, &words, &n, err) && curl_line_parse(&line, words, n, err);

    if (ok) {
        draft_curl(&out, &line, &needed);
        ok = draft_check(&out, err) && file_write("-", buf_str(&out), out.len, err);
    }
    if (ok && needed.len) {
        for (char *p = needed.data; *p; p++)
            if (*p == '\n')
                *p = p[1] ? ' ' : '\0';
        log_info("the credentials were left out; set in the environment: %s", buf_str(&needed));
    }
    curl_line_clear(&line);
    return ok;
}

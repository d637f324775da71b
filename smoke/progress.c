/* progress.c: first drawn after half a second, then at most ten times a second, wiped before
 * anything else is written. */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sluice/secret.h"
#include "sluice/text.h"

#define FIRST_MS 500
#define EVERY_MS 100
#define PLAIN_MS 10000 /* plain: how often something is said where no check ends for good */

static void write_all(const struct buf *text)
{
    const char *s = buf_str(text);
    size_t len = text->len;

    while (len) {
        ssize_t n = write(STDERR_FILENO, s, len);

        if (n <= 0)
            return; /* words about progress: nobody is owed them */
        s += n;
        len -= (size_t)n;
    }
}

static void wipe(void *ctx)
{
    struct progress *p = ctx;
    struct buf text SL_CLEANUP(buf_clear) = {0};

    if (!p->shown)
        return;
    buf_add_str(&text, "\r\x1b[K");
    write_all(&text);
    p->shown = false;
}

void progress_begin(struct progress *p, const struct opts *opts, const struct report *report,
                    int64_t now_ms)
{
    const char *term = getenv("TERM");
    bool tty = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;

    *p = (struct progress){
        .report = report, .started_ms = now_ms, .drawn_ms = now_ms + FIRST_MS - EVERY_MS};
    p->json = opts->progress == OPTS_PROGRESS_JSON;
    p->plain = opts->progress == OPTS_PROGRESS_PLAIN;
    if (p->plain)
        p->drawn_ms = now_ms;
    p->live = opts->progress == OPTS_PROGRESS_TTY ||
              (opts->progress == OPTS_PROGRESS_AUTO && tty && !opts->quiet);
    if (p->live)
        log_set_hook(wipe, NULL, p);
}

void progress_result(struct progress *p, const struct report_entry *entry)
{
    struct buf line SL_CLEANUP(buf_clear) = {0};

    p->done++;
    p->bad += entry->result.verdict != RUN_PASS;
    if (p->json) {
        report_json_line(p->report, entry, &line);
        write_all(&line);
    }
    if (p->live) {
        buf_reset(&p->last);
        pump_title(p->report->pump, entry->result.stratum, &p->last);
    }
}

void progress_settle(struct progress *p)
{
    const struct report *r = p->report;
    struct buf line SL_CLEANUP(buf_clear) = {0};

    if (!p->plain || r->tallies)
        return;
    for (; p->told < r->entries_n && r->entries[p->told].done; p->told++) {
        const struct report_entry *e = &r->entries[p->told];
        struct buf title SL_CLEANUP(buf_clear) = {0};

        pump_title(r->pump, e->result.stratum, &title);
        buf_addf(&line, "%zu/%zu %-7s ", p->told + 1, r->entries_n, report_word(r, e));
        text_add_safe(&line, buf_str(&title), title.len, 300);
        buf_addf(&line, "  %lld ms\n", (long long)((e->result.latency_us + 500) / 1000));
    }
    secret_redact_sink(&line);
    write_all(&line);
}

/* Where each check runs again and again, or one takes long: how far it has come. */
static void tell(struct progress *p, int64_t now_ms)
{
    struct buf line SL_CLEANUP(buf_clear) = {0};

    buf_addf(&line, "%zu done, %zu did not pass, after %lld s\n", p->done, p->bad,
             (long long)((now_ms - p->started_ms) / 1000));
    write_all(&line);
}

static void draw(struct progress *p)
{
    struct winsize size = {0};
    struct buf line SL_CLEANUP(buf_clear) = {0};
    size_t width =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col : 80;
    struct buf title SL_CLEANUP(buf_clear) = {0};
    size_t kept;

    buf_addf(&title, "%zu/%zu done", p->done, p->report->entries_n);
    if (p->bad)
        buf_addf(&title, ", %zu did not pass", p->bad);
    if (p->last.len) {
        buf_add_str(&title, "  ");
        text_add_safe(&title, buf_str(&p->last), p->last.len, 200);
    }
    secret_redact_sink(&title);
    kept = title.len < width - 1 ? title.len : width - 1;
    while (kept < title.len && kept > 0 && ((unsigned char)title.data[kept] & 0xc0) == 0x80)
        kept--; /* not in the middle of a character */
    buf_addf(&line, "\r%.*s\x1b[K", (int)kept, buf_str(&title));
    write_all(&line);
    p->shown = true;
}

int64_t progress_tick(struct progress *p, int64_t now_ms)
{
    if (p->plain) {
        if (now_ms - p->drawn_ms >= PLAIN_MS) {
            tell(p, now_ms);
            p->drawn_ms = now_ms;
        }
        return p->drawn_ms + PLAIN_MS;
    }
    if (!p->live)
        return INT64_MAX;
    if (now_ms - p->drawn_ms >= EVERY_MS) {
        draw(p);
        p->drawn_ms = now_ms;
    }
    return p->drawn_ms + EVERY_MS;
}

void progress_end(struct progress *p)
{
    wipe(p);
    if (p->live)
        log_set_hook(NULL, NULL, NULL);
    buf_clear(&p->last);
}

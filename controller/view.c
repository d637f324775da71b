#include "view.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "sluice/buf.h"
#include "sluice/log.h"
#include "sluice/secret.h"
#include "sluice/text.h"

#define COLUMNS_DEFAULT 80
#define LAST_WORDS_MS   1000

struct view {
    enum opts_progress mode; /* never AUTO */
    bool color, verbose, keys, drawn, asking;
    const char *cutover, *run;
    uint64_t seq;
};

/* The one terminal of the process, for the way out that does not pass view_free(). */
static struct termios saved;
static volatile sig_atomic_t changed;

static void restore(void)
{
    if (changed)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    changed = 0;
}

static void restore_and_die(int sig)
{
    restore();
    signal(sig, SIG_DFL);
    raise(sig);
}

static bool take_keyboard(void)
{
    struct termios t;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &t) < 0 ||
        tcgetpgrp(STDIN_FILENO) != getpgrp())
        return false;
    if (!changed)
        saved = t;
    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    t.c_cc[VMIN] = 0;
    t.c_cc[VTIME] = 0;
    changed = 1;
    return tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

struct view *view_new(const struct opts *opts, const char *cutover, const char *run, bool keys)
{
    static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    const char *term = getenv("TERM");
    bool tty = isatty(STDERR_FILENO) && (!term || strcmp(term, "dumb") != 0);
    struct view *v = x_zalloc(sizeof *v);

    v->mode = opts->progress;
    if (v->mode == OPTS_PROGRESS_AUTO)
        v->mode = tty ? OPTS_PROGRESS_TTY : OPTS_PROGRESS_PLAIN;
    if (opts->quiet)
        v->mode = OPTS_PROGRESS_QUIET;
    v->color = v->mode != OPTS_PROGRESS_JSON && opts_use_color(opts, STDERR_FILENO);
    v->verbose = opts->verbose;
    v->cutover = cutover;
    v->run = run;
    log_patience(0); /* a terminal held with Ctrl-S must not hold a rollback */
    if (keys && v->mode == OPTS_PROGRESS_TTY && take_keyboard()) {
        v->keys = true;
        atexit(restore);
        for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
            signal(deadly[i], restore_and_die);
    }
    return v;
}

void view_free(struct view *v)
{
    if (!v)
        return;
    view_clear_line(v);
    log_patience(LAST_WORDS_MS);
    restore();
    free(v);
}

bool view_is_live(const struct view *v)
{
    return v->mode == OPTS_PROGRESS_TTY;
}

bool view_has_keys(const struct view *v)
{
    return v->keys;
}

static void put(struct buf *text)
{
    secret_redact_sink(text);
    log_write(text->data, text->len);
}

void view_clear_line(struct view *v)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};

    if (!v->drawn)
        return;
    buf_add_str(&b, "\r\x1b[K");
    put(&b);
    v->drawn = false;
}

static void put_json(struct view *v, int64_t wall_ms, const char *kind, json_t *detail,
                     const char *text)
{
    struct buf b SL_CLEANUP(buf_clear) = {0}, time SL_CLEANUP(buf_clear) = {0};
    json_t *o;
    char *line;

    text_format_time(&time, wall_ms, true);
    o = json_pack("{s:i, s:I, s:s, s:s, s:s, s:s, s:s}", "schema", 1, "seq", (json_int_t)++v->seq,
                  "time", buf_str(&time), "cutover", v->cutover, "run", v->run ? v->run : "",
                  "event", kind, "text", text);
    if (detail)
        json_object_update_missing(o, detail);
    line = json_dumps(o, JSON_COMPACT);
    buf_addf(&b, "%s\n", line ? line : "{}");
    free(line);
    json_decref(o);
    put(&b);
}

void view_event(struct view *v, enum view_level level, int64_t wall_ms, const char *kind,
                json_t *detail, const char *fmt, ...)
{
    static const char *const colors[] = {
        [VIEW_DETAIL] = "2", [VIEW_INFO] = "", [VIEW_GOOD] = "32", [VIEW_BAD] = "31"};
    struct buf text SL_CLEANUP(buf_clear) = {0}, b SL_CLEANUP(buf_clear) = {0};
    const char *color = v->color ? colors[level] : "";
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    if (v->mode == OPTS_PROGRESS_JSON) {
        put_json(v, wall_ms, kind, detail, buf_str(&text));
    } else if ((v->mode != OPTS_PROGRESS_QUIET || level == VIEW_BAD) &&
               (level != VIEW_DETAIL || v->verbose)) {
        view_clear_line(v);
        text_format_time(&b, wall_ms, false);
        buf_addf(&b, " %s%s%s", *color ? "\x1b[" : "", color, *color ? "m" : "");
        buf_addf(&b, "%s%s\n", buf_str(&text), *color ? "\x1b[0m" : "");
        put(&b);
    }
    json_decref(detail);
}

static size_t columns(void)
{
    struct winsize w;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 10 ? w.ws_col : COLUMNS_DEFAULT;
}

static const char *keys_of(const struct view *v, enum ramp_phase phase)
{
    if (!v->keys)
        return "";
    if (v->asking)
        return "  roll back? y/n";
    switch (phase) {
    case RAMP_APPROVING:
        return "  [a]pprove [p]ause [b]ack";
    case RAMP_PAUSED:
    case RAMP_HELD:
        return "  [r]esume [b]ack";
    case RAMP_REVERTING:
    case RAMP_UNSAFE:
        return "";
    default:
        return "  [p]ause [b]ack";
    }
}

void view_draw(struct view *v, const struct view_status *s, int64_t now_ms)
{
    static const char spinner[] = "|/-\\";
    struct buf b SL_CLEANUP(buf_clear) = {0}, line SL_CLEANUP(buf_clear) = {0};
    size_t width;

    log_flush();
    if (v->mode != OPTS_PROGRESS_TTY || log_is_behind())
        return;
    buf_addf(&line, "%c %s  %s", spinner[now_ms / VIEW_TICK_MS % 4], v->cutover,
             ramp_phase_name(s->phase));
    if (s->step)
        buf_addf(&line, "  step %u/%u", s->step, s->steps_n);
    buf_addf(&line, "  new %u%%", s->percent);
    if (s->until_ms != INT64_MAX && s->until_ms > now_ms) {
        int64_t left = (s->until_ms - now_ms + 999) / 1000;

        buf_addf(&line, "  %lld:%02lld left", (long long)(left / 60), (long long)(left % 60));
    }
    buf_addf(&line, "  old %llu/%llu new %llu/%llu failed",
             (unsigned long long)s->failures[PLAN_OLD], (unsigned long long)s->probes[PLAN_OLD],
             (unsigned long long)s->failures[PLAN_NEW], (unsigned long long)s->probes[PLAN_NEW]);
    buf_add_str(&line, keys_of(v, s->phase));
    /* Never as wide as the terminal: a wrapped line could not be wiped. */
    width = columns() - 1;
    if (line.len > width)
        buf_cut(&line, width);
    buf_addf(&b, "\r%s\x1b[K", buf_str(&line));
    put(&b);
    v->drawn = true;
}

int view_fd(const struct view *v)
{
    return v->keys ? STDIN_FILENO : -1;
}

enum view_key view_read_key(struct view *v)
{
    char c;

    while (v->keys && read(STDIN_FILENO, &c, 1) == 1) {
        if (v->asking) {
            v->asking = false;
            if (c == 'y' || c == 'Y')
                return VIEW_KEY_ROLLBACK;
            continue;
        }
        switch (c) {
        case 'p':
            return VIEW_KEY_PAUSE;
        case 'r':
            return VIEW_KEY_RESUME;
        case 'a':
            return VIEW_KEY_APPROVE;
        case 'b':
        case 'R':
            v->asking = true;
            break;
        default:
            break;
        }
    }
    return VIEW_KEY_NONE;
}

void view_stop(struct view *v)
{
    view_clear_line(v);
    restore();
    raise(SIGSTOP);
}

void view_resumed(struct view *v)
{
    if (v->keys)
        take_keyboard();
}

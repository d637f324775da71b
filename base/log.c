#include "sluice/log.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "sluice/secret.h"
#include "sluice/text.h"

#define LINE_MAX_BYTES ((size_t)16 * 1024)

static const struct {
    const char *word;
    const char *color;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error: ", "\x1b[1;31m"},
    [LOG_LEVEL_WARN] = {"warning: ", "\x1b[1;33m"},
    [LOG_LEVEL_INFO] = {"", ""},
    [LOG_LEVEL_DETAIL] = {"", ""},
};
_Static_assert(ARRAY_LEN(levels) == LOG_LEVEL_COUNT, "a row for every level");

static struct {
    const char *program;
    enum log_level level;
    enum log_color color;
    void (*clear)(void *ctx);
    void (*redraw)(void *ctx);
    void *ctx;
    struct buf *capture;
} state = {.program = "sluice", .level = LOG_LEVEL_INFO};

void log_init(const char *program, enum log_level level, enum log_color color)
{
    state.program = program;
    state.level = level;
    state.color = color;
}

bool log_parse_color(const char *s, enum log_color *out, struct err *err)
{
    static const char *const words[] = {"auto", "always", "never"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(words); i++)
        if (!strcmp(s, words[i])) {
            *out = (enum log_color)i;
            return true;
        }
    return err_set(err, ERR_USAGE, "--color takes auto, always or never, not \"%s\"", s);
}

static bool is_set(const char *name)
{
    const char *v = getenv(name);

    return v && *v;
}

static bool is_on(const char *name)
{
    const char *v = getenv(name);

    return v && *v && strcmp(v, "0") != 0;
}

/* no-color.org, bixense.com/clicolors, force-color.org */
bool log_use_color(int fd)
{
    const char *term = getenv("TERM");

    if (state.color != LOG_COLOR_AUTO)
        return state.color == LOG_COLOR_ALWAYS;
    if (is_set("NO_COLOR"))
        return false;
    if (is_on("CLICOLOR_FORCE") || is_on("FORCE_COLOR"))
        return true;
    if ((is_set("CLICOLOR") && !is_on("CLICOLOR")) || (term && !strcmp(term, "dumb")))
        return false;
    return isatty(fd) == 1;
}

enum log_level log_level(void)
{
    return state.level;
}

static void put(struct buf *text)
{
    secret_redact_sink(text);
    if (state.capture) {
        buf_add(state.capture, text->data, text->len);
        return;
    }
    if (state.clear)
        state.clear(state.ctx);
    log_write(text->data, text->len);
    if (state.redraw)
        state.redraw(state.ctx);
}

static SL_PRINTF(2, 0) void say(enum log_level level, const char *fmt, va_list ap)
{
    struct buf words SL_CLEANUP(buf_wipe) = {0}, line SL_CLEANUP(buf_wipe) = {0};
    bool color = levels[level].color[0] && log_use_color(STDERR_FILENO);

    if (level > state.level)
        return;
    buf_vaddf(&words, fmt, ap);
    secret_redact_sink(&words); /* before it is cut: half a secret would not be known again */
    buf_addf(&line, "%s: %s%s%s", state.program, color ? levels[level].color : "",
             levels[level].word, color ? "\x1b[0m" : "");
    text_add_safe(&line, buf_str(&words), words.len, LINE_MAX_BYTES);
    buf_add_char(&line, '\n');
    put(&line);
}

#define SAY(name, level)                                                                           \
    void name(const char *fmt, ...)                                                                \
    {                                                                                              \
        va_list ap;                                                                                \
                                                                                                   \
        va_start(ap, fmt);                                                                         \
        say(level, fmt, ap);                                                                       \
        va_end(ap);                                                                                \
    }

SAY(log_error, LOG_LEVEL_ERROR)
SAY(log_warn, LOG_LEVEL_WARN)
SAY(log_info, LOG_LEVEL_INFO)
SAY(log_detail, LOG_LEVEL_DETAIL)

void log_failure(const struct err *err)
{
    struct buf text SL_CLEANUP(buf_wipe) = {0};

    err_format(err, state.program, &text);
    put(&text);
}

void log_block(enum log_level level, const struct buf *text)
{
    struct buf copy SL_CLEANUP(buf_wipe) = {0};

    if (level > state.level || !text->len)
        return;
    buf_add(&copy, text->data, text->len);
    put(&copy);
}

void log_set_hook(void (*clear)(void *ctx), void (*redraw)(void *ctx), void *ctx)
{
    state.clear = clear;
    state.redraw = redraw;
    state.ctx = ctx;
}

void log_set_capture(struct buf *out)
{
    state.capture = out;
}

/* opts.h: the command line of sluice, read strictly.
 *
 * Commands and options are tables. Long options must be written out (an abbreviation becomes an
 * interface the day somebody puts it in a script), options may stand before or after the arguments,
 * "--" ends them. -h or --help anywhere wins over everything else on the line. */
#ifndef SLUICE_OPTS_H
#define SLUICE_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"
#include "sluice/err.h"

#define OPTS_ARGS_MAX 8
#define OPTS_LIST_MAX 8

enum opts_color { OPTS_COLOR_AUTO, OPTS_COLOR_ALWAYS, OPTS_COLOR_NEVER };
enum opts_progress {
    OPTS_PROGRESS_AUTO, /* tty on a terminal, else plain */
    OPTS_PROGRESS_TTY,
    OPTS_PROGRESS_PLAIN,
    OPTS_PROGRESS_JSON,
    OPTS_PROGRESS_QUIET,
};
enum opts_format { OPTS_FORMAT_TEXT, OPTS_FORMAT_JSON };
enum opts_probe { OPTS_PROBE_SAFE, OPTS_PROBE_ALL, OPTS_PROBE_NONE };

struct opts_list { /* of an option that may be given more than once */
    const char *item[OPTS_LIST_MAX];
    size_t n;
};

struct opts {
    const struct command *command; /* NULL: none was named (help, version) */
    const char *args[OPTS_ARGS_MAX];
    size_t n_args;
    bool help, version;
    bool yes, quiet, verbose;
    enum opts_color color;
    enum opts_progress progress;
    enum opts_format format;
    const char *state_dir; /* as given; NULL: opts_state_dir() */
    /* of single commands */
    bool from_current, take_over, detailed_exitcode, retry_certificates;
    enum opts_probe probe;
    uint32_t to_percent;       /* 101 = not given */
    int64_t at_ms;             /* Unix ms; 0 = not given */
    const char *run;           /* run id */
    const char *make_weighted; /* file, "-" for standard output */
    bool undo, no_wait, without_soak;
    int64_t ttl_ms; /* 0 = not given */
    const char *iam_for;       /* iam-policy: a list of commands; NULL: not given */
    const char *out;           /* plan: where to save it; "-" for standard output */
    const char *plan;          /* ramp: a saved one */
    bool watch;                /* observe: go on */
    int64_t every_ms, for_ms;  /* observe: between rounds, and in all; 0 = not given */
    struct opts_list resolvers; /* observe: recursive resolvers to ask */
};

/* What a command line option needs from its command: one bit an option group. */
enum {
    OPTS_RAMP = 1 << 0, /* --to --at --from-current --plan --retry-certificates */
    OPTS_TAKE_OVER = 1 << 1,
    OPTS_PLAN = 1 << 2, /* --probe --detailed-exitcode --make-weighted --out */
    OPTS_RUN = 1 << 3,  /* --run */
    OPTS_CONVERT = 1 << 4, /* --undo */
    OPTS_FINISH = 1 << 5,  /* --ttl --without-soak */
    OPTS_NO_WAIT = 1 << 6,
    OPTS_OBSERVE = 1 << 7, /* --watch --every --for --resolver */
    OPTS_IAM = 1 << 8, /* --allow */
};

/* One command. run() returns the exit status, or sets err and whatever it returns is ignored. */
struct command {
    const char *name;
    int (*run)(const struct opts *opts, struct err *err);
    unsigned groups;
    size_t args_min, args_max;
    const char *args;    /* as in the usage line */
    const char *summary; /* one line, lower case */
    const char *help;    /* paragraphs and examples */
};

/* Reads the line. False (ERR_USAGE) says what was met and the nearest word. Strings are borrowed
 * from argv. When help or version is asked for, nothing else is checked. */
bool opts_parse(struct opts *opts, int argc, char *const *argv, const struct command *commands,
                size_t n_commands, struct err *err) SL_MUST_CHECK;

/* The help text of one command, or of the program when command is NULL. */
void opts_format_help(struct buf *out, const struct command *command,
                      const struct command *commands, size_t n_commands);

/* Where runs are kept: --state-dir, $SLUICE_STATE_DIR, $STATE_DIRECTORY (the first of its list),
 * $XDG_STATE_HOME/sluice, ~/.local/state/sluice. False (ERR_USAGE) when none of them is known. */
bool opts_state_dir(const struct opts *opts, struct buf *out, struct err *err) SL_MUST_CHECK;

/* Whether to colour what goes to this descriptor: --color, NO_COLOR, CLICOLOR_FORCE, CLICOLOR, then
 * whether it is a terminal that is not dumb. */
bool opts_use_color(const struct opts *opts, int fd);

#endif

/* opts.h: the command line of the program smoke, read strictly: a table of options, no
 * abbreviations, "did you mean". -h and --help anywhere win over everything else. */
#ifndef SLUICE_SMOKE_OPTS_H
#define SLUICE_SMOKE_OPTS_H

#include "sluice/err.h"
#include "sluice/log.h"
#include "sluice/pump.h"
#include "sluice/suite.h"

#define OPTS_LIST_MAX 200 /* of one repeatable option, and suites */

#define OPTS_REPEAT_MAX     10000
#define OPTS_RATE_MAX_MILLI 1000000u /* 1000/s */
#define OPTS_TIME_MAX_MS    86400000 /* of --for and --wait-for */

enum opts_progress {
    OPTS_PROGRESS_AUTO, /* tty on a terminal, else plain */
    OPTS_PROGRESS_TTY,
    OPTS_PROGRESS_PLAIN,
    OPTS_PROGRESS_JSON,
    OPTS_PROGRESS_QUIET,
};

enum opts_format { OPTS_FORMAT_TEXT, OPTS_FORMAT_JSON };

enum opts_command {
    OPTS_RUN,    /* suites: run, list or check them */
    OPTS_INIT,   /* the first word is "init" */
    OPTS_IMPORT, /* the first word is "import"; what follows is not looked at */
};

enum opts_report { /* kinds of --report */
                   OPTS_REPORT_TEXT,
                   OPTS_REPORT_JSON,
                   OPTS_REPORT_JUNIT,
                   OPTS_REPORT_TAP,
                   OPTS_REPORT_TAP13,
                   OPTS_REPORT_GITHUB,
                   OPTS_REPORT_HTML,
                   OPTS_REPORT_CURL,
                   OPTS_REPORT_PROMETHEUS,
                   OPTS_REPORT_COUNT
};

struct opts_output {
    enum opts_report kind;
    const char *file; /* "-": standard output */
};

#define OPTS_OUTPUTS_MAX 20

struct opts { /* zero before; strings are argv's, but for those opts_clear() frees */
    enum opts_command command;
    const char *const *words; /* behind the command's name */
    size_t words_n;
    const char *suites[OPTS_LIST_MAX];
    size_t suites_n;
    const char *base_url;
    struct pump_connect_to connect_to[OPTS_LIST_MAX]; /* owned strings */
    size_t connect_to_n;
    const char *only[OPTS_LIST_MAX], *skip[OPTS_LIST_MAX];
    size_t only_n, skip_n;
    struct suite_given given[OPTS_LIST_MAX]; /* owned names */
    size_t given_n;
    bool side_given;
    enum suite_side side;
    uint32_t jobs, host_jobs, rate_milli, repeat; /* 0: not given */
    int64_t timeout_ms, for_ms, wait_for_ms;      /* 0: not given */
    uint32_t allowed_ppm, unacceptable_ppm;       /* 0: not given */
    bool fail_fast, fail_on_flaky;
    const char *compare[SUITE_SIDES]; /* --compare: urls or connect targets, owned; NULL: not given */
    const char *compare_headers;
    const char *cacert, *json_file;
    struct opts_output outputs[OPTS_OUTPUTS_MAX]; /* --report */
    size_t outputs_n;
    enum opts_format format;
    enum opts_progress progress;
    enum log_color color;
    bool quiet, verbose, list, check, schema, help, version;
};

/* ERR_USAGE. */
bool opts_parse(struct opts *opts, int argc, char **argv, struct err *err) SL_MUST_CHECK;
void opts_clear(struct opts *opts);
void opts_add_help(struct buf *out);
/* A side of --compare is a base_url; else it is a target as behind --connect-to. */
bool opts_compare_is_url(const char *side);
/* "junit": the word in --report. */
const char *opts_report_name(enum opts_report kind);

#endif

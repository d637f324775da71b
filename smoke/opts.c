/* opts.c: one row an option; help is printed from the same rows. */
#include "opts.h"

#include <stdio.h>
#include <string.h>

#include "sluice/http.h"
#include "sluice/text.h"

struct option_row;
typedef bool take_option(struct opts *opts, const char *value, struct err *err);

struct option_row {
    const char *name;  /* without "--" */
    char letter;       /* 0: none */
    const char *value; /* NULL: takes none */
    take_option *take;
    const char *help;
};

/* ---- values
 * ---------------------------------------------------------------------------------------- */

static bool append(const char **list, size_t *n, const char *what, const char *value,
                   struct err *err)
{
    if (*n == OPTS_LIST_MAX)
        return err_set(err, ERR_USAGE, "more than %d times --%s", OPTS_LIST_MAX, what);
    if (!*value)
        return err_set(err, ERR_USAGE, "--%s must not be empty", what);
    list[(*n)++] = value;
    return true;
}

static bool choose(const char *what, const char *const *words, const char *value, int *out,
                   struct err *err)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], value) == 0) {
            *out = i;
            return true;
        }
    err_set(err, ERR_USAGE, "--%s cannot be '%s'", what, value);
    return false;
}

static bool take_base_url(struct opts *o, const char *value, struct err *err)
{
    struct http_url url = {0};
    struct err why = {0};
    bool ok = http_url_parse(&url, value, &why);

    http_url_clear(&url);
    o->base_url = value;
    return ok || err_set(err, ERR_USAGE, "--base-url: %s", why.text);
}

/* HOST:PORT:TARGET[:PORT], as curl has it. */
static bool take_connect_to(struct opts *o, const char *value, struct err *err)
{
    const char *host_end = value[0] == '[' ? strchr(value, ']') : value;
    struct pump_connect_to *c = &o->connect_to[o->connect_to_n];
    const char *colon = host_end ? strchr(host_end, ':') : NULL;
    const char *second = colon ? strchr(colon + 1, ':') : NULL;
    size_t n;
    char *port;
    uint32_t number = 0;
    struct err why = {0};

    if (o->connect_to_n == OPTS_LIST_MAX)
        return err_set(err, ERR_USAGE, "more than %d times --connect-to", OPTS_LIST_MAX);
    if (!second || !second[1] || second[1] == ':')
        return err_set(err, ERR_USAGE, "--connect-to expects HOST:PORT:TARGET[:PORT], not '%s'",
                       value);
    port = x_strndup(colon + 1, (size_t)(second - colon - 1));
    if (*port && !text_parse_u32(port, 1, 65535, &number, &why)) {
        free(port);
        return err_set(err, ERR_USAGE, "--connect-to: the port in '%s' is none", value);
    }
    free(port);
    n = strlen(second + 1);
    if (second[n] == ':')
        n--;
    c->host = x_strndup(value, (size_t)(colon - value));
    c->port = (uint16_t)number;
    c->target = x_strndup(second + 1, n);
    o->connect_to_n++;
    return true;
}

static bool take_only(struct opts *o, const char *value, struct err *err)
{
    return append(o->only, &o->only_n, "only", value, err);
}

static bool take_skip(struct opts *o, const char *value, struct err *err)
{
    return append(o->skip, &o->skip_n, "skip", value, err);
}

static bool take_var(struct opts *o, const char *value, struct err *err)
{
    const char *eq = strchr(value, '=');

    if (!eq || eq == value)
        return err_set(err, ERR_USAGE, "--var expects NAME=VALUE, not '%s'", value);
    if (strncmp(value, "side=", 5) == 0) {
        int side = 0;

        o->side_given = true;
        if (!choose("var side", suite_side_names, eq + 1, &side, err))
            return false;
        o->side = (enum suite_side)side;
        return true;
    }
    if (o->given_n == OPTS_LIST_MAX)
        return err_set(err, ERR_USAGE, "more than %d times --var", OPTS_LIST_MAX);
    o->given[o->given_n].name = x_strndup(value, (size_t)(eq - value));
    o->given[o->given_n++].value = eq + 1;
    return true;
}

static bool take_jobs(struct opts *o, const char *value, struct err *err)
{
    struct err why = {0};

    return text_parse_u32(value, 1, PUMP_JOBS_MAX, &o->jobs, &why) ||
           err_set(err, ERR_USAGE, "--jobs: %s", why.text);
}

static bool take_host_jobs(struct opts *o, const char *value, struct err *err)
{
    struct err why = {0};

    return text_parse_u32(value, 1, PUMP_JOBS_MAX, &o->host_jobs, &why) ||
           err_set(err, ERR_USAGE, "--jobs-per-host: %s", why.text);
}

static bool take_rate(struct opts *o, const char *value, struct err *err)
{
    struct err why = {0};

    return text_parse_rate_milli(value, OPTS_RATE_MAX_MILLI, &o->rate_milli, &why) ||
           err_set(err, ERR_USAGE, "--rate: %s", why.text);
}

static bool take_repeat(struct opts *o, const char *value, struct err *err)
{
    struct err why = {0};

    return text_parse_u32(value, 1, OPTS_REPEAT_MAX, &o->repeat, &why) ||
           err_set(err, ERR_USAGE, "--repeat: %s", why.text);
}

static bool take_for(struct opts *o, const char *value, struct err *err)
{
    struct err why = {0};

    return text_parse_duration_ms(value, 100, OPTS_TIME_MAX_MS, &o->for_ms, &why) ||
           err_set(err, ERR_USAGE, "--for: %s", why.text);
}

static bool take_wait_for(struct opts *o, const char *value, struct err *err)
{
    struct err why = {0};

    return text_parse_duration_ms(value, 1, OPTS_TIME_MAX_MS, &o->wait_for_ms, &why) ||
           err_set(err, ERR_USAGE, "--wait-for: %s", why.text);
}

/* allowed=1%,unacceptable=5%, either alone, in any order. */
static bool take_budget(struct opts *o, const char *value, struct err *err)
{
    const struct {
        const char *name;
        uint32_t min, max, *out;
    } parts[] = {{"allowed=", 100, 125000, &o->allowed_ppm},
                 {"unacceptable=", 200, 250000, &o->unacceptable_ppm}};
    const char *rest = value;

    do {
        size_t len = strcspn(rest, ","), i = 0;
        char *part = x_strndup(rest, len);
        struct err why = {0};
        bool ok;

        while (i < ARRAY_LEN(parts) && !text_starts_with(part, parts[i].name))
            i++;
        ok = i < ARRAY_LEN(parts) &&
             text_parse_percent_ppm(part + strlen(parts[i].name), parts[i].min, parts[i].max,
                                    parts[i].out, &why);
        if (!ok)
            err_set(err, ERR_USAGE, "--budget expects allowed=1%%,unacceptable=5%%, not '%s'%s%s",
                    value, why.text[0] ? ": " : "", why.text);
        free(part);
        if (!ok)
            return false;
        rest += len;
    } while (*rest++ == ',');
    return true;
}

bool opts_compare_is_url(const char *side)
{
    return strstr(side, "://") != NULL;
}

/* An address or a name with or without a port: "[v6]:443", "203.0.113.5", "lb.example.com:8443". */
static bool target_ok(const char *s)
{
    const char *end = s[0] == '[' ? strchr(s, ']') : s + strcspn(s, ":");
    uint32_t port;
    struct err why = {0};

    if (!end || end == s || strpbrk(s, "/@ \t"))
        return false;
    end += *end == ']';
    return !*end || (*end == ':' && text_parse_u32(end + 1, 1, 65535, &port, &why));
}

/* OLD,NEW: each a base_url, or where to connect to. */
static bool take_compare(struct opts *o, const char *value, struct err *err)
{
    const char *comma = strchr(value, ',');

    if (!comma || comma == value || !comma[1] || strchr(comma + 1, ','))
        return err_set(err, ERR_USAGE, "--compare expects OLD,NEW, not '%s'", value);
    for (int i = 0; i < SUITE_SIDES; i++)
        free((char *)(uintptr_t)o->compare[i]);
    o->compare[SUITE_OLD] = x_strndup(value, (size_t)(comma - value));
    o->compare[SUITE_NEW] = x_strdup(comma + 1);
    for (int i = 0; i < SUITE_SIDES; i++) {
        struct http_url url = {0};
        struct err why = {0};
        bool is_url = opts_compare_is_url(o->compare[i]);
        bool ok = is_url ? http_url_parse(&url, o->compare[i], &why) : target_ok(o->compare[i]);

        http_url_clear(&url);
        if (!ok)
            return err_set(err, ERR_USAGE, "--compare: '%s' is no url and no HOST[:PORT]%s%s",
                           o->compare[i], why.text[0] ? ": " : "", why.text);
    }
    return true;
}

static bool take_compare_headers(struct opts *o, const char *value, struct err *err)
{
    (void)err;
    o->compare_headers = value;
    return true;
}

static bool take_timeout(struct opts *o, const char *value, struct err *err)
{
    struct err why = {0};

    return text_parse_duration_ms(value, 1, 600000, &o->timeout_ms, &why) ||
           err_set(err, ERR_USAGE, "--timeout: %s", why.text);
}

static bool take_cacert(struct opts *o, const char *value, struct err *err)
{
    (void)err;
    o->cacert = value;
    return true;
}

static bool take_json(struct opts *o, const char *value, struct err *err)
{
    (void)err;
    o->json_file = value;
    return true;
}

static const char *const report_names[] = {
    [OPTS_REPORT_TEXT] = "text",
    [OPTS_REPORT_JSON] = "json",
    [OPTS_REPORT_JUNIT] = "junit",
    [OPTS_REPORT_TAP] = "tap",
    [OPTS_REPORT_TAP13] = "tap13",
    [OPTS_REPORT_GITHUB] = "github",
    [OPTS_REPORT_HTML] = "html",
    [OPTS_REPORT_CURL] = "curl",
    [OPTS_REPORT_PROMETHEUS] = "prometheus",
};
_Static_assert(ARRAY_LEN(report_names) == OPTS_REPORT_COUNT, "a name for every report");

const char *opts_report_name(enum opts_report kind)
{
    return report_names[kind];
}

/* KIND=FILE, or KIND for standard output. */
static bool take_report(struct opts *o, const char *value, struct err *err)
{
    const char *eq = strchr(value, '='), *near;
    size_t len = eq ? (size_t)(eq - value) : strlen(value);
    char word[32];

    if (o->outputs_n == OPTS_OUTPUTS_MAX)
        return err_set(err, ERR_USAGE, "more than %d times --report", OPTS_OUTPUTS_MAX);
    if (eq && !eq[1])
        return err_set(err, ERR_USAGE, "--report expects KIND=FILE, not '%s'", value);
    for (size_t i = 0; i < ARRAY_LEN(report_names); i++)
        if (strlen(report_names[i]) == len && memcmp(report_names[i], value, len) == 0) {
            o->outputs[o->outputs_n++] =
                (struct opts_output){(enum opts_report)i, eq ? eq + 1 : "-"};
            return true;
        }
    snprintf(word, sizeof word, "%.*s", (int)(len < 30 ? len : 30), value);
    near = text_nearest(word, report_names, ARRAY_LEN(report_names));
    return near ? err_set(err, ERR_USAGE, "--report: no kind '%s'; did you mean '%s'?", word, near)
                : err_set(err, ERR_USAGE,
                          "--report: no kind '%s'; there are text, json, junit, tap, tap13, "
                          "github, html, "
                          "curl and prometheus",
                          word);
}

static bool take_format(struct opts *o, const char *value, struct err *err)
{
    static const char *const words[] = {"text", "json", NULL};
    int i = 0;

    if (!choose("format", words, value, &i, err))
        return err_prefix(err, "text or json: ");
    o->format = (enum opts_format)i;
    return true;
}

static bool take_progress(struct opts *o, const char *value, struct err *err)
{
    static const char *const words[] = {"auto", "tty", "plain", "json", "quiet", NULL};
    int i = 0;

    if (!choose("progress", words, value, &i, err))
        return err_prefix(err, "auto, tty, plain, json or quiet: ");
    o->progress = (enum opts_progress)i;
    return true;
}

static bool take_color(struct opts *o, const char *value, struct err *err)
{
    return log_parse_color(value, &o->color, err);
}

#define FLAG(name, statement)                                                                      \
    static bool name(struct opts *o, const char *value, struct err *err)                           \
    {                                                                                              \
        (void)value;                                                                               \
        (void)err;                                                                                 \
        statement;                                                                                 \
        return true;                                                                               \
    }
FLAG(take_no_color, o->color = LOG_COLOR_NEVER)
FLAG(take_quiet, o->quiet = true)
FLAG(take_verbose, o->verbose = true)
FLAG(take_fail_fast, o->fail_fast = true)
FLAG(take_fail_on_flaky, o->fail_on_flaky = true)
FLAG(take_list, o->list = true)
FLAG(take_check, o->check = true)
FLAG(take_schema, o->schema = true)
FLAG(take_help, o->help = true)
FLAG(take_version, o->version = true)

static const struct option_row rows[] = {
    {"base-url", 'b', "URL", take_base_url, "instead of the suites' base_url"},
    {"connect-to", 0, "HOST:PORT:TARGET[:PORT]", take_connect_to,
     "connect there, with HOST in Host and SNI; an empty HOST or PORT is any"},
    {"only", 0, "WORD", take_only, "run checks with this tag or name (* and ? match); repeatable"},
    {"skip", 0, "WORD", take_skip, "leave out checks with this tag or name; repeatable"},
    {"var", 0, "NAME=VALUE", take_var, "set a variable of the suites; side=old or side=new"},
    {"jobs", 'j', "N", take_jobs, "checks at the same time; 10"},
    {"jobs-per-host", 0, "N", take_host_jobs, "of them for one host and port; no bound"},
    {"rate", 0, "N/s", take_rate, "start no more checks a second (20/s); with --for 5/s"},
    {"repeat", 0, "N", take_repeat, "everything so many times, and count"},
    {"for", 0, "TIME", take_for, "probe at --rate so long, and judge by the budget"},
    {"budget", 0, "BUDGET", take_budget, "of --for; allowed=1%,unacceptable=5%"},
    {"wait-for", 0, "TIME", take_wait_for, "first wait until a check of each suite passes"},
    {"compare", 0, "OLD,NEW", take_compare,
     "ask both at once and tell what differs; each a base_url, or HOST[:PORT] to connect to"},
    {"compare-headers", 0, "NAME,...", take_compare_headers, "which headers are compared"},
    {"fail-fast", 0, NULL, take_fail_fast, "stop at the first required failure"},
    {"fail-on-flaky", 0, NULL, take_fail_on_flaky, "a pass after a retry is no pass: exit 1"},
    {"timeout", 0, "TIME", take_timeout, "at most this for every request (5s, 500ms)"},
    {"cacert", 0, "FILE", take_cacert, "trust these certificates instead of the system's"},
    {"list", 0, NULL, take_list, "print the selected checks, send nothing"},
    {"check", 0, NULL, take_check, "read the suites, send nothing"},
    {"format", 0, "text|json", take_format, "of what goes to standard output"},
    {"json", 0, "FILE", take_json, "also write the JSON report there"},
    {"report", 0, "KIND=FILE", take_report,
     "write a report: text, json, junit, tap, tap13, github, html, curl or prometheus; repeatable"},
    {"schema", 0, NULL, take_schema, "print the JSON Schema of suite files"},
    {"progress", 0, "HOW", take_progress, "auto, tty, plain, json or quiet, on standard error"},
    {"color", 0, "WHEN", take_color, "auto, always or never"},
    {"no-color", 0, NULL, take_no_color, "as --color never"},
    {"quiet", 'q', NULL, take_quiet, "only what did not pass"},
    {"verbose", 'v', NULL, take_verbose, "all details of all that did not pass"},
    {"help", 'h', NULL, take_help, "this"},
    {"version", 'V', NULL, take_version, "the version"},
};

/* ---- the line
 * -------------------------------------------------------------------------------------- */

static const struct option_row *find_long(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
            return &rows[i];
    return NULL;
}

static const struct option_row *find_short(char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].letter && rows[i].letter == letter)
            return &rows[i];
    return NULL;
}

static bool unknown_long(const char *name, size_t len, struct err *err)
{
    const char *names[ARRAY_LEN(rows)], *near = NULL;
    char *word = x_strndup(name, len);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        names[i] = rows[i].name;
        if (len > 1 && !near && text_starts_with(rows[i].name, word))
            near = rows[i].name; /* an abbreviation is refused, but understood */
    }
    if (!near)
        near = text_nearest(word, names, ARRAY_LEN(names));
    if (near)
        err_set(err, ERR_USAGE, "unknown option '--%s'; did you mean '--%s'?", word, near);
    else
        err_set(err, ERR_USAGE, "unknown option '--%s'", word);
    free(word);
    return false;
}

static bool parse_long(struct opts *opts, int argc, char **argv, int *i, struct err *err)
{
    const char *name = argv[*i] + 2, *eq = strchr(name, '=');
    size_t len = eq ? (size_t)(eq - name) : strlen(name);
    const struct option_row *row = find_long(name, len);

    if (!row)
        return unknown_long(name, len, err);
    if (!row->value)
        return eq ? err_set(err, ERR_USAGE, "--%s takes no value", row->name)
                  : row->take(opts, NULL, err);
    if (eq)
        return row->take(opts, eq + 1, err);
    if (*i + 1 >= argc)
        return err_set(err, ERR_USAGE, "--%s needs a value: %s", row->name, row->value);
    return row->take(opts, argv[++*i], err);
}

static bool parse_short(struct opts *opts, int argc, char **argv, int *i, struct err *err)
{
    for (const char *p = argv[*i] + 1; *p; p++) {
        const struct option_row *row = find_short(*p);

        if (!row)
            return err_set(err, ERR_USAGE, "unknown option '-%c'", *p);
        if (!row->value) {
            if (!row->take(opts, NULL, err))
                return false;
            continue;
        }
        if (p[1])
            return row->take(opts, p + 1, err);
        if (*i + 1 >= argc)
            return err_set(err, ERR_USAGE, "-%c needs a value: %s", *p, row->value);
        return row->take(opts, argv[++*i], err);
    }
    return true;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

/* The commands are words, not options: a suite of such a name is "./init". */
static bool take_command(struct opts *opts, int argc, char **argv)
{
    bool import = argc > 1 && strcmp(argv[1], "import") == 0;

    if (!import || (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)))
        return false;
    opts->command = OPTS_IMPORT;
    opts->words = (const char *const *)(argv + 2);
    opts->words_n = (size_t)(argc - 2);
    return true;
}

static bool check_modes(const struct opts *o, struct err *err)
{
    uint32_t allowed = o->allowed_ppm ? o->allowed_ppm : 10000;
    uint32_t unacceptable = o->unacceptable_ppm ? o->unacceptable_ppm : 50000;

    if (o->for_ms && o->repeat)
        return err_set(err, ERR_USAGE, "--for and --repeat exclude each other");
    if (o->for_ms && o->fail_fast)
        return err_set(err, ERR_USAGE, "--for ends at a breach by itself; leave out --fail-fast");
    if ((o->allowed_ppm || o->unacceptable_ppm) && !o->for_ms)
        return err_set(err, ERR_USAGE, "--budget is for --for");
    if (o->compare[0] && (o->for_ms || o->side_given))
        return err_set(err, ERR_USAGE, "--compare and %s exclude each other",
                       o->for_ms ? "--for" : "--var side=");
    if (o->compare[0] && o->base_url && opts_compare_is_url(o->compare[SUITE_OLD]) &&
        opts_compare_is_url(o->compare[SUITE_NEW]))
        return err_set(err, ERR_USAGE, "--compare says the base_url of both; leave out --base-url");
    if (o->compare_headers && !o->compare[0])
        return err_set(err, ERR_USAGE, "--compare-headers is for --compare");
    if (allowed > unacceptable / 2)
        return err_set(err, ERR_USAGE,
                       "--budget: unacceptable must be at least twice allowed (1%% and 5%% unless "
                       "given)");
    return true;
}

/* Two reports in one stream are none. */
static bool check_outputs(const struct opts *opts, struct err *err)
{
    const char *files[OPTS_OUTPUTS_MAX + 2];
    size_t n = 0, out = 0;

    for (size_t i = 0; i < opts->outputs_n; i++)
        files[n++] = opts->outputs[i].file;
    if (opts->json_file)
        files[n++] = opts->json_file;
    if (opts->format == OPTS_FORMAT_JSON)
        files[n++] = "-";
    for (size_t i = 0; i < n; i++) {
        bool is_out = strcmp(files[i], "-") == 0;

        out += is_out;
        for (size_t k = 0; k < i && !is_out; k++)
            if (strcmp(files[i], files[k]) == 0)
                return err_set(err, ERR_USAGE, "--report: two reports go to %s", files[i]);
    }
    return out <= 1 || err_set(err, ERR_USAGE, "only one report can go to standard output");
}

bool opts_parse(struct opts *opts, int argc, char **argv, struct err *err)
{
    bool only_suites = false;

    if (take_command(opts, argc, argv))
        return true;
    if (asks_for_help(argc, argv)) {
        opts->help = true;
        return true;
    }
    for (int i = 1; i < argc; i++) {
        bool ok = true;

        if (!only_suites && strcmp(argv[i], "--") == 0)
            only_suites = true;
        else if (!only_suites && argv[i][0] == '-' && argv[i][1] == '-')
            ok = parse_long(opts, argc, argv, &i, err);
        else if (!only_suites && argv[i][0] == '-' && argv[i][1])
            ok = parse_short(opts, argc, argv, &i, err);
        else
            ok = append(opts->suites, &opts->suites_n, "SUITE", argv[i], err);
        if (!ok)
            return false;
    }
    if (argc > 1 && strcmp(argv[1], "init") == 0) {
        opts->command = OPTS_INIT;
        opts->words = opts->suites + 1;
        opts->words_n = opts->suites_n - 1;
    }
    if (!check_outputs(opts, err))
        return false;
    if (opts->list && opts->check)
        return err_set(err, ERR_USAGE, "--list and --check exclude each other");
    if (opts->quiet && opts->verbose)
        return err_set(err, ERR_USAGE, "--quiet and --verbose exclude each other");
    return check_modes(opts, err);
}

void opts_clear(struct opts *opts)
{
    for (int i = 0; i < SUITE_SIDES; i++)
        free((char *)(uintptr_t)opts->compare[i]);
    for (size_t i = 0; i < opts->connect_to_n; i++) {
        free((char *)(uintptr_t)opts->connect_to[i].host);
        free((char *)(uintptr_t)opts->connect_to[i].target);
    }
    for (size_t i = 0; i < opts->given_n; i++)
        free((char *)(uintptr_t)opts->given[i].name);
    *opts = (struct opts){0};
}

void opts_add_help(struct buf *out)
{
    buf_add_str(
        out,
        "Usage: smoke [OPTION]... SUITE...\n"
        "       smoke init [OPTION]... URL [FILE]    write a first suite from what a url answers\n"
        "       smoke import [curl ...]              write a suite from a curl command line\n"
        "Run the checks of suite files and say which do not pass.\n\n"
        "  smoke shop.smoke.yaml\n"
        "  smoke --base-url https://staging.example.com --only auth shop.smoke.yaml\n"
        "  smoke --connect-to ::203.0.113.5 shop.smoke.yaml    one fleet, real Host and SNI\n\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf left SL_CLEANUP(buf_clear) = {0};

        if (rows[i].letter)
            buf_addf(&left, "-%c, --%s", rows[i].letter, rows[i].name);
        else
            buf_addf(&left, "    --%s", rows[i].name);
        if (rows[i].value)
            buf_addf(&left, " %s", rows[i].value);
        if (left.len > 24)
            buf_addf(out, "  %s\n  %-24s  %s\n", buf_str(&left), "", rows[i].help);
        else
            buf_addf(out, "  %-24s  %s\n", buf_str(&left), rows[i].help);
    }
    buf_add_str(
        out,
        "\nExit status: 0 all required checks passed, 1 at least one failed, 10 undecided (--for), "
        "11 could not judge "
        "(nothing selected,\nno request got out, only errors), 64 wrong command line, 78 wrong "
        "file or missing secret, 130 interrupted.\n"
        "smoke(1) and smoke.yaml(5) say more.\n");
}

#include "opts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/text.h"

#define WORDS_MAX 48

enum kind { FLAG, WORD, WORDS, CHOICE, PERCENT, TIME, DURATION };

struct option {
    const char *name;
    char letter; /* 0 = none */
    enum kind kind;
    size_t offset;   /* of the member in struct opts */
    unsigned groups; /* 0 = every command */
    const char *arg; /* in the help; choices: "a|b|c", in the order of the enum */
    const char *help;
};

#define MEMBER(m) offsetof(struct opts, m)

static const struct option options[] = {
    {"allow", 0, WORD, MEMBER(iam_for), OPTS_IAM, "LIST",
     "what is to be allowed: ramp, rollback (both unless said), prepare, finish, release; or all"},
    {"at", 0, TIME, MEMBER(at_ms), OPTS_RAMP, "TIME",
     "wait until TIME (2027-02-03T02:00:00+01:00) before the first step"},
    {"color", 0, CHOICE, MEMBER(color), 0, "auto|always|never", "colour the output"},
    {"detailed-exitcode", 0, FLAG, MEMBER(detailed_exitcode), OPTS_PLAN, NULL,
     "exit with 2 when a ramp would change something"},
    {"every", 0, DURATION, MEMBER(every_ms), OPTS_OBSERVE, "TIME",
     "watch, and ask again after so long (5s)"},
    {"for", 0, DURATION, MEMBER(for_ms), OPTS_OBSERVE, "TIME", "watch, and end after so long"},
    {"format", 0, CHOICE, MEMBER(format), 0, "text|json",
     "form of what is printed on standard output"},
    {"from-current", 0, FLAG, MEMBER(from_current), OPTS_RAMP | OPTS_PLAN, NULL,
     "start although the new side has more than rollback_to"},
    {"help", 'h', FLAG, MEMBER(help), 0, NULL, "show this"},
    {"make-weighted", 0, WORD, MEMBER(make_weighted), OPTS_PLAN, "FILE",
     "write the change batch that turns simple records into weighted ones"},
    {"no-wait", 0, FLAG, MEMBER(no_wait), OPTS_NO_WAIT, NULL,
     "do what can be done now, and come back later for the rest"},
    {"out", 'o', WORD, MEMBER(out), OPTS_PLAN, "FILE",
     "save the plan as seen, for `sluice ramp --plan FILE`"},
    {"plan", 0, WORD, MEMBER(plan), OPTS_RAMP, "FILE",
     "begin only if all still is as this saved plan saw it"},
    {"probe", 0, CHOICE, MEMBER(probe), OPTS_PLAN, "safe|all|none",
     "which checks to send once (safe: those of GET and HEAD only)"},
    {"progress", 0, CHOICE, MEMBER(progress), 0, "auto|tty|plain|json|quiet",
     "how to show what happens, on standard error"},
    {"quiet", 'q', FLAG, MEMBER(quiet), 0, NULL, "say nothing unless it goes wrong"},
    {"resolver", 0, WORDS, MEMBER(resolvers), OPTS_OBSERVE, "ADDRESS[:PORT]",
     "a recursive resolver to ask what it has cached; up to 8"},
    {"retry-certificates", 0, FLAG, MEMBER(retry_certificates), OPTS_RAMP | OPTS_PLAN, NULL,
     "shake hands for a name again although that failed within the hour"},
    {"run", 0, WORD, MEMBER(run), OPTS_RUN, "ID", "this run instead of the newest"},
    {"state-dir", 0, WORD, MEMBER(state_dir), 0, "DIR", "where runs are kept"},
    {"take-over", 0, FLAG, MEMBER(take_over), OPTS_TAKE_OVER, NULL,
     "take the zone from another run at once"},
    {"to", 0, PERCENT, MEMBER(to_percent), OPTS_RAMP, "PCT",
     "stop after the step of this percentage"},
    {"ttl", 0, DURATION, MEMBER(ttl_ms), OPTS_FINISH, "TIME",
     "TTL of the simple records; else what the weighted ones have"},
    {"undo", 0, FLAG, MEMBER(undo), OPTS_CONVERT, NULL, "take it back"},
    {"verbose", 'v', FLAG, MEMBER(verbose), 0, NULL, "say more"},
    {"version", 0, FLAG, MEMBER(version), 0, NULL, "show the version"},
    {"watch", 0, FLAG, MEMBER(watch), OPTS_OBSERVE, NULL, "go on asking, as a live table"},
    {"without-soak", 0, FLAG, MEMBER(without_soak), OPTS_FINISH, NULL,
     "although no completed soak is known"},
    {"yes", 'y', FLAG, MEMBER(yes), 0, NULL, "do not ask"},
};

static bool applies(const struct option *o, const struct command *c)
{
    return !o->groups || (c && (o->groups & c->groups));
}

static bool unknown(const char *what, const char *word, const char *near, struct err *err)
{
    struct buf safe SL_CLEANUP(buf_clear) = {0};

    text_add_safe(&safe, word, strlen(word), 80);
    if (near)
        return err_set(err, ERR_USAGE, "there is no %s '%s'; did you mean '%s'?", what,
                       buf_str(&safe), near);
    return err_set(err, ERR_USAGE, "there is no %s '%s'", what, buf_str(&safe));
}

static const struct option *find_long(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strlen(options[i].name) == len && strncmp(options[i].name, name, len) == 0)
            return &options[i];
    return NULL;
}

static const struct option *find_letter(char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (letter && options[i].letter == letter)
            return &options[i];
    return NULL;
}

static bool unknown_option(const char *word, const struct command *c, struct err *err)
{
    char name[64] = {0};
    const char *words[WORDS_MAX];
    const char *near;
    size_t n = 0, len = strcspn(word + 2, "=");
    char dashed[66];

    memcpy(name, word + 2, len < sizeof name ? len : sizeof name - 1);
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (applies(&options[i], c))
            words[n++] = options[i].name;
    near = text_nearest(name, words, n);
    if (!near &&
        len > 1) /* an abbreviation is no near miss by letters, but it is one to a person */
        for (size_t i = 0; i < n && !near; i++)
            near = text_starts_with(words[i], name) ? words[i] : NULL;
    if (near) {
        dashed[0] = dashed[1] = '-';
        memcpy(dashed + 2, near, strlen(near) + 1);
    }
    name[len < sizeof name ? len : sizeof name - 1] = '\0';
    return unknown("option", word, near ? dashed : NULL, err);
}

static bool choose(const struct option *o, const char *value, int *out, struct err *err)
{
    const char *p = o->arg;

    for (int i = 0;; i++) {
        size_t len = strcspn(p, "|");

        if (strlen(value) == len && strncmp(value, p, len) == 0) {
            *out = i;
            return true;
        }
        if (!p[len])
            break;
        p += len + 1;
    }
    return err_set(err, ERR_USAGE, "--%s is one of %s, not '%.40s'", o->name, o->arg, value);
}

static bool parse_percent(const char *value, uint32_t *out, struct err *err)
{
    char digits[8] = {0};
    size_t len = strlen(value);

    if (len && value[len - 1] == '%')
        len--;
    if (len < sizeof digits)
        memcpy(digits, value, len);
    return text_parse_u32(digits, 0, 100, out, err);
}

static bool add_word(struct opts_list *list, const struct option *o, const char *value,
                     struct err *err)
{
    if (list->n >= OPTS_LIST_MAX)
        return err_set(err, ERR_USAGE, "--%s is given more than %d times", o->name, OPTS_LIST_MAX);
    list->item[list->n++] = value;
    return true;
}

static bool store(struct opts *opts, const struct option *o, const char *value, struct err *err)
{
    char *at = (char *)opts + o->offset;
    struct err why = {0};

    switch (o->kind) {
    case FLAG:
        if (value)
            return err_set(err, ERR_USAGE, "--%s takes no value", o->name);
        *(bool *)(void *)at = true;
        return true;
    case WORD:
        *(const char **)(void *)at = value;
        return true;
    case WORDS:
        return add_word((struct opts_list *)(void *)at, o, value, err);
    case CHOICE:
        return choose(o, value, (int *)(void *)at, err);
    case PERCENT:
        if (!parse_percent(value, (uint32_t *)(void *)at, &why))
            return err_set(err, ERR_USAGE, "--%s: %s", o->name, why.text);
        return true;
    case TIME:
        if (!text_parse_time_ms(value, (int64_t *)(void *)at, &why))
            return err_set(err, ERR_USAGE, "--%s: %s", o->name, why.text);
        return true;
    case DURATION:
        if (!text_parse_duration_ms(value, 1000, INT64_C(604800000), (int64_t *)(void *)at, &why))
            return err_set(err, ERR_USAGE, "--%s: %s", o->name, why.text);
        return true;
    }
    return false;
}

/* The words of the line, and the option before which we stand. */
struct words {
    char *const *argv;
    int argc, i;
};

static bool take(struct opts *opts, const struct option *o, const char *value, struct words *w,
                 struct err *err)
{
    if (!applies(o, opts->command))
        return err_set(err, ERR_USAGE, "`sluice %s` has no option --%s",
                       opts->command ? opts->command->name : "", o->name);
    if (o->kind != FLAG && !value) {
        if (w->i + 1 >= w->argc)
            return err_set(err, ERR_USAGE, "--%s needs a value: %s", o->name, o->arg);
        value = w->argv[++w->i];
    }
    return store(opts, o, value, err);
}

static bool parse_option(struct opts *opts, struct words *w, struct err *err)
{
    const char *word = w->argv[w->i];
    const struct option *o;

    if (word[1] == '-') {
        size_t len = strcspn(word + 2, "=");

        o = find_long(word + 2, len);
        if (!o)
            return unknown_option(word, opts->command, err);
        return take(opts, o, word[2 + len] ? word + 2 + len + 1 : NULL, w, err);
    }
    for (const char *p = word + 1; *p; p++) {
        char letter[3] = {'-', *p, '\0'};

        o = find_letter(*p);
        if (!o)
            return unknown("option", letter, NULL, err);
        if (!take(opts, o, NULL, w, err))
            return false;
    }
    return true;
}

static bool find_command(struct opts *opts, const char *word, const struct command *commands,
                         size_t n, struct err *err)
{
    const char *words[WORDS_MAX];

    for (size_t i = 0; i < n; i++) {
        if (strcmp(commands[i].name, word) == 0) {
            opts->command = &commands[i];
            return true;
        }
        if (i < WORDS_MAX)
            words[i] = commands[i].name;
    }
    return unknown("command", word, text_nearest(word, words, n < WORDS_MAX ? n : WORDS_MAX), err);
}

static bool add_arg(struct opts *opts, const char *word, struct err *err)
{
    if (opts->n_args >= opts->command->args_max || opts->n_args >= OPTS_ARGS_MAX)
        return err_set(err, ERR_USAGE, "one argument too many: '%.80s'; usage: sluice %s %s", word,
                       opts->command->name, opts->command->args);
    opts->args[opts->n_args++] = word;
    return true;
}

/* Help and version win over every other word of the line, also over wrong ones. */
static bool asked_for_help(struct opts *opts, int argc, char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            opts->help = true;
        if (strcmp(argv[i], "--version") == 0)
            opts->version = true;
    }
    if (argc > 1 && strcmp(argv[1], "help") == 0)
        opts->help = true;
    if (argc > 1 && strcmp(argv[1], "version") == 0)
        opts->version = true;
    return opts->help || opts->version;
}

bool opts_parse(struct opts *opts, int argc, char *const *argv, const struct command *commands,
                size_t n_commands, struct err *err)
{
    struct words w = {argv, argc, 1};
    bool only_args = false;
    int at = 0;

    *opts = (struct opts){.to_percent = 101};
    if (asked_for_help(opts, argc, argv)) {
        for (int i = 1; i < argc && !opts->command; i++)
            if (argv[i][0] != '-' && strcmp(argv[i], "help") != 0 &&
                !find_command(opts, argv[i], commands, n_commands, opts->version ? NULL : err))
                return opts->version;
        return true;
    }
    /* The command is the first word that is no option: options before it must know it. */
    for (int i = 1; i < argc && !at; i++)
        if (argv[i][0] != '-')
            at = i;
    if (!at)
        return argc > 1
                   ? parse_option(opts, &w, err) &&
                         err_set(err, ERR_USAGE, "no command is given; `sluice help` lists them")
                   : err_set(err, ERR_USAGE, "no command is given; `sluice help` lists them");
    if (!find_command(opts, argv[at], commands, n_commands, err))
        return false;
    for (w.i = 1; w.i < argc; w.i++) {
        const char *word = argv[w.i];

        if (w.i == at)
            continue;
        if (!only_args && strcmp(word, "--") == 0)
            only_args = true;
        else if (!only_args && word[0] == '-' && word[1]) {
            if (!parse_option(opts, &w, err))
                return false;
        } else if (!add_arg(opts, word, err)) {
            return false;
        }
    }
    if (opts->n_args < opts->command->args_min)
        return err_set(err, ERR_USAGE, "an argument is missing; usage: sluice %s %s",
                       opts->command->name, opts->command->args);
    return true;
}

static void format_options(struct buf *out, const struct command *c, bool common)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option *o = &options[i];
        struct buf left SL_CLEANUP(buf_clear) = {0};

        if (common ? o->groups != 0 : (!o->groups || !applies(o, c)))
            continue;
        if (o->letter)
            buf_addf(&left, "-%c, ", o->letter);
        buf_addf(&left, "--%s", o->name);
        if (o->kind != FLAG)
            buf_addf(&left, "%c%s", o->kind == CHOICE ? '=' : ' ', o->arg);
        if (left.len > 30)
            buf_addf(out, "  %s\n  %-30s  %s\n", buf_str(&left), "", o->help);
        else
            buf_addf(out, "  %-30s  %s\n", buf_str(&left), o->help);
    }
}

void opts_format_help(struct buf *out, const struct command *command,
                      const struct command *commands, size_t n_commands)
{
    if (command) {
        buf_addf(out, "Usage: sluice %s [options] %s\n\n%s\n", command->name, command->args,
                 command->help);
        if (command->groups) {
            buf_add_str(out, "\nOptions:\n");
            format_options(out, command, false);
        }
    } else {
        buf_add_str(
            out,
            "Usage: sluice COMMAND [options] [arguments]\n\n"
            "Moves traffic between two fleets behind Route 53 weighted records, step by step, on\n"
            "smoke evidence, and back by itself when the new fleet goes bad.\n\n"
            "  sluice check plan.yaml      read a plan and its suites, touch nothing\n"
            "  sluice plan plan.yaml       what stands, what would happen\n"
            "  sluice ramp plan.yaml       do it\n\nCommands:\n");
        for (size_t i = 0; i < n_commands; i++)
            buf_addf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    }
    buf_add_str(out, "\nOptions of every command:\n");
    format_options(out, command, true);
    if (!command)
        buf_add_str(
            out,
            "\nExit status: 0 goal reached; 1 judged bad, rolled back and verified; 2 `plan\n"
            "--detailed-exitcode`: there are changes; 10 held or inconclusive; 11 refused, "
            "nothing\n"
            "changed; 12 unsafe: weights not confirmed; 64 usage; 70 bug; 75 try again; 77 AWS\n"
            "refuses; 78 bad file; 130 and 143 signal obeyed.\n");
}

bool opts_state_dir(const struct opts *opts, struct buf *out, struct err *err)
{
    const char *own = getenv("SLUICE_STATE_DIR"), *unit = getenv("STATE_DIRECTORY");
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    buf_reset(out);
    if (opts->state_dir)
        buf_add_str(out, opts->state_dir);
    else if (own && *own)
        buf_add_str(out, own);
    else if (unit && *unit)
        buf_add(out, unit, strcspn(unit, ":"));
    else if (xdg && *xdg == '/')
        buf_addf(out, "%s/sluice", xdg);
    else if (home && *home == '/')
        buf_addf(out, "%s/.local/state/sluice", home);
    if (!out->len)
        return err_set(err, ERR_USAGE, "no place for the state of runs: give --state-dir DIR");
    return true;
}

bool opts_use_color(const struct opts *opts, int fd)
{
    const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE"),
               *cli = getenv("CLICOLOR");
    const char *term = getenv("TERM");

    if (opts->color != OPTS_COLOR_AUTO)
        return opts->color == OPTS_COLOR_ALWAYS;
    if (no && *no)
        return false;
    if (force && strcmp(force, "0") != 0)
        return true;
    if (cli && strcmp(cli, "0") == 0)
        return false;
    return isatty(fd) && (!term || strcmp(term, "dumb") != 0);
}

/* main.c: sluice. Reads the line, runs one command, prints one failure. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "config.h"
#include "opts.h"
#include "sluice/buf.h"
#include "sluice/err.h"

static const struct command commands[] = {
    {"status", cmd_status, OPTS_RUN, 0, 1, "[PLAN|CUTOVER]", "show runs from their journals",
     "Shows the newest run of a plan, or of every cutover in the state directory, from its journal: what\n"
     "state it is in, which share the new side carries and what to type next. Nothing is asked of AWS."},
};

static int print_version(void)
{
    printf("sluice (sluice) %s\n", PACKAGE_VERSION);
    return 0;
}

static int print_help(const struct command *command)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    opts_format_help(&text, command, commands, ARRAY_LEN(commands));
    fputs(buf_str(&text), stdout);
    return 0;
}

/* Standard output that cannot be written is a failure too: a script must not take half a document for a
 * whole one. */
static int close_stdout(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("sluice: cannot write to standard output\n", stderr);
        return status ? status : err_exit_status(ERR_IO);
    }
    return status;
}

static int run(int argc, char **argv, struct err *err)
{
    struct opts opts;

    if (!opts_parse(&opts, argc, argv, commands, ARRAY_LEN(commands), err))
        return 0;
    if (opts.version)
        return print_version();
    if (opts.help)
        return print_help(opts.command);
    return opts.command->run(&opts, err);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    int status;

    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    status = run(argc, argv, &err);
    if (err.kind != ERR_NONE) {
        err_format(&err, "sluice", &text);
        fputs(buf_str(&text), stderr);
        status = err_exit_status(err.kind);
    }
    return close_stdout(status);
}

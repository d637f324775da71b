/* main.c: sluice. Reads the line, runs one command, prints one failure. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "config.h"
#include "opts.h"
#include "sluice/buf.h"
#include "sluice/err.h"
#include "sluice/log.h"
#include "sluice/secret.h"

static const struct command commands[] = {
    {"check", cmd_check, 0, 1, 1, "PLAN", "read a plan and its suites, touch nothing",
     "Reads the plan and the suites it names and says what is wrong, with the line. Nobody is "
     "asked, no secret\n"
     "is opened. Exit status 78 when something is wrong."},
    {"plan", cmd_plan, OPTS_PLAN, 1, 1, "PLAN",
     "show what stands and what a ramp would do, write nothing",
     "Reads the records, says what is in the way and what to do about it, shows every step's exact "
     "weights, API\n"
     "calls, times and what its gate can see, and sends the GET and HEAD checks once.\n\n"
     "  sluice plan plan.yaml\n"
     "  sluice plan plan.yaml --make-weighted batch.json\n"
     "  sluice plan plan.yaml -o agreed.json; sluice ramp --plan agreed.json"},
    {"iam-policy", cmd_iam_policy, OPTS_IAM, 1, 1, "PLAN", "print the least IAM policy for a plan",
     "Prints, as JSON, what a role needs to walk this plan and to go back: its names, types and "
     "actions, and the\n"
     "lease record. Asks Route 53 only where the plan names no zone id. Writes nothing.\n\n"
     "  sluice iam-policy plan.yaml\n"
     "  sluice iam-policy plan.yaml --allow prepare,finish"},
    {"observe", cmd_observe, OPTS_OBSERVE, 1, 1, "PLAN",
     "show what the zones' name servers answer now, write nothing",
     "Asks every authoritative server for every record of the plan, samples the shares of up to "
     "five, and holds\n"
     "the answers against what Route 53 lists. Recursive resolvers, of --resolver or the plan, are "
     "asked what they\n"
     "have cached and how long they will hand it out. Exit status 10 when a server does not agree.\n\n"
     "  sluice observe plan.yaml --resolver 9.9.9.9\n"
     "  sluice observe plan.yaml --watch --every 5s --for 10m"},
    {"prepare", cmd_prepare, OPTS_CONVERT | OPTS_NO_WAIT | OPTS_TAKE_OVER, 1, 1, "PLAN",
     "make simple records weighted, all on the old side",
     "Lowers long TTLs first and waits until the old ones are over, then turns each simple record of "
     "the plan\n"
     "into a weighted group in one transaction: the old side with everything, the new side, whose "
     "`target` the\n"
     "plan names, with nothing. Shows the exact changes and asks; --yes does not. Given again it goes "
     "on where\n"
     "the zone stands. --undo makes simple records of them again.\n\n"
     "  sluice prepare plan.yaml\n"
     "  sluice prepare plan.yaml --undo"},
    {"ramp", cmd_ramp, OPTS_RAMP | OPTS_TAKE_OVER, 0, 1, "[PLAN]", "walk a plan, step by step",
     "Reads the records, probes both fleets, takes the lease and walks the plan's steps: write, "
     "wait until\n"
     "caches have drained, watch, judge. Goes back by itself when the new fleet is worse than the "
     "budget allows.\n"
     "Asks before it begins; --yes does not. Ctrl-C and SIGTERM do what the plan says under "
     "`on:`.\n\n"
     "  sluice ramp plan.yaml\n"
     "  sluice ramp plan.yaml --to 10 --yes --progress plain"},
    {"pause", cmd_pause, 0, 1, 1, "PLAN|CUTOVER", "stop a running ramp from stepping on",
     "Evidence is still gathered, and a breach still rolls back. `sluice resume` goes on."},
    {"resume", cmd_resume, OPTS_RUN, 1, 1, "PLAN", "go on with a paused, held or dead run",
     "Tells a ramp that runs here to go on. When none does, goes on with the newest unfinished run "
     "from its\n"
     "journal; the wait of the step it was in starts over."},
    {"recover", cmd_recover, OPTS_RUN, 1, 1, "PLAN", "deal with a run that a crash left, by policy",
     "For units and boot scripts: goes on with an unfinished run, holds it or goes back, as the plan "
     "says under\n"
     "`on: {crash: ...}`. Where none was left there is nothing to do, and it exits with 0."},
    {"approve", cmd_approve, 0, 1, 1, "PLAN|CUTOVER",
     "let a running ramp take the step that waits for it", "For steps with `approve: true`."},
    {"rollback", cmd_rollback, OPTS_RUN, 1, 1, "PLAN", "go back, whether a run lives or not",
     "Tells a ramp that runs here to go back, or goes back with the run that was left here, or, "
     "from any\n"
     "machine, reads the zones and goes back to the plan's rollback_to. Takes the zone from any "
     "run that holds\n"
     "it. Needs the plan and credentials only. Asks first; --yes does not."},
    {"finish", cmd_finish, OPTS_CONVERT | OPTS_FINISH | OPTS_NO_WAIT | OPTS_TAKE_OVER, 1, 1, "PLAN",
     "make simple records of the new side, after a completed soak",
     "Turns each weighted group of the plan into a simple record of the new side, in one "
     "transaction, and removes\n"
     "the lease six minutes after its last writing. What stood before is kept in the state directory: "
     "--undo brings\n"
     "it back. Shows the exact changes and asks; --yes does not.\n\n"
     "  sluice finish plan.yaml --ttl 1h"},
    {"release", cmd_release, OPTS_NO_WAIT | OPTS_TAKE_OVER, 1, 1, "PLAN",
     "remove the lease record of a run that is over",
     "Removes what a run left in the zones, once no late request can find its name free. The lease of "
     "a run that\n"
     "has not given the zone back is not touched without --take-over."},
    {"status", cmd_status, OPTS_RUN, 0, 1, "[PLAN|CUTOVER]", "show runs from their journals",
     "Shows the newest run of a plan, or of every cutover in the state directory, from its "
     "journal: what\n"
     "state it is in, which share the new side carries and what to type next. Nothing is asked of "
     "AWS."},
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

/* Standard output that cannot be written is a failure too: a script must not take half a document
 * for a whole one. */
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
    log_init("sluice",
             opts.quiet     ? LOG_LEVEL_ERROR
             : opts.verbose ? LOG_LEVEL_DETAIL
                            : LOG_LEVEL_INFO,
             opts.color == OPTS_COLOR_ALWAYS  ? LOG_COLOR_ALWAYS
             : opts.color == OPTS_COLOR_NEVER ? LOG_COLOR_NEVER
                                              : LOG_COLOR_AUTO);
    return opts.command->run(&opts, err);
}

/* A journal or a socket must never be descriptor 0, 1 or 2: words meant for people would go there.
 */
static void fill_descriptors(void)
{
    while (true) {
        int fd = open("/dev/null", O_RDWR);

        if (fd < 0 || fd > STDERR_FILENO) {
            if (fd >= 0)
                close(fd);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    struct err err = {0};
    int status;

    fill_descriptors();
    secret_forbid_dumps();
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk: write() says EFBIG */
    status = run(argc, argv, &err);
    if (err.kind != ERR_NONE) {
        log_failure(&err);
        status = err_exit_status(err.kind);
    }
    return close_stdout(status);
}

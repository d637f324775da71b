/* main.c: sluice-sandbox: reads the config, makes the parts, says where they listen, runs. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "control.h"
#include "rset_json.h"
#include "sluice/file.h"
#include "sluice/text.h"

#define CONFIG_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define NAMES_MAX        512

struct options {
    const char *config, *state, *log, *ready;
    int64_t seed;
    bool log_fleets, exit_with_parent, exit_on_eof;
};

struct program {
    struct options opt;
    struct sandbox sb;
    json_t *config, *health_checks, *policies, *zones, *api_json, *dns_json, *fleets_json, *shop,
        *certificate, *faults;
    int http_port, https_port;
    struct tls_store *tls;
    struct api *api;
    struct dns_server *dns;
    struct fleets *fleets;
    struct control *control;
    char state[256];
    bool own_state;
    int state_fd, signal_fd;
    struct loop_watch signals, standard_in;
    uint16_t api_port, api_tls_port, control_port, web_port, web_tls_port;
};

static const char usage[] =
    "usage: sluice-sandbox --config FILE [options]\n"
    "\n"
    "A local stand-in for Route 53, its name servers and two fleets. Loopback only.\n"
    "\n"
    "  --config FILE        what there is (JSON; see README.md beside the source)\n"
    "  --state DIR          where ca.pem and server.pem go (default: a temporary directory)\n"
    "  --seed N             same seed, same behaviour (default 1)\n"
    "  --log FILE           what happened, as JSON lines\n"
    "  --log-fleets         log each request to a fleet, too\n"
    "  --ready FILE         write the ready line there as well\n"
    "  --exit-with-parent   end when the parent process does\n"
    "  --exit-on-eof        end when standard input does\n"
    "  --help\n";

enum {
    OPT_CONFIG = 256,
    OPT_STATE,
    OPT_SEED,
    OPT_LOG,
    OPT_LOG_FLEETS,
    OPT_READY,
    OPT_PARENT,
    OPT_EOF,
    OPT_HELP
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"state", required_argument, NULL, OPT_STATE},
    {"seed", required_argument, NULL, OPT_SEED},
    {"log", required_argument, NULL, OPT_LOG},
    {"log-fleets", no_argument, NULL, OPT_LOG_FLEETS},
    {"ready", required_argument, NULL, OPT_READY},
    {"exit-with-parent", no_argument, NULL, OPT_PARENT},
    {"exit-on-eof", no_argument, NULL, OPT_EOF},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

/* True to go on; else *done tells whether --help was asked. */
static bool parse_options(int argc, char **argv, struct options *o, bool *done, struct err *err)
{
    int c;

    *done = false;
    o->seed = 1;
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (c) {
        case OPT_CONFIG:
            o->config = optarg;
            break;
        case OPT_STATE:
            o->state = optarg;
            break;
        case OPT_SEED:
            if (!text_parse_i64(optarg, 0, INT64_MAX, &o->seed, err)) {
                err->kind = ERR_USAGE;
                return err_prefix(err, "--seed: ");
            }
            break;
        case OPT_LOG:
            o->log = optarg;
            break;
        case OPT_LOG_FLEETS:
            o->log_fleets = true;
            break;
        case OPT_READY:
            o->ready = optarg;
            break;
        case OPT_PARENT:
            o->exit_with_parent = true;
            break;
        case OPT_EOF:
            o->exit_on_eof = true;
            break;
        case OPT_HELP:
            fputs(usage, stdout);
            *done = true;
            return false;
        default:
            return err_set(err, ERR_USAGE, "see --help");
        }
    }
    return (o->config && optind == argc) ||
           err_set(err, ERR_USAGE, o->config ? "unexpected word '%s'" : "--config is missing",
                   argv[optind]);
}

static bool read_config(struct program *p, struct err *err)
{
    struct buf text SL_CLEANUP(buf_clear) = {.max = CONFIG_BYTES_MAX};
    json_error_t why;

    if (!file_read(&text, p->opt.config, CONFIG_BYTES_MAX, err))
        return false;
    p->config = json_loadb(buf_str(&text), text.len, JSON_REJECT_DUPLICATES, &why);
    if (!p->config) {
        struct pos at = {p->opt.config, (uint32_t)(why.line > 0 ? why.line : 0),
                         (uint32_t)(why.column > 0 ? why.column : 0)};

        err_at(err, ERR_FILE, at, "%s", why.text);
        err_add_snippet(err, buf_str(&text), text.len);
        return false;
    }
    return json_take(p->config, p->opt.config, err,
                     "{s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?i, s?i}", "health_checks",
                     &p->health_checks, "traffic_policy_instances", &p->policies, "zones",
                     &p->zones, "api", &p->api_json, "dns", &p->dns_json, "fleets", &p->fleets_json,
                     "shop", &p->shop, "certificate", &p->certificate, "faults", &p->faults,
                     "http_port", &p->http_port, "https_port", &p->https_port);
}

static bool make_state_dir(struct program *p, struct err *err)
{
    const char *tmp = getenv("TMPDIR");

    if (p->opt.state) {
        snprintf(p->state, sizeof p->state, "%s", p->opt.state);
    } else {
        snprintf(p->state, sizeof p->state, "%s/sluice-sandbox.XXXXXX", tmp && *tmp ? tmp : "/tmp");
        if (!mkdtemp(p->state))
            return err_set(err, ERR_IO, "cannot make %s: %s", p->state, strerror(errno));
        p->own_state = true;
    }
    p->state_fd = file_open_dir(p->state, err);
    return p->state_fd >= 0;
}

static void remove_state(struct program *p)
{
    static const char *const ours[] = {"ca.pem", "server.pem", "server.key"};

    if (p->state_fd < 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        unlinkat(p->state_fd, ours[i], 0);
    if (p->own_state)
        rmdir(p->state);
    file_close(&p->state_fd);
}

static bool make_tls(struct program *p, struct err *err)
{
    const char *names[NAMES_MAX];
    json_t *list = NULL, *name;
    int days = 90;
    size_t i, n = 0;

    if (p->certificate &&
        !json_take(p->certificate, "certificate", err, "{s?o, s?i}", "names", &list, "days", &days))
        return false;
    json_array_foreach(list, i, name)
    {
        if (n == NAMES_MAX || !json_is_string(name))
            return err_set(err, ERR_FILE, "certificate: names must be at most %d texts", NAMES_MAX);
        names[n++] = json_string_value(name);
    }
    p->tls = tls_store_new(names, n, days, err);
    return p->tls && tls_store_write(p->tls, p->state_fd, err);
}

static bool load_faults(struct program *p, struct err *err)
{
    json_t *fault;
    size_t i;

    json_array_foreach(p->faults, i, fault)
    {
        if (!faults_add(&p->sb.faults, fault, err))
            return err_prefix(err, "fault %zu: ", i + 1);
    }
    dns_server_faults_changed(p->dns);
    return true;
}

static bool make_parts(struct program *p, struct err *err)
{
    int64_t delays[ZONE_SERVERS_MAX];
    size_t n_servers;

    p->sb.seed = (uint64_t)p->opt.seed;
    p->sb.start_us = loop_now_us();
    p->sb.loop = loop_new(err);
    if (!p->sb.loop || !dns_server_delays(p->dns_json, delays, &n_servers, err))
        return false;
    store_init(&p->sb.store, p->sb.seed, n_servers, delays);
    faults_init(&p->sb.faults, p->sb.seed, p->sb.start_us);
    p->sb.log = logbook_new(p->opt.log, err);
    return p->sb.log && store_load(&p->sb.store, p->zones, err) &&
           attached_load(&p->sb.attached, p->health_checks, p->policies, err) && make_tls(p, err) &&
           (p->api = api_new(&p->sb, p->api_json, p->tls, err)) &&
           (p->dns = dns_server_new(&p->sb, p->dns_json, err)) &&
           (p->fleets =
                fleets_new(&p->sb, p->fleets_json, p->shop, p->tls, p->opt.log_fleets, err)) &&
           (p->control = control_new(&p->sb, p->api, p->dns, p->fleets)) && load_faults(p, err);
}

static bool listen_all(struct program *p, struct err *err)
{
    p->web_port = (uint16_t)p->http_port;
    p->web_tls_port = (uint16_t)p->https_port;
    return api_listen(p->api, "127.0.0.1", &p->api_port, false, err) &&
           api_listen(p->api, "127.0.0.1", &p->api_tls_port, true, err) &&
           control_listen(p->control, "127.0.0.1", &p->control_port, err) &&
           fleets_listen(p->fleets, &p->web_port, &p->web_tls_port, err);
}

static json_t *ready_json(const struct program *p)
{
    const struct sigv4_key *key = api_key(p->api, 0);
    json_t *servers = json_array(), *zones = json_array();
    json_t *o;

    for (size_t i = 0; i < p->sb.store.n_servers; i++)
        json_array_append_new(servers, json_sprintf("127.0.0.1:%u", dns_server_port(p->dns, i)));
    for (const struct zone *z = p->sb.store.zones; z; z = z->next)
        json_array_append_new(zones, json_pack("{s:s, s:s}", "id", z->id, "name", z->name));
    o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:s, s:s, s:s, s:o, s:I}", "api",
                  json_sprintf("http://127.0.0.1:%u", p->api_port), "api_https",
                  json_sprintf("https://127.0.0.1:%u", p->api_tls_port), "control",
                  json_sprintf("http://127.0.0.1:%u", p->control_port), "dns", servers, "resolver",
                  json_sprintf("127.0.0.1:%u", dns_server_resolver_port(p->dns)), "http_port",
                  p->web_port, "https_port", p->web_tls_port, "ca",
                  json_sprintf("%s/ca.pem", p->state), "state", p->state, "access_key", key->id,
                  "secret_key", key->secret, "zones", zones, "pid", (json_int_t)getpid());
    if (key->token)
        json_object_set_new(o, "session_token", json_string(key->token));
    return o;
}

static bool say_ready(struct program *p, struct err *err)
{
    json_t *ready = ready_json(p);
    char *text = json_dumps(ready, JSON_COMPACT);
    struct buf line SL_CLEANUP(buf_clear) = {0};
    bool ok = true;

    buf_addf(&line, "%s\n", text);
    free(text);
    logbook_add(p->sb.log,
                json_pack("{s:s, s:I, s:I, s:I, s:o}", "event", "start", "seed",
                          (json_int_t)p->sb.seed, "us_done", (json_int_t)loop_now_us(), "wall_ms",
                          (json_int_t)sandbox_wall_ms(&p->sb), "ready", ready));
    if (p->opt.ready)
        ok = file_write(p->opt.ready, line.data, line.len, err);
    /* Whoever reads only the file may have closed our output: that is no fault. */
    if (fwrite(line.data, 1, line.len, stdout) == line.len)
        fflush(stdout);
    return ok;
}

static void on_signal(void *arg, uint32_t events)
{
    struct program *p = arg;

    (void)events;
    loop_stop(p->sb.loop);
}

static void on_input(void *arg, uint32_t events)
{
    struct program *p = arg;
    char skip[256];

    (void)events;
    if (read(STDIN_FILENO, skip, sizeof skip) <= 0)
        loop_stop(p->sb.loop);
}

static bool watch_end(struct program *p, struct err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    p->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (p->signal_fd < 0)
        return err_set(err, ERR_IO, "cannot make a signal descriptor: %s", strerror(errno));
    loop_watch(p->sb.loop, &p->signals, p->signal_fd, EPOLLIN, on_signal, p);
    if (p->opt.exit_on_eof)
        loop_watch(p->sb.loop, &p->standard_in, STDIN_FILENO, EPOLLIN, on_input, p);
    return true;
}

static void raise_limits(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void program_clear(struct program *p)
{
    control_free(p->control);
    fleets_free(p->fleets);
    dns_server_free(p->dns);
    api_free(p->api);
    tls_store_free(p->tls);
    logbook_free(p->sb.log);
    faults_clear(&p->sb.faults);
    store_clear(&p->sb.store);
    loop_free(p->sb.loop);
    file_close(&p->signal_fd);
    if (p->opt.ready)
        unlink(p->opt.ready);
    remove_state(p);
    json_decref(p->config);
}

int main(int argc, char **argv)
{
    struct program p = {.state_fd = -1, .signal_fd = -1};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    bool help;
    pid_t parent = getppid();

    if (!parse_options(argc, argv, &p.opt, &help, &err) && help)
        return 0;
    if (!err.kind && p.opt.exit_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
            return 0;
    }
    raise_limits();
    if (!err.kind && read_config(&p, &err) && make_state_dir(&p, &err) && make_parts(&p, &err) &&
        watch_end(&p, &err) && listen_all(&p, &err) && say_ready(&p, &err))
        loop_run(p.sb.loop);
    program_clear(&p);
    if (!err.kind)
        return 0;
    err_format(&err, "sluice-sandbox", &text);
    fputs(buf_str(&text), stderr);
    return err_exit_status(err.kind);
}

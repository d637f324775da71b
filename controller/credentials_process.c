/* credential_process: another program that prints keys. Run without a shell; what it writes to
 * standard error is not shown, for it may hold secrets. Source: AWS CLI User Guide, "Sourcing
 * credentials with an external process". */
#include <jansson.h>
#include <string.h>

#include "credentials_inner.h"
#include "sluice/json.h"

struct splitter {
    const char *p;
    struct buf word;
    bool in_word;
};

/* True when a whole word was read; false at the end, or with err. */
static bool next_word(struct splitter *s, struct err *err)
{
    char quote = '\0';

    buf_reset(&s->word);
    s->in_word = false;
    for (; *s->p; s->p++) {
        char c = *s->p;

        if (!quote && (c == ' ' || c == '\t')) {
            if (s->in_word)
                return true;
            continue;
        }
        s->in_word = true;
        if (!quote && (c == '"' || c == '\''))
            quote = c;
        else if (quote && c == quote)
            quote = '\0';
        else if (c == '\\' && quote != '\'' && s->p[1] &&
                 (!quote || s->p[1] == '"' || s->p[1] == '\\'))
            buf_add_char(&s->word, *++s->p);
        else
            buf_add_char(&s->word, c);
    }
    if (quote)
        return err_set(err, ERR_FILE, "a %c without its end", quote);
    return s->in_word;
}

const char *const *credentials_split(struct arena *mem, const char *command, struct err *err)
{
    const char **argv = arena_array(mem, CREDENTIALS_ARGS_MAX + 1, sizeof *argv);
    struct splitter s = {.p = command};
    struct err why = {0};
    size_t n = 0;

    while (next_word(&s, &why)) {
        if (n == CREDENTIALS_ARGS_MAX) {
            err_set(&why, ERR_FILE, "more than %d words", CREDENTIALS_ARGS_MAX);
            break;
        }
        argv[n++] = arena_strdup(mem, buf_str(&s.word));
    }
    buf_wipe(&s.word);
    if (!why.kind && (!n || !argv[0][0]))
        err_set(&why, ERR_FILE, "no program in it");
    if (!why.kind)
        return argv;
    err_set(err, why.kind, "%s", why.text);
    return NULL;
}

enum credentials_found credentials_process(const struct credentials_look *look,
                                           struct credentials_recipe *out, struct err *err)
{
    const struct aws_ini_key *k = credentials_key(look, "credential_process");
    struct err why = {0};

    if (!k)
        return CREDENTIALS_NONE;
    if (!credentials_split(&look->config->mem, k->value, &why)) {
        err_at(err, why.kind, k->pos, "credential_process of profile '%s': %s", look->profile,
               why.text);
        return CREDENTIALS_BROKEN;
    }
    out->base = &credentials_source_process;
    out->command = k->value;
    out->pos = k->pos;
    return CREDENTIALS_FOUND;
}

static bool start(struct credentials_fetch *f, struct err *err)
{
    /* A person names this program in their own configuration, and AWS's tools hand it everything
     * they have: helpers find agents, vaults and displays by variables of their own. */
    static const char *const everything[] = {"*", NULL};
    struct spawn_request q = {.pass = everything,
                              .output_max = CREDENTIALS_ANSWER_MAX,
                              .deadline_ms = CREDENTIALS_PROCESS_MS};

    q.argv = credentials_split(&f->config.mem, f->recipe.command, err);
    return q.argv && credentials_fetch_spawn(f, &q, err);
}

static bool read_answer(struct credentials_fetch *f, const struct spawn_result *r, struct err *why)
{
    struct credentials keys SL_CLEANUP(credentials_clear) = {0};
    const json_t *version;
    json_t *root;
    bool ok;

    if (r->out_cut)
        return err_set(why, ERR_LIMIT, "it wrote more than %zu bytes", CREDENTIALS_ANSWER_MAX);
    /* The parser's own words quote what it read. */
    root = json_parse(buf_str(&r->out), r->out.len, NULL);
    if (!root)
        return err_set(why, ERR_PROTOCOL, "its output is no JSON");
    version = json_object_get(root, "Version");
    ok = (json_is_integer(version) && json_integer_value(version) == 1) ||
         err_set(why, ERR_PROTOCOL, "its output must say \"Version\": 1");
    ok = ok && credentials_from_json(&keys, "credential_process", root, "SessionToken", why) &&
         credentials_fetch_keep(f, &keys, why);
    json_decref(root);
    return ok;
}

static enum credentials_turn ended(struct credentials_fetch *f, const struct spawn_result *r,
                                   struct err *why)
{
    struct buf how SL_CLEANUP(buf_clear) = {0};

    if (r->outcome == SPAWN_EXITED && r->code == 0 && read_answer(f, r, why))
        return CREDENTIALS_HAVE;
    if (!why->kind) {
        spawn_result_format(r, &how);
        err_set(why, ERR_DENIED, "it %s; run it by hand to see why", buf_str(&how));
    }
    err_prefix(why, "profile '%s': ", f->recipe.profile);
    return CREDENTIALS_FAILED;
}

const struct credentials_source credentials_source_process = {
    .name = "credential_process", .ask = start, .ended = ended};

#include "route53_batch.h"

#include <string.h>

#include "sluice/text.h"

#define NAMESPACE "https://route53.amazonaws.com/doc/2013-04-01/"

/* The characters that mean something in XML; quotes only matter in attributes, of which we send
 * none with outside text. A carriage return would be read back as a newline. */
static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#13;";
    default:
        return NULL;
    }
}

static bool add_text(struct buf *out, const char *s, struct err *err)
{
    size_t len = strlen(s);

    if (!text_is_utf8(s, len))
        return err_set(err, ERR_BUG, "a record field that is not UTF-8 cannot be sent");
    while (*s) {
        const char *from = s;

        /* Runs of plain characters go over whole: a rollback waits for this. */
        while ((unsigned char)*s >= ' ' && *s != '&' && *s != '<' && *s != '>')
            s++;
        buf_add(out, from, (size_t)(s - from));
        if (!*s)
            break;
        if (entity(*s))
            buf_add_str(out, entity(*s));
        else if (*s == '\t' || *s == '\n')
            buf_add_char(out, *s);
        else
            return err_set(err, ERR_BUG, "a record field with a control character cannot be sent");
        s++;
    }
    return true;
}

static void add_tag(struct buf *out, const char *open, const char *name)
{
    buf_add_str(out, open);
    buf_add_str(out, name);
    buf_add_char(out, '>');
}

/* One element of text; a NULL text is an element left out. */
static bool add_field(struct buf *out, const char *name, const char *text, struct err *err)
{
    if (!text)
        return true;
    add_tag(out, "<", name);
    if (!add_text(out, text, err))
        return false;
    add_tag(out, "</", name);
    return true;
}

static bool add_values(struct buf *out, const struct rrset *s, struct err *err)
{
    if (!s->n_values)
        return true;
    buf_add_str(out, "<ResourceRecords>");
    for (size_t i = 0; i < s->n_values; i++) {
        buf_add_str(out, "<ResourceRecord>");
        if (!add_field(out, "Value", s->values[i], err))
            return false;
        buf_add_str(out, "</ResourceRecord>");
    }
    buf_add_str(out, "</ResourceRecords>");
    return true;
}

static bool add_alias(struct buf *out, const struct rrset *s, struct err *err)
{
    if (!s->alias_name)
        return true;
    buf_add_str(out, "<AliasTarget>");
    if (!add_field(out, "HostedZoneId", s->alias_zone, err) ||
        !add_field(out, "DNSName", s->alias_name, err))
        return false;
    buf_addf(out, "<EvaluateTargetHealth>%s</EvaluateTargetHealth></AliasTarget>",
             s->alias_health ? "true" : "false");
    return true;
}

static bool add_set(struct buf *out, const struct rrset *s, uint32_t weight, struct err *err)
{
    if (s->routing || s->traffic_policy)
        return err_set(err, ERR_BUG, "%s %s has another routing policy and is not ours to change",
                       s->name, s->type);
    buf_add_str(out, "<ResourceRecordSet>");
    if (!add_field(out, "Name", s->name, err) || !add_field(out, "Type", s->type, err) ||
        !add_field(out, "SetIdentifier", s->set_id, err))
        return false;
    if (s->weighted) /* 0 is a weight, too */
        buf_addf(out, "<Weight>%u</Weight>", weight);
    if (s->has_ttl)
        buf_addf(out, "<TTL>%u</TTL>", s->ttl);
    if (!add_values(out, s, err) || !add_alias(out, s, err) ||
        !add_field(out, "HealthCheckId", s->health_check, err))
        return false;
    buf_add_str(out, "</ResourceRecordSet>");
    return true;
}

bool route53_batch_format(const struct router_batch *batch, struct buf *out, struct err *err)
{
    static const char *const actions[] = {
        [ROUTER_CREATE] = "CREATE",
        [ROUTER_DELETE] = "DELETE",
        [ROUTER_UPSERT] = "UPSERT",
    };

    buf_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<ChangeResourceRecordSetsRequest xmlns=\"" NAMESPACE "\"><ChangeBatch>");
    if (!add_field(out, "Comment", batch->comment, err))
        return false;
    buf_add_str(out, "<Changes>");
    for (size_t i = 0; i < batch->n_changes; i++) {
        const struct router_change *c = &batch->changes[i];

        buf_addf(out, "<Change><Action>%s</Action>", actions[c->action]);
        if (!add_set(out, c->set, c->weight, err))
            return false;
        buf_add_str(out, "</Change>");
    }
    buf_add_str(out, "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>\n");
    if (!buf_ok(out))
        return err_set(err, ERR_LIMIT, "a change batch that does not fit its buffer");
    return true;
}

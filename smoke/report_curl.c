/* report_curl.c: a shell script of what did not pass, one curl(1) command each. */
#include <string.h>

#include "report_words.h"

void report_curl(const struct report *r, struct buf *out)
{
    size_t n = 0;

    buf_add_str(out,
                "#!/bin/sh\n# What did not pass, to be tried by hand. Secrets, captured values, "
                "cookies and signatures are \"$NAME\":\n# set them first.\n");
    for (size_t i = 0; i < r->entries_n; i++) {
        const struct report_entry *e = &r->entries[i];
        struct buf title SL_CLEANUP(buf_clear) = {0};

        if (!e->done || e->result.verdict == RUN_PASS)
            continue;
        report_title(r, e, &title);
        buf_add_str(out, "\n# ");
        report_add_safe(out, buf_str(&title), false);
        buf_add_str(out, ": ");
        report_add_safe(out, report_sentence(e), false);
        buf_add_char(out, '\n');
        if (e->result.curl)
            report_add_safe(out, e->result.curl, true);
        else
            buf_add_str(out, "# too long for a command line, or never made");
        buf_add_char(out, '\n');
        n++;
    }
    if (n == 0)
        buf_add_str(out, "\n# everything passed\n");
}

/* Any bytes as any reply of Route 53 or STS: nothing but a value or an err comes back.
 *
 * seeds: tests/data/route53 */
#include <stddef.h>
#include <stdint.h>

#include "route53_xml.h"
#include "sluice/arena.h"
#include "sts_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct arena mem = {0};
    struct route53_sets sets = {0};
    struct route53_zones zones;
    struct route53_zone zone;
    struct route53_change change;
    struct route53_error error;
    struct sts_keys keys;
    struct err err[5] = {{0}};
    bool ok;

    /* The same document as each kind: a root that does not fit is refused at once. */
    ok = route53_xml_parse_sets(&mem, text, size, &sets, &err[0]);
    if (ok)
        ok = route53_xml_parse_sets(&mem, text, size, &sets, &err[0]);
    ok = route53_xml_parse_zones(&mem, text, size, &zones, &err[1]) || ok;
    ok = route53_xml_parse_zone(&mem, text, size, &zone, &err[2]) || ok;
    ok = route53_xml_parse_change(text, size, &change, &err[3]) || ok;
    ok = sts_xml_parse(text, size, &keys, &err[4]) || ok;
    sts_xml_clear(&keys);
    route53_xml_parse_error(text, size, 400, &error);
    route53_sets_clear(&sets);
    arena_clear(&mem);
    return 0;
}

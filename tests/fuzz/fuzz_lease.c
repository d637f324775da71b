/* fuzz_lease: a TXT value that anybody may have written. What is read is written back the same.
 * seeds: tests/data/lease */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lease.h"
#include "sluice/common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = x_strndup((const char *)data, size), again[LEASE_VALUE_SIZE];
    struct lease lease;

    if (lease_parse(text, &lease) == LEASE_READ) {
        lease_format(&lease, again);
        assert(strcmp(text, again) == 0);
    }
    free(text);
    return 0;
}

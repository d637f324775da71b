/* fuzz_fence: what a journal kept of a fence, as {"baseline": ..., "state": ...}; then one rollback
 * of what was restored, on a router that is never there. seeds: tests/data/fence */
#include <assert.h>
#include <string.h>

#include "fence.h"
#include "router_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fence_config config = {.cutover = "shop", .run = "run-a", .seed = 1};
    json_t *o = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    struct memory_service *m = memory_new();
    struct router router = memory_client_new(m, 1, NULL, NULL);
    struct err err = {0};
    struct fence *f = fence_restore(&config, router, json_object_get(o, "baseline"),
                                    json_object_get(o, "state"), &err);

    assert(f || err.kind != ERR_NONE);
    if (f) {
        struct router_answer a;

        json_decref(fence_save_baseline(f));
        json_decref(fence_save(f));
        fence_rollback(f, 1, 0, true, 1000);
        memory_tick(m, 1000);
        for (int i = 0; i < 100 && router.ops->next(router.self, &a); i++) {
            (void)fence_answer(f, &a, 1000);
            router.ops->release(router.self, &a);
            memory_tick(m, 1000);
        }
    }
    fence_free(f);
    memory_free(m);
    json_decref(o);
    return 0;
}

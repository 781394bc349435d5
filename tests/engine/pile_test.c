/*
 * pile_test.c - whatever order items come in, the oldest comes out.
 *
 * Random pushes and pops are compared with the plainest model, a search for the least, and the structure audits itself. Half a million
 * items then come ascending, descending and shuffled: no order that a client could choose makes the pile slow, or the last test would
 * not end.
 */
#include <stdlib.h>

#include "kit.h"
#include "pile.h"
#include "prng.h"

enum { ITEMS = 3000 };

static struct item items[ITEMS];

static void audit(const struct pile *p, uint64_t want)
{
    uint64_t count = 0, bytes = 0;
    pile_audit(p, UINT64_MAX, &count, &bytes);
    assert_int_equal(count, want);
    assert_int_equal(bytes, want * 3);
}

static void the_oldest_first(void **state)
{
    (void)state;
    struct prng prng;
    struct pile p = {0};
    bool in[ITEMS] = {0};
    uint64_t count = 0;
    prng_seed(&prng, 11);
    for (uint64_t i = 0; i < ITEMS; i++)
        items[i] = (struct item){.seq = i + 1, .refs = 1, .size = 3};
    for (int step = 0; step < 30000; step++) {
        uint64_t i = prng_below(&prng, ITEMS);
        if (!in[i]) {
            pile_push(&p, &items[i]);
            in[i] = true;
            count++;
        } else {
            uint64_t least = 0;
            while (!in[least])
                least++;
            assert_ptr_equal(pile_pop(&p), &items[least]);
            assert_false(list_linked(&items[least].link));
            in[least] = false;
            count--;
        }
        if (step % 500 == 0)
            audit(&p, count);
    }
    while (count-- > 0)
        assert_non_null(pile_pop(&p));
    assert_null(pile_pop(&p));
}

/* Half a million in orders that are bad for lists. */
static void no_order_is_slow(void **state)
{
    (void)state;
    enum { MANY = 500000 };
    struct item *many = calloc(MANY, sizeof *many);
    assert_non_null(many);
    for (int order = 0; order < 3; order++) {
        struct pile p = {0};
        for (uint64_t i = 0; i < MANY; i++) {
            uint64_t seq = order == 0 ? i : order == 1 ? MANY - i : (i * 314159) % MANY;
            many[i] = (struct item){.seq = seq + 1, .refs = 1};
            pile_push(&p, &many[i]);
        }
        uint64_t last = 0;
        for (struct item *item; (item = pile_pop(&p));) {
            assert_true(item->seq > last);
            last = item->seq;
        }
    }
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_oldest_first),
                                       cmocka_unit_test(no_order_is_slow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

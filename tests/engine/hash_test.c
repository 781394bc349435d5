/*
 * hash_test.c - the table that grows a little at a time: nothing is lost while it moves.
 *
 * Nodes are inserted, looked up and removed while their buckets are on the way from the old table to the new. The model is a flag in
 * each node. Without memory for a larger table the old one must serve on, denser, and find everything.
 *
 * What is not tested is the quality of the hash itself: that is xxHash's.
 */
#include "hash.h"
#include "kit.h"
#include "list.h"
#include "prng.h"

enum { WORDS = 5000 };

struct word {
    struct hash_node node;
    uint32_t number;
    bool in;
};

static struct word words[WORDS];

static bool same(const struct hash_node *node, const void *key)
{
    return container_of(node, struct word, node)->number == *(const uint32_t *)key;
}

static struct hash_node *find(const struct hash *h, uint32_t number)
{
    return hash_find(h, hash_bytes(h, &number, sizeof number), same, &number);
}

static void put(struct hash *h, uint32_t i)
{
    words[i].number = i;
    words[i].in = true;
    hash_insert(h, &words[i].node, hash_bytes(h, &i, sizeof i));
}

static void lift(struct hash *h, uint32_t i)
{
    words[i].in = false;
    hash_remove(h, &words[i].node);
}

static void all_are_found_at_every_size(void **state)
{
    (void)state;
    struct mem mem = {.max = 1 << 20};
    struct hash h;
    assert_true(hash_init(&h, &mem, 42));
    for (uint32_t i = 0; i < WORDS; i++) {
        put(&h, i);
        uint32_t middle = i / 2;
        assert_ptr_equal(find(&h, i), &words[i].node);
        assert_ptr_equal(find(&h, middle), &words[middle].node);
        assert_null(find(&h, i + 1));
    }
    assert_int_equal(h.count, WORDS);
    assert_true(h.size >= WORDS / 2);
    for (uint32_t i = 0; i < WORDS; i++)
        lift(&h, i);
    assert_int_equal(h.count, 0);
    hash_done(&h);
    assert_int_equal(mem.used, 0);
}

/* Insert and remove at random, most of all while a move is under way. */
static void removal_while_moving(void **state)
{
    (void)state;
    struct mem mem = {.max = 1 << 20};
    struct hash h;
    struct prng prng;
    unsigned moving = 0;
    prng_seed(&prng, 3);
    assert_true(hash_init(&h, &mem, 1));
    memset(words, 0, sizeof words);
    for (uint32_t step = 0; step < 40000; step++) {
        uint32_t i = (uint32_t)prng_below(&prng, 100 + step / 8 % (WORDS - 100));
        if (words[i].in)
            lift(&h, i);
        else
            put(&h, i);
        moving += h.old != NULL;
        uint32_t j = (uint32_t)prng_below(&prng, WORDS);
        assert_ptr_equal(find(&h, j), words[j].in ? &words[j].node : NULL);
    }
    assert_true(moving > 100);
    hash_done(&h);
    assert_int_equal(mem.used, 0);
}

static void without_memory_it_serves_on(void **state)
{
    (void)state;
    struct mem mem = {.max = 600};
    struct hash h;
    memset(words, 0, sizeof words);
    assert_true(hash_init(&h, &mem, 1));
    for (uint32_t i = 0; i < 1000; i++)
        put(&h, i);
    assert_int_equal(h.size, 64);
    for (uint32_t i = 0; i < 1000; i++)
        assert_ptr_equal(find(&h, i), &words[i].node);
    hash_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_are_found_at_every_size),
                                       cmocka_unit_test(removal_while_moving),
                                       cmocka_unit_test(without_memory_it_serves_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

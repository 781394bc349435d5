/*
 * lost.c - the reports of lost.h: appended, and sorted when they are first asked for.
 *
 * A connection that dies reports its unwritten replies one by one, and then they are looked up one by one: sorting once between the two
 * makes the whole O(n log n).
 */
#include "lost.h"

#include <assert.h>
#include <stdlib.h>

enum { LOST_SIZE_MIN = 16 };

void lost_done(struct lost *l, struct mem *mem)
{
    mem_free(mem, l->routes, l->size * sizeof *l->routes);
    *l = (struct lost){0};
}

bool lost_add(struct lost *l, struct mem *mem, uint64_t route)
{
    if (l->count == l->size) {
        uint32_t size = l->size ? 2 * l->size : LOST_SIZE_MIN;
        struct lost_route *routes = mem_grow(mem, l->routes, l->size * sizeof *routes, size * sizeof *routes);
        if (!routes)
            return false;
        l->routes = routes;
        l->size = size;
    }
    l->routes[l->count++] = (struct lost_route){route, 1};
    l->sorted = false;
    return true;
}

static int lost_compare(const void *a, const void *b)
{
    uint64_t left = ((const struct lost_route *)a)->route, right = ((const struct lost_route *)b)->route;
    return (left > right) - (left < right);
}

static void lost_sort(struct lost *l)
{
    uint32_t kept = 0;
    qsort(l->routes, l->count, sizeof *l->routes, lost_compare);
    for (uint32_t i = 0; i < l->count; i++)
        if (kept > 0 && l->routes[kept - 1].route == l->routes[i].route)
            l->routes[kept - 1].times += l->routes[i].times;
        else
            l->routes[kept++] = l->routes[i];
    l->count = kept;
    l->sorted = true;
}

bool lost_take(struct lost *l, uint64_t route)
{
    if (l->count == 0)
        return false;
    if (!l->sorted)
        lost_sort(l);
    struct lost_route key = {.route = route};
    struct lost_route *found = bsearch(&key, l->routes, l->count, sizeof key, lost_compare);
    if (!found || found->times == 0)
        return false;
    found->times--;
    return true;
}

void lost_clear(struct lost *l)
{
    l->count = 0;
}

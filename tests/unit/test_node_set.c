//  Tests sets of nodes.

#include <criterion/criterion.h>

#include "zseq_node_set.h"

Test (node_set, has_what_was_added_and_not_removed)
{
    zseq_node_set_t set = 0;
    zseq_node_set_add (&set, 0);
    zseq_node_set_add (&set, ZSEQ_NODES_MAX - 1);
    zseq_node_set_add (&set, ZSEQ_NODES_MAX - 1);
    for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++)
        cr_expect_eq (zseq_node_set_has (set, node),
                      node == 0 || node == ZSEQ_NODES_MAX - 1);
    zseq_node_set_remove (&set, 0);
    zseq_node_set_remove (&set, 3);
    cr_expect_eq (set, 1u << (ZSEQ_NODES_MAX - 1));
}

Test (node_set, puts_a_node_in_or_out)
{
    zseq_node_set_t set = 0;
    zseq_node_set_put (&set, 2, true);
    zseq_node_set_put (&set, 5, true);
    cr_expect_eq (set, 1u << 2 | 1u << 5);
    zseq_node_set_put (&set, 2, false);
    zseq_node_set_put (&set, 4, false);
    cr_expect_eq (set, 1u << 5);
}

Test (node_set, counts_each_node_once)
{
    for (zseq_node_set_t set = 0; set < 1u << ZSEQ_NODES_MAX; set++) {
        uint8_t count = 0;
        for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++)
            count += zseq_node_set_has (set, node);
        cr_expect_eq (zseq_node_set_count (set), count, "set %x", set);
    }
}

Test (node_set, of_the_first_nodes_has_these_and_no_other)
{
    cr_expect_eq (zseq_node_set_first (0), 0);
    for (uint8_t n = 1; n <= ZSEQ_NODES_MAX; n++)
        for (uint8_t node = 0; node < ZSEQ_NODES_MAX; node++)
            cr_expect_eq (zseq_node_set_has (zseq_node_set_first (n), node),
                          node < n);
}

Test (node_set, includes_its_subsets_and_no_other_set)
{
    cr_expect (zseq_node_set_includes (0, 0));
    cr_expect (zseq_node_set_includes (6, 0));
    cr_expect (zseq_node_set_includes (6, 2));
    cr_expect (zseq_node_set_includes (6, 6));
    cr_expect (!zseq_node_set_includes (6, 7));
    cr_expect (!zseq_node_set_includes (6, 1));
    cr_expect (!zseq_node_set_includes (0, 1));
}

//  Tests that connections are counted by where they come from.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zseq.h"
#include "zseq_sources.h"

#define HOSTS 1000

static zseq_address_t
s_address (const char *format, unsigned number)
{
    char endpoint[64];
    snprintf (endpoint, sizeof endpoint, format, number / 250, number % 250);
    zseq_address_t address;
    cr_assert_eq (zseq_address_parse (&address, endpoint, false), ZSEQ_OK);
    return address;
}

Test (sources, count_the_connections_of_each_host)
{
    zseq_sources_t self;
    cr_assert (zseq_sources_init (&self, 4));
    zseq_source_t *source[HOSTS];
    for (unsigned times = 1; times <= 3; times++)
        for (unsigned host = 0; host < HOSTS; host++) {
            zseq_address_t address = s_address ("tcp://10.0.%u.%u:1", host);
            source[host] = zseq_sources_enter (&self, &address);
            cr_assert_not_null (source[host]);
            cr_assert_eq (source[host]->count, times);
        }
    for (unsigned host = 0; host < HOSTS; host++)
        for (unsigned times = 0; times < 2; times++)
            zseq_sources_leave (source[host]);
    zseq_address_t address = s_address ("tcp://10.0.%u.%u:1", 7);
    cr_assert_eq (zseq_sources_enter (&self, &address)->count, 2);
    zseq_sources_leave (source[7]);
    for (unsigned host = 0; host < HOSTS; host++)
        zseq_sources_leave (source[host]);
    zseq_sources_term (&self);
}

Test (sources, count_a_network_of_ipv6_as_one)
{
    zseq_sources_t self;
    cr_assert (zseq_sources_init (&self, 4));
    zseq_source_t *source = NULL;
    for (unsigned host = 0; host < HOSTS; host++) {
        zseq_address_t address = s_address ("tcp://[2001:db8::%x:%x]:1", host);
        source = zseq_sources_enter (&self, &address);
        cr_assert_eq (source->count, host + 1);
    }
    for (unsigned host = 0; host < HOSTS; host++)
        zseq_sources_leave (source);
    zseq_sources_term (&self);
}

//  The most that share a bucket.
static size_t
s_longest (const zseq_sources_t *self)
{
    size_t longest = 0;
    for (size_t index = 0; index < self->buckets; index++) {
        size_t length = 0;
        const zseq_source_t *source;
        LIST_FOREACH (source, &self->bucket[index], same_bucket)
        length++;
        longest = length > longest ? length : longest;
    }
    return longest;
}

//  Two with other keys spread the same hosts in other ways, so that nobody can
//  choose hosts that share a bucket. That twenty of 1,000 are in one of 1,024
//  buckets has a probability below 2^-50.
Test (sources, are_spread_by_a_key_of_their_own)
{
    zseq_sources_t self[2];
    size_t alike = 0;
    zseq_source_t *source[2][HOSTS];
    for (size_t at = 0; at < 2; at++) {
        cr_assert (zseq_sources_init (&self[at], HOSTS));
        cr_assert_geq (self[at].buckets, HOSTS);
        for (unsigned host = 0; host < HOSTS; host++) {
            zseq_address_t address = s_address ("tcp://10.0.%u.%u:1", host);
            source[at][host] = zseq_sources_enter (&self[at], &address);
        }
        cr_assert_lt (s_longest (&self[at]), 20);
    }
    for (size_t index = 0; index < self[0].buckets; index++) {
        const zseq_source_t *first = LIST_FIRST (&self[0].bucket[index]);
        const zseq_source_t *second = LIST_FIRST (&self[1].bucket[index]);
        alike += first && second &&
                 !memcmp (first->network, second->network, ZSEQ_NETWORK_SIZE);
    }
    cr_assert_lt (alike, HOSTS / 10);
    for (size_t at = 0; at < 2; at++) {
        for (unsigned host = 0; host < HOSTS; host++)
            zseq_sources_leave (source[at][host]);
        zseq_sources_term (&self[at]);
    }
}

//  Tests addresses: what counts as one network, and how people read them.

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "zseq.h"
#include "zseq_address.h"

static zseq_address_t
s_address (const char *endpoint)
{
    zseq_address_t address;
    cr_assert_eq (zseq_address_parse (&address, endpoint, false), ZSEQ_OK);
    return address;
}

//  The network of a host, in a way that can be compared.
static const char *
s_network (const char *host)
{
    static char text[4][2 * ZSEQ_NETWORK_SIZE + 1];
    static size_t next;
    char endpoint[128];
    snprintf (endpoint, sizeof endpoint, "tcp://%s:1", host);
    zseq_address_t address = s_address (endpoint);
    uint8_t network[ZSEQ_NETWORK_SIZE];
    zseq_address_network (&address, network);
    char *at = text[next++ % 4];
    for (size_t byte = 0; byte < sizeof network; byte++)
        snprintf (at + 2 * byte, 3, "%02x", network[byte]);
    return at;
}

//  A site has 2^64 addresses of its own.
Test (addresses, of_ipv6_are_of_one_network_by_their_first_64_bits)
{
    cr_assert_str_eq (s_network ("[2001:db8:1:2::1]"),
                      s_network ("[2001:db8:1:2:ffff:eeee:dddd:cccc]"));
    cr_assert_str_neq (s_network ("[2001:db8:1:2::1]"),
                       s_network ("[2001:db8:1:3::1]"));
    cr_assert_str_neq (s_network ("[2001:db8::1]"), s_network ("[::1]"));
}

Test (addresses, of_ipv4_are_networks_of_their_own)
{
    cr_assert_str_neq (s_network ("10.0.0.1"), s_network ("10.0.0.2"));
    cr_assert_str_neq (s_network ("10.0.0.1"), s_network ("[a00:1::]"));
}

//  A socket of IPv6 has them, too.
Test (addresses, of_ipv4_are_the_same_within_ipv6)
{
    cr_assert_str_eq (s_network ("10.0.0.1"), s_network ("[::ffff:10.0.0.1]"));
    cr_assert_str_neq (s_network ("[::ffff:10.0.0.1]"),
                       s_network ("[::ffff:10.0.0.2]"));
}

static void
s_assert_host (const zseq_address_t *address, const char *expected)
{
    char text[ZSEQ_HOST_TEXT_MAX + 1];
    zseq_address_host (address, text);
    cr_assert_str_eq (text, expected);
}

Test (addresses, are_shown_to_people)
{
    zseq_address_t address = s_address ("tcp://10.0.0.1:7");
    s_assert_host (&address, "10.0.0.1");
    address = s_address ("tcp://[::ffff:10.0.0.1]:7");
    s_assert_host (&address, "10.0.0.1");
    address = s_address ("tcp://[2001:db8::1]:7");
    s_assert_host (&address, "2001:db8::1");
    address = s_address ("ipc:///tmp/a");
    s_assert_host (&address, "this machine");
    memset (&address, 0, sizeof address);
    s_assert_host (&address, "a host that has gone");
}

Test (addresses, are_local_or_not)
{
    static const char *const local[] = {
      "tcp://127.0.0.1:1", "tcp://127.9.9.9:1", "tcp://[::1]:1",
      "ipc://a",           "ipc://@a",          "tcp://[::ffff:127.0.0.1]:1"};
    static const char *const other[] = {"tcp://10.0.0.1:1", "tcp://[::2]:1",
                                        "tcp://[::ffff:10.0.0.1]:1"};
    for (size_t index = 0; index < sizeof local / sizeof *local; index++) {
        zseq_address_t address = s_address (local[index]);
        cr_expect (zseq_address_local (&address), "%s", local[index]);
    }
    for (size_t index = 0; index < sizeof other / sizeof *other; index++) {
        zseq_address_t address = s_address (other[index]);
        cr_expect (!zseq_address_local (&address), "%s", other[index]);
    }
}

//  As for libzmq: see also test_transport_pairs.
Test (addresses, of_ipc_may_be_abstract)
{
    zseq_address_t address = s_address ("ipc://@name");
    const struct sockaddr_un *un = (const struct sockaddr_un *) &address.any;
    cr_assert_eq (address.size, sizeof (sa_family_t) + strlen ("@name"));
    cr_assert_arr_eq (un->sun_path, "\0name", 5);
    cr_assert_eq (zseq_address_parse (&address, "ipc://@", false), ZSEQ_EINVAL);
}

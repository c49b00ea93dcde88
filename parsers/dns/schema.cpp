#include "parsers/dns/schema.hpp"

#include <array>
#include <cstddef>

#include <iris/protocols/dns.hpp>

#include "parsers/dns/parser.hpp"
#include "parsers/dns/probe.hpp"
#include "parsers/fields.hpp"

namespace iris::parsers::dns {
namespace {

using fields::named;
using fields::number;
using fields::optional_number;
using fields::text;
using fields::texts;
using fields::truth;
using Number = std::uint16_t;

// IANA's "Domain Name System (DNS) Parameters".
constexpr NamedNumber types[] = {{"A", 1},       {"NS", 2},     {"CNAME", 5},  {"SOA", 6},    {"PTR", 12},
                                 {"HINFO", 13},  {"MX", 15},    {"TXT", 16},   {"AAAA", 28},  {"SRV", 33},
                                 {"NAPTR", 35},  {"DS", 43},    {"SSHFP", 44}, {"RRSIG", 46}, {"NSEC", 47},
                                 {"DNSKEY", 48}, {"NSEC3", 50}, {"TLSA", 52},  {"SVCB", 64},  {"HTTPS", 65},
                                 {"IXFR", 251},  {"AXFR", 252}, {"ANY", 255},  {"CAA", 257}};
constexpr NamedNumber classes[] = {{"IN", 1}, {"CH", 3}, {"HS", 4}, {"ANY", 255}};
constexpr NamedNumber opcodes[] = {{"QUERY", 0}, {"STATUS", 2}, {"NOTIFY", 4}, {"UPDATE", 5}};
constexpr NamedNumber rcodes[] = {{"NOERROR", 0}, {"FORMERR", 1}, {"SERVFAIL", 2}, {"NXDOMAIN", 3},
                                  {"NOTIMP", 4},  {"REFUSED", 5}, {"YXDOMAIN", 6}, {"YXRRSET", 7},
                                  {"NXRRSET", 8}, {"NOTAUTH", 9}, {"NOTZONE", 10}};

#define IRIS_DNS(member) offsetof(DnsTransaction, layout) + offsetof(DnsTransaction::Layout, member)

constexpr std::array own{
    text("query", IRIS_DNS(query), "name of the first question, lower case, without trailing dot"),
    named(optional_number<Number>("qtype", IRIS_DNS(qtype), "type of the first question: 1 is A, 28 AAAA"), types),
    named(optional_number<Number>("qclass", IRIS_DNS(qclass), "class of the first question: 1 is IN"), classes),
    number<Number>("id", IRIS_DNS(id), "id of query and answer"),
    named(number<std::uint8_t>("opcode", IRIS_DNS(opcode), "0 query, 4 notify, 5 update"), opcodes),
    named(optional_number<Number>("rcode", IRIS_DNS(rcode), "of the answer: 0 no error, 3 no such name"), rcodes),
    truth("answered", IRIS_DNS(answered), "an answer was seen"),
    truth("query_seen", IRIS_DNS(query_seen), "the query was seen"),
    truth("authoritative", IRIS_DNS(authoritative), "AA of the answer"),
    truth("truncated", IRIS_DNS(truncated), "TC of the answer"),
    truth("recursion_desired", IRIS_DNS(recursion_desired), "RD"),
    truth("recursion_available", IRIS_DNS(recursion_available), "RA of the answer"),
    truth("authentic_data", IRIS_DNS(authentic_data), "AD of the answer"),
    truth("malformed", IRIS_DNS(malformed), "part of a message did not parse"),
    text("client_subnet", IRIS_DNS(client_subnet), "EDNS client subnet, as in 192.0.2.0/24"),
    texts("answers", IRIS_DNS(answer_data), "data of the answers, as zone files write it"),
};
#undef IRIS_DNS
constexpr auto all = fields::with_parts<own>();

}  // namespace

constinit const Protocol protocol{
    .name = "dns", .fields = all, .session_type = "iris::DnsTransaction", .probe = probe, .create = create};

}  // namespace iris::parsers::dns

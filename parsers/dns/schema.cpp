#include "parsers/dns/schema.hpp"

#include <array>
#include <cstddef>

#include <iris/protocols/dns.hpp>

#include "parsers/dns/parser.hpp"
#include "parsers/dns/probe.hpp"
#include "parsers/fields.hpp"

namespace iris::parsers::dns {
namespace {

using fields::number;
using fields::optional_number;
using fields::text;
using fields::texts;
using fields::truth;
using Number = std::uint16_t;

#define IRIS_DNS(member) offsetof(DnsTransaction, layout) + offsetof(DnsTransaction::Layout, member)

constexpr std::array own{
    text("query", IRIS_DNS(query), "name of the first question, lower case, without trailing dot"),
    optional_number<Number>("qtype", IRIS_DNS(qtype), "type of the first question: 1 is A, 28 AAAA"),
    optional_number<Number>("qclass", IRIS_DNS(qclass), "class of the first question: 1 is IN"),
    number<Number>("id", IRIS_DNS(id), "id of query and answer"),
    number<std::uint8_t>("opcode", IRIS_DNS(opcode), "0 query, 4 notify, 5 update"),
    optional_number<Number>("rcode", IRIS_DNS(rcode), "of the answer: 0 no error, 3 no such name"),
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

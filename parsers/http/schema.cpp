#include "parsers/http/schema.hpp"

#include <array>
#include <cstddef>

#include <iris/protocols/http.hpp>

#include "parsers/fields.hpp"
#include "parsers/http/parser.hpp"
#include "parsers/http/probe.hpp"
#include "parsers/sdk_functions.hpp"

namespace iris::parsers::http {
namespace {

using fields::number;
using fields::optional_number;
using fields::text;

#define IRIS_HTTP(member) offsetof(HttpTransaction, layout) + offsetof(HttpTransaction::Layout, member)

constexpr std::array own{
    text("method", IRIS_HTTP(method), "of the request, as sent"),
    text("uri", IRIS_HTTP(uri), "target of the request, as sent"),
    text("host", IRIS_HTTP(host), "Host, as sent; else the authority of the URI"),
    text("user_agent", IRIS_HTTP(user_agent), "User-Agent"),
    text("referrer", IRIS_HTTP(referrer), "Referer"),
    text("cookie", IRIS_HTTP(cookie), "Cookie"),
    text("request_version", IRIS_HTTP(request_version), "0.9, 1.0, 1.1 or 2"),
    text("request_content_type", IRIS_HTTP(request_content_type), "Content-Type of the request"),
    optional_number<std::uint64_t>("request_content_length", IRIS_HTTP(request_content_length),
                                   "Content-Length of the request"),
    text("request_transfer_encoding", IRIS_HTTP(request_transfer_encoding), "Transfer-Encoding of the request"),
    optional_number<std::uint16_t>("status", IRIS_HTTP(status), "of the final response"),
    text("reason", IRIS_HTTP(reason), "reason phrase of the response"),
    text("response_version", IRIS_HTTP(response_version), "1.0, 1.1 or 2"),
    text("response_content_type", IRIS_HTTP(response_content_type), "Content-Type of the response"),
    optional_number<std::uint64_t>("response_content_length", IRIS_HTTP(response_content_length),
                                   "Content-Length of the response"),
    text("response_content_encoding", IRIS_HTTP(response_content_encoding), "Content-Encoding of the response"),
    text("response_transfer_encoding", IRIS_HTTP(response_transfer_encoding), "Transfer-Encoding of the response"),
    text("location", IRIS_HTTP(location), "Location"),
    text("server", IRIS_HTTP(server), "Server"),
    number<std::uint32_t>("index", IRIS_HTTP(index), "of the connection's transactions, from 0"),
};
#undef IRIS_HTTP
constexpr auto all = fields::with_parts<own>();

std::span<const SdkFunction> functions() noexcept {
  static const std::array list{sdk_function("iris_session_data_decoded", &detail::iris_session_data_decoded)};
  return list;
}

}  // namespace

constinit const Protocol protocol{.name = "http",
                                  .fields = all,
                                  .implies = "tcp",
                                  .session_type = "iris::HttpTransaction",
                                  .probe = probe,
                                  .create = create,
                                  .may_tunnel = may_tunnel,
                                  .has_data = true,
                                  .sdk_functions = functions};

}  // namespace iris::parsers::http

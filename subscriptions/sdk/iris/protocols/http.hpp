// HTTP transactions as authors see them: HTTP/1.0 and 1.1 (RFC 9112), HTTP/2 in clear (RFC 9113).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace iris {

struct HttpHeader {
  std::string_view name;   // as sent
  std::string_view value;  // without white space around it
};

// Data type: a request with its response. At L7EndHdrs the headers of both were parsed (of responses the final one: not
// 100 Continue); at L7EndSession both bodies were seen whole, or the connection ended or lost bytes first. A request
// without a response, and a response without a request (a tap that sees one direction), is reported when nothing more
// is to be expected. Text that is absent has data() == nullptr. Valid only during the call.
struct HttpTransaction {
  // Filled by the parser. Authors use the accessors below.
  struct Layout {
    std::string_view method;
    std::string_view uri;
    std::string_view request_version;
    std::string_view host;
    std::string_view user_agent;
    std::string_view referrer;
    std::string_view cookie;
    std::string_view request_content_type;
    std::string_view request_transfer_encoding;
    std::string_view response_version;
    std::string_view reason;
    std::string_view response_content_type;
    std::string_view response_content_encoding;
    std::string_view response_transfer_encoding;
    std::string_view location;
    std::string_view server;
    std::span<const HttpHeader> request_headers;
    std::span<const HttpHeader> response_headers;
    std::optional<std::uint64_t> request_content_length;
    std::optional<std::uint64_t> response_content_length;
    std::uint64_t request_body_bytes = 0;
    std::uint64_t response_body_bytes = 0;
    std::uint64_t missing_bytes = 0;
    std::uint32_t index = 0;
    std::optional<std::uint16_t> status;
    bool complete = false;
    bool headers_cut_off = false;
  } layout;

  // Of the connection's transactions, from 0.
  [[nodiscard]] std::uint32_t index() const { return layout.index; }

  // ---- request
  [[nodiscard]] std::string_view method() const { return layout.method; }
  [[nodiscard]] std::string_view uri() const {
    return layout.uri;
  }  // as sent; of HTTP/2 :path, of CONNECT the authority
  // "1.1", "2"; of a request that names none "0.9", whose response has neither status nor headers.
  [[nodiscard]] std::string_view request_version() const { return layout.request_version; }
  // Host as sent; else the authority of the URI. Of HTTP/2 :authority.
  [[nodiscard]] std::string_view host() const { return layout.host; }
  [[nodiscard]] std::string_view user_agent() const { return layout.user_agent; }
  [[nodiscard]] std::string_view referrer() const { return layout.referrer; }  // of the header Referer
  [[nodiscard]] std::string_view cookie() const { return layout.cookie; }
  [[nodiscard]] std::string_view request_content_type() const { return layout.request_content_type; }
  [[nodiscard]] std::span<const HttpHeader> headers() const { return layout.request_headers; }
  // The first of that name, in whatever case; data() == nullptr: there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const { return find(layout.request_headers, name); }

  // ---- response
  [[nodiscard]] std::optional<std::uint16_t> status() const { return layout.status; }
  [[nodiscard]] std::string_view reason() const { return layout.reason; }
  [[nodiscard]] std::string_view response_version() const { return layout.response_version; }
  [[nodiscard]] std::string_view response_content_type() const { return layout.response_content_type; }
  [[nodiscard]] std::span<const HttpHeader> response_headers() const { return layout.response_headers; }
  [[nodiscard]] std::string_view response_header(std::string_view name) const {
    return find(layout.response_headers, name);
  }

  // ---- bodies: whole at L7EndSession
  // After transfer decoding, before content decoding (RFC 9110, 8.4). What the tap missed is not counted.
  [[nodiscard]] std::uint64_t request_body_bytes() const { return layout.request_body_bytes; }
  [[nodiscard]] std::uint64_t response_body_bytes() const { return layout.response_body_bytes; }
  [[nodiscard]] std::uint64_t missing_bytes() const { return layout.missing_bytes; }  // of both

  // Request and response were seen to their ends.
  [[nodiscard]] bool complete() const { return layout.complete; }
  // There were more headers: than are kept (256, or 64 KiB), or the end of a head was not seen.
  [[nodiscard]] bool headers_cut_off() const { return layout.headers_cut_off; }

 private:
  static constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
  static std::string_view find(std::span<const HttpHeader> headers, std::string_view name) {
    for (const HttpHeader& header : headers) {
      bool same = header.name.size() == name.size();
      for (std::size_t i = 0; same && i < name.size(); ++i) same = lower(header.name[i]) == lower(name[i]);
      if (same) return header.value;
    }
    return {};
  }
};

}  // namespace iris

#include "jit/filter/regex.hpp"

#include <hs.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include <fmt/format.h>

namespace iris::filter {
namespace {

// As Hyperscan's index compiles them.
constexpr unsigned hyperscan_flags = HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;

std::expected<std::string, FilterError> inline_flags(std::string_view flags, const Span& span) {
  constexpr std::string_view known = "imsx";
  std::string sorted;
  for (const char flag : flags)
    if (!known.contains(flag))
      return fail_at(span, fmt::format("unknown flag '{}' of a regular expression", flag),
                     "there are i (any case), s (. is a newline, too), m (^ and $ at lines), x (spaces do not count)");
  for (const char flag : known)
    if (flags.contains(flag)) sorted += flag;
  return sorted.empty() ? sorted : "(?" + sorted + ")";
}

std::string_view why(const hs_compile_error_t* error) { return error == nullptr ? "" : error->message; }

}  // namespace

std::expected<std::string, FilterError> expression_of(const Text& text, const Span& span) {
  auto expression = inline_flags(text.flags, span);
  if (!expression) return expression;
  for (const char c : text.bytes) {
    if (text.in_hexadecimal || c == '\0')
      *expression += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      *expression += c;
  }
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  const hs_error_t status = hs_expression_info(expression->c_str(), hyperscan_flags, &info, &error);
  const std::unique_ptr<hs_expr_info_t, decltype(&std::free)> owned(info, &std::free);
  const std::unique_ptr<hs_compile_error_t, decltype(&hs_free_compile_error)> reason(error, &hs_free_compile_error);
  if (status != HS_SUCCESS)
    return fail_at(span, fmt::format("{} is not a regular expression: {}", quoted(text.bytes), why(reason.get())));
  return expression;
}

}  // namespace iris::filter

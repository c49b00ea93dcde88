#include "jit/frontend/check_function.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/Expr.h"
#include "clang/Basic/TargetInfo.h"
#include "llvm/Support/JSON.h"

#include "jit/abi/nearest.hpp"
#include "parsers/api.hpp"

namespace iris::frontend {
namespace {

std::string event_name(Event event) { return std::string(name(event)); }

// ---- data types -----------------------------------------------------------------------------------------------

struct KnownType {
  std::string name;  // qualified; of a template without its argument
  Parameter parameter;
};

// The host's data types, and a session type for each protocol that has one.
const std::vector<KnownType>& known_types() {
  static const std::vector<KnownType> types = [] {
    std::vector<KnownType> all;
    for (const auto& type : abi::data_types()) {
      if (type.type != DataType::session) all.push_back({std::string(type.name), {type.type}});
    }
    for (const auto& protocol : parsers::registry()) {
      if (protocol.session_type.empty()) continue;
      all.push_back({std::string(protocol.session_type), {DataType::session, std::string(protocol.name)}});
    }
    return all;
  }();
  return types;
}

// The argument of a data type that is a template, FirstPackets<8>; 0 when it has none.
std::uint32_t template_argument(const clang::CXXRecordDecl& record) {
  const auto* specialization = llvm::dyn_cast<clang::ClassTemplateSpecializationDecl>(&record);
  if (specialization == nullptr || specialization->getTemplateArgs().size() != 1) return 0;
  const auto& argument = specialization->getTemplateArgs()[0];
  if (argument.getKind() != clang::TemplateArgument::Integral) return 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(argument.getAsIntegral().getLimitedValue(), 0xffffffffU));
}

struct Found {
  const KnownType* type = nullptr;  // nullptr: no data type
  std::uint32_t argument = 0;
};

Found find_known(clang::QualType type) {
  const auto* record = type->getAsCXXRecordDecl();
  if (record == nullptr) return {};
  const auto name = record->getQualifiedNameAsString();
  const auto known = std::ranges::find(known_types(), name, &KnownType::name);
  if (known == known_types().end()) return {};
  return {&*known, template_argument(*record)};
}

// What to say instead of an unknown type: the one with the most similar name, or all.
std::string suggestion(const std::string& written) {
  const auto last_part = [](std::string_view name) { return name.substr(name.rfind(':') + 1); };
  std::vector<std::string_view> names;
  for (const auto& type : known_types()) names.push_back(last_part(type.name));
  if (const auto best = nearest(last_part(written), names); !best.empty()) {
    return "did you mean 'const iris::" + std::string(best) + "&'?";
  }
  std::string all = "the data types are";
  for (const auto& type : known_types()) {
    all += (&type == &known_types().front() ? " " : ", ") + type.name;
    if (abi::info_of(type.parameter.type).max_argument != 0) all += "<N>";
  }
  return all;
}

// ---- parameters -----------------------------------------------------------------------------------------------

std::string written_name(const KnownType& type, std::uint32_t argument) {
  return argument == 0 ? type.name : type.name + "<" + std::to_string(argument) + ">";
}

std::string subject(const clang::ParmVarDecl& parameter) {
  const auto name = parameter.getNameAsString();
  return name.empty() ? "this parameter" : "'" + name + "'";
}

std::optional<Parameter> check_parameter(const clang::ParmVarDecl& parameter, Reporter& reporter) {
  const auto& context = parameter.getASTContext();
  const auto type = parameter.getType();
  const auto bare =
      (type->isReferenceType() || type->isPointerType() ? type->getPointeeType() : type).getUnqualifiedType();
  clang::PrintingPolicy policy(context.getPrintingPolicy());
  policy.SuppressUnwrittenScope = true;
  const auto [known, argument] = find_known(bare);
  const auto range = clang::CharSourceRange::getTokenRange(parameter.getSourceRange());
  if (known == nullptr) {
    const auto written = bare.getAsString(policy);
    reporter.error(parameter.getLocation(),
                   subject(parameter) + " has type '" + written + "', which is no data type; " + suggestion(written),
                   range);
    return std::nullopt;
  }
  if (!type->isLValueReferenceType() || !type.getNonReferenceType().isConstQualified() ||
      type.getNonReferenceType().isVolatileQualified()) {
    reporter.error(parameter.getLocation(),
                   subject(parameter) + " has type '" + type.getAsString(policy) +
                       "'; data types are lent for the call: write 'const " + written_name(*known, argument) + "&'",
                   range);
    return std::nullopt;
  }
  Parameter checked = known->parameter;
  const std::uint32_t most = abi::info_of(checked.type).max_argument;
  if (most != 0 && (argument == 0 || argument > most)) {
    reporter.error(parameter.getLocation(),
                   subject(parameter) + " has type '" + bare.getAsString(policy) + "'; Iris keeps from 1 to " +
                       std::to_string(most) + " packets: write '" + written_name(*known, most) + "' or fewer",
                   range);
    return std::nullopt;
  }
  checked.argument = argument;
  return checked;
}

// A piece of a session comes with its session, which says of which protocol; not every protocol has any.
void check_session_data(const clang::FunctionDecl& decl, const std::string& protocol, Reporter& reporter) {
  std::string carriers;
  for (const parsers::Protocol& each : parsers::registry()) {
    if (!each.has_data) continue;
    if (each.name == protocol) return;
    carriers += (carriers.empty() ? "'const " : " or 'const ") + std::string(each.session_type) + "&'";
  }
  reporter.error(decl.getLocation(),
                 "'" + display_name(decl) + "' asks for 'iris::SessionData' " +
                     (protocol.empty() ? "without its session: take it, too, as " + carriers
                                       : "of " + protocol + ", whose sessions carry none: take it with " + carriers));
}

std::vector<Parameter> check_parameters(const clang::FunctionDecl& decl, Reporter& reporter) {
  std::vector<Parameter> parameters;
  std::string protocol;
  for (const auto* parameter : decl.parameters()) {
    const auto checked = check_parameter(*parameter, reporter);
    if (!checked) continue;
    parameters.push_back(*checked);
    if (checked->protocol.empty()) continue;
    if (!protocol.empty() && protocol != checked->protocol) {
      reporter.error(parameter->getLocation(), "'" + display_name(decl) + "' asks for sessions of two protocols, " +
                                                   protocol + " and " + checked->protocol +
                                                   "; no session is both: write two callbacks");
    }
    protocol = checked->protocol;
  }
  if (std::ranges::find(parameters, DataType::session_data, &Parameter::type) != parameters.end()) {
    check_session_data(decl, protocol, reporter);
  }
  if (decl.isVariadic()) reporter.error(decl.getLocation(), "'" + display_name(decl) + "' must not be variadic");
  return parameters;
}

// ---- events ---------------------------------------------------------------------------------------------------

// The latest of what the parameters suggest.
std::optional<Event> inferred_event(const std::vector<Parameter>& parameters) {
  std::optional<Event> latest;
  for (const auto& parameter : parameters) latest = std::max(latest, abi::info_of(parameter.type).runs_at);
  return latest;
}

std::optional<Event> written_event(const clang::AnnotateAttr& on, const clang::ASTContext& context) {
  clang::Expr::EvalResult result;
  if (on.args_size() != 1 || !(*on.args_begin())->EvaluateAsInt(result, context)) return std::nullopt;
  const auto number = result.Val.getInt().getZExtValue();
  if (number >= event_count) return std::nullopt;
  return static_cast<Event>(number);
}

// "L4FirstPacket, L4EndHshk and InL4Conn"
std::string events_of(const abi::DataTypeInfo& type) {
  std::vector<Event> events;
  for (unsigned i = 0; i < event_count; ++i) {
    if (type.exists_at(static_cast<Event>(i))) events.push_back(static_cast<Event>(i));
  }
  std::string text;
  for (std::size_t i = 0; i < events.size(); ++i) {
    text += i == 0 ? "" : i + 1 < events.size() ? ", " : " and ";
    text += event_name(events[i]);
  }
  return text;
}

// At Packet there is a frame and nothing else; elsewhere there is none. True when that is all there is to say.
bool check_packet(const clang::ParmVarDecl& decl, const Parameter& parameter, std::optional<Event> event,
                  Reporter& reporter) {
  const bool at_packet = event == Event::Packet;
  const bool is_frame = parameter.type == DataType::frame;
  if (at_packet && !is_frame) {
    const auto* type = decl.getType().getNonReferenceType()->getAsCXXRecordDecl();
    reporter.error(decl.getLocation(), "there is no '" + type->getQualifiedNameAsString() +
                                           "' at Packet, where packets are delivered one by one, without connections; "
                                           "'const iris::Frame&' has a packet's addresses, ports and bytes");
  } else if (is_frame && !at_packet) {
    reporter.error(decl.getLocation(), "there is no 'iris::Frame' at " +
                                           event_name(event.value_or(Event::L4FirstPacket)) +
                                           "; Packet has one, and a connection's packets are 'const iris::L4Pdu&'");
  }
  return at_packet || is_frame;
}

// Whether the parameter exists at the event.
void check_ready(const clang::ParmVarDecl& decl, const Parameter& parameter, std::optional<Event> event,
                 Reporter& reporter) {
  if (check_packet(decl, parameter, event, reporter)) return;
  const auto type = "'" + decl.getType().getNonReferenceType()->getAsCXXRecordDecl()->getQualifiedNameAsString() + "'";
  const auto& info = abi::info_of(parameter.type);
  if (!event) {
    if (!info.is_packet()) return;
    reporter.error(decl.getLocation(), type +
                                           " is one packet, and which one does not follow from the parameters; say "
                                           "it, for instance IRIS_ON(InL4Conn) for every packet");
  } else if (!info.exists_at(*event) && *event < info.ready) {
    reporter.error(decl.getLocation(), type + " is not known yet at " + event_name(*event) +
                                           "; the earliest event that has it is " + event_name(info.ready));
  } else if (!info.exists_at(*event)) {
    reporter.error(decl.getLocation(),
                   "there is no " + type + " at " + event_name(*event) + "; " + events_of(info) + " have one");
  }
}

// An event that happens once must not be over when the filter is decided.
void check_level(const clang::FunctionDecl& decl, Event event, const CheckedFilter& filter, Reporter& reporter) {
  if (!filter.level) return;
  const bool first = event == Event::L4FirstPacket || event == Event::L4EndHshk;
  const bool late = (first && *filter.level > parsers::Level::tuple) ||
                    (event == Event::L7OnDisc && *filter.level > parsers::Level::protocol);
  if (!late) return;
  if (*filter.level == parsers::Level::stream) {
    reporter.error(decl.getLocation(), "'" + display_name(decl) + "' would hardly ever run: " + event_name(event) +
                                           " is over when the filter '" + filter.text +
                                           "' is decided, which counts until the connection's end; run it at InL4Conn, "
                                           "InL4Stream or L4Terminated");
    return;
  }
  const std::string decided = *filter.level == parsers::Level::session ? "L7EndHdrs" : "L7OnDisc";
  reporter.error(decl.getLocation(), "'" + display_name(decl) + "' would never run: " + event_name(event) +
                                         " is over when the filter '" + filter.text + "' is decided, at " + decided +
                                         "; run it at " + decided + " or later");
}

}  // namespace

const clang::AnnotateAttr* only_one(const clang::NamedDecl& decl,
                                    const std::vector<const clang::AnnotateAttr*>& attributes, Reporter& reporter) {
  if (attributes.size() > 1) {
    reporter.error(attributes[1]->getLocation(),
                   "'" + display_name(decl) + "' has " + macro_name(*attributes[1]).str() + " twice");
    reporter.note(attributes[0]->getLocation(), "the first is here");
  }
  return attributes.empty() ? nullptr : attributes.front();
}

filter::Subject subject_of(const clang::FunctionDecl& decl, const clang::AnnotateAttr* on) {
  bool at_packet = false;
  if (on != nullptr) {
    at_packet = written_event(*on, decl.getASTContext()) == Event::Packet;
  } else {
    at_packet = std::ranges::any_of(decl.parameters(), [](const clang::ParmVarDecl* parameter) {
      const auto* known = find_known(parameter->getType().getNonReferenceType()).type;
      return known != nullptr && known->parameter.type == DataType::frame;
    });
  }
  return at_packet ? filter::Subject::packet : filter::Subject::connection;
}

CheckedFilter check_filter(const clang::AnnotateAttr& attribute, const FilterScope& scope,
                           const clang::ASTContext& context, Reporter& reporter) {
  const clang::Expr* expression = attribute.args_size() == 1 ? *attribute.args_begin() : nullptr;
  if (expression != nullptr) expression = expression->IgnoreParenImpCasts();
  if (const auto* constant = llvm::dyn_cast_or_null<clang::ConstantExpr>(expression)) {
    expression = constant->getSubExpr()->IgnoreParenImpCasts();
  }
  const auto* literal = llvm::dyn_cast_or_null<clang::StringLiteral>(expression);
  if (literal == nullptr || !(literal->isOrdinary() || literal->isUTF8())) {
    reporter.error(expression == nullptr ? attribute.getLocation() : expression->getExprLoc(),
                   "the filter must be a string literal, as in IRIS_CALLBACK(\"tls\")");
    return {};
  }
  CheckedFilter checked{literal->getString().str(), std::nullopt};
  const auto& sources = context.getSourceManager();
  const auto location = [&](std::size_t byte) {
    return sources.getSpellingLoc(literal->getLocationOfByte(static_cast<unsigned>(byte), sources,
                                                             context.getLangOpts(), context.getTargetInfo()));
  };
  if (!llvm::json::isUTF8(checked.text)) {
    reporter.error(location(0), "the filter is not UTF-8");
    return checked;
  }
  const auto place = [&](const filter::FilterError& part) {
    const auto end = std::max<std::size_t>(part.length, 1) - 1 + part.offset;
    const auto begin = location(std::min(part.offset, checked.text.size()));
    const auto last = location(std::min(end, checked.text.size()));
    auto range = clang::CharSourceRange::getCharRange(begin, last.getLocWithOffset(1));
    if (sources.getFileID(begin) != sources.getFileID(last) || last < begin) range = {};
    return std::pair(begin, range);
  };
  const auto said = [](const filter::FilterError& part) {
    return part.hint.empty() ? part.message : part.message + "; " + part.hint;
  };
  const auto filter = filter::parse(checked.text, scope.subject, scope.names);
  if (!filter) {
    const auto [where, range] = place(filter.error());
    reporter.error(where, said(filter.error()), range);
    return checked;
  }
  checked.level = filter::level(*filter);
  for (const filter::FilterWarning& warning : filter->warnings) {
    const auto [where, range] = place(warning);
    reporter.warning(where, said(warning), range);
  }
  return checked;
}

Event first_ready(const Function& function) {
  Event ready = Event::L4FirstPacket;
  for (const auto& parameter : function.parameters) ready = std::max(ready, abi::info_of(parameter.type).ready);
  return ready;
}

Function check_function(const clang::FunctionDecl& decl, const clang::AnnotateAttr* on, const CheckedFilter& filter,
                        Reporter& reporter) {
  Function function;
  function.name = display_name(decl);
  function.where = reporter.location(decl.getLocation());
  function.parameters = check_parameters(decl, reporter);
  function.event = on == nullptr ? inferred_event(function.parameters) : written_event(*on, decl.getASTContext());
  if (on != nullptr && !function.event) {
    reporter.error(on->getLocation(), "IRIS_ON takes an enumerator of iris::Event");
    return function;
  }
  if (function.parameters.size() == decl.getNumParams()) {
    for (unsigned i = 0; i < decl.getNumParams(); ++i) {
      check_ready(*decl.getParamDecl(i), function.parameters[i], function.event, reporter);
    }
  }
  if (function.event) check_level(decl, *function.event, filter, reporter);
  return function;
}

}  // namespace iris::frontend

#include "jit/frontend/check_function.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "clang/AST/ASTContext.h"
#include "clang/AST/Expr.h"
#include "clang/Basic/TargetInfo.h"
#include "llvm/Support/JSON.h"

#include "jit/abi/nearest.hpp"
#include "parsers/api.hpp"

namespace iris::frontend {
namespace {

constexpr std::array<std::string_view, event_count> event_names = {
    "L4FirstPacket", "L4EndHshk", "InL4Conn", "InL4Stream", "L7OnDisc", "L7EndHdrs", "L4Terminated", "Packet"};

std::string event_name(Event event) { return std::string(event_names[static_cast<std::size_t>(event)]); }

// ---- data types -----------------------------------------------------------------------------------------------

struct KnownType {
  std::string name;  // qualified
  Parameter parameter;
};

// The SDK's data types, and a session type for each protocol that has one.
const std::vector<KnownType>& known_types() {
  static const std::vector<KnownType> types = [] {
    std::vector<KnownType> all = {{"iris::FiveTuple", {DataType::five_tuple, {}}},
                                  {"iris::L4Pdu", {DataType::l4_pdu, {}}},
                                  {"iris::ConnRecord", {DataType::conn_record, {}}},
                                  {"iris::Frame", {DataType::frame, {}}}};
    for (const auto& protocol : parsers::registry()) {
      if (protocol.session_type.empty()) continue;
      all.push_back({std::string(protocol.session_type), {DataType::session, std::string(protocol.name)}});
    }
    return all;
  }();
  return types;
}

const KnownType* find_known(clang::QualType type) {
  const auto* record = type->getAsCXXRecordDecl();
  if (record == nullptr) return nullptr;
  const auto name = record->getQualifiedNameAsString();
  const auto found = std::ranges::find(known_types(), name, &KnownType::name);
  return found == known_types().end() ? nullptr : &*found;
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
  for (const auto& type : known_types()) all += (&type == &known_types().front() ? " " : ", ") + type.name;
  return all;
}

// ---- parameters -----------------------------------------------------------------------------------------------

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
  const auto* known = find_known(bare);
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
                       "'; data types are lent for the call: write 'const " + known->name + "&'",
                   range);
    return std::nullopt;
  }
  return known->parameter;
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
  if (decl.isVariadic()) reporter.error(decl.getLocation(), "'" + display_name(decl) + "' must not be variadic");
  return parameters;
}

// ---- events ---------------------------------------------------------------------------------------------------

std::optional<Event> inferred_event(const std::vector<Parameter>& parameters) {
  const auto has = [&](DataType type) {
    return std::ranges::any_of(parameters, [&](const Parameter& parameter) { return parameter.type == type; });
  };
  if (has(DataType::frame)) return Event::Packet;
  if (has(DataType::conn_record)) return Event::L4Terminated;
  if (has(DataType::session)) return Event::L7EndHdrs;
  return std::nullopt;
}

std::optional<Event> written_event(const clang::AnnotateAttr& on, const clang::ASTContext& context) {
  clang::Expr::EvalResult result;
  if (on.args_size() != 1 || !(*on.args_begin())->EvaluateAsInt(result, context)) return std::nullopt;
  const auto number = result.Val.getInt().getZExtValue();
  if (number >= event_count) return std::nullopt;
  return static_cast<Event>(number);
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
    reporter.error(decl.getLocation(), "there is no 'iris::Frame' at " + event_name(*event) +
                                           "; Packet has one, and a connection's packets are 'const iris::L4Pdu&'");
  }
  return at_packet || is_frame;
}

// Whether the parameter exists at the event.
void check_ready(const clang::ParmVarDecl& decl, const Parameter& parameter, std::optional<Event> event,
                 Reporter& reporter) {
  if (check_packet(decl, parameter, event, reporter)) return;
  const auto type = "'" + decl.getType().getNonReferenceType()->getAsCXXRecordDecl()->getQualifiedNameAsString() + "'";
  if (parameter.type == DataType::l4_pdu) {
    if (!event) {
      reporter.error(decl.getLocation(), type +
                                             " is one packet, and which one does not follow from the parameters; say "
                                             "it, for instance IRIS_ON(InL4Conn) for every packet");
    } else if (*event > Event::InL4Stream) {
      reporter.error(decl.getLocation(), "there is no " + type + " at " + event_name(*event) +
                                             "; L4FirstPacket, L4EndHshk, InL4Conn and InL4Stream have one");
    }
  }
  if (parameter.type == DataType::session && event &&
      (*event == Event::L4FirstPacket || *event == Event::L4EndHshk || *event == Event::L7OnDisc)) {
    reporter.error(decl.getLocation(), type + " is not known yet at " + event_name(*event) +
                                           "; the earliest event that has it is L7EndHdrs");
  }
}

// An event that happens once must not be over when the filter is decided.
void check_level(const clang::FunctionDecl& decl, Event event, const CheckedFilter& filter, Reporter& reporter) {
  if (!filter.level) return;
  const bool first = event == Event::L4FirstPacket || event == Event::L4EndHshk;
  const bool late = (first && *filter.level > parsers::Level::tuple) ||
                    (event == Event::L7OnDisc && *filter.level > parsers::Level::protocol);
  if (!late) return;
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
      const auto* known = find_known(parameter->getType().getNonReferenceType());
      return known != nullptr && known->parameter.type == DataType::frame;
    });
  }
  return at_packet ? filter::Subject::packet : filter::Subject::connection;
}

CheckedFilter check_filter(const clang::AnnotateAttr& attribute, filter::Subject subject,
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
  const auto filter = filter::parse(checked.text, subject);
  if (filter) {
    checked.level = filter::level(*filter);
    return checked;
  }
  const auto& error = filter.error();
  const auto begin = location(std::min(error.offset, checked.text.size()));
  const auto last = location(std::min(error.offset + std::max<std::size_t>(error.length, 1) - 1, checked.text.size()));
  auto range = clang::CharSourceRange::getCharRange(begin, last.getLocWithOffset(1));
  if (sources.getFileID(begin) != sources.getFileID(last) || last < begin) range = {};
  reporter.error(begin, error.hint.empty() ? error.message : error.message + "; " + error.hint, range);
  return checked;
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

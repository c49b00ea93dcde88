#include "jit/frontend/rows.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "clang/AST/DeclTemplate.h"
#include "clang/AST/Mangle.h"
#include "clang/AST/RecordLayout.h"

namespace iris::frontend {
namespace {

using abi::Value;
using abi::ValueKind;

constexpr int max_depth = 16;
constexpr std::int64_t max_row_size = 1 << 20;

// Where a member stands, for messages.
struct Place {
  std::string path;  // "Row::flow"
  clang::SourceLocation where;
  int depth = 0;
};

// The types of the SDK and the library that are printed as one thing.
struct Named {
  std::string_view name;
  ValueKind kind;
};
constexpr Named named_kinds[] = {{"iris::IpAddress", ValueKind::ip_address},
                                 {"iris::Subnet", ValueKind::subnet},
                                 {"iris::Timestamp", ValueKind::timestamp},
                                 {"iris::Duration", ValueKind::duration}};

class LayoutReader {
 public:
  LayoutReader(clang::ASTContext& context, Reporter& reporter)
      : context_(context), reporter_(reporter), policy_(context.getPrintingPolicy()) {
    policy_.SuppressUnwrittenScope = true;
  }

  // nullopt: it was reported why not.
  std::optional<Value> read_struct(const clang::CXXRecordDecl& record, const Place& place) {
    Value value = sized(ValueKind::structure, context_.getRecordType(&record));
    if (!read_members(record, 0, place, value.members)) return std::nullopt;
    return value;
  }

 private:
  std::nullopt_t refuse(const Place& place, clang::QualType type, const std::string& hint) {
    reporter_.error(place.where, "'" + place.path + "' has type '" + type.getAsString(policy_) +
                                     "', which iris::emit cannot print; " + hint);
    return std::nullopt;
  }

  [[nodiscard]] std::uint32_t size_of(clang::QualType type) const {
    return static_cast<std::uint32_t>(context_.getTypeSizeInChars(type).getQuantity());
  }

  [[nodiscard]] Value sized(ValueKind kind, clang::QualType type) const {
    Value value;
    value.kind = kind;
    value.size = size_of(type);
    return value;
  }

  std::optional<Value> read(clang::QualType written, const Place& place) {
    const auto type = written.getCanonicalType().getUnqualifiedType();
    if (place.depth > max_depth) return refuse(place, written, "it is nested too deeply, or contains itself");
    if (type->isPointerType()) return refuse(place, written, "emit the value it points to");
    if (type->isReferenceType()) return refuse(place, written, "make the member a value");
    if (const auto* builtin = type->getAs<clang::BuiltinType>()) return read_builtin(*builtin, written, place);
    if (const auto* enumeration = type->getAs<clang::EnumType>()) return read_enumeration(*enumeration, written, place);
    if (const auto* array = context_.getAsConstantArrayType(type)) {
      Value value = sized(ValueKind::array, type);
      value.count = static_cast<std::uint32_t>(array->getSize().getZExtValue());
      return with_element(std::move(value), array->getElementType(), place);
    }
    if (const auto* record = type->getAsCXXRecordDecl()) return read_record(*record, written, place);
    return refuse(place, written, "use numbers, text, addresses, or structs and lists of them");
  }

  std::optional<Value> with_element(Value value, clang::QualType element, Place place) {
    ++place.depth;
    auto read_element = read(element, place);
    if (!read_element) return std::nullopt;
    value.members.push_back(std::move(*read_element));
    return value;
  }

  std::optional<Value> read_builtin(const clang::BuiltinType& type, clang::QualType written, const Place& place) {
    using clang::BuiltinType;
    const clang::QualType bare(&type, 0);
    switch (type.getKind()) {
      case BuiltinType::Bool:
        return sized(ValueKind::boolean, bare);
      case BuiltinType::Char_S:
      case BuiltinType::Char_U:
        return sized(ValueKind::character, bare);
      case BuiltinType::Float:
      case BuiltinType::Double:
        return sized(ValueKind::floating, bare);
      case BuiltinType::LongDouble:
        return refuse(place, written, "use double");
      case BuiltinType::Int128:
      case BuiltinType::UInt128:
        return refuse(place, written, "integers have at most 64 bits");
      case BuiltinType::WChar_S:
      case BuiltinType::WChar_U:
      case BuiltinType::Char8:
      case BuiltinType::Char16:
      case BuiltinType::Char32:
        return refuse(place, written, "text is made of char");
      default:
        break;
    }
    if (type.isSignedInteger()) return sized(ValueKind::signed_integer, bare);
    if (type.isUnsignedInteger()) return sized(ValueKind::unsigned_integer, bare);
    return refuse(place, written, "use numbers, text, addresses, or structs and lists of them");
  }

  std::optional<Value> read_enumeration(const clang::EnumType& type, clang::QualType written, const Place& place) {
    const auto* decl = type.getDecl()->getDefinition();
    if (decl == nullptr || size_of(written) > 8) return refuse(place, written, "define its enumerators");
    if (decl->isInStdNamespace() && decl->getName() == "byte") return sized(ValueKind::unsigned_integer, written);
    Value value = sized(ValueKind::enumeration, written);
    for (const auto* enumerator : decl->enumerators()) {
      // The first name of a value is its name.
      const auto& number = enumerator->getInitVal();
      value.enumerators.try_emplace(
          number.isUnsigned() ? static_cast<std::int64_t>(number.getZExtValue()) : number.getSExtValue(),
          enumerator->getNameAsString());
    }
    return value;
  }

  std::optional<Value> read_record(const clang::CXXRecordDecl& record, clang::QualType written, const Place& place) {
    const auto name = record.getQualifiedNameAsString();
    const auto named = std::ranges::find(named_kinds, std::string_view(name), &Named::name);
    if (named != std::ranges::end(named_kinds)) return sized(named->kind, written);
    if (record.isInStdNamespace()) return read_library(record, written, place);
    Place inner = place;
    inner.path = record.getNameAsString();
    ++inner.depth;
    return read_struct(record, inner);
  }

  std::optional<Value> read_library(const clang::CXXRecordDecl& record, clang::QualType written, const Place& place) {
    constexpr auto hint = "use a struct, std::optional, std::array, std::span or std::vector of what it holds";
    const auto* specialization = llvm::dyn_cast<clang::ClassTemplateSpecializationDecl>(&record);
    if (specialization == nullptr) return refuse(place, written, hint);
    const auto& arguments = specialization->getTemplateArgs();
    if (arguments.size() == 0 || arguments[0].getKind() != clang::TemplateArgument::Type) {
      return refuse(place, written, hint);
    }
    const auto element = arguments[0].getAsType();
    const auto name = record.getName();
    if (name == "basic_string_view" || name == "basic_string") {
      if (!element->isCharType() || element.getCanonicalType() != context_.CharTy) {
        return refuse(place, written, "text is made of char");
      }
      return sized(name == "basic_string" ? ValueKind::text : ValueKind::text_view, written);
    }
    if (name == "optional") return read_optional(record, element, written, place);
    if (name == "vector") {
      if (element->isBooleanType()) return refuse(place, written, "use std::vector<std::uint8_t>");
      return with_element(sized(ValueKind::vector, written), element, place);
    }
    if (name == "span") {
      if (size_of(written) != 2 * size_of(context_.VoidPtrTy)) return refuse(place, written, "use std::span<T>");
      return with_element(sized(ValueKind::span, written), element, place);
    }
    if (name == "array") {
      Value value = sized(ValueKind::array, written);
      value.count = static_cast<std::uint32_t>(arguments[1].getAsIntegral().getZExtValue());
      if (value.count == 0) return refuse(place, written, "an array needs elements");
      return with_element(std::move(value), element, place);
    }
    return refuse(place, written, hint);
  }

  std::optional<Value> read_optional(const clang::CXXRecordDecl& record, clang::QualType element,
                                     clang::QualType written, const Place& place) {
    const auto flag = offset_of(record, "_M_engaged");
    if (!flag) return refuse(place, written, "this standard library lays it out in an unknown way");
    Value value = sized(ValueKind::optional, written);
    value.flag_offset = *flag;
    return with_element(std::move(value), element, place);
  }

  // Of a data member anywhere inside, by name.
  std::optional<std::uint32_t> offset_of(const clang::CXXRecordDecl& record, llvm::StringRef member) {
    const auto& layout = context_.getASTRecordLayout(&record);
    for (const auto* field : record.fields()) {
      const auto offset = static_cast<std::uint32_t>(layout.getFieldOffset(field->getFieldIndex()) / 8);
      if (field->getName() == member) return offset;
      const auto* inner = field->getType()->getAsCXXRecordDecl();
      if (inner == nullptr || inner->isUnion()) continue;
      if (const auto found = offset_of(*inner, member)) return offset + *found;
    }
    for (const auto& base : record.bases()) {
      const auto* parent = base.getType()->getAsCXXRecordDecl();
      if (parent == nullptr || base.isVirtual()) continue;
      const auto offset = static_cast<std::uint32_t>(layout.getBaseClassOffset(parent).getQuantity());
      if (const auto found = offset_of(*parent, member)) return offset + *found;
    }
    return std::nullopt;
  }

  // Inherited members first, as if they were the struct's own.
  bool read_members(const clang::CXXRecordDecl& record, std::uint32_t start, const Place& place,
                    std::vector<Value>& members) {
    const auto refuse_struct = [&](const std::string& why) {
      reporter_.error(place.where, "'" + place.path + "' " + why + ", which iris::emit cannot print");
      return false;
    };
    if (record.isUnion()) return refuse_struct("is a union");
    if (record.isLambda()) return refuse_struct("is a lambda");
    if (record.isPolymorphic() || record.getNumVBases() > 0) return refuse_struct("has virtual functions or bases");
    const auto& layout = context_.getASTRecordLayout(&record);
    for (const auto& base : record.bases()) {
      const auto* parent = base.getType()->getAsCXXRecordDecl();
      if (parent == nullptr || (parent->isEmpty() && parent->field_empty())) continue;
      if (base.getAccessSpecifier() != clang::AS_public) return refuse_struct("has a base that is not public");
      if (parent->isInStdNamespace()) return refuse_struct("has a base of the standard library");
      const auto offset = static_cast<std::uint32_t>(layout.getBaseClassOffset(parent).getQuantity());
      if (!read_members(*parent, start + offset, place, members)) return false;
    }
    bool complete = true;
    for (const auto* field : record.fields()) {
      const auto offset = static_cast<std::uint32_t>(layout.getFieldOffset(field->getFieldIndex()) / 8);
      complete = read_member(*field, start + offset, place, members) && complete;
    }
    return complete;
  }

  bool read_member(const clang::FieldDecl& field, std::uint32_t offset, const Place& parent,
                   std::vector<Value>& members) {
    const auto& sources = context_.getSourceManager();
    const bool own = !sources.isInSystemHeader(field.getLocation());
    Place place{parent.path + "::" + field.getNameAsString(), own ? field.getLocation() : parent.where, parent.depth};
    const auto refuse_member = [&](const std::string& why) {
      reporter_.error(place.where, "'" + place.path + "' " + why + ", which iris::emit cannot print");
      return false;
    };
    if (field.getName().empty()) {
      place.path = parent.path;
      return refuse_member("has a member without a name");
    }
    if (field.isBitField()) return refuse_member("is a bit-field");
    if (field.getAccess() != clang::AS_public) return refuse_member("is not public");
    auto value = read(field.getType(), place);
    if (!value) return false;
    value->name = field.getNameAsString();
    value->offset = offset;
    members.push_back(std::move(*value));
    return true;
  }

  clang::ASTContext& context_;
  Reporter& reporter_;
  clang::PrintingPolicy policy_;
};

template <class Decl>
const Decl* find_in(const clang::DeclContext* scope, clang::ASTContext& context, llvm::StringRef name) {
  if (scope == nullptr) return nullptr;
  for (const auto* found : scope->lookup(&context.Idents.get(name))) {
    if (const auto* decl = llvm::dyn_cast<Decl>(found)) return decl;
  }
  return nullptr;
}

// The symbol of RowIndex<row>::value; empty when the source never uses it.
std::string index_symbol(const clang::ClassTemplateDecl& index, clang::QualType row, clang::ASTContext& context) {
  for (const auto* specialization : index.specializations()) {
    const auto argument = specialization->getTemplateArgs()[0].getAsType();
    if (!context.hasSameType(argument, row)) continue;
    const auto* value = find_in<clang::VarDecl>(specialization, context, "value");
    if (value != nullptr) return clang::ASTNameGenerator(context).getName(value);
  }
  return {};
}

}  // namespace

std::vector<EmittedRow> emitted_rows(clang::ASTContext& context, Reporter& reporter) {
  const auto* iris = find_in<clang::NamespaceDecl>(context.getTranslationUnitDecl(), context, "iris");
  const auto* emit = find_in<clang::FunctionTemplateDecl>(iris, context, "emit");
  const auto* detail = find_in<clang::NamespaceDecl>(iris, context, "detail");
  const auto* index = find_in<clang::ClassTemplateDecl>(detail, context, "RowIndex");
  std::vector<EmittedRow> rows;
  if (emit == nullptr || index == nullptr) return rows;

  for (const auto* function : emit->specializations()) {
    if (!function->isDefined()) continue;
    const auto type = function->getTemplateSpecializationArgs()->get(0).getAsType();
    const auto* record = type->getAsCXXRecordDecl();
    const auto call = function->getPointOfInstantiation();
    if (record == nullptr || record->isInvalidDecl()) continue;                  // Clang said so
    if (record->getDeclContext()->getRedeclContext()->Equals(detail)) continue;  // of the warm-up
    const auto name = record->getNameAsString();
    if (name.empty() || record->isInStdNamespace()) {
      reporter.error(call, "iris::emit takes a struct of yours, with a name and members; this is '" +
                               type.getAsString(context.getPrintingPolicy()) + "'");
      continue;
    }
    if (context.getTypeSizeInChars(type).getQuantity() > max_row_size) {
      reporter.error(call, "'" + name + "' is larger than " + std::to_string(max_row_size) + " bytes");
      continue;
    }
    const bool own = !context.getSourceManager().isInSystemHeader(record->getLocation());
    auto layout = LayoutReader(context, reporter).read_struct(*record, {name, own ? record->getLocation() : call, 0});
    if (!layout) {
      reporter.note(call, "it is emitted here");
      continue;
    }
    rows.push_back({{name, std::move(*layout)}, index_symbol(*index, type, context)});
  }
  return rows;
}

}  // namespace iris::frontend

#include "api/cel/function.h"

#include <utility>

#include "api/cel/message.h"

namespace skiff::cel {
namespace {

Kind KindOf(TypeKind kind) {
  switch (kind) {
    case TypeKind::kNull: return Kind::kNull;
    case TypeKind::kBool: return Kind::kBool;
    case TypeKind::kInt: return Kind::kInt;
    case TypeKind::kUint: return Kind::kUint;
    case TypeKind::kDouble: return Kind::kDouble;
    case TypeKind::kString: return Kind::kString;
    case TypeKind::kBytes: return Kind::kBytes;
    case TypeKind::kDuration: return Kind::kDuration;
    case TypeKind::kTimestamp: return Kind::kTimestamp;
    case TypeKind::kList: return Kind::kList;
    case TypeKind::kMap: return Kind::kMap;
    case TypeKind::kType: return Kind::kType;
    case TypeKind::kObject: return Kind::kObject;
    default: return Kind::kOpaque;
  }
}

}  // namespace

void FunctionTable::Add(std::span<const Declaration> library) {
  for (const Declaration& line : library) {
    Function& function = functions_[line.function];
    function.name = line.function;
    function.overloads.push_back(
        {ParseSignature(line.signature), line.run, line.cost, line.function});
  }
}

void FunctionTable::AddType(std::string name, TypeRef type) {
  types_[std::move(name)] = std::move(type);
}

const Function* FunctionTable::Find(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : &found->second;
}

TypeRef FunctionTable::FindType(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : found->second;
}

TypeRef FunctionTable::FindMessage(std::string_view name) const {
  if (!has_patch_types_) return nullptr;
  if (name == kJsonPatchType) {
    static const TypeRef operation = std::make_shared<const Type>(
        Type{.kind = TypeKind::kObject,
             .name = kJsonPatchType,
             .fields = {{"op", {"op", types::String()}},
                        {"path", {"path", types::String()}},
                        {"from", {"from", types::String()}},
                        {"value", {"value", types::Dyn()}}}});
    return operation;
  }
  if (name != kPatchObjectType && !name.starts_with(std::string(kPatchObjectType) + ".")) {
    return nullptr;
  }
  return std::make_shared<const Type>(
      Type{.kind = TypeKind::kObject, .name = std::string(name), .is_open = true});
}

bool Accepts(const Type& type, const Value& value) {
  switch (type.kind) {
    case TypeKind::kDyn:
    case TypeKind::kError:
    case TypeKind::kParam: return true;
    case TypeKind::kOpaque:
      if (IsOptional(type)) return value.Is(Kind::kOptional);
      return value.Is(Kind::kOpaque) && value.opaque().TypeName() == type.name;
    // A document's object may be taken for a map.
    case TypeKind::kMap: return value.Is(Kind::kMap);
    // One look at the first item tells overloads of different lists apart.
    case TypeKind::kList:
      if (!value.Is(Kind::kList)) return false;
      return value.Size() == 0 || Accepts(*type.params[0], value.At(0));
    default: return KindOf(type.kind) == value.kind();
  }
}

}  // namespace skiff::cel

#include "api/declared_types.h"

#include <unordered_map>

#include "api/cel/document.h"
#include "api/codec/kept_text.h"

namespace skiff {
namespace {

// Structs are made once each. One that contains itself shows nothing where it does so.
class Declarer {
 public:
  cel::TypeRef Declare(const Type& type) {
    namespace types = cel::types;
    if (const Type* kept = KeptAsText(type)) return Declare(*kept);
    switch (type.shape) {
      case Shape::kBool: return types::Bool();
      case Shape::kInt32:
      case Shape::kInt64: return types::Int();
      case Shape::kDouble: return types::Double();
      case Shape::kString:
      case Shape::kDuration: return types::String();
      case Shape::kBytes: return types::Bytes();
      case Shape::kTime:
      case Shape::kMicroTime: return types::Timestamp();
      case Shape::kQuantity:
      case Shape::kIntOrString:
      case Shape::kJson: return types::Dyn();
      case Shape::kList: return types::List(Declare(*type.element));
      case Shape::kMap: return types::Map(types::String(), Declare(*type.element));
      case Shape::kStruct: return DeclareStruct(type);
    }
    return types::Dyn();
  }

 private:
  cel::TypeRef DeclareStruct(const Type& type) {
    const std::string name(type.name);
    const auto [entry, is_new] = made_.try_emplace(&type, cel::types::Object(name));
    if (!is_new) return entry->second;
    auto made = std::make_shared<cel::Type>(*cel::types::Object(name));
    const auto add = [&](std::string_view field, cel::TypeRef of) {
      const auto written = cel::EscapeProperty(field);
      if (written) made->fields[*written] = {std::string(field), std::move(of)};
    };
    if (type.type_meta) {
      add("apiVersion", cel::types::String());
      add("kind", cel::types::String());
    }
    for (const Field& field : type.fields) add(field.name, Declare(*field.type));
    made_[&type] = made;
    return made;
  }

  std::unordered_map<const Type*, cel::TypeRef> made_;
};

}  // namespace

cel::TypeRef DeclaredType(const Type& type) {
  return Declarer().Declare(type);
}

}  // namespace skiff

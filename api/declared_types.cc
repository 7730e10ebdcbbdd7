#include "api/declared_types.h"

#include <set>

#include "api/cel/schema_type.h"
#include "api/codec/kept_text.h"

namespace skiff {
namespace {

// Objects whose fields the OpenAPI does not name. Other values of that shape have no type there.
bool IsPlainObject(const Type& type) {
  return type.name == "RawExtension" || type.name == "FieldsV1";
}

class Declarer {
 public:
  // Null: expressions see nothing of it.
  cel::TypeRef Declare(const Type& type, const std::string& name) {
    namespace types = cel::types;
    if (const Type* kept = KeptAsText(type)) return Declare(*kept, name);
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
      case Shape::kQuantity: return nullptr;
      case Shape::kIntOrString: return types::Dyn();
      case Shape::kJson: return IsPlainObject(type) ? types::Object(name) : nullptr;
      case Shape::kList: {
        const cel::TypeRef item = Declare(*type.element, name + ".@idx");
        return item == nullptr ? nullptr : types::List(item);
      }
      case Shape::kMap: {
        const cel::TypeRef value = Declare(*type.element, name + ".@elem");
        return value == nullptr ? nullptr : types::Map(types::String(), value);
      }
      case Shape::kStruct: return DeclareStruct(type, name);
    }
    return nullptr;
  }

 private:
  // One that contains itself shows no fields where it does so.
  cel::TypeRef DeclareStruct(const Type& type, const std::string& name) {
    auto made = std::make_shared<cel::Type>(*cel::types::Object(name));
    if (!around_.insert(&type).second) return made;
    if (type.type_meta) {
      cel::AddProperty(*made, "apiVersion", cel::types::String());
      cel::AddProperty(*made, "kind", cel::types::String());
    }
    for (const Field& field : type.fields) {
      const std::string property(field.name);
      cel::AddProperty(*made, property, Declare(*field.type, name + "." + property));
    }
    around_.erase(&type);
    return made;
  }

  std::set<const Type*> around_;  // The structs that we are in.
};

}  // namespace

cel::TypeRef DeclaredType(const Type& type, const std::string& name) {
  return Declarer().Declare(type, name);
}

}  // namespace skiff

// The type that expressions see of a structural schema.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/cel/type.h"
#include "api/codec/json.h"

namespace skiff::cel {

// Lets expressions name the property of an object's type: escaped, and a reserved word behind a dot
// also as it is. Adds nothing where `field` is null or no expression can name it.
void AddProperty(Type& type, const std::string& json_name, TypeRef field);

// Null: expressions see nothing of such a value, as its schema does not say what it is. `name` is
// that of the object's type; nested ones are named after it. `resource`: the schema is of a whole
// object, whose apiVersion, kind and metadata are always there.
TypeRef TypeOfSchema(const Json& schema, const std::string& name, bool resource);

// The types of a schema and of the schemas in it, each made once, however many expressions stand at
// how many places: together they cost no more than the largest of them.
class SchemaTypes {
 public:
  // `root` outlives it, and is the schema of a whole object.
  explicit SchemaTypes(const Json& root) : root_(root) {}

  // Of `root` or of a schema within; null as TypeOfSchema says.
  TypeRef Of(const Json& schema);
  // A message about an expression whose `self` is of this schema, with types called as Kubernetes
  // calls them: after it, "selfType1.spec.items.@idx".
  std::string Named(std::string_view message, const Json& self) const;

 private:
  friend class TypeMaker;
  struct Made {
    TypeRef type;
    size_t number = 0;
  };
  // What an object's type is called after: it has a number, and its name is made when it is shown.
  struct Step {
    size_t outer = 0;  // 0: none.
    std::string name;
  };
  std::string StepsFrom(size_t self, size_t number) const;

  const Json& root_;
  std::unordered_map<const Json*, Made> made_;
  std::vector<Step> steps_ = {{}};  // By number.
};

// The most bytes of a request, by which values are bounded whose schema does not bound them.
inline constexpr uint64_t kRequestBytesMax = 3145728;

}  // namespace skiff::cel

// Which parts of `object` and `oldObject` expressions name: `object.spec.replicas > 1` needs no
// other, `object.spec.containers.all(c, has(c.image))` one of each item. Followed through loops and
// through `variables.name`. What is not said by name (`object[key]`, `object == oldObject`) is
// needed whole.
//
//   DocumentParts object, old_object;
//   NamedParts named(object, old_object);
//   named.AddVariable("containers", *variable);       // After those that it names.
//   named.Add(*validation);
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/cel/program.h"
#include "api/codec/document_parts.h"

namespace skiff::cel {

// Of programs of an AdmissionScope.
class NamedParts {
 public:
  // They outlive it, and stay where they are.
  NamedParts(DocumentParts& object, DocumentParts& old_object)
      : object_(object), old_object_(old_object) {}
  void AddVariable(const std::string& name, const Program& program);
  void Add(const Program& program);

 private:
  class Walk;
  // Where the value of an expression may come from, and how deep that is in the document.
  struct Place {
    DocumentParts* parts;
    int depth = 0;
    auto operator<=>(const Place&) const = default;
  };
  using Places = std::vector<Place>;

  DocumentParts& object_;
  DocumentParts& old_object_;
  std::map<std::string, Places, std::less<>> variables_;
  std::vector<Places> not_whole_;  // Of variables, since all of them were named at once.
  size_t steps_ = 0;               // From a place to one below it.
};

}  // namespace skiff::cel

#include "api/cel/named_parts.h"

#include <gtest/gtest.h>

#include "api/cel/admission_scope.h"

namespace skiff::cel {
namespace {

// "{metadata{labels*}spec{a*b*}}"; "*": all of it.
std::string Shown(const DocumentParts& parts) {
  if (parts.whole) return "*";
  std::string text = "{";
  for (const auto& [name, below] : parts.members) text += name + Shown(below);
  return text + "}";
}

std::string Named(std::string_view expression, int slot = kSlotObject) {
  const CompiledExpression compiled =
      AdmissionScope({.params = true, .composed = true}).Compile(expression, {});
  EXPECT_NE(compiled.program, nullptr) << compiled.error;
  DocumentParts parts;
  AddNamedParts(*compiled.program, slot, parts);
  return Shown(parts);
}

TEST(NamedPartsTest, AreWhatIsSelectedByName) {
  EXPECT_EQ(Named("1 == 1"), "{}");
  EXPECT_EQ(Named("object.spec.replicas > 1"), "{spec{replicas*}}");
  EXPECT_EQ(Named("object.spec.replicas > 1 && object.spec.paused"), "{spec{paused*replicas*}}");
  EXPECT_EQ(Named("object.spec.replicas > 1 && size(object.spec) > 1"), "{spec*}");
  EXPECT_EQ(Named("has(object.spec.a.b) && 'x' in object.metadata.labels"),
            "{metadata{labels*}spec{a{b*}}}");
  EXPECT_EQ(Named("object.?spec.?a.orValue(1) == object.?spec.b.orValue(1)"), "{spec{a*b*}}");
}

TEST(NamedPartsTest, AreAllWhereTheNameIsNotWritten) {
  EXPECT_EQ(Named("object == oldObject"), "*");
  EXPECT_EQ(Named("object"), "*");
  EXPECT_EQ(Named("object['spec'].a == 1 && object.spec.b == 1"), "*");
  EXPECT_EQ(Named("has(object.spec) && object.spec[object.kind] == 1"), "{kind*spec*}");
  EXPECT_EQ(Named("[object].all(x, x.spec.a == 1)"), "*");
  EXPECT_EQ(Named("(true ? object : oldObject).spec.a == 1"), "*");
}

TEST(NamedPartsTest, AreFoundInComprehensionsAndLists) {
  EXPECT_EQ(Named("object.spec.containers.all(c, c.image != object.spec.image)"),
            "{spec{containers*image*}}");
  EXPECT_EQ(Named("[1, 2].exists(i, object.spec.counts[i] == i)"), "{spec{counts*}}");
  EXPECT_EQ(Named("{'a': [object.spec.a]} == {'b': [object.spec.b]}"), "{spec{a*b*}}");
  // A name of the expression's own hides the variable.
  EXPECT_EQ(Named("[{'spec': 1}].all(object, object.spec == 1)"), "{}");
}

TEST(NamedPartsTest, AreThoseOfOneVariable) {
  EXPECT_EQ(Named("object.spec.a == oldObject.spec.b", kSlotOldObject), "{spec{b*}}");
  EXPECT_EQ(Named("object.spec.a == request.name && params.object == 1"), "{spec{a*}}");
}

}  // namespace
}  // namespace skiff::cel

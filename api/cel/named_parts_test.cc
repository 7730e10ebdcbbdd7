#include "api/cel/named_parts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "api/cel/admission_scope.h"

namespace skiff::cel {
namespace {

// "{metadata{labels*}spec{a*list[b*]}}"; "*": all of it.
std::string Shown(const DocumentParts& parts) {
  if (parts.whole) return "*";
  std::string text;
  if (!parts.members.empty()) {
    text += "{";
    for (const auto& [name, below] : parts.members) text += name + Shown(below);
    text += "}";
  }
  if (!parts.items.empty()) text += "[" + Shown(parts.items[0]) + "]";
  return text;
}

struct NamedOf {
  DocumentParts object, old_object;
};

// Variables are called a, b and so on.
NamedOf NamedBy(std::string_view expression, const std::vector<std::string>& variables = {}) {
  AdmissionScope scope({.params = true, .composed = true});
  NamedOf made;
  NamedParts named(made.object, made.old_object);
  std::string name = "a";
  for (const std::string& each : variables) {
    const CompiledExpression compiled = scope.Compile(each, {});
    EXPECT_NE(compiled.program, nullptr) << compiled.error;
    scope.AddVariable(name, compiled.type());
    named.AddVariable(name, *compiled.program);
    ++name[0];
  }
  const CompiledExpression compiled = scope.Compile(expression, {});
  EXPECT_NE(compiled.program, nullptr) << compiled.error;
  if (compiled.program != nullptr) named.Add(*compiled.program);
  return made;
}

std::string Named(std::string_view expression, const std::vector<std::string>& variables = {}) {
  return Shown(NamedBy(expression, variables).object);
}

TEST(NamedPartsTest, AreWhatIsSelectedByName) {
  EXPECT_EQ(Named("1 == 1"), "");
  EXPECT_EQ(Named("object.spec.replicas > 1"), "{spec{replicas*}}");
  EXPECT_EQ(Named("object.spec.replicas > 1 && object.spec.paused"), "{spec{paused*replicas*}}");
  EXPECT_EQ(Named("object.spec.replicas > 1 && size(object.spec) > 1"), "{spec*}");
  EXPECT_EQ(Named("has(object.spec.a.b) && 'x' in object.metadata.labels"),
            "{metadata{labels*}spec{a{b}}}");
  EXPECT_EQ(Named("object.?spec.?a.orValue(1) == object.?spec.b.orValue(1)"), "{spec{a*b*}}");
}

TEST(NamedPartsTest, AreAllWhereTheNameIsNotWritten) {
  EXPECT_EQ(Named("object == oldObject"), "*");
  EXPECT_EQ(Named("object"), "*");
  EXPECT_EQ(Named("object['spec'].a == 1 && object.spec.b == 1"), "*");
  EXPECT_EQ(Named("has(object.spec) && object.spec[object.kind] == 1"), "{kind*spec*}");
  EXPECT_EQ(Named("[object].all(x, x.spec.a == 1)"), "*");
  EXPECT_EQ(Named("string(object) == 'a' && object.spec.a == 1"), "*");
  EXPECT_EQ(Named("variables.a.b == 1 && variables == params", {"object.spec"}), "{spec*}");
}

TEST(NamedPartsTest, AreFoundInComprehensionsAndLists) {
  EXPECT_EQ(Named("object.spec.containers.all(c, c.image != object.spec.image)"),
            "{spec{containers[{image*}]image*}}");
  EXPECT_EQ(Named("[1, 2].exists(i, object.spec.counts[i] == i)"), "{spec{counts*}}");
  EXPECT_EQ(Named("{'a': [object.spec.a]} == {'b': [object.spec.b]}"), "{spec{a*b*}}");
  // A name of the expression's own hides the variable.
  EXPECT_EQ(Named("[{'spec': 1}].all(object, object.spec == 1)"), "");
}

TEST(NamedPartsTest, AreThoseOfOneVariable) {
  EXPECT_EQ(Shown(NamedBy("object.spec.a == oldObject.spec.b").old_object), "{spec{b*}}");
  EXPECT_EQ(Named("object.spec.a == request.name && params.object == 1"), "{spec{a*}}");
}

TEST(NamedPartsTest, AreFollowedThroughLoops) {
  EXPECT_EQ(Named("object.spec.list.all(c, has(c.limits.cpu) && !c.image.endsWith('x'))"),
            "{spec{list[{image*limits{cpu}}]}}");
  EXPECT_EQ(Named("object.spec.list.exists(c, c.env.all(e, e.name != c.name))"),
            "{spec{list[{env[{name*}]name*}]}}");
  EXPECT_EQ(Named("object.spec.list.map(c, c.image) == ['a']"), "{spec{list[{image*}]}}");
  EXPECT_EQ(Named("object.spec.list.all(i, c, i < 3 || c.image == 'a')"),
            "{spec{list[{image*}]}}");
  EXPECT_EQ(Named("object.spec.list[0].image == 'a'"), "{spec{list[{image*}]}}");
  // What is kept of an item, or compared, is needed whole.
  EXPECT_EQ(Named("object.spec.list.filter(c, c.image == 'a').size() > 1"), "{spec{list[*]}}");
  EXPECT_EQ(Named("object.spec.list.all(c, c in oldObject.spec.list)"), "{spec{list[*]}}");
  // One loop's name is not another one's.
  EXPECT_EQ(Named("object.spec.a.all(c, c.x == 1) && object.spec.b.all(c, c.y == 1)"),
            "{spec{a[{x*}]b[{y*}]}}");
}

TEST(NamedPartsTest, AreFollowedThroughChoicesAndVariables) {
  EXPECT_EQ(Named("(has(object.a) ? object : oldObject).spec.b == 1"), "{aspec{b*}}");
  EXPECT_EQ(Named("(object.a + object.?b.orValue([])).all(c, c.image == 'a')"),
            "{a[{image*}]b[{image*}]}");
  EXPECT_EQ(Named("variables.b.all(c, c.image == 'a') && has(variables.a.host)",
                  {"object.spec", "variables.a.list + variables.a.?more.orValue([])"}),
            "{spec{hostlist[{image*}]more[{image*}]}}");
  EXPECT_EQ(Named("object.spec.list.sortBy(c, c.a)[0].b == 1"), "{spec{list*}}");
  EXPECT_EQ(Named("object.?spec.optMap(s, s.a == 1).orValue(true)"), "{spec*}");
}

TEST(NamedPartsTest, AreAllWhereVariablesLeadEverDeeper) {
  std::vector<std::string> variables = {"object.spec"};
  for (char name = 'a'; name < 'y'; ++name) {
    variables.push_back(fmt::format("variables.{}.a.a.a.a.a", name));
  }
  const std::string shown = Named("variables.y.z == 1 && variables.y.b[0] == 1", variables);
  EXPECT_EQ(std::ranges::count(shown, '{'), 64);
  EXPECT_TRUE(shown.find("a*}") != std::string::npos) << shown;
}

size_t CountOf(const DocumentParts& parts) {
  size_t count = 1;
  for (const auto& [name, below] : parts.members) count += CountOf(below);
  for (const DocumentParts& below : parts.items) count += CountOf(below);
  return count;
}

TEST(NamedPartsTest, AreAllWhereTooManyAreNamed) {
  std::string from = "object.a0";
  for (int i = 1; i < 60; ++i) from = fmt::format("true ? object.a{} : ({})", i, from);
  std::string names = "false";
  for (int i = 0; i < 3000; ++i) names += fmt::format(" || variables.a.b{} == 1", i);
  const DocumentParts object = NamedBy(names, {from}).object;
  EXPECT_LT(CountOf(object), 110'000);
  EXPECT_TRUE(object.members.at("a0").whole);
}

TEST(NamedPartsTest, AreAllWhereVariablesComeFromEverywhere) {
  std::vector<std::string> variables = {"object.spec"};
  for (char name = 'a'; name < 'k'; ++name) {
    variables.push_back(fmt::format("true ? variables.{0}.x : variables.{0}.y", name));
  }
  EXPECT_EQ(Named("variables.k.z == 1", variables).find("z"), std::string::npos);
}

}  // namespace
}  // namespace skiff::cel

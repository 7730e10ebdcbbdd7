// What is seen of structs is what their documents say.
#include "apiserver/policies/struct_lens.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "api/cel/program.h"
#include "api/codec/sample_document.h"
#include "api/codec/struct_ptr.h"
#include "api/codec/typed.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

// By what each is asked for by expressions: kinds, sizes, keys in their order, items.
void ExpectSame(const cel::Value& seen, const cel::Value& made, const std::string& where) {
  ASSERT_EQ(seen.kind(), made.kind()) << where;
  ASSERT_EQ(seen.Size(), made.Size()) << where;
  if (seen.Is(cel::Kind::kList)) {
    for (size_t i = 0; i < seen.Size(); ++i) {
      ExpectSame(seen.At(i), made.At(i), where + "[" + std::to_string(i) + "]");
    }
  } else if (seen.Is(cel::Kind::kMap)) {
    const auto keys = seen.Keys(), wanted = made.Keys();
    for (size_t i = 0; i < keys.size(); ++i) {
      ASSERT_EQ(keys[i].text(), wanted[i].text()) << where;
      const auto value = seen.Find(keys[i]);
      ASSERT_TRUE(value) << where << "." << keys[i].text();
      ExpectSame(*value, *made.Find(keys[i]), where + "." + std::string(keys[i].text()));
    }
    EXPECT_FALSE(seen.Find(cel::Value::StringView("noSuchMember"))) << where;
  }
  if (seen.Size() == 0) {
    EXPECT_TRUE(Equal(seen, made).IsTrue()) << where;
  }
}

void ExpectSeenAsMade(const Type& type, const void* object) {
  const Json document = ToJson(type, object);
  const std::string name = std::string(type.api_version) + " " + std::string(type.name);
  const cel::Value seen = ShowStruct(type, object), made = cel::Value::Document(document);
  ExpectSame(seen, made, name);
  EXPECT_TRUE(Equal(seen, made).IsTrue() && Equal(made, seen).IsTrue()) << name;
}

TEST(StructLensTest, EveryBuiltInTypeIsSeenAsItsDocument) {
  for (const Type* type : BuiltInTypes()) {
    if (type->shape != Shape::kStruct || type->ops == nullptr) continue;
    const StructPtr object = MakeStruct(*type);
    ExpectSeenAsMade(*type, object.get());
    for (const int salt : {1, 2}) {
      const StructPtr filled = MakeStruct(*type);
      ASSERT_TRUE(FromJson(*type, SampleDocument(*type, salt), filled.get()));
      ExpectSeenAsMade(*type, filled.get());
    }
  }
}

TEST(StructLensTest, AKindIsCalledByWhatItsTypeIs) {
  for (const KindInfo* kind : BuiltInKinds()) {
    if (kind->type->ops == nullptr) continue;
    const StructPtr object = MakeStruct(*kind->type);
    const cel::Value seen = ShowStruct(*kind->type, object.get());
    EXPECT_EQ(seen.Find(cel::Value::StringView("apiVersion"))->text(), kind->api_version);
    EXPECT_EQ(seen.Find(cel::Value::StringView("kind"))->text(), kind->kind);
  }
}

TEST(StructLensTest, EmptyAndAbsentAreToldApart) {
  apps_v1::Deployment deployment;
  deployment.spec.selector.emplace();
  deployment.spec.template_.spec.containers.emplace_back();
  deployment.spec.template_.spec.containers[0].security_context.emplace();
  ExpectSeenAsMade(apps_v1::Deployment::Describe(), &deployment);
}

TEST(StructLensTest, ExpressionsSayTheSameOfBoth) {
  const auto pod = *FromJson<core_v1::Pod>(Json::parse(R"({
      "metadata": {"name": "web-1", "labels": {"app": "web", "a-label-that-is-long": "1"}},
      "spec": {"hostNetwork": true, "terminationGracePeriodSeconds": 0, "containers": [
          {"name": "a", "image": "web:1", "ports": [{"containerPort": 80}],
           "resources": {"limits": {"cpu": "1"}},
           "livenessProbe": {"httpGet": {"port": "web"}}},
          {"name": "b", "image": "side:latest", "livenessProbe": {"httpGet": {"port": 80}}}]}})"));
  const Json document = ToJson(pod);
  const auto environment = cel::Environment::Kubernetes({{"object", cel::types::Dyn()}});
  for (const char* expression :
       {"object.spec.containers.all(c, !c.image.endsWith(':latest'))",
        "object.spec.containers.map(c, c.image)",
        "object.spec.containers.filter(c, has(c.resources.limits)).size()",
        "object.spec.containers.exists(c, quantity(c.resources.limits['cpu']).isGreaterThan("
        "quantity('500m')))",
        "object.metadata.labels",
        "'app' in object.metadata.labels && !('b' in object.spec)",
        "object.metadata.labels['a-label-that-is-long']",
        "object.metadata.labels.all(k, k != '')",
        "object.metadata.labels.exists(k, v, k == 'app' && v == 'web')",
        "object.spec.?initContainers.orValue([]) + object.spec.containers",
        "object.spec.containers + object.spec.containers == [1]",
        "object.spec.hostPID",
        "has(object.spec.hostPID) || has(object.spec.hostNetwork)",
        "object.kind + object.apiVersion",
        "type(object) == map && type(object.spec.containers) == list",
        "object == object.spec",
        "object.spec.containers[1] in object.spec.containers",
        "object.spec.containers[2]",
        "object.spec.containers[0].livenessProbe.httpGet.port == 'web'",
        "object.spec.containers[1].livenessProbe.httpGet.port + 1",
        "size(object.metadata)",
        "object.spec.terminationGracePeriodSeconds == 0",
        "object.metadata.creationTimestamp",
        "object.spec.containers.map(c, c.name).join('-')",
        "{object.metadata.name: object}",
        "object.status == {} && object.spec.containers[1].resources == {}",
        "optional.ofNonZeroValue(object.status).hasValue()"}) {
    const auto program = cel::Compile(expression, environment);
    ASSERT_TRUE(program) << expression;
    const std::array made = {cel::Value::Document(document)};
    const std::array seen = {ShowStruct(core_v1::Pod::Describe(), &pod)};
    const auto one = (*program)->Eval(made, cel::kCallCostMax);
    const auto other = (*program)->Eval(seen, cel::kCallCostMax);
    EXPECT_EQ(other.cost, one.cost) << expression;
    ASSERT_EQ(other.value.kind(), one.value.kind()) << expression;
    EXPECT_EQ(other.value.text(), one.value.text()) << expression;
    EXPECT_TRUE(one.failed() || Equal(one.value, other.value).IsTrue()) << expression;
  }
}

DocumentParts Parts(std::initializer_list<std::string_view> path) {
  DocumentParts parts;
  parts.Add({path.begin(), path.size()});
  return parts;
}

TEST(StructLensTest, OnlyWhatNeedsNotBeMadeIsSeenAsItLies) {
  const Type& pod = core_v1::Pod::Describe();
  for (const auto path :
       std::initializer_list<std::initializer_list<std::string_view>>{{"spec", "nodeName"},
                                                                      {"spec", "noSuchField", "x"},
                                                                      {"metadata", "labels"},
                                                                      {"metadata", "labels", "app"},
                                                                      {"metadata", "finalizers"},
                                                                      {"kind"}}) {
    EXPECT_TRUE(IsSeenAsItLies(pod, Parts(path))) << *(path.end() - 1);
  }
  EXPECT_FALSE(IsSeenAsItLies(pod, Parts({"spec"}))) << "all of it is";
  EXPECT_FALSE(IsSeenAsItLies(pod, Parts({"spec", "containers"})));
  EXPECT_FALSE(IsSeenAsItLies(pod, Parts({"spec", "containers", "name"}))) << "it is a list";
  EXPECT_FALSE(IsSeenAsItLies(pod, {.whole = true}));
  EXPECT_FALSE(IsSeenAsItLies(core_v1::Secret::Describe(), Parts({"data"})));
  EXPECT_FALSE(IsSeenAsItLies(apps_v1::ControllerRevision::Describe(), Parts({"data"})));
  DocumentParts items;
  items.members["spec"].members["containers"].items.push_back(Parts({"image"}));
  items.members["spec"].members["initContainers"];
  EXPECT_TRUE(IsSeenAsItLies(pod, items));
  items.members["spec"].members["containers"].items[0].Add(std::array<std::string_view, 1>{"env"});
  EXPECT_FALSE(IsSeenAsItLies(pod, items));
}

}  // namespace
}  // namespace skiff

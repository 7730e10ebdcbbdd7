// CEL expressions: compiled, estimated and run over a small document; and as those of mutations,
// whose values are written down as configurations and patches.
#include "api/cel/estimate.h"
#include "api/cel/patch_values.h"
#include "api/cel/program.h"
#include "api/cel/schema_type.h"
#include "base/error.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

struct CelWorld {
  CelWorld() {
    const Json text = {{"type", "string"}, {"maxLength", 10}};
    const Json schema = {
        {"type", "object"},
        {"properties",
         {{"a", text},
          {"i", {{"type", "integer"}}},
          {"d", {{"type", "number"}}},
          {"l", {{"type", "array"}, {"items", text}, {"x-kubernetes-list-type", "set"}}},
          {"m", {{"type", "object"}, {"additionalProperties", {{"type", "integer"}}}}},
          {"ios", {{"x-kubernetes-int-or-string", true}}},
          {"dt", {{"type", "string"}, {"format", "date-time"}}}}}};
    type = cel::TypeOfSchema(schema, "self", false);
    object = {{"a", "text"},    {"i", 7},        {"d", 1.5},  {"l", {"x", "y"}},
              {"m", {{"k", 1}}}, {"ios", "80"}, {"dt", "2024-02-29T12:34:56Z"}};
  }
  cel::TypeRef type;
  Json object;
};

void RunMutation(std::string_view bytes, const CelWorld& world) {
  static const auto environment = cel::Environment::Mutations({{"object", cel::types::Dyn()}});
  const auto program = cel::Compile(bytes, environment);
  if (!program) return;
  const cel::Value bindings[] = {cel::Value::Document(world.object)};
  const cel::Outcome outcome = (*program)->Eval(bindings, cel::kCallCostMax);
  if (outcome.failed()) return;
  if (cel::MessageOf(outcome.value) != nullptr) (void)cel::ConfigurationOf(outcome.value);
  if (!outcome.value.Is(cel::Kind::kList)) return;
  if (const auto patch = cel::JsonPatchOf(outcome.value)) CHECK(ParseJson(*patch));
}

}  // namespace

void Cel(std::string_view bytes) {
  static const CelWorld world;
  RunMutation(bytes, world);
  static const auto environment = cel::Environment::Kubernetes({{"self", world.type}});
  const auto program = cel::Compile(bytes, environment);
  if (!program) {
    CHECK(!program.error().message.empty());
    return;
  }
  (void)cel::EstimateCost(**program, *world.type);
  const cel::Value bindings[] = {cel::Value::Document(world.object, world.type.get())};
  const cel::Outcome once = (*program)->Eval(bindings, cel::kCallCostMax);
  CHECK(once.over_budget || once.cost <= cel::kCallCostMax);
  // Nothing of one run is left for the next.
  const cel::Outcome again = (*program)->Eval(bindings, cel::kCallCostMax);
  CHECK(again.cost == once.cost && again.value.kind() == once.value.kind());
}

}  // namespace skiff::fuzz

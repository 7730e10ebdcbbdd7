// CEL expressions: compiled, estimated and run over a small document.
#include "api/cel/estimate.h"
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

}  // namespace

void Cel(std::string_view bytes) {
  static const CelWorld world;
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

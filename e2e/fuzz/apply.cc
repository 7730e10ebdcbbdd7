// Server-side apply.
#include "api/patch/apply.h"

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/text/yaml.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

Result<Json> ApplyTo(const Type& type, const Json& live, const Json& configuration) {
  return ApplyConfiguration({.kind = KindOf(type),
                             .live = live,
                             .configuration = configuration,
                             .writer = {.manager = "kubectl",
                                        .api_version = type.api_version,
                                        .subresource = "",
                                        .now = TimePoint(1'800'000'000s),
                                        .reset = {}},
                             .force = true});
}

}  // namespace

void ApplyPatch(std::string_view bytes) {
  auto yaml = ParseYaml(bytes);
  if (!yaml || !yaml->value.is_object()) return;
  for (const Type* type : Kinds()) {
    const auto applied = ApplyTo(*type, LiveObject(*type), yaml->value);
    if (!applied) continue;
    CheckNormalForm(*type, *applied);
    // The same once more changes nothing, not even who owns what. Null may be part of a list's key,
    // and is something else once it is decoded; an item of which nothing is said is taken away with
    // what was added to it.
    const std::string text = DumpJson(yaml->value);
    const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
    if (has("null") || has("[{}") || has(",{}")) continue;
    const auto again = ApplyTo(*type, *applied, yaml->value);
    CHECK(again.has_value());
    CHECK(*again == *applied);
  }
}

}  // namespace skiff::fuzz

// What API servers that are not ours say of the versions that they answer for.
#include "api/codec/json.h"
#include "api/openapi/merge_v2.h"
#include "apiserver/aggregation/remote_discovery.h"
#include "base/error.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {

void Discovery(std::string_view bytes) {
  constexpr std::string_view kGroup = "g.io", kVersion = "v1";
  const auto aggregated = ReadAggregatedDiscovery(bytes, kGroup, kVersion);
  CHECK(aggregated || !aggregated.error().message.empty());
  if (aggregated) CHECK(aggregated->version == kVersion);
  const auto list = ReadResourceList(bytes, kGroup, kVersion);
  CHECK(list || !list.error().message.empty());
  const std::string hash = OpenApiHashIn(bytes, "apis/g.io/v1");
  CHECK(hash.find_first_of("/?&#\r\n") == std::string::npos);
  (void)ReadOpenApiV2(bytes, kGroup, kVersion);
  auto document = ParseJson(bytes);
  if (!document) return;
  Json part = openapi::PathsBelow(*std::move(document), "/apis/g.io/v1/");
  if (!part.is_object()) return;
  Json whole = Json::parse(R"({"paths": {"/apis/": {}}, "definitions": {"a": {"type": "string"}}})");
  openapi::MergeInto(whole, std::move(part));
  CHECK(whole.at("definitions").at("a") == Json({{"type", "string"}}));
  CHECK(ParseJson(DumpJson(whole)) == whole);
}

}  // namespace skiff::fuzz

#include "apiserver/server/component_statuses.h"

#include "api/codec/struct_text.h"
#include "api/gen/core_v1.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

constexpr const char* kStoreName = "etcd-0";

std::string StoreStatus(Store& store) {
  core_v1::ComponentStatus status;
  status.metadata.name = kStoreName;
  core_v1::ComponentCondition& condition = status.conditions.emplace_back();
  condition.type = "Healthy";
  const auto answer = store.Get(KeyOf(core_v1::Namespace::Info(), "", "default"));
  if (answer || answer.error().reason == Reason::kNotFound) {
    condition.status = "True";
    condition.message = "ok";
  } else {
    condition.status = "False";
    condition.error = answer.error().message;
  }
  std::string text;
  AppendStruct(core_v1::ComponentStatus::Describe(), &status, text);
  return text;
}

}  // namespace

bool IsComponentStatus(const KindInfo& kind) {
  return kind.type == &core_v1::ComponentStatus::Describe();
}

std::vector<std::string> ComponentStatusTexts(Store& store) {
  return {StoreStatus(store)};
}

Result<std::string> ComponentStatusText(Store& store, const std::string& name) {
  if (name == kStoreName) return StoreStatus(store);
  return Fail(NotFoundError(GroupResourceOf(core_v1::ComponentStatus::Info()), name));
}

}  // namespace skiff

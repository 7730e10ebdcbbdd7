#include "apiserver/admission/admission.h"

#include <algorithm>

#include "api/rules/names.h"
#include "apiserver/admission/had_room.h"
#include "apiserver/audit/audit.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/request_context.h"
#include "base/at_once.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kAdmissionLog("admission");

// As Kubernetes checks it: a domain, a slash and a name.
bool IsAnnotationKey(std::string_view key) {
  return std::count(key.begin(), key.end(), '/') == 1 && LabelKeyErrors(key).empty();
}

}  // namespace

AdmissionRequest AdmissionOf(ApiRequest& request, Operation operation, const KindInfo& kind,
                             std::string subresource) {
  return {.operation = operation,
          .kind = kind,
          .subresource = std::move(subresource),
          .namespace_name = request.info.namespace_name,
          .name = request.info.name,
          .name_in_path = request.info.name,
          .user = request.user,
          .warnings = request.warnings,
          .annotations = request.told ? &request.told->annotations() : nullptr,
          .annotates_patches = request.told && request.told->shows_requests(),
          .refusal = &request.refusal,
          .hook_times = &request.hook_times,
          .own = request.own,
          .deadline = request.deadline};
}

void Annotate(const AdmissionRequest& request, std::string_view key, std::string_view value) {
  if (request.annotations == nullptr) return;
  if (IsAnnotationKey(key)) {
    request.annotations->emplace(key, value);
    return;
  }
  constexpr size_t kShownMax = 317;  // As long as a key can be.
  kAdmissionLog.Info("audit annotation without a valid key left out",
                     {{"key", key.substr(0, kShownMax)}});
}

std::string ShownName(const AdmissionRequest& request) {
  std::string name = request.of_collection ? "" : request.name;
  if (name.empty() && request.object != nullptr) {
    name = request.object->metadata().name;
    if (name.empty()) name = request.object->metadata().generate_name;
  }
  return name.empty() ? "Unknown" : name;
}

tl::unexpected<Error> Deny(const AdmissionRequest& request, std::string_view text) {
  return Fail(Forbidden(GroupResourceOf(request.kind), ShownName(request), text));
}

tl::unexpected<Error> DenyUnready(const AdmissionRequest& request) {
  return Deny(request, "not yet ready to handle request");
}

void AdmissionChain::Add(std::unique_ptr<AdmissionPlugin> plugin) {
  times_.Add(plugin->name());
  const size_t place = plugins_.size();
  for (size_t i = 0; i < kOperations; ++i) {
    if (!plugin->Handles(static_cast<Operation>(i))) continue;
    if (auto* admits = dynamic_cast<Admits*>(plugin.get())) {
      admitting_[i].push_back({admits, place});
    }
    if (auto* validates = dynamic_cast<Validates*>(plugin.get())) {
      validating_[i].push_back({validates, place});
    }
  }
  plugins_.push_back(std::move(plugin));
}

// A plugin that asked an authorizer in an attempt was told nothing, which it takes for "not
// allowed": that the attempt is void is looked at after each, so that no later one books anything,
// and nothing is written that a plugin has not judged. As well where expressions found no memory,
// whatever the plugin made of that.
Result<> AdmissionChain::AdmitOnce(AdmissionRequest& request) const {
  auto at = AdmissionTimes::Clock::now();
  for (const auto& [plugin, place] : admitting_[static_cast<size_t>(request.operation)]) {
    auto admitted = plugin->Admit(request);
    if (IsVoid()) return Fail(WouldWait());
    if (admitted) admitted = HadRoom();
    at = times_.CountPlugin(place, AdmissionTimes::Type::kAdmit, request.operation, !admitted, at);
    if (!admitted) return admitted;
  }
  return {};
}

Result<> AdmissionChain::AdmitAll(AdmissionRequest& request) const {
  TRY(AdmitOnce(request));
  if (!request.reinvocation.wanted) return {};
  // What was changed from outside is looked at once more by all, and by nobody a third time.
  request.reinvocation.again = true;
  return AdmitOnce(request);
}

Result<> AdmissionChain::Admit(AdmissionRequest& request) const {
  const auto begin = AdmissionTimes::Clock::now();
  auto admitted = AdmitAll(request);
  if (IsVoid()) return admitted;
  times_.CountAll(AdmissionTimes::Type::kAdmit, request.operation, !admitted, begin);
  return admitted;
}

Result<> AdmissionChain::ValidateAll(const AdmissionRequest& request) const {
  auto at = AdmissionTimes::Clock::now();
  for (const auto& [plugin, place] : validating_[static_cast<size_t>(request.operation)]) {
    auto taken = plugin->Validate(request);
    if (IsVoid()) return Fail(WouldWait());
    if (taken) taken = HadRoom();
    at = times_.CountPlugin(place, AdmissionTimes::Type::kValidate, request.operation, !taken, at);
    if (!taken) return taken;
  }
  return {};
}

Result<> AdmissionChain::Validate(const AdmissionRequest& request) const {
  const auto begin = AdmissionTimes::Clock::now();
  auto taken = ValidateAll(request);
  if (IsVoid()) return taken;
  times_.CountAll(AdmissionTimes::Type::kValidate, request.operation, !taken, begin);
  return taken;
}

}  // namespace skiff

#include "apiserver/webhooks/hooks.h"

#include <algorithm>
#include <map>

#include "base/at_once.h"

namespace skiff {
namespace {

template <typename Webhook>
std::shared_ptr<const Hook> Read(const std::string& configuration, const Webhook& webhook,
                                 int count) {
  auto hook = std::make_shared<Hook>();
  hook->configuration = configuration;
  hook->name = webhook.name;
  hook->id = configuration + "/" + webhook.name + "/" + std::to_string(count);
  for (const auto& rule : webhook.rules) hook->criteria.rules.push_back(ResourceRuleOf(rule));
  hook->criteria.equivalent = webhook.match_policy.value_or("Equivalent") == "Equivalent";
  hook->criteria.namespace_selector = SelectorOf(webhook.namespace_selector);
  hook->criteria.object_selector = SelectorOf(webhook.object_selector);
  hook->conditions = cel::CompileConditions(cel::AdmissionScope(cel::AdmissionScope::Options()),
                                             webhook.match_conditions);
  hook->place = WebhookPlace::Of(webhook.client_config);
  hook->ignores_failure = webhook.failure_policy.value_or("Fail") == "Ignore";
  const std::string effects = webhook.side_effects.value_or("");
  hook->takes_dry_run = effects == "None" || effects == "NoneOnDryRun";
  if constexpr (requires { webhook.reinvocation_policy; }) {
    hook->reinvoke = webhook.reinvocation_policy.value_or("Never") == "IfNeeded";
  }
  hook->timeout = std::chrono::seconds(std::clamp(webhook.timeout_seconds.value_or(10), 1, 30));
  for (const std::string& version : webhook.admission_review_versions) {
    if (version != "v1" && version != "v1beta1") continue;
    hook->review_version = version;
    break;
  }
  return hook;
}

template <typename Configuration>
Hooks ReadAll(const Configuration& configuration) {
  Hooks hooks;
  std::map<std::string, int> counts;
  for (const auto& webhook : configuration.webhooks) {
    hooks.push_back(Read(configuration.metadata.name, webhook, counts[webhook.name]++));
  }
  return hooks;
}

}  // namespace

template <Kind Configuration>
std::shared_ptr<const Hooks> HookTable<Configuration>::Now() {
  // First: what is read then is as new as that, or newer.
  const uint64_t version = configurations_.Version();
  const bool is_whole = configurations_.IsWhole() || IsVoid();
  {
    const MutexLock lock(mutex_);
    if (version_ == version) return is_whole ? all_ : nullptr;
  }
  bool has_all = false;
  const auto now = configurations_.All(&has_all);
  const MutexLock lock(mutex_);
  if (IsVoid()) return all_;  // It may be nothing of what there is.
  if (!has_all) return nullptr;
  version_ = version;
  const bool is_new = Refresh(
      read_, now, [](const auto& configuration) { return ReadAll(*configuration); });
  if (!is_new) return all_;
  auto all = std::make_shared<Hooks>();
  for (const auto& each : read_) all->insert(all->end(), each.made.begin(), each.made.end());
  all_ = std::move(all);
  return all_;
}

template class HookTable<admissionregistration_v1::MutatingWebhookConfiguration>;
template class HookTable<admissionregistration_v1::ValidatingWebhookConfiguration>;

}  // namespace skiff

// The admission webhooks that are configured now, read out of their configurations: in the order in
// which they are called. As fresh as the store, as object_cache.h is; a configuration is read when
// it changes, and not again.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "api/cel/match_conditions.h"
#include "api/gen/admissionregistration_v1.h"
#include "apiserver/admission/rule_match.h"
#include "apiserver/objects/object_cache.h"
#include "apiserver/webhooks/caller.h"

namespace skiff {

struct Hook {
  std::string configuration;
  std::string name;
  std::string id;  // "configuration/name/n"
  MatchCriteria criteria;
  cel::MatchConditions conditions;
  WebhookPlace place;
  bool ignores_failure = false;
  bool takes_dry_run = false;
  bool reinvoke = false;       // reinvocationPolicy: IfNeeded
  std::string review_version;  // "v1", "v1beta1"; "": it knows neither.
  std::chrono::seconds timeout{10};
};

using Hooks = std::vector<std::shared_ptr<const Hook>>;

template <Kind Configuration>
class HookTable {
 public:
  explicit HookTable(Store& store) : configurations_(store) {}

  // By name of the configuration, then as they stand there. Null while one cannot be read: nobody
  // knows what it would refuse.
  std::shared_ptr<const Hooks> Now();

 private:
  ObjectCache<Configuration> configurations_;
  Mutex mutex_;  // Not held while the configurations are read from the store.
  std::vector<MadeOf<Configuration, Hooks>> read_ GUARDED_BY(mutex_);
  uint64_t version_ GUARDED_BY(mutex_) = 0;  // Of what was read: nothing is until it rises.
  std::shared_ptr<const Hooks> all_ GUARDED_BY(mutex_) = std::make_shared<const Hooks>();
};

extern template class HookTable<admissionregistration_v1::MutatingWebhookConfiguration>;
extern template class HookTable<admissionregistration_v1::ValidatingWebhookConfiguration>;

}  // namespace skiff

// The APIServices of versions that definitions serve. Each has one, as long as it is served, and
// one that says so; who takes the label off that calls it ours has it for himself.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "api/gen/apiregistration_v1.h"
#include "apiserver/kinds/definition_index.h"
#include "apiserver/kinds/retry_times.h"
#include "apiserver/objects/object_cache.h"
#include "apiserver/server/core.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

// One thread at a time.
class DefinedApiServices {
 public:
  // Answers as to the server's own hand.
  using Ask = std::function<http::Response(const http::Request&)>;
  // `core` and `index`, by which it goes, outlive it. `knows_all`: whether the index has all
  // definitions that there are; nothing is removed for want of one before.
  DefinedApiServices(Core& core, Ask ask, const DefinitionIndex& index,
                     std::function<bool()> knows_all)
      : core_(core),
        ask_(std::move(ask)),
        index_(index),
        knows_all_(std::move(knows_all)),
        present_(core.store) {}

  // Something happened to the APIService of that name, or to what it is of.
  void DueNow(const std::string& name);
  // To all that there are.
  void AllDueNow();
  // Settles what is due. One that cannot be settled holds up no other, and stays due. When one is
  // to be tried again; kNever: none is.
  Duration Settle();

 private:
  Result<> SettleDue(const std::string& name);
  Result<> SettlePresent(const apiregistration_v1::APIService& present,
                         const apiregistration_v1::APIServiceSpec* wanted);

  Core& core_;
  const Ask ask_;
  const DefinitionIndex& index_;
  const std::function<bool()> knows_all_;
  ObjectCache<apiregistration_v1::APIService> present_;
  std::set<std::string> due_;  // Names, also of those that are not there.
  RetryTimes failed_;          // Until something happens to them.
};

}  // namespace skiff

// For tests: a store that keeps silent when it is told to, as an etcd that has no quorum does.
#pragma once

#include "apiserver/storage/forwarding_store.h"
#include "base/clock.h"

namespace skiff {

// A list that it does not answer takes seven seconds of `clock`.
class SilentStore final : public ForwardingStore {
 public:
  SilentStore(Store& inner, FakeClock& clock) : ForwardingStore(inner), clock_(clock) {}
  Result<ListPage> List(const ListRequest& request) override {
    ++lists;
    if (!is_silent) return ForwardingStore::List(request);
    clock_.Advance(7s);
    return Fail(Error{.message = "etcdserver: request timed out", .http_code = 500});
  }

  bool is_silent = false;
  int lists = 0;  // How often it was asked for one.

 private:
  FakeClock& clock_;
};

}  // namespace skiff

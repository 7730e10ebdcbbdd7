// For tests: a store that hands everything on to another. What a test disturbs, it overrides.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "apiserver/storage/store.h"

namespace skiff {

// Lists are read whole (Store::OpenList), so that List sees each of them.
class ForwardingStore : public Store {
 public:
  // `inner` lives as long.
  explicit ForwardingStore(Store& inner) : inner_(inner) {}
  using Store::Watch;
  Result<RecordPtr> Get(const std::string& key, Revision at) override {
    return inner_.Get(key, at);
  }
  Result<ListPage> List(const ListRequest& request) override { return inner_.List(request); }
  Result<Written> Apply(Write write) override { return inner_.Apply(std::move(write)); }
  Result<std::unique_ptr<WatchCursor>> Watch(const WatchRequest& request,
                                             WakeFunction wake) override {
    return inner_.Watch(request, std::move(wake));
  }
  Revision Current() override { return inner_.Current(); }
  Result<> Reach(Revision revision) override { return inner_.Reach(revision); }
  Result<> Compact(Revision revision) override { return inner_.Compact(revision); }
  Revision Compacted() override { return inner_.Compacted(); }

 private:
  Store& inner_;
};

}  // namespace skiff

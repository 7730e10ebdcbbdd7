// The store, with the time that its operations take counted as etcd_request_duration_seconds: what
// dashboards of Kubernetes show of the database below the API server.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/type.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/metrics.h"

namespace skiff {

class MeteredStore final : public Store {
 public:
  // All outlive this.
  MeteredStore(Store& store, const Clock& clock, MetricRegistry& metrics);

  Result<RecordPtr> Get(const std::string& key, Revision at = {}) override;
  Result<RecordPtr> GetAny(const std::string& key) override;
  Result<ListPage> List(const ListRequest& request) override;
  Result<uint64_t> CountAny(const std::string& prefix) override { return store_.CountAny(prefix); }
  // Counts once, with the time until it is known what is in it.
  Result<std::unique_ptr<ListCursor>> OpenList(const ListRequest& request) override;
  Result<Written> Apply(Write write) override;
  void ApplyLater(Write write, Then then) override;
  // Each counts with the time that all of them took.
  std::vector<Result<Written>> ApplyAll(std::vector<Write> writes) override;
  using Store::Watch;
  Result<std::unique_ptr<WatchCursor>> Watch(const WatchRequest& request,
                                             WakeFunction wake) override;
  Revision Current() override { return store_.Current(); }
  Result<> Reach(Revision revision) override { return store_.Reach(revision); }
  Result<> Compact(Revision revision) override { return store_.Compact(revision); }
  Revision Compacted() override { return store_.Compacted(); }
  void ExpirePages(Revision revision) override { store_.ExpirePages(revision); }
  Revision PagesFrom() override { return store_.PagesFrom(); }
  bool IsSealedAnew(const Record& record) const override { return store_.IsSealedAnew(record); }

 private:
  template <typename Answer>
  Answer Counted(std::string_view operation, std::string_view key, Duration begin, Answer answer);
  // nullptr for a key that belongs to no built-in kind.
  const KindInfo* KindOfKey(std::string_view key) const;

  Store& store_;
  const Clock& clock_;
  HistogramFamily& seconds_;
  CounterFamily& requests_;
  CounterFamily& errors_;
  CounterFamily& lists_;
  std::map<std::string_view, const KindInfo*> kinds_;  // By storage key.
};

}  // namespace skiff

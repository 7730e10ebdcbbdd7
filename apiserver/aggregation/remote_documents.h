// What other servers say of what they answer for, fetched ahead of those who ask this one: their
// resources for the aggregated discovery, and which OpenAPI documents they have. Once a minute, and
// when a server comes or goes; a server that cannot be asked keeps what it said last.
//
// Sleeps while no APIService names another server. Waits for nobody: answers wake it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "apiserver/aggregation/api_services.h"
#include "apiserver/aggregation/backends.h"
#include "apiserver/aggregation/remote_discovery.h"
#include "apiserver/watches/prefix_bell.h"
#include "base/control_loop.h"
#include "base/mutex.h"

namespace skiff {

// The step of a loop's thread; its answers are any thread's to take.
class RemoteDocuments final : public ControlLoop {
 public:
  struct Parts {
    Store& store;
    const Clock& clock;
    ApiServices& services;
    Backends& backends;
  };
  explicit RemoteDocuments(Parts parts);
  ~RemoteDocuments() override;

  static constexpr Duration kPeriod = 60s;
  static constexpr Duration kRetry = 5s;
  static constexpr Duration kTimeMax = 5s;  // Of one question.
  static constexpr size_t kDocumentBytesMax = size_t{8} << 20;
  // Of OpenAPI v2, while there is room for it: it is of all that a server has, in one answer.
  static constexpr size_t kWholeDocumentBytesMax = size_t{32} << 20;

  Duration Step() override;

  struct Documents {
    // As it is to be shown: with its freshness. Stale until the server has answered.
    VersionDiscovery discovery;
    std::string openapi_hash;      // "": it has no document of version 3.
    PackedDocumentPtr openapi_v2;  // Null: it has none of version 2.
  };
  using DocumentsPtr = std::shared_ptr<const Documents>;
  // Of the APIService of that name; never null. What is there is shared, not copied: who asks wants
  // a hash of it, and a server may have thousands of resources.
  DocumentsPtr Of(const std::string& name) const;

 private:
  enum class Stage { kIdle, kAggregated, kResources, kOpenApi, kOpenApiV2 };
  struct Known {
    RemoteServicePtr remote;
    Stage stage = Stage::kIdle;
    FetchPtr question;
    Duration asked_at = Duration::zero();
    Duration due = Duration::zero();
    std::string etag;             // Of the aggregated discovery that is known.
    std::string openapi_v2_etag;  // Of the document of version 2.
    Documents documents;
  };
  void Follow();
  Duration Tend(Known& known);
  void Ask(Known& known, Stage stage);
  void Hear(Known& known, const Result<WholeAnswer>& answer);
  void HearAggregated(Known& known, const WholeAnswer& answer);
  void HearOpenApiV2(Known& known, const WholeAnswer& answer);
  void Learn(Known& known, Result<VersionDiscovery> discovery);
  void Finish(Known& known, bool failed);
  void Publish(const Known& known);

  const Parts parts_;
  PrefixBell api_services_;
  std::map<std::string, Known> known_;  // By APIService.
  mutable Mutex mutex_;
  std::map<std::string, DocumentsPtr> published_ GUARDED_BY(mutex_);
};

}  // namespace skiff

// Settles CustomResourceDefinitions as soon as they are written: names, conditions, and, of one
// that is deleted, its objects; and keeps the APIServices of their versions.
//
// Sleeps until something happens to a definition or an APIService, or an object of a definition
// that is going is held up.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/apiregistration_v1.h"
#include "apiserver/kinds/custom_definitions.h"
#include "apiserver/objects/object_cache.h"
#include "apiserver/server/core.h"
#include "apiserver/storage/keys.h"
#include "apiserver/watches/prefix_bell.h"
#include "base/control_loop.h"
#include "base/mutex.h"
#include "http/message.h"

namespace skiff {

// Definitions without their schemas: in structs, those of a hundred definitions take 25 MB.
class DefinitionCache final : public ObjectCacheBase {
 public:
  explicit DefinitionCache(Store& store)
      : ObjectCacheBase(store, CustomResourceDefinition::Info()) {}
  std::vector<DefinitionPtr> All();

 private:
  Erased Decode(std::string_view body) const override;
};

class DefinitionLoop final : public ControlLoop {
 public:
  // Answers as to the server's own hand.
  using Ask = std::function<http::Response(const http::Request&)>;
  // `core` outlives the loop. `build` makes the kinds of what was settled, so that no request has
  // to.
  DefinitionLoop(Core& core, Ask ask, std::function<void()> build)
      : core_(core),
        ask_(std::move(ask)),
        build_(std::move(build)),
        definitions_(core.store),
        api_services_(core.store),
        api_service_bell_(core.store,
                          StorePrefix(apiregistration_v1::APIService::Info().storage_key),
                          [this] { Wake(); }) {}

  Duration Step() override;

 private:
  Result<> Follow();
  // When it is to be looked at again unless something is written; kNever: all is as it should be.
  Result<Duration> Settle(const DefinitionPtr& definition, const std::vector<DefinitionPtr>& all);
  // Removes the objects of a definition that goes. Whether none are left.
  Result<bool> Empty(const CustomResourceDefinition& definition);
  // The same, where that may wait for a webhook which converts the objects: other definitions do
  // not wait with it. nullopt while it is under way; its end wakes the loop.
  Result<std::optional<bool>> EmptyAside(const DefinitionPtr& definition);
  Result<> WriteStatus(const CustomResourceDefinition& definition);
  // Each version that is served has an APIService, as long as it is, and one that says so; who
  // takes the label off that calls it ours has it for himself.
  Result<> SettleApiServices(const std::vector<DefinitionPtr>& all);
  Result<> SettleApiService(const apiregistration_v1::APIService& present,
                            const apiregistration_v1::APIServiceSpec* wanted);

  Core& core_;
  const Ask ask_;
  const std::function<void()> build_;
  DefinitionCache definitions_;
  ObjectCache<apiregistration_v1::APIService> api_services_;
  PrefixBell api_service_bell_;
  std::unique_ptr<WatchCursor> cursor_;
  // Monotonic: when it was seen, by the definition's uid, that its objects are to go.
  std::map<std::string, Duration> told_;
  // What is under way aside, by the definition's uid.
  struct Emptying {
    Mutex mutex;
    std::optional<Result<bool>> done GUARDED_BY(mutex);
  };
  std::map<std::string, std::shared_ptr<Emptying>> emptying_;
};

}  // namespace skiff

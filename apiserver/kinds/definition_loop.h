// Settles CustomResourceDefinitions as soon as they are written: names, conditions, and, of one
// that is deleted, its objects; and has the APIServices of their versions kept.
//
// Sleeps until something happens to a definition or an APIService, or an object of a definition
// that is going is held up; and looks then at what it happened to, and at definitions that are not
// yet as they should be, however many others there are.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/kinds/custom_kinds.h"
#include "apiserver/kinds/defined_api_services.h"
#include "apiserver/kinds/definition_index.h"
#include "apiserver/kinds/retry_times.h"
#include "apiserver/objects/object_cache.h"
#include "apiserver/server/core.h"
#include "apiserver/storage/keys.h"
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
  // nullptr when there is none.
  DefinitionPtr Find(std::string_view name);

 private:
  Erased Decode(std::string_view body) const override;
};

class DefinitionLoop final : public ControlLoop {
 public:
  using ServedPtr = std::shared_ptr<const Served>;
  struct Parts {
    Core& core;  // Outlives the loop.
    // Answers as to the server's own hand; of `kinds`, which nobody else is shown; null: of those
    // that everybody is.
    std::function<http::Response(const http::Request&, ServedPtr kinds)> ask;
    CustomKinds::Make make;  // Any thread.
    // Makes the kinds of what was settled, so that no request has to.
    std::function<void()> build;
  };
  explicit DefinitionLoop(Parts parts)
      : core_(parts.core),
        parts_(std::move(parts)),
        definitions_(core_.store),
        api_services_(
            core_, [this](const http::Request& request) { return parts_.ask(request, nullptr); },
            index_, [this] { return definitions_.IsWhole(); }) {}

  Duration Step() override;

 private:
  // Takes in what was written: what is open, due and in the index is as the store has it.
  Result<> Follow();
  void BeginAnew();
  void Learn(const std::string& name);
  // Settles what is open. When it is to be looked at again unless something is written; kNever: all
  // is as it should be. Fails where it is not known what was written.
  Result<Duration> SettleOpen();
  // One of those, unless it failed a moment ago: when it is to be looked at again.
  Duration SettleOne(const DefinitionPtr& definition);
  Result<Duration> Settle(const DefinitionPtr& definition);
  Result<Duration> EndOf(const DefinitionPtr& definition);
  // Of a definition whose objects are stored in a version that is not served, that version alone.
  Result<ServedPtr> UnservedKinds(const CustomResourceDefinition& definition) const;
  // Why a request that deletes objects of a definition which goes was refused.
  Error WhyNotEmptied(http::Request request, const http::Response& deleted,
                      const ServedPtr& kinds) const;
  // Removes the objects of a definition that goes. Whether none are left. Fails with the message of
  // its condition.
  Result<bool> Empty(const CustomResourceDefinition& definition);
  // The same of a kind in a group that is built in, which is not served: they go from the store.
  Result<bool> RemoveUnserved(const std::string& prefix);
  // As Empty, where that may wait for a webhook which converts the objects: other definitions do
  // not wait with it. nullopt while it is under way; its end wakes the loop.
  Result<std::optional<bool>> EmptyAside(const DefinitionPtr& definition);
  // Whether there are none.
  Result<bool> HasNone(const CustomResourceDefinition& definition);
  struct Going;
  // As EmptyAside, which is asked once a minute: objects that were told to go and are there are
  // held by others, and may be many.
  Result<std::optional<bool>> AreGone(const DefinitionPtr& definition, Going& going);
  bool IsToldAgain(const Going& going) const;
  Result<> WriteStatus(const CustomResourceDefinition& definition);

  Core& core_;
  const Parts parts_;
  DefinitionCache definitions_;
  // Null: it is not known what was written.
  std::unique_ptr<WatchCursor> cursor_, api_service_cursor_;
  DefinitionIndex index_;
  DefinedApiServices api_services_;
  bool lacks_some_ = false;          // Of the definitions: they cannot be read now.
  std::set<std::string> open_;       // Names of definitions to be looked at.
  bool has_learned_ = false;         // Since the last look at those.
  RetryTimes failed_;                // Definitions, until they are written.
  // What goes on about a definition that goes, by its uid.
  struct Going {
    std::string name;
    Duration empty_at;  // Monotonic: not before that are its objects told to go.
    std::optional<Duration> told_at = {};  // Likewise: when all of them were, last.
  };
  std::map<std::string, Going> going_;
  // What is under way aside, by the definition's uid; those of `going_` alone.
  struct Emptying {
    Mutex mutex;
    std::optional<Result<bool>> done GUARDED_BY(mutex);
  };
  std::map<std::string, std::shared_ptr<Emptying>> emptying_;
};

}  // namespace skiff

// Until when a custom kind is what a watch of it began with. Kubernetes ends the watches of a kind
// when its definition comes to say something else; clients go on, from where they were, with what
// the kind is then.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/crd/definition_mark.h"
#include "api/type.h"
#include "apiserver/storage/store.h"

namespace skiff {

// One thread at a time. The store outlives it.
class DefinitionWatch {
 public:
  // For a kind that was served a moment ago; null for one that nothing defines. Fails as
  // Store::GetAny.
  static Result<std::unique_ptr<DefinitionWatch>> Of(Store& store, const KindInfo& kind);

  // From now on `wake` is called, as a cursor's, when there may be something to find out.
  void Attach(WakeFunction wake);
  // The last revision of the store whose objects are of this kind, and have to be shown as such: 0
  // when it was none any more from the start. nullopt: it is still what it was, at all revisions
  // that the store had shown before this call.
  std::optional<Revision> Last();

 private:
  DefinitionWatch(Store& store, std::string key, std::shared_ptr<const crd::DefinitionMark> mark)
      : store_(store), key_(std::move(key)), mark_(std::move(mark)) {}
  bool Says(const Record& definition) const;

  Store& store_;
  const std::string key_;
  const std::shared_ptr<const crd::DefinitionMark> mark_;
  Revision known_;  // At which the kind was compared.
  std::unique_ptr<WatchCursor> cursor_;
  std::optional<Revision> last_;
};

}  // namespace skiff
